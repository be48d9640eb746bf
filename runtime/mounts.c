/* The mounts of config.json, in their order, each made detached and then attached by descriptor. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "runtime/cgroup.h"
#include "runtime/child.h"
#include "runtime/devices.h"
#include "runtime/namespaces.h"
#include "runtime/start.h"
#include "runtime/sys.h"
#include "runtime/target.h"

/* "bind mount '/srv/www' on '/www'", with the present errno. */
static int mount_error(struct error *err, const struct mount *m)
{
	if (m->kind == MOUNT_BIND)
		error_errno(err, "bind mount '%s' on '%s'", m->source, m->destination);
	else
		error_errno(err, "mount %s on '%s'", mount_kind_filesystem(m->kind), m->destination);
	return error_path(err, m->destination);
}

static int clone_source(struct child *c, size_t i, struct error *err)
{
	const struct mount *m = &c->spec.mounts[i];
	unsigned recursive = m->recursive ? AT_RECURSIVE : 0;
	c->bind_fds[i] = open_tree(AT_FDCWD, m->source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursive);
	if (c->bind_fds[i] < 0) {
		mount_error(err, m);
		return error_path(err, m->source);
	}
	return 0;
}

/* The other container's shared memory can only be cloned in the mount namespace that it is mounted in. What
 * is reached there is that container's own, whatever it has made of its /dev. */
static int clone_joined(struct child *c, size_t i, struct error *err)
{
	const struct mount *m = &c->spec.mounts[i];
	_cleanup_fd_ int own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC), place = -1;
	if (!(c->start->joined & CLONE_NEWIPC))
		return error_set(err, ERROR_FAILED, "'%s' needs that container's ipc namespace", m->source);
	if (own < 0)
		return error_errno(err, "open the mount namespace of our own");
	if (namespace_join(c->start->joined_pidfds[NAMESPACE_IPC], NAMESPACE_MOUNT, err) < 0)
		return -1;
	place = sys_openat2(
		AT_FDCWD, SHARED_MEMORY, O_PATH | O_DIRECTORY | O_CLOEXEC, 0, RESOLVE_NO_SYMLINKS);
	if (place >= 0)
		c->bind_fds[i] = open_tree(place, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	int errnum = errno;
	if (setns(own, CLONE_NEWNS) < 0)
		return error_errno(err, "return to the mount namespace of our own");
	errno = errnum;
	return c->bind_fds[i] < 0 ? mount_error(err, m) : 0;
}

/* To mount cgroup2 anew in the host's cgroup namespace would set the options of the host's own (nsdelegate,
 * memory_recursiveprot): there the host's mount is cloned. */
