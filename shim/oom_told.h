/* oom_told.h - processes of the container that were killed for want of memory: seen as it happens, told to
 * the daemon at once, and part of the run's exit. */
#pragma once

#include <stdint.h>

#include "runtime/oom.h"

struct error;
struct event;
struct event_base;
struct exit_status;
struct link;

struct oom_told {
	/* Set before; borrowed. */
	struct event_base *base;
	struct link *link;
	struct exit_status *exit; /* where it is noted */

	int cgroup_fd;
	struct oom_watch watch; /* its descriptors are -1 before */
	struct event *event;
	uint32_t told; /* so many a daemon has been told of */
};

/* Where there is no memory controller there is nothing to look at. */
void oom_told_begin(struct oom_told *o, int cgroup_fd);
/* For a daemon that was started anew, or did not read. */
void oom_told_again(struct oom_told *o);
/* The run is over: the last look. */
void oom_told_end(struct oom_told *o);

/* Why a start failed whose process was killed so. */
void oom_told_explain(int cgroup_fd, struct error *err);
