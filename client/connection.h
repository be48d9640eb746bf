/*
 * connection.h - ctl's end of the daemon's socket: calls go out, replies come in. The socket blocks; who
 * needs to watch something else as well polls conn.fd and receives without waiting.
 *
 * A call that only asks may be made again on a new connection after the old one was lost, for RETRY_S seconds
 * without any reply. A daemon that cannot be reached at first is an error at once.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/wire.h"

struct arguments;
struct error;
struct json_object;

#define RETRY_S		30
#define CONNECTION_READ 16384 /* so much is read at once, at most */

struct connection {
	int fd; /* -1: none */
	const char *path;
	struct wire wire;
	int64_t lost_ns; /* since when there was no reply; 0: none was lost */
};

enum call_flags { CALL_MORE = 1 << 0, CALL_UPGRADE = 1 << 1 };

/* To the socket that the command line or CTL_SOCKET names. DISCONNECTED if nobody is there. */
int connection_open(struct connection *conn, const struct arguments *args, struct error *err);
void connection_done(struct connection *conn);
/* The socket where nobody names another one. */
const char *connection_default(void);
/* A daemon that is silent for so long is DISCONNECTED. */
void connection_limit(struct connection *conn, int seconds);
/* After a loss: waits and connects anew until the time is over (then err is as the last loss was). */
int connection_reopen(struct connection *conn, struct error *err);

/* method: "container.Run", "system.Info". A daemon that has hung up is noticed by connection_receive, which
 * can still read why. */
int connection_send(struct connection *conn, const char *method, struct json_object *parameters,
	unsigned call_flags, struct error *err);
/* 1: *ret_reply, a success (caller puts its root). 0: not yet (only without wait). -1: the daemon's error, or
 * DISCONNECTED. */
int connection_receive(struct connection *conn, bool wait, struct reply *ret_reply, struct error *err);

/* Send and receive of a single reply's parameters. Caller puts *ret_parameters. */
int connection_ask_once(struct connection *conn, const char *method, struct json_object *parameters,
	struct json_object **ret_parameters, struct error *err);
/* The same, repeated after a loss. Caller puts *ret_parameters. */
int connection_ask(struct connection *conn, const char *method, struct json_object *parameters,
	struct json_object **ret_parameters, struct error *err);
