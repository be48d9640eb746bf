/*
 * conn.h - one client's connection: bytes in, messages out, one call at a time. It may be lent to a worker
 * (which answers a call itself) or given away to a shim (whose console it becomes); while it is away nothing
 * here touches it. Owned by its server; it ends from the event loop only, never inside a call of another part
 * but conn_free.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

struct daemon;
struct evbuffer;
struct request;
struct server;
struct wire;

/* Who is at the other end, as the kernel said when the connection was made. */
struct caller {
	pid_t pid;
	uid_t uid;
	gid_t gid;
	char command[32]; /* its comm; empty where it was gone already */
};

struct conn;

/* Takes fd. */
struct conn *conn_new(struct server *server, int fd, const struct caller *caller);
/* Ends it at once; the request that it waits for is told (request_client_left). */
void conn_free(struct conn *conn);

struct daemon *conn_daemon(const struct conn *conn);
const struct caller *conn_caller(const struct conn *conn);
char conn_terminator(const struct conn *conn);

/* Queues a message; takes text (malloc). False if the client reads so slowly that it is being cut off
 * instead. */
bool conn_send(struct conn *conn, char *text, size_t size);
/* The call in hand: no other is read before it is answered, and it is told if the client leaves. */
void conn_hold(struct conn *conn, struct request *request);
void conn_answered(struct conn *conn);

/* Whether everything that was sent is with the kernel: only then can it be lent or given. */
bool conn_flushed(struct conn *conn);
/* Stops looking at it; its descriptor, borrowed. The bytes already read are conn_early(). */
int conn_lend(struct conn *conn);
const char *conn_early(const struct conn *conn, size_t *ret_size);
/* It is ours again, with the call in hand still to be answered (or answered by conn_answered). */
void conn_take_back(struct conn *conn);
