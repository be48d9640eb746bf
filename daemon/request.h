/*
 * request.h - one call, from its arrival to its last reply. Made by dispatch.c, owned by the handler that it
 * was given to, which must end it by exactly one of the functions marked with (ends). It outlives its
 * connection: when the client leaves, conn becomes NULL, on_left is called if it is set (and may end the
 * request), and replies go nowhere.
 */
#pragma once

#include <stdbool.h>

#include "daemon/conn.h"

struct container;
struct error;
struct idl_method;
struct json_object;

struct request {
	struct daemon *d;
	struct conn *conn;		 /* NULL: the client has left */
	const struct idl_method *method; /* NULL until the method is known */
	struct json_object *root;	 /* owned; parameters lie in it */
	struct json_object *parameters;
	bool more, oneway, upgrade;
	struct caller caller;
	struct container
		*target; /* of methods with the parameter `container`; found before the handler runs */
	void (*on_left)(struct request *rq);
	void *data; /* the handler's */
};

void request_reply(
	struct request *rq, struct json_object *parameters); /* takes parameters; NULL is {} (ends) */
void request_continue(
	struct request *rq, struct json_object *parameters);	 /* one of several; takes parameters */
void request_error(struct request *rq, const struct error *err); /* (ends) */

/* Somebody else, with a copy of the connection, has answered it; the connection goes on (ends). */
void request_answered_elsewhere(struct request *rq);
/* The connection is a shim's now (ends). */
void request_given_away(struct request *rq);
/* Nobody is waiting for it any more: the client has left (ends). */
void request_drop(struct request *rq);

/* For dispatch.c. */
struct request *request_new(struct conn *conn);

/* For conn.c: makes requests out of messages, and tells them that the client has left. */
void request_dispatch(struct conn *conn, const char *text, size_t size, bool *ret_close);
void request_client_left(struct request *rq);

/* A parameter that is a time, in nanoseconds; untouched where it is absent. */
int request_time(struct request *rq, const char *key, int64_t *ret_ns, struct error *err);
