/*
 * session.h - one client at a console: its connection, its frames (or plain bytes) both ways, its flow. The
 * console owns its sessions. Memory is bounded whatever the client does: output by FLOW_QUEUE_MAX and one
 * read, input by FRAME_STDIN_WINDOW.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/control.h"
#include "common/detach.h"

struct console;
struct evbuffer;
struct event;
struct terminal;

#define FLOW_QUEUE_MAX (256 * 1024)

/* A client as it comes from the daemon. */
struct session_client {
	int fd;
	struct control_console wants;
	bool starter;		   /* it started the process: its end of stdin is the process's */
	const void *reply, *early; /* what it gets first; what it has sent already. Borrowed */
	size_t reply_size, early_size;
};

struct session {
	LIST_ENTRY(session) entry;
	struct console *console;
	int fd; /* -1: the client is gone; what it typed may still be on its way */
	struct event *readable, *writable;
	struct evbuffer *in, *out;
	struct evbuffer *typed;	   /* stdin that the process has not taken */
	int passed_fd;		   /* came with the bytes; -1: none */
	struct terminal *terminal; /* the client's, handed over: output and keys bypass the connection */
	uint64_t received, taken, taken_told;
	uint32_t flags; /* enum console_flags */
	enum flow flow;
	bool starter;
	bool vanished;	   /* that has been told */
	bool half_closed;  /* it has shut down its side, and may still read */
	bool typed_ended;  /* no more stdin will come */
	bool stdin_ended;  /* that was the end of its stdin, and not only of the client */
	bool stdin_passed; /* as the starter's, that has been the end of the process's */
	bool starved;	   /* there was no memory for what had to be queued: it ends */
	bool torn;	   /* in the middle of a frame, so that no other can follow */
	bool ending;	   /* the last frame, exit or error, is queued: closed as soon as all is sent */
	struct detach detach;
	struct event *detach_timer; /* runs while keys are held back */
	struct event *look;	    /* runs while a raw one is not read from, since it has sent enough */
	struct stream_state {
		uint64_t position, sent; /* bytes the stream has had, bytes of it in frames */
		uint64_t gap, gap_position;
	} streams[2]; /* stdout, stderr */
};

/* Takes client's fd (made non-blocking). NULL: out of memory. */
struct session *session_new(struct console *c, const struct session_client *client);
void session_free(struct session *s);

/* Sends the reply and begins to read from the client. */
void session_start(struct session *s);

/* stream: 0 stdout, 1 stderr. In a drop session with a full queue the bytes become part of a gap. `last`:
 * never drops. */
void session_output(struct session *s, int stream, const void *data, size_t size, bool last);
/* Queues an exit frame behind everything else; the session frees itself when it is sent. */
void session_exit(struct session *s, const struct exit_status *st);
/* A block session whose queue is full. */
bool session_blocks(const struct session *s);
/* The process has taken this many bytes of what the client typed. */
void session_taken(struct session *s, size_t bytes);