static int clone_cgroup(struct child *c, size_t i, struct error *err)
{
	char path[PATH_MAX];
	_cleanup_fd_ int fd = -1;
	if (cgroup_open_mount(path, sizeof path, &fd, err) < 0)
		return -1;
	c->bind_fds[i] = open_tree(fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	return c->bind_fds[i] < 0 ? mount_error(err, &c->spec.mounts[i]) : 0;
}

int step_mount_sources(struct child *c, struct error *err)
{
	for (size_t i = 0; i < c->spec.n_mounts; i++) {
		const struct mount *m = &c->spec.mounts[i];
		if (m->kind == MOUNT_BIND &&
			(mount_is_joined(m) ? clone_joined(c, i, err) : clone_source(c, i, err)) < 0)
			return -1;
		if (m->kind == MOUNT_CGROUP && c->start->shared & CLONE_NEWCGROUP &&
			clone_cgroup(c, i, err) < 0)
			return -1;
	}
	return 0;
}

static bool is_users(const struct mount *m)
{
	return m->kind == MOUNT_BIND || m->kind == MOUNT_TMPFS;
}

/* What lexical checks cannot see: a link in the root that leads into /proc or /sys. */
static int check_place(const struct mount *m, int target_fd, struct error *err)
{
	struct statfs fs;
	if (fstatfs(target_fd, &fs) < 0)
		return mount_error(err, m);
	if (fs.f_type != PROC_SUPER_MAGIC && fs.f_type != SYSFS_MAGIC && fs.f_type != CGROUP2_SUPER_MAGIC)
		return 0;
	errno = EPERM;
	mount_error(err, m);
	return error_hint(err, "'%s' leads into /proc or /sys: nothing can be mounted there", m->destination);
}

/* A system's file system, and whatever comes on /dev, lies where its name says; the user's own mounts may be
 * reached over links, which mean the container's root. */
static int open_target(struct child *c, const struct mount *m, bool is_file, int *ret_fd, struct error *err)
{
	bool strict = !is_users(m) || strcmp(m->target, "/dev") == 0;
	_cleanup_fd_ int fd = target_open(c->root_fd, m->target, is_file, strict);
	if (fd < 0) {
		int errnum = errno;
		mount_error(err, m);
		if (errnum == ELOOP && strict)
			error_hint(err, "a symbolic link lies on the way to '%s'", m->destination);
		if (errnum == EROFS)
			error_hint(err, "the target is not there, and the root cannot be written to make it");
		if (m->kind == MOUNT_BIND && errnum == ENOTDIR)
			error_hint(err, "the source is a folder, the target is not");
		if (m->kind == MOUNT_BIND && errnum == EISDIR)
			error_hint(err, "the source is a file, the target is a folder");
		return -1;
	}
	if (is_users(m) && check_place(m, fd, err) < 0)
		return -1;
	*ret_fd = steal_fd(&fd);
	return 0;
}

static int attach(const struct mount *m, int mount_fd, int target_fd, struct error *err)
{
	if (move_mount(mount_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0)
		return 0;
	int errnum = errno;
	mount_error(err, m);
	if (errnum == ENOSPC)
		error_hint(err, "the limit is fs.mount-max, not the disk");
	return -1;
}

static int mount_bind(struct child *c, size_t i, struct error *err)
{
	const struct mount *m = &c->spec.mounts[i];
	struct stat st;
	_cleanup_fd_ int target = -1;
	struct mount_attr attr = {
		.attr_set = m->attr_set, .attr_clr = m->attr_clr, .propagation = m->propagation
	};
	if (fstat(c->bind_fds[i], &st) < 0)
		return mount_error(err, m);
	if (open_target(c, m, !S_ISDIR(st.st_mode), &target, err) < 0)
		return -1;
	/* Recursive also for a single mount, and for "ro": a writable mount below a read-only one is a trap.
	 */
	if (mount_setattr(c->bind_fds[i], "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr) < 0)
		return mount_error(err, m);
	if (attach(m, c->bind_fds[i], target, err) < 0)
		return -1;
	if (strcmp(m->target, "/dev") == 0)
		return devices_find(c, steal_fd(&c->bind_fds[i]), err);
	fd_close(&c->bind_fds[i]);
	return 0;
}

static int configure(const struct mount *m, int fs, struct error *err)
{
	for (size_t i = 0; i < m->n_data; i++) {
		const struct mount_data *d = &m->data[i];
		unsigned command = d->value != NULL ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;
		if (fsconfig(fs, command, d->key, d->value, 0) < 0) {
			mount_error(err, m);
			return error_wrap(err, "option '%s%s%s'", d->key, d->value != NULL ? "=" : "",
				d->value != NULL ? d->value : "");
		}
	}
	return 0;
}

static int make_filesystem(const struct mount *m, uint64_t attr, int *ret_fd, struct error *err)
{
	_cleanup_fd_ int fs = fsopen(mount_kind_filesystem(m->kind), FSOPEN_CLOEXEC);
	if (fs < 0)
		return mount_error(err, m);
	/* What df and mountinfo show; fsconfig(2) takes 255 bytes. */
	const char *label =
		m->source != NULL && strlen(m->source) < 256 ? m->source : mount_kind_filesystem(m->kind);
	if (fsconfig(fs, FSCONFIG_SET_STRING, "source", label, 0) < 0)
		return mount_error(err, m);
	if (configure(m, fs, err) < 0)
		return -1;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return mount_error(err, m);
	int fd = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned) attr);
	if (fd < 0)
		return mount_error(err, m);
	*ret_fd = fd;
	return 0;
}

/* What has been cloned, with no more than its own attributes. */
static int take_clone(struct child *c, size_t i, int *ret_fd, struct error *err)
{
	const struct mount *m = &c->spec.mounts[i];
	struct mount_attr attr = {
		.attr_set = m->attr_set, .attr_clr = m->attr_clr, .propagation = MS_PRIVATE
	};
	if (mount_setattr(c->bind_fds[i], "", AT_EMPTY_PATH, &attr, sizeof attr) < 0)
		return mount_error(err, m);
	*ret_fd = steal_fd(&c->bind_fds[i]);
	return 0;
}

static int mount_filesystem(struct child *c, size_t i, struct error *err)
{
	const struct mount *m = &c->spec.mounts[i];
	_cleanup_fd_ int target = -1, fd = -1;
	uint64_t attr = m->attr_set;
	/* Further mounts may need folders in it: read-only comes last. */
	bool late = m->kind == MOUNT_TMPFS && attr & MOUNT_ATTR_RDONLY;
	if (late)
		attr &= ~(uint64_t) MOUNT_ATTR_RDONLY;
	if (open_target(c, m, false, &target, err) < 0 ||
		(c->bind_fds[i] >= 0 ? take_clone(c, i, &fd, err) : make_filesystem(m, attr, &fd, err)) < 0 ||
		attach(m, fd, target, err) < 0)
		return -1;
	if (strcmp(m->target, "/dev") == 0 && devices_make(c, fd, err) < 0)
		return -1;
	if (late)
		c->late_ro_fds[i] = fd;
	/* Ours before anybody else could see it, and complete: it serves as the private one too. */
	if (m->kind == MOUNT_PROC && m->n_data == 0 && !(attr & MOUNT_ATTR_RDONLY) && c->proc_fd < 0)
		c->proc_fd = fd;
	if (c->dev_fd == fd || c->proc_fd == fd || late)
		steal_fd(&fd);
	return 0;
}

int step_mounts(struct child *c, struct error *err)
{
	for (size_t i = 0; i < c->spec.n_mounts; i++) {
		bool bind = c->spec.mounts[i].kind == MOUNT_BIND;
		if ((bind ? mount_bind(c, i, err) : mount_filesystem(c, i, err)) < 0)
			return -1;
	}
	return 0;
}
