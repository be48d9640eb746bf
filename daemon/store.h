/*
 * store.h - the daemon's folders, opened once: state, run, and its part of the cgroup tree. Whoever holds
 * them holds the locks: a second daemon over the same folders is refused. Nothing but folders is ever written
 * here; files are the shims' and workers' to write.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct config;
struct error;

struct store {
	int state, run; /* with a lock each on their file "lock" */
	int state_lock, run_lock;
	int containers, transient; /* STATE/containers, STATE/transient */
	int shims;		   /* RUN/shims */
	int cgroup,
		shims_cgroup; /* our folder in the cgroup tree, and the leaf for spawner, shims, workers */
	int cgroup_parent;    /* what holds it */
	char cgroup_name[32]; /* "containerd-lite-1a2b3c4d" */
	char cgroup_path[PATH_MAX];  /* with it at its end */
	char cgroup_mount[PATH_MAX]; /* where cgroup2 is mounted */
	char controllers[256];	     /* that it has, separated by blanks */
	char boot_id[40];
};

int store_open(struct store *store, const struct config *config, struct error *err);
/* cgroup.controllers of a folder; empty where it cannot be read. */
void store_controllers(int cgroup, char *buf, size_t size);
/* all_over: no container lives, so our cgroup folder is removed once spawner and workers have gone. */
void store_close(struct store *store, bool all_over);
