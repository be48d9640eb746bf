/* The devices of the host's that a container gets: what they are is looked up at each start, and what may be
 * done with them goes into the filter of the container's cgroup. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "runtime/child.h"
#include "runtime/defaults.h"
#include "runtime/devices.h"
#include "runtime/start.h"

#define HOST_NODES_MAX 4096
#define DEPTH_MAX      8 /* folders in a folder of devices */

/* ---- what they are ---- */

static bool is_device(const struct stat *st)
{
	return S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode);
}

static int add_node(struct child *c, const struct spec_host_device *asked, const char *place,
	const struct stat *st, bool from_folder, struct error *err)
{
	if (c->n_host_nodes == HOST_NODES_MAX)
		return error_set(
			err, ERROR_FAILED, "'%s' has more than %d devices", asked->path, HOST_NODES_MAX);
	if (c->host_nodes == NULL)
		c->host_nodes = fields_alloc(HOST_NODES_MAX, sizeof *c->host_nodes);
	char *path = strdup(place);
	if (path == NULL)
		return error_errno(err, "look at the device '%s'", asked->path);
	c->host_nodes[c->n_host_nodes++] = (struct host_node) {
		.node = { .path = path,
			.mode = st->st_mode & (S_IFMT | 0777),
			.device = st->st_rdev,
			.uid = st->st_uid,
			.gid = st->st_gid },
		.access = asked->access,
		.from_folder = from_folder,
	};
	return 0;
}

static void close_dir(DIR **dir)
{
	if (*dir != NULL)
		closedir(*dir);
}

static int walk(struct child *c, const struct spec_host_device *asked, int fd, const char *place, int depth,
	struct error *err);

/* A link stands for the device that it leads to, and never for a folder: no walk ends where it began. */
static int walk_entry(struct child *c, const struct spec_host_device *asked, int dir, dev_t filesystem,
	const char *name, const char *place, int depth, struct error *err)
{
	struct stat st;
	char inner[PATH_MAX];
	if (snprintf(inner, sizeof inner, "%s%s%s", place, place[0] != '\0' ? "/" : "", name) >=
		(int) sizeof inner)
		return 0;
	/* The container's own, if it has one. */
	if (strcmp(inner, "console") == 0 || fstatat(dir, name, &st, AT_NO_AUTOMOUNT) < 0)
		return 0;
	if (is_device(&st))
		return add_node(c, asked, inner, &st, true, err);
	/* What is mounted there (devpts, shm) the container has of its own. */
	if (!S_ISDIR(st.st_mode) || st.st_dev != filesystem || depth == DEPTH_MAX)
		return 0;
	_cleanup_fd_ int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? 0 : walk(c, asked, steal_fd(&fd), inner, depth + 1, err);
}

/* Takes fd, a folder. */
static int walk(struct child *c, const struct spec_host_device *asked, int fd, const char *place, int depth,
	struct error *err)
{
	struct stat st;
	__attribute__((cleanup(close_dir))) DIR *dir = fdopendir(fd);
	if (dir == NULL || fstat(fd, &st) < 0) {
		error_errno(err, "look into the folder of devices '%s'", asked->path);
		if (dir == NULL)
			close(fd);
		return -1;
	}
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
			walk_entry(c, asked, fd, st.st_dev, entry->d_name, place, depth, err) < 0)
			return -1;
	return 0;
}

