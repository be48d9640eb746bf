/* recover.h - what others left: the shims and containers of the daemon before this one, and what a dead shim
 * leaves. */
#pragma once

#include <stdbool.h>

struct container;
struct daemon;
struct error;
struct shim;

/* At start: loads the containers, connects to their shims; what is left of those without one is buried. Calls
 * wait for each container's adoption (c->adopting). */
int recover(struct daemon *d, struct error *err);

/* Whether what the daemon before this one left has been cleared up: before that no container is made, since a
 * half-made one would look like garbage. If not, fn is called when it is. */
bool recover_done(void (*fn)(void *arg), void *arg);

/* A shim found at start has said how it is, or has gone without. */
void recover_status(struct shim *shim);
void recover_lost(struct shim *shim);

/* A shim that had told its container's end died before it had cleared up. c: who waits for it, or NULL. */
void bury_rest(struct daemon *d, const char *id, bool transient, struct container *c);

/* c's shim is dead, or it had none: cgroup, socket and exit record are brought in order by a worker, then it
 * has ended. */
void bury(struct container *c);
