/*
 * console.h - the standard streams of one process, pipes or a terminal, and the sessions at them: what it
 * writes is read, logged, remembered and given to every session; what sessions type goes to its stdin. The
 * process never waits for a session but for one that asked for flow "block".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/control.h"
#include "shim/input_end.h"
#include "shim/ring.h"
#include "shim/session.h"

struct container_log;
struct error;
struct event_base;

#define CONSOLE_SESSIONS_MAX 64

struct console {
	/* Set by the owner before console_open; all borrowed. */
	struct event_base *base;
	bool terminal;		   /* else pipes */
	bool with_stdin;	   /* else stdin is /dev/null, and a terminal ignores what is typed */
	bool input_once;	   /* the starter's end of stdin is the process's */
	bool replays;		   /* the last output is kept for those who attach later */
	struct container_log *log; /* NULL: nothing is logged */
	void (*on_signal)(void *arg, int sig); /* a session passes a signal on */
	void (*on_starter_gone)(void *arg);    /* who started the process has vanished; may be NULL */
	void (*on_empty)(void *arg);	       /* after console_end the last session is gone */
	void *arg;

	struct output {
		struct console *console;
		int fd; /* our end; -1: ended. A terminal's is the master, as stdout */
		struct event *readable;
		bool reading;
	} outputs[2]; /* stdout, stderr */
	int input_fd; /* -1: none, or closed */
	struct event *input_writable;
	int peer_fd; /* a terminal's other side: while it is open, the last one who closes his is no end */
	struct input_end input_end;
	uint8_t last_typed; /* whether the line is finished decides how it is ended */
	LIST_HEAD(, session) sessions;
	unsigned n_sessions;
	struct ring ring;
	char *scratch;	    /* READ_SIZE bytes while output flows, unmapped when it has paused */
	struct event *idle; /* runs while there may be memory to give back */
	bool used;
	bool started, ended;
};

/* Nothing is open: for one that is perhaps never opened. */
void console_init(struct console *c);
/* Makes the pipes; the process's ends, which block, go to ret_stdio, the caller's to close. With a terminal
 * they are -1: the child makes it, and its master comes by console_set_terminal. */
int console_open(struct console *c, int ret_stdio[3], struct error *err);
/* Takes master. */
int console_set_terminal(struct console *c, int master, struct error *err);
void console_done(struct console *c);

/* Takes client's fd, also on failure. */
int console_attach(struct console *c, const struct session_client *client, struct error *err);
/* The same with a client whose reply and early bytes lie in a memfd, as they come from the daemon. */
int console_receive(struct console *c, struct session_client *client, int texts_fd,
	const struct control_text *reply, const struct control_text *early, struct error *err);
/* The program runs: output is read from now on. */
void console_start(struct console *c);
/* The process has ended: takes what it has written until this moment, ends stdin. */
void console_drain(struct console *c);
/* Exit frames for all sessions; on_empty is called (perhaps at once) when all are sent or their clients gone.
 */
void console_end(struct console *c, const struct exit_status *st);
/* A terminal's size; 0x0 is 24x80. */
void console_resize(struct console *c, uint16_t rows, uint16_t columns);

/* For sessions. */
void console_resume(struct console *c);	      /* a queue has room again */
void console_typed(struct console *c);	      /* a session has stdin, or has ended it */
void console_session_gone(struct session *s); /* unlinks and frees */