/* By O_PATH: opening a device may do something to it. */
static int find_device(struct child *c, const struct spec_host_device *asked, struct error *err)
{
	struct stat st;
	const char *place = strcmp(asked->target, "/dev") == 0 ? "" : device_place(asked->target);
	_cleanup_fd_ int fd = open(asked->path, O_PATH | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		error_errno(err, "look at the device '%s'", asked->path);
		return error_path(err, asked->path);
	}
	if (place == NULL || (place[0] == '\0' && !S_ISDIR(st.st_mode)))
		return error_set(err, ERROR_FAILED, "the device '%s' cannot be '%s': it must be below /dev",
			asked->path, asked->target);
	if (is_device(&st))
		return add_node(c, asked, place, &st, false, err);
	if (!S_ISDIR(st.st_mode)) {
		error_set(err, ERROR_FAILED, "'%s' is neither a device nor a folder of devices", asked->path);
		return error_path(err, asked->path);
	}
	int folder = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return error_errno(err, "look into the folder of devices '%s'", asked->path);
	size_t before = c->n_host_nodes;
	if (walk(c, asked, folder, place, 0, err) < 0)
		return -1;
	return c->n_host_nodes > before ? 0
					: error_set(err, ERROR_FAILED, "no device is in '%s'", asked->path);
}

int step_host_devices(struct child *c, struct error *err)
{
	for (size_t i = 0; i < c->spec.n_host_devices; i++)
		if (find_device(c, &c->spec.host_devices[i], err) < 0)
			return -1;
	return 0;
}

/* ---- what may be done ---- */

/* The defaults come in where a bundle has denied everything, so that what it says after that still counts;
 * then the host's devices, which the user has named. */
static size_t gather_rules(const struct child *c, struct device_rule *rules)
{
	const struct device_rule *own = c->spec.device_rules;
	size_t n = 0, after = 0;
	for (size_t i = 0; i < c->spec.n_device_rules; i++)
		if (!own[i].allow && device_rule_is_all(&own[i]))
			after = i + 1;
	for (size_t i = 0; i < default_device_rules_count; i++)
		rules[n++] = default_device_rules[i];
	for (size_t i = after; i < c->spec.n_device_rules; i++)
		rules[n++] = own[i];
	for (size_t i = 0; i < c->n_host_nodes; i++) {
		const struct spec_device *node = &c->host_nodes[i].node;
		rules[n++] = (struct device_rule) { .allow = true,
			.type = S_ISBLK(node->mode) ? 'b' : 'c',
			.access = c->host_nodes[i].access,
			.major = major(node->device),
			.minor = minor(node->device) };
	}
	return n;
}

/* Without a filter, is there any way to a device beside those that we have made? Some made by hand
 * (CAP_MKNOD), or some that lie in a folder of the host's. */
static bool needs_filter(const struct child *c)
{
	if (c->n_host_nodes > 0 || c->spec.n_devices > 0)
		return true;
	for (size_t i = 0; i < c->spec.n_device_rules; i++)
		if (c->spec.device_rules[i].allow || !device_rule_is_all(&c->spec.device_rules[i]))
			return true;
	if (c->spec.capabilities[CAPABILITIES_BOUNDING] >> CAP_MKNOD & 1)
		return true;
	for (size_t i = 0; i < c->spec.n_mounts; i++)
		if (c->spec.mounts[i].kind == MOUNT_BIND && !(c->spec.mounts[i].attr_set & MOUNT_ATTR_NODEV))
			return true;
	return false;
}

_Static_assert(DEVICE_RULES_MAX >= HOST_NODES_MAX + SPEC_DEVICES_MAX + 64,
	"what a container may ask for makes one program");

int step_device_filter(struct child *c, struct error *err)
{
	_cleanup_free_ struct device_rule *rules = fields_alloc(
		default_device_rules_count + c->spec.n_device_rules + c->n_host_nodes, sizeof *rules);
	size_t n = gather_rules(c, rules);
	struct error why = { 0 };
	if (c->start->cgroup_fd < 0)
		error_set(&why, ERROR_NOT_PERMITTED, "a device filter needs a cgroup of the container's own");
	else if (device_filter_attach(c->start->cgroup_fd, rules, n, &why) == 0)
		return 0;
	if (why.kind == ERROR_NOT_PERMITTED && !needs_filter(c))
		return 0;
	*err = why;
	if (why.kind != ERROR_NOT_PERMITTED)
		return -1;
	err->kind = ERROR_START_FAILED;
	return error_hint(
		err, "without it a container gets no device, no CAP_MKNOD, and bind mounts only with nodev");
}
