/*
 * oom.h - notices that the kernel has killed processes of a container for want of memory, and finds out whose
 * limit it was. The kernel counts, at each cgroup, how often that cgroup's limit was hit ("oom" of
 * memory.events.local): the one whose count has grown is the one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/oom.h"

#define OOM_LEVELS_MAX 16

struct oom_watch {
	int fd; /* readable when something may have happened; -1: the kernel counts nothing (no controller) */
	int events;		       /* memory.events */
	int64_t local[OOM_LEVELS_MAX]; /* "oom" of its own and of those above; as last seen */
	int64_t below;		       /* of all of its tree */
};

/* With the counts of now: what happened before is nobody's affair. */
void oom_watch_open(struct oom_watch *watch, int cgroup_fd);
void oom_watch_close(struct oom_watch *watch);

/* Looks; true if more were killed, which *oom then tells. */
bool oom_look(struct oom_watch *watch, int cgroup_fd, struct oom *oom);
