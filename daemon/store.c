#include "daemon/store.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/control.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/log.h"
#include "daemon/config.h"
#include "runtime/cgroup.h"

#define OLD_WORK_MS 10000 /* how long the start waits for the workers of the daemon before */
#define LEAVE_MS    2000  /* how long the end waits for spawner and workers to be gone */

/* The folder, made with all that lead to it. The mode of one that was there is its owner's affair: what is in
 * our folders inside is closed to others anyway. */
static int open_folder(const char *path, mode_t mode, int *ret_fd, struct error *err)
{
	char part[PATH_MAX];
	_cleanup_fd_ int fd = -1;
	size_t size = strlen(path);
	bool made = false;

	for (size_t i = 1; i <= size; i++) {
		if (i < size && path[i] != '/')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int) i, path);
		made = mkdir(part, 0755) == 0;
		if (!made && errno != EEXIST)
			return error_errno(err, "make the folder '%s'", part);
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "open the folder '%s'", path);
	if (made && fchmod(fd, mode) < 0)
		return error_errno(err, "set the mode of '%s'", path);
	*ret_fd = steal_fd(&fd);
	return 0;
}

static int open_sub(int parent, const char *parent_path, const char *name, int *ret_fd, struct error *err)
{
	int fd;

	if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
		return error_errno(err, "make the folder '%s/%s'", parent_path, name);
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "open the folder '%s/%s'", parent_path, name);
	*ret_fd = fd;
	return 0;
}

