/* place.h - a running container as the kernel shows it to a worker: its cgroup, and its first process's
 * folder in /proc. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct error;

struct place {
	int cgroup, proc; /* -1: none */
	int depth;	  /* cgroups between it and the mount's root */
};

/* Nothing is taken for it that is not: the process must be in a cgroup of this id, and the folder in /proc is
 * that very process's, whoever gets its number later. -1: it is gone. */
int place_open(const char *id, pid_t pid, struct place *ret_place);
void place_close(struct place *place);

/* A small file of the kernel's, whole; NULL where it is not there (or says so only when it is read). Caller
 * frees. */
char *place_read(int dir, const char *name);
