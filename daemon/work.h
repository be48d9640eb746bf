/* work.h - one worker's life: an order out, one answer back, and it is gone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/control.h"

struct daemon;
struct error;

struct work_text {
	const char *text;
	size_t size;
};

struct work_order {
	enum work_op op;
	const char *id; /* NULL: none */
	bool transient;
	struct work_text config, shim, state, exit;
	const char *path; /* NULL: none */
	uint32_t log_flags;
	int64_t log_tail, log_since_ns, log_until_ns;
	struct work_text limits; /* WORK_UPDATE */
	bool running, frozen;
	int client;		/* WORK_LOGS, WORK_COPY: the client's connection, borrowed */
	int pidfd;		/* WORK_COPY with running: of the first process, borrowed */
	struct work_text early; /* WORK_COPY */
};

/* err NULL: done; then fd, if there is one, is a memfd with `size` bytes, borrowed. Called once, from the
 * event loop. */
typedef void work_fn(void *arg, const struct error *err, int fd, size_t size);

/* -1: it was not even begun, fn will not be called. */
int work_start(struct daemon *d, const struct work_order *order, work_fn *fn, void *arg, struct error *err);

/* No error of a system call, and of no kind of its own: it was killed, and nobody knows how far it had come.
 */
bool work_died(const struct error *err);

/* What was started with this arg is to end at once (WORK_COPY only); fn is called when it has. */
void work_end(const void *arg);

/* At the daemon's end: those under way go on, but fn is called with an error. */
void works_end(void);

/* The worker that writes the events file; *ret_sock takes a message for each event. */
int work_start_events(struct daemon *d, int *ret_sock, struct error *err);
