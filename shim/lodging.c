#include "shim/lodging.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/control.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/log.h"
#include "runtime/cgroup.h"
#include "runtime/cgroup_tree.h"
#include "runtime/delegate.h"
#include "runtime/limits.h"
#include "runtime/start.h"
#include "shim/folder.h"
#include "shim/tree.h"

#define CGROUP_TIMEOUT_MS 10000

void lodging_init(
	struct lodging *l, const struct control_start *start, int texts_fd, int parent_fd, int cgroups_fd)
{
	*l = (struct lodging) { .start = start,
		.texts_fd = texts_fd,
		.parent_fd = parent_fd,
		.cgroups_fd = cgroups_fd,
		.dir_fd = -1,
		.rootfs_lock_fd = -1,
		.cgroup_parent_fd = -1,
		.cgroup_fd = -1,
		.inner_cgroup_fd = -1,
		.exec_cgroup_fd = -1,
		.mntns_fd = -1 };
}

bool lodging_is_transient(const struct lodging *l)
{
	return l->start->flags & START_TRANSIENT;
}

static int open_folder(struct lodging *l, struct error *err)
{
	const struct control_start *st = l->start;
	bool transient = lodging_is_transient(l);
	if ((st->flags & START_NEW) && folder_create(l->parent_fd, st->id, l->texts_fd, &st->config,
					       &st->shim, &st->state, !transient, err) < 0)
		return -1;
	if (folder_open(l->parent_fd, st->id, &l->dir_fd, err) < 0)
		return -1;
	if (!(st->flags & START_NEW) && folder_await_holders(l->dir_fd, err) < 0)
		return -1;
	if (transient)
		return 0;
	l->begun = true;
	return folder_begin_run(l->dir_fd, st->run, err);
}

int lodging_open_folder(struct lodging *l, struct error *err)
{
	if (open_folder(l, err) < 0)
		return -1;
	if (!(l->start->flags & START_LOCK))
		return 0;
	return start_lock_rootfs(l->start->rootfs, &l->rootfs_lock_fd, err);
}

int lodging_make_cgroup(struct lodging *l, struct error *err)
{
	const struct control_start *st = l->start;
	_cleanup_limits_ struct limits limits = { 0 };
	_cleanup_free_ char *lines = calloc(1, (size_t) st->limits.size + 1);
	if (lines == NULL ||
		pread(l->texts_fd, lines, st->limits.size, st->limits.offset) != (ssize_t) st->limits.size)
		return error_errno(err, "read the container's limits");
	if (limits_parse(lines, &limits, err) < 0)
		return -1;
	if (cgroup_create(l->cgroups_fd, st->cgroup_parent, st->id, &limits, &l->cgroup_parent_fd,
		    &l->cgroup_fd, err) == 0 &&
		(!(st->flags & START_CGROUP_RW) ||
			delegate_make(l->cgroup_fd, &l->inner_cgroup_fd, &l->exec_cgroup_fd, err) == 0))
		return 0;
	memcpy(err->phase, "cgroup", sizeof "cgroup");
	return -1;
}

void lodging_hold_mounts(struct lodging *l, pid_t first_pid)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int) first_pid);
	l->mntns_fd = open(path, O_RDONLY | O_CLOEXEC);
}

void lodging_save_exit(const struct lodging *l, const struct exit_status *exit)
{
	struct error error;
	char text[sizeof error.msg];
	if (!lodging_is_transient(l) && l->begun && folder_end_run(l->dir_fd, exit, &error) < 0)
		log_error("%s: %s", l->start->id, error_format(&error, text, sizeof text));
}

void lodging_release(struct lodging *l)
{
	const struct control_start *st = l->start;
	struct error error;
	char text[sizeof error.msg];
	if (l->cgroup_fd >= 0 && cgroup_remove(l->cgroup_parent_fd, st->id, CGROUP_TIMEOUT_MS, &error) < 0)
		log_warning("%s: %s", st->id, error_format(&error, text, sizeof text));
	if (l->cgroup_fd >= 0)
		cgroup_parent_leave(l->cgroups_fd, st->cgroup_parent);
	fd_close(&l->cgroup_fd);
	fd_close(&l->inner_cgroup_fd);
	fd_close(&l->exec_cgroup_fd);
	fd_close(&l->cgroup_parent_fd);
	fd_close(&l->mntns_fd);
	fd_close(&l->rootfs_lock_fd);
	if (lodging_is_transient(l) && l->dir_fd >= 0 && tree_remove(l->parent_fd, st->id, &error) < 0)
		log_warning("%s: remove its folder: %s", st->id, error_format(&error, text, sizeof text));
}
