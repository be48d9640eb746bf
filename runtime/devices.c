#include "runtime/devices.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "runtime/child.h"
#include "runtime/defaults.h"
#include "runtime/target.h"

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

static bool is_device(const struct stat *st, mode_t type, dev_t device)
{
	return (st->st_mode & S_IFMT) == type && (type == S_IFIFO || st->st_rdev == device);
}

static int find_null(struct child *c, int dev_fd, struct error *err)
{
	struct stat st;
	c->dev_fd = dev_fd;
	c->null_fd = openat(dev_fd, "null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (c->null_fd < 0 || fstat(c->null_fd, &st) < 0)
		return error_errno(err, "open '/dev/null'");
	if (!is_device(&st, S_IFCHR, makedev(1, 3)))
		return error_set(err, ERROR_FAILED, "'/dev/null' is not the device of that name");
	return 0;
}

int devices_find(struct child *c, int dev_fd, struct error *err)
{
	c->foreign_dev = true;
	return find_null(c, dev_fd, err);
}

/* The folder that a node lies in, made where it is missing: dev_fd itself, or *ret_fd, which is the caller's.
 */
static int open_parent(int dev_fd, const char *path, const char **ret_name, int *ret_fd)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	*ret_name = path;
	if (slash == NULL)
		return dev_fd;
	snprintf(folder, sizeof folder, "%.*s", (int) (slash - path), path);
	*ret_fd = target_open(dev_fd, folder, false, true);
	*ret_name = slash + 1;
	return *ret_fd;
}

/* The mode is whole: the start runs with umask 0. may_exist: whatever is there stays. */
static int make_node(int dev_fd, const struct spec_device *d, bool may_exist, struct error *err)
{
	struct stat st;
	const char *name;
	_cleanup_fd_ int own = -1;
	int parent = open_parent(dev_fd, d->path, &name, &own);
	if (parent < 0)
		return error_errno(err, "make the folder of '/dev/%s'", d->path);
	if (mknodat(parent, name, d->mode, d->device) == 0) {
		if ((d->uid != 0 || d->gid != 0) &&
			fchownat(parent, name, d->uid, d->gid, AT_SYMLINK_NOFOLLOW) < 0)
			return error_errno(err, "set the owner of '/dev/%s'", d->path);
		return 0;
	}
	if (errno != EEXIST || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_errno(err, "make '/dev/%s'", d->path);
	if (!may_exist && !is_device(&st, d->mode & S_IFMT, d->device))
		return error_set(
			err, ERROR_FAILED, "'/dev/%s' is there and not the device of that name", d->path);
	return 0;
}

static int make_links(struct child *c, int dev_fd, struct error *err)
{
	for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
		if (links[i].needs != NULL && faccessat(c->proc_fd, links[i].needs, F_OK, 0) < 0)
			continue;
		if (symlinkat(links[i].target, dev_fd, links[i].name) < 0 && errno != EEXIST)
			return error_errno(err, "make '/dev/%s'", links[i].name);
	}
	return 0;
}

int devices_make(struct child *c, int dev_fd, struct error *err)
{
	c->dev_fd = dev_fd;
	for (const struct default_device *d = default_devices; d->name != NULL; d++) {
		struct spec_device node = {
			.path = d->name, .mode = S_IFCHR | 0666, .device = makedev(d->major, d->minor)
		};
		if (make_node(dev_fd, &node, false, err) < 0)
			return -1;
	}
	if (make_links(c, dev_fd, err) < 0)
		return -1;
	return find_null(c, dev_fd, err);
}

static int make_wanted(struct child *c, struct error *err)
{
	for (size_t i = 0; i < c->spec.n_devices; i++)
		if (make_node(c->dev_fd, &c->spec.devices[i], false, err) < 0)
			return -1;
	for (size_t i = 0; i < c->n_host_nodes; i++)
		if (make_node(c->dev_fd, &c->host_nodes[i].node, c->host_nodes[i].from_folder, err) < 0)
			return -1;
	return 0;
}

/* Those that this container alone has. A config.json that mounts nothing on /dev gets the others here, too.
 */
int step_devices(struct child *c, struct error *err)
{
	if (c->dev_fd < 0) {
		int fd = target_open(c->root_fd, "/dev", false, true);
		if (fd < 0)
			return error_errno(err, "open '/dev'");
		if (devices_make(c, fd, err) < 0)
			return -1;
	}
	if (!c->foreign_dev)
		return make_wanted(c, err);
	if (c->spec.n_devices == 0 && c->n_host_nodes == 0)
		return 0;
	error_set(err, ERROR_FAILED, "no device can be made: /dev is a folder of the host's");
	return error_hint(err, "without the mount on /dev the container gets a /dev of its own");
}