static int lock(int dir, const char *path, int *ret_fd, struct error *err)
{
	_cleanup_fd_ int fd = openat(dir, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return error_errno(err, "open '%s/lock'", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return error_set(err, ERROR_FAILED, "another daemon works in '%s'", path);
		return error_errno(err, "lock '%s/lock'", path);
	}
	*ret_fd = steal_fd(&fd);
	return 0;
}

/* Empty where there is none. */
static void read_line(int dir, const char *name, char *buf, size_t size)
{
	_cleanup_fd_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	buf[n > 0 ? n : 0] = 0;
	buf[strcspn(buf, "\n")] = 0;
}

/* Workers of a daemon that was killed finish what they have begun; what they make would else appear behind
 * our back. One that is stuck is not waited for. */
static void await_old_workers(int state)
{
	_cleanup_fd_ int fd = openat(state, WORK_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int64_t end = clock_monotonic_ns() + OLD_WORK_MS * INT64_C(1000000);

	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (clock_monotonic_ns() > end) {
			log_warning("a worker of the daemon before this one does not end");
			return;
		}
		poll(NULL, 0, 2);
	}
}

void store_controllers(int cgroup, char *buf, size_t size)
{
	read_line(cgroup, "cgroup.controllers", buf, size);
}

/* Named after the state folder's identity: the same in each life of this instance, another for each instance.
 */
static int open_cgroup(struct store *store, const struct config *config, struct error *err)
{
	struct stat st;
	struct statfs fs;
	unsigned hash = 2166136261u;
	_cleanup_fd_ int mount = -1;

	if (cgroup_open_mount(store->cgroup_mount, sizeof(store->cgroup_mount), &mount, err) < 0)
		return -1;
	if (config->cgroup_parent) {
		snprintf(store->cgroup_path, sizeof(store->cgroup_path), "%s", config->cgroup_parent);
		store->cgroup_parent = open(config->cgroup_parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (store->cgroup_parent < 0)
			return error_errno(err, "open the cgroup '%s'", config->cgroup_parent);
		if (fstatfs(store->cgroup_parent, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC)
			return error_set(err, ERROR_USAGE, "cgroup_parent: '%s' is not a cgroup v2 folder",
				config->cgroup_parent);
	} else {
		memcpy(store->cgroup_path, store->cgroup_mount, sizeof(store->cgroup_path));
		store->cgroup_parent = steal_fd(&mount);
	}
	if (fstat(store->state, &st) < 0)
		return error_errno(err, "look at '%s'", config->state_dir);
	for (int i = 0; i < 8; i++)
		hash = (hash ^ (unsigned) (st.st_dev >> 8 * i & 0xff)) * 16777619u;
	for (int i = 0; i < 8; i++)
		hash = (hash ^ (unsigned) (st.st_ino >> 8 * i & 0xff)) * 16777619u;
	snprintf(store->cgroup_name, sizeof(store->cgroup_name), "containerd-lite-%08x", hash);
	snprintf(store->cgroup_path + strlen(store->cgroup_path),
		sizeof(store->cgroup_path) - strlen(store->cgroup_path), "/%s", store->cgroup_name);
	if (cgroup_make(store->cgroup_parent, store->cgroup_name, &store->cgroup, err) < 0)
		return -1;
	/* Those of the folder above: what our own has is passed on to it when somebody needs it. */
	store_controllers(store->cgroup_parent, store->controllers, sizeof(store->controllers));
	return cgroup_make(store->cgroup, "shims", &store->shims_cgroup, err);
}

int store_open(struct store *store, const struct config *config, struct error *err)
{
	const char *state = config->state_dir, *run = config->run_dir;
	_cleanup_fd_ int trash = -1; /* only workers look into it */

	*store = (struct store) { -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 };
	if (open_folder(state, 0700, &store->state, err) < 0 || open_folder(run, 0710, &store->run, err) < 0)
		return -1;
	if (lock(store->state, state, &store->state_lock, err) < 0 ||
		lock(store->run, run, &store->run_lock, err) < 0)
		return -1;
	await_old_workers(store->state);
	if (open_sub(store->state, state, "containers", &store->containers, err) < 0 ||
		open_sub(store->state, state, "transient", &store->transient, err) < 0 ||
		open_sub(store->state, state, "trash", &trash, err) < 0 ||
		open_sub(store->run, run, "shims", &store->shims, err) < 0)
		return -1;
	read_line(AT_FDCWD, "/proc/sys/kernel/random/boot_id", store->boot_id, sizeof(store->boot_id));
	if (!store->boot_id[0])
		return error_set(err, ERROR_FAILED, "/proc is not mounted");
	return open_cgroup(store, config, err);
}

/* Spawner and workers end with their daemon's socket; then the leaf is empty, if no shim lives in it. */
static void await_empty(int cgroup)
{
	struct error err = { 0 };
	_cleanup_fd_ int events = -1;
	bool populated = true;
	int64_t end = clock_monotonic_ns() + LEAVE_MS * INT64_C(1000000);

	if (cgroup_events_open(cgroup, &events, &err) < 0)
		return;
	while (cgroup_populated(events, &populated, &err) == 0 && populated) {
		struct pollfd poll_fd = { .fd = events, .events = POLLPRI };
		int64_t left = (end - clock_monotonic_ns()) / 1000000;

		/* A second TERM is no reason to leave it behind. */
		if (left <= 0 || (poll(&poll_fd, 1, (int) left) < 0 && errno != EINTR))
			return;
	}
}

static void remove_cgroup(struct store *store)
{
	if (store->shims_cgroup >= 0)
		await_empty(store->shims_cgroup);
	/* Both fail where something lives in them after all, which is meant. */
	if (unlinkat(store->cgroup, "shims", AT_REMOVEDIR) == 0 || errno == ENOENT)
		unlinkat(store->cgroup_parent, store->cgroup_name, AT_REMOVEDIR);
}

void store_close(struct store *store, bool all_over)
{
	if (all_over && store->cgroup >= 0)
		remove_cgroup(store);
	fd_close(&store->shims_cgroup);
	fd_close(&store->cgroup);
	fd_close(&store->cgroup_parent);
	fd_close(&store->shims);
	fd_close(&store->transient);
	fd_close(&store->containers);
	fd_close(&store->run_lock);
	fd_close(&store->state_lock);
	fd_close(&store->run);
	fd_close(&store->state);
}
