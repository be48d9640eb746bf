/*
 * spawner.h - the one child of the daemon: containerd-lite-shim, executed from a sealed copy in memory, so
 * that neither a container nor a package upgrade can touch the code that shims run. It sits in the cgroup
 * leaf that is for shims and inherits it to them. If it dies, the next order starts another; the shims don't
 * notice.
 */
#pragma once

struct daemon;
struct error;
struct spawner;

struct spawner *spawner_new(struct daemon *d, struct error *err);
/* Its end: it ends by itself when its socket closes. */
void spawner_free(struct spawner *sp);

/* Has a shim or worker (SPAWN_*) forked; *ret_sock, non-blocking, is its control socket, which takes messages
 * at once. */
int spawner_spawn(struct spawner *sp, char kind, int *ret_sock, struct error *err);
