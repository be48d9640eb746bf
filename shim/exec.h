/*
 * exec.h - one further program in the container: the joiner that brings it in, its process, its console, its
 * end. Owned by the table of them (execs.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/control.h"
#include "shim/console.h"

struct error;
struct event;
struct execs;

struct exec {
	LIST_ENTRY(exec) entry;
	struct execs *owner;
	struct control_exec_status status; /* as it is told */
	int joiner_pidfd, sync;
	struct event *sync_event;
	int pidfd;
	struct event *pidfd_event;
	struct console console;
	bool unsent; /* the daemon has not heard of its beginning */
	bool done;   /* freed on a later turn, once its failure has been told */
	struct error *failure;
	/* Until it has started. */
	int texts_fd, client_fd;
	struct control_text reply, early;
	struct control_console wants;
};

/* In the table, and nothing of it begun. NULL: out of memory. */
struct exec *exec_new(struct execs *x, const struct control_exec *order);
void exec_free(struct exec *e);
/* Clones the joiner; whatever comes of it is told. texts_fd and client_fd are set before. */
int exec_begin(struct exec *e, const struct control_exec *order, struct error *err);
/* It never ran; freed on a later turn. */
void exec_failed(struct exec *e, struct error *why);
void exec_signal(const struct exec *e, int sig);
/* Whether its process has ended; then so has the session. */
bool exec_reap(struct exec *e);
void exec_reap_joiner(struct exec *e);
/* What did not go at its time: the machine was short of memory, or the daemon's socket full. */
void exec_try_again(struct exec *e);
