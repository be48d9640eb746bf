/*
 * link.h - a shim's link to its daemon: the control socket that it was born with and, since daemons come and
 * go, the socket RUN/shims/<id> at which the next one finds it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/control.h"

#define LINK_NEW ".new-" /* and the id: a socket that does not listen yet */

struct event;
struct event_base;

struct link {
	struct event_base *base;
	int sock; /* the daemon; -1: none at present */
	struct event *readable;
	int caller; /* has connected, and said nothing yet */
	struct event *caller_readable;
	int listener;
	bool took_over; /* the name was a dead shim's, of which more may be left */
	struct event *listener_readable;
	/* A descriptor that is taken is replaced by -1; the others are closed. */
	void (*on_message)(void *arg, enum control_type type, const void *message, int *fds, unsigned n_fds);
	void (*on_hello)(void *arg); /* a daemon that was started anew has taken over */
	void (*on_lost)(void *arg);  /* the daemon has ended */
	void *arg;
};

/* Takes sock, non-blocking; without memory it is closed, and l->sock is -1. base, callbacks and arg are set
 * before. */
void link_begin(struct link *l, int sock);
/* Binds RUN/shims/<id>, and then makes sure that the daemon still lives: a daemon that is started later finds
 * the socket, whatever happens to this one. Before it nothing that lasts may be done. */
int link_listen(struct link *l, int shims_fd, const char *id, struct error *err);
/* Whether a shim lives behind RUN/shims/<id>. When that cannot be known: true. */
bool link_answers(int shims_fd, const char *id);
/* With one descriptor (borrowed) or -1. 0, or -1: it is away, or does not read. */
int link_send(struct link *l, void *message, enum control_type type, uint32_t size, int fd);
/* Unlinks and closes the listener. */
void link_unlisten(struct link *l, int shims_fd, const char *id);
void link_close(struct link *l);
