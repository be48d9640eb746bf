/*
 * console.h - ctl's end of a container's console: its outputs to ours, our stdin and signals to it, until the
 * exit frame. One poll loop; nothing in it waits for a reader.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "client/sink.h"
#include "client/terminal.h"
#include "common/frame.h"

struct connection;
struct error;
struct json_object;
struct reply;

#define CONSOLE_FRAME (FRAME_HEADER + FRAME_PAYLOAD_MAX)

struct console {
	struct connection *conn;
	const char *subject;   /* what messages call the container */
	const char *session;   /* of exec, set by the caller before console_serve; else NULL */
	int signals;	       /* signalfd */
	int64_t interrupts[2]; /* when the last two came, for the third */
	bool over, lost, detached;
	int code; /* once over */

	bool sig_proxy; /* signals are the container's, unless the terminal is raw */
	bool resizes;	/* the container has a terminal, whose size follows ours */
	bool size_due;	/* there was no room for a frame that tells it */
	struct terminal terminal;

	struct sink sinks[2]; /* stdout, stderr */
	uint64_t came[2];     /* bytes of each */
	const uint8_t *data;  /* of the frame that is being written: borrowed from in */
	size_t data_size;
	struct sink *to;

	bool send_stdin;
	enum { HAND_OVER_NOT, HAND_OVER_OFFERED, HAND_OVER_DONE } hand_over; /* our terminal, to the shim */
	uint64_t sent, taken;						     /* bytes of stdin */

	uint8_t in[4 * CONSOLE_FRAME]; /* from the container; [in_at, in_size) is not looked at yet */
	size_t in_at, in_size;
	bool in_end;
	uint8_t out[2 * CONSOLE_FRAME]; /* to the container */
	size_t out_at, out_size;
};

/* From here on signals are the container's, or, without sig_proxy, end ctl. */
int console_init(
	struct console *c, struct connection *conn, const char *subject, bool sig_proxy, struct error *err);
/* Gives signals and terminal back. */
void console_done(struct console *c);

/* Calls with upgrade and waits for the reply (caller puts its root). */
int console_call(struct console *c, const char *method, struct json_object *parameters,
	struct reply *ret_reply, struct error *err);

/* The console, until its end; ctl's exit code. id: whom to ask about if the connection is lost. terminal: the
 * container has one. */
int console_serve(struct console *c, const char *id, bool send_stdin, bool terminal);
