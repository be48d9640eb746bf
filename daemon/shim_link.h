/*
 * shim_link.h - the daemon's end of one shim's control socket: what the shim says changes its container
 * (container_*). End of file without EXITED or FAILED before it is the shim's death: then it is buried
 * (recover.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/control.h"

struct container;
struct daemon;
struct error;
struct shim;

/* A client for a console: its connection (borrowed), the reply that it gets, and the bytes it has sent
 * already.
 */
struct shim_console {
	int client;
	struct control_console wants;
	const char *reply, *early;
	size_t reply_size, early_size;
};

/* Has a shim forked for c and tells it to start; c->shim is set. is_new: the shim makes the container's
 * folder. console may be NULL. */
int shim_start(struct container *c, bool is_new, const struct shim_console *console, struct error *err);

/* One more client for its console. answer, borrowed, is the shim's end of a socket on which it says ATTACHED
 * or FAILED. */
int shim_attach(struct shim *shim, uint64_t session, const struct shim_console *console, int answer,
	struct error *err);
int shim_resize(struct shim *shim, uint64_t session, uint16_t rows, uint16_t columns, struct error *err);

/* Connects to RUN/shims/<id> and says HELLO. *ret_shim has no container yet. 1; 0: nobody listens there; -1:
 * error. */
int shim_connect(struct daemon *d, const char *id, struct shim **ret_shim, struct error *err);
const char *shim_id(const struct shim *shim);
struct daemon *shim_daemon(const struct shim *shim);
struct container *shim_container(const struct shim *shim);
void shim_set_container(struct shim *shim, struct container *c); /* and c->shim */
/* NULL until its STATUS has come. */
const struct control_status *shim_status(const struct shim *shim);

/* Whether one that is gone has not cleared up. */
bool shim_left_rest(const struct shim *shim);

/* False as soon as it has closed its socket, perhaps before what it said last has been read. */
bool shim_lives(const struct shim *shim);

/* Any other message, with descriptors (borrowed). EAGAIN: it has more to read than it takes at present; its
 * container is changed once it does. */
int shim_tell(struct shim *shim, void *message, enum control_type type, uint32_t size, const int *fds,
	unsigned n, struct error *err);
int shim_kill(struct shim *shim, int sig, bool all, struct error *err);
int shim_stop(struct shim *shim, int sig, int64_t timeout_ms, struct error *err);

/* At the daemon's end: closes our ends; the shims live on. */
void shims_end(void);
