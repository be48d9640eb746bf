/*
 * wire.h - Varlink messages on a byte stream: one JSON object each, ended by NUL. A connection whose first
 * message ends in a newline instead (with no NUL among what came with it) is in newline mode and stays so,
 * both ways (then a message is one line, and blank lines are passed over). Pure buffers: who reads and writes
 * the socket is the caller's affair.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct error;
struct json_object;

#define WIRE_MESSAGE_MAX (1024 * 1024)

struct wire {
	char *data; /* owned */
	size_t size, capacity, scanned;
	size_t taken;	/* bytes at the beginning that wire_take has given out */
	int terminator; /* -1: not known yet; 0 or '\n' */
	size_t max;	/* of a message: WIRE_MESSAGE_MAX, unless whoever reads says otherwise */
};

void wire_init(struct wire *w);
void wire_done(struct wire *w);

/* Room for at least `room` more bytes at *ret_space; then wire_added says how many came. The buffer never
 * grows beyond max + 64 KiB. */
void wire_space(struct wire *w, size_t room, char **ret_space);
void wire_added(struct wire *w, size_t bytes);

/* 1 and the next message (NUL-terminated in place, valid until the next call that is not wire_take's reader),
 * 0 if incomplete, -1 (LIMIT_EXCEEDED) if it is too long:
 * then nothing more may be added. */
int wire_take(struct wire *w, char **ret_message, size_t *ret_size, struct error *err);

/* What has been read but not taken: a console's first bytes. */
const char *wire_rest(const struct wire *w, size_t *ret_size);

/* One call or reply as parsed, checked for the envelope's own fields (unknown ones are refused in a call,
 * passed over in a reply). Objects are borrowed from root, which the caller puts. */
struct call {
	struct json_object *root;
	const char *method;
	struct json_object *parameters; /* NULL: none */
	bool more, oneway, upgrade;
};
int call_parse(const char *text, size_t size, struct call *ret_call, struct error *err);

struct reply {
	struct json_object *root;
	const char *error; /* NULL: success */
	struct json_object *parameters;
	bool continues;
};
int reply_parse(const char *text, size_t size, struct reply *ret_reply, struct error *err);

/* Text with the terminator at its end, ready to send; caller frees. parameters are borrowed, NULL is {}. */
char *call_format(const char *method, struct json_object *parameters, bool more, bool upgrade,
	char terminator, size_t *ret_size);
char *reply_format(struct json_object *parameters, bool continues, char terminator, size_t *ret_size);
char *error_reply_format(const struct error *err, char terminator, size_t *ret_size);
