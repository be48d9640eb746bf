/* work_cgroup.c - the work on the cgroup of a container that runs: other limits, a pause. Its shim has no
 * part in it: reclaiming memory and freezing may take their time. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/limits.h"
#include "runtime/cgroup.h"
#include "runtime/cgroup_tree.h"
#include "runtime/limits.h"
#include "shim/folder.h"
#include "shim/worker.h"

#define FREEZE_MS 10000

/* ENOENT in err->errnum: the container has just ended. */
static int open_cgroup(const struct work *w, const char *place, int *ret_fd, struct error *err)
{
	_cleanup_fd_ int parent = -1;
	if (cgroup_parent_open(w->cgroup_fd, place, false, &parent, err) < 0)
		return -1;
	int fd = openat(parent, w->message.id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "open the container's cgroup");
	*ret_fd = fd;
	return 0;
}

/* ---- limits ---- */

static int read_limits(const struct work *w, struct limits *ret_limits, struct error *err)
{
	const struct control_text *text = &w->message.limits;
	_cleanup_free_ char *lines = calloc(1, (size_t) text->size + 1);
	if (lines == NULL || pread(w->texts_fd, lines, text->size, text->offset) != (ssize_t) text->size)
		return error_errno(err, "read the limits");
	return limits_parse(lines, ret_limits, err);
}

/* Of one that has ended meanwhile they count from its next start on. */
static int change_limits(
	const struct work *w, const char *place, const struct limits *limits, struct error *err)
{
	_cleanup_fd_ int cgroup = -1;
	if (open_cgroup(w, place, &cgroup, err) < 0)
		return err->errnum == ENOENT ? 0 : -1;
	if (cgroup_pass_controllers(w->cgroup_fd, place, limits, err) < 0 ||
		limits_update(cgroup, limits, err) < 0)
		return faccessat(cgroup, "cgroup.procs", F_OK, 0) < 0 ? 0 : -1;
	if (limits_protect(limits))
		cgroup_protect(w->cgroup_fd, place);
	return 0;
}

static void take_back(const struct work *w, const char *place, const struct limits *limits)
{
	_cleanup_fd_ int cgroup = -1;
	struct error ignored;
	if (open_cgroup(w, place, &cgroup, &ignored) == 0)
		limits_restore(cgroup, limits);
}

int work_update(struct work *w, struct error *err)
{
	const struct control_work *m = &w->message;
	_cleanup_limits_ struct limits limits = { 0 };
	_cleanup_fd_ int parent = -1, dir = -1;
	char place[CGROUP_PARENT_MAX];
	if (read_limits(w, &limits, err) < 0 || work_open_parent(w, &parent, err) < 0 ||
		folder_open(parent, m->id, &dir, err) < 0)
		return -1;
	work_cgroup_parent(parent, m->id, place);
	if (m->running && change_limits(w, place, &limits, err) < 0)
		return -1;
	if (folder_save_text(dir, "config.json", w->texts_fd, &m->config, !m->transient, err) == 0)
		return 0;
	if (m->running)
		take_back(w, place, &limits);
	return -1;
}

/* ---- pause ---- */

/* Until cgroup.events says so; what is in the middle of a system call that cannot be interrupted takes
 * longer. */
static int await_frozen(int cgroup, bool frozen, struct error *err)
{
	_cleanup_fd_ int events = -1;
	int64_t end = clock_monotonic_ns() + FREEZE_MS * INT64_C(1000000);
	if (cgroup_events_open(cgroup, &events, err) < 0)
		return -1;
	for (;;) {
		struct pollfd p = { .fd = events, .events = POLLPRI };
		char text[256];
		ssize_t n = pread(events, text, sizeof text - 1, 0);
		if (n < 0)
			return error_errno(err, "read cgroup.events");
		text[n] = '\0';
		if ((strstr(text, "frozen 1") != NULL) == frozen)
			return 0;
		int64_t left = (end - clock_monotonic_ns()) / 1000000;
		if (left <= 0)
			return error_errnum(err, EBUSY, "a process of it cannot be stopped in what it does");
		poll(&p, 1, (int) left);
	}
}

int work_pause(struct work *w, struct error *err)
{
	_cleanup_fd_ int parent = -1, cgroup = -1;
	char place[CGROUP_PARENT_MAX];
	struct error ignored;
	bool frozen = w->message.frozen;
	if (work_open_parent(w, &parent, err) < 0)
		return -1;
	work_cgroup_parent(parent, w->message.id, place);
	if (open_cgroup(w, place, &cgroup, err) < 0 || cgroup_freeze(cgroup, frozen, err) < 0)
		return -1;
	if (await_frozen(cgroup, frozen, err) == 0)
		return 0;
	if (frozen)
		cgroup_freeze(cgroup, false, &ignored);
	return -1;
}
