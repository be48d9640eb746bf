/* server.h - the listening socket and its connections: how many, whose, and what happens when descriptors run
 * out. */
#pragma once

#include <stddef.h>

#include "daemon/conn.h"

struct error;

/* passed: a listening socket that systemd has given us (taken), or -1: then path is bound. */
struct server *server_new(struct daemon *d, const char *path, int passed, struct error *err);
void server_free(struct server *server); /* and all its connections */
/* Takes no more connections: who comes now waits for the next daemon, where there is one (systemd's socket).
 */
void server_rest(struct server *server);

struct daemon *server_daemon(struct server *server);

/* For conn.c: a connection is over. */
void server_remove(struct server *server, struct conn *conn);
size_t server_connections(const struct server *server);

#define SERVER_CONNECTIONS_PER_UID 1000
