#include "runtime/devices.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "runtime/child.h"
#include "runtime/target.h"

static const struct {
	const char *name;
	unsigned major, minor;
} nodes[] = {
	{ "null", 1, 3 },
	{ "zero", 1, 5 },
	{ "full", 1, 7 },
	{ "random", 1, 8 },
	{ "urandom", 1, 9 },
	{ "tty", 5, 0 },
};

static const struct {
	const char *name, *target;
	const char *needs; /* a file of /proc; NULL: always */
} links[] = {
	{ "fd", "/proc/self/fd" },
	{ "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" },
	{ "stderr", "/proc/self/fd/2" },
	{ "ptmx", "pts/ptmx" },
	{ "core", "/proc/kcore", "kcore" },
};

static bool is_device(const struct stat *st, unsigned major_number, unsigned minor_number)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(major_number, minor_number);
}

int devices_find(struct child *c, int dev_fd, struct error *err)
{
	struct stat st;
	c->dev_fd = dev_fd;
	c->null_fd = openat(dev_fd, "null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (c->null_fd < 0 || fstat(c->null_fd, &st) < 0)
		return error_errno(err, "open '/dev/null'");
	if (!is_device(&st, 1, 3))
		return error_set(err, ERROR_FAILED, "'/dev/null' is not the device of that name");
	return 0;
}

/* The mode is whole: the start runs with umask 0. */
int devices_make(struct child *c, int dev_fd, struct error *err)
{
	c->dev_fd = dev_fd;
	for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
		struct stat st;
		if (mknodat(dev_fd, nodes[i].name, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)) ==
			0)
			continue;
		if (errno != EEXIST || fstatat(dev_fd, nodes[i].name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return error_errno(err, "make '/dev/%s'", nodes[i].name);
		if (!is_device(&st, nodes[i].major, nodes[i].minor))
			return error_set(err, ERROR_FAILED,
				"'/dev/%s' is there and not the device of that name", nodes[i].name);
	}
	for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
		if (links[i].needs != NULL && faccessat(c->proc_fd, links[i].needs, F_OK, 0) < 0)
			continue;
		if (symlinkat(links[i].target, dev_fd, links[i].name) < 0 && errno != EEXIST)
			return error_errno(err, "make '/dev/%s'", links[i].name);
	}
	return devices_find(c, dev_fd, err);
}

/* For a config.json that mounts nothing on /dev. */
int step_devices(struct child *c, struct error *err)
{
	if (c->dev_fd >= 0)
		return 0;
	int fd = target_open(c->root_fd, "/dev", false, true);
	if (fd < 0)
		return error_errno(err, "open '/dev'");
	return devices_make(c, fd, err);
}
