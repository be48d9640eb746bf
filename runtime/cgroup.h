/*
 * cgroup.h - a container's cgroup v2: made, killed, waited for and removed, always through a descriptor of
 * its parent. Names have been checked (an id). Nothing here touches cgroup v1.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct error;

/* The mount point of cgroup2 from /proc/self/mountinfo, opened (O_RDONLY|O_DIRECTORY); path gets its name. */
int cgroup_open_mount(char *path, unsigned long size, int *ret_fd, struct error *err);

/* Opens parent/name, made if missing. */
int cgroup_make(int parent_fd, const char *name, int *ret_fd, struct error *err);

/* Kills every process in it (cgroup.kill; a loop over cgroup.procs before Linux 5.14). Gone already is
 * success. */
int cgroup_kill(int cgroup_fd, struct error *err);

/* Stops all that runs in it, or lets it go on (cgroup.freeze); cgroup.events says when it stands still. */
int cgroup_freeze(int cgroup_fd, bool frozen, struct error *err);

/* A descriptor that becomes readable for POLLPRI|POLLERR when "populated" changes, and the present value. */
int cgroup_events_open(int cgroup_fd, int *ret_fd, struct error *err);
int cgroup_populated(int events_fd, bool *ret_populated, struct error *err);

/* The cgroup and its descendants, kills what is in it, waits for it to be empty (at most timeout_ms) and
 * removes it. Blocks: for shims at their end and for workers. Missing is success. */
int cgroup_remove(int parent_fd, const char *name, int timeout_ms, struct error *err);

/* Value of a key of a flat-keyed file ("oom_kill" of memory.events); -1 where file or key is missing. */
int64_t cgroup_read_key(int cgroup_fd, const char *file, const char *key);

/* A file that is one number; -1 where it is missing, or is no number ("max"). */
int64_t cgroup_read_number(int cgroup_fd, const char *file);
