/*
 * console.h - a container's console over pipes: stdout and stderr are read, logged and given to every
 * session; what sessions type goes to stdin. The container never waits for a session but for one that asked
 * for flow "block".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/control.h"
#include "shim/container_log.h"
#include "shim/session.h"

struct event_base;

struct console {
	struct event_base *base;
	struct output {
		struct console *console;
		int fd; /* the shim's end; -1: ended */
		struct event *readable;
		bool reading;
	} outputs[2]; /* stdout, stderr */
	int input_fd; /* -1: none, or closed */
	struct event *input_writable;
	bool input_once; /* the starter's end of stdin is the container's */
	struct container_log log;
	LIST_HEAD(, session) sessions;
	char *scratch;	    /* READ_SIZE bytes while output flows, unmapped when it has paused */
	struct event *idle; /* runs while there may be memory to give back */
	bool used;
	bool started, ended;
	void (*on_signal)(void *arg, int sig); /* a session passes a signal on */
	void (*on_empty)(void *arg);	       /* after console_end the last session is gone */
	void *arg;
};

/* base, the callbacks and arg are set before. Makes the pipes; the container's ends, which block, go to
 * ret_stdio, the caller's to close. log's fields of start and dir_fd (borrowed) say what is logged. */
int console_open(struct console *c, const struct control_start *start, int dir_fd, int ret_stdio[3],
	struct error *err);
void console_done(struct console *c);

/* Takes fd. */
int console_attach(struct console *c, int fd, uint32_t flags, enum flow flow, bool starter, const void *reply,
	size_t reply_size, const void *early, size_t early_size);
/* The program runs: output is read from now on. */
void console_start(struct console *c);
/* The first process has ended: takes what is in the pipes at this moment, ends stdin. */
void console_drain(struct console *c);
/* Exit frames for all sessions; on_empty is called (perhaps at once) when all are sent or their clients gone.
 */
void console_end(struct console *c, const struct exit_status *st);

/* For sessions. */
void console_resume(struct console *c);	      /* a queue has room again */
void console_typed(struct console *c);	      /* a session has stdin, or has ended it */
void console_session_gone(struct session *s); /* unlinks and frees */
