/*
 * execs.h - the shim's sessions: further programs in its container, each with a console of its own. A session
 * lives until its last client has read the end; how it ended is remembered for the daemon, or for the next
 * one, and for whoever asks later. All of it is bounded, and nothing of it is there before the first exec.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "common/control.h"
#include "runtime/enter.h"

struct console;
struct event;
struct event_base;
struct exec;
struct exec_record;
struct link;

struct execs {
	struct event_base *base;
	struct link *link;
	const char *id; /* the container's */
	int recipe_fd;	/* owned; -1 before the first exec */
	bool has_recipe;
	struct enter_caller caller;
	int dir_fd, cgroup_fd, first_pidfd;
	pid_t first_pid;
	bool over;   /* the container ends: nothing is begun any more */
	bool strays; /* there may be children that nobody has told us of */
	LIST_HEAD(, exec) list;
	TAILQ_HEAD(exec_records, exec_record) ended; /* the oldest first */
	unsigned n_list, n_running, n_ended;
	struct event *later;	     /* frees what is done, tells what could not be told */
	void (*on_empty)(void *arg); /* after execs_end: no client reads from a session any more */
	void *arg;
};

/* base, link, on_empty and arg are set before. */
void execs_init(struct execs *x);
/* The container runs: its first process and the rest of the fields, all borrowed. */
void execs_start(struct execs *x, const char *id, int dir_fd, int cgroup_fd, pid_t pid, int pidfd);
/* Its first process is over: what is left of the sessions ends, and is told, before the container's end is.
 */
void execs_end(struct execs *x);
bool execs_empty(const struct execs *x);
void execs_done(struct execs *x);

/* EXEC, which is answered by EXEC_STATUS or EXEC_FAILED; EXEC_KILL; EXEC_TAKEN. Takes of fds what it needs.
 */
void execs_message(struct execs *x, enum control_type type, const void *message, int *fds, unsigned n_fds);
/* A session's console; NULL if it is not there any more. */
struct console *execs_console(struct execs *x, uint64_t session);

/* For sessions. */
void execs_later(struct execs *x, int ms); /* looks at all of them again after that time */
/* Children that nobody has told us of, once no joiner is at work any more. */
void execs_reap_strays(struct execs *x);
/* Whether the container's first process is on its way out: nothing can be begun beside it any more. */
bool execs_first_ends(const struct execs *x);
