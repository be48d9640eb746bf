/* container_limits.c - where a container's cgroup is, and what is to be in it. (Declared in container.h.) */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/limits.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/store.h"
#include "runtime/cgroup_tree.h"

static const char *parent_of(const struct container *c)
{
	return c->bundle.cgroup_parent ? c->bundle.cgroup_parent : "";
}

void container_cgroup_path(const struct container *c, char *buf, size_t size)
{
	const struct store *store = c->d->store;
	const char *parent = parent_of(c);

	if (parent[0] == '/')
		snprintf(buf, size, "%s%s/%s", store->cgroup_mount, parent, container_id(c));
	else
		snprintf(buf, size, "%s%s%s/%s", store->cgroup_path, parent[0] ? "/" : "", parent,
			container_id(c));
}

/* The controllers that could be passed on to it. */
static int find_controllers(const struct container *c, char *controllers, size_t size, char *path,
	size_t path_size, struct error *err)
{
	const struct store *store = c->d->store;
	const char *parent = parent_of(c);
	_cleanup_fd_ int fd = -1;

	if (parent[0] != '/') {
		store_controllers(store->cgroup_parent, controllers, size);
		snprintf(path, path_size, "%.*s",
			(int) (strlen(store->cgroup_path) - strlen(store->cgroup_name) - 1),
			store->cgroup_path);
		return 0;
	}
	if (cgroup_parent_open(store->cgroup, parent, false, &fd, err) < 0)
		return -1;
	store_controllers(fd, controllers, size);
	snprintf(path, path_size, "%s%s", store->cgroup_mount, parent);
	return 0;
}

int container_check_limits(
	const struct container *c, const struct limits *limits, const char *path, struct error *err)
{
	char controllers[256], cgroup_path[PATH_MAX + CGROUP_PARENT_MAX];

	if (find_controllers(c, controllers, sizeof(controllers), cgroup_path, sizeof(cgroup_path), err) <
		0) {
		err->kind = ERROR_INVALID_CONFIG;
		snprintf(err->field, sizeof(err->field), "config.cgroup_parent");
		return strncmp(path, "config.", 7) == 0 ? error_wrap(err, "config.cgroup_parent") : -1;
	}
	return bundle_limits_check(limits, path, controllers, cgroup_path, err);
}

int container_limits(
	const struct container *c, const struct limits *asked, struct limits *ret_limits, struct error *err)
{
	_cleanup_limits_ struct limits all = { 0 }, defaults = { 0 };
	char controllers[256], path[PATH_MAX + CGROUP_PARENT_MAX];

	if (find_controllers(c, controllers, sizeof(controllers), path, sizeof(path), err) < 0)
		return -1;
	limits_copy(asked, &all);
	bundle_limits_defaults(asked, controllers, &defaults);
	if (limits_merge(&all, &defaults, err) < 0)
		return -1;
	*ret_limits = all;
	all = (struct limits) { 0 };
	return 0;
}

char *container_limits_text(struct container *c, struct error *err)
{
	const struct limits *asked = bundle_limits(&c->bundle, err);
	_cleanup_limits_ struct limits all = { 0 };

	if (!asked || container_limits(c, asked, &all, err) < 0)
		return NULL;
	return limits_format(&all);
}

/* ---- what there is ---- */

/* Its cgroup; -1: it has none. Nobody who looks at it waits for what runs in it. */
static int open_cgroup(const struct container *c)
{
	_cleanup_fd_ int parent = -1;
	struct error ignored;

	if (!container_runs(c) ||
		cgroup_parent_open(c->d->store->cgroup, parent_of(c), false, &parent, &ignored) < 0)
		return -1;
	return openat(parent, container_id(c), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* A file's text without its last newline; NULL: it is not there. */
static struct json_object *read_effective(int cgroup, const char *file)
{
	char text[LIMIT_VALUE_MAX];
	_cleanup_fd_ int fd = openat(cgroup, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : fd_read_all(fd, text, sizeof(text) - 1);

	if (n < 0)
		return NULL;
	while (n > 0 && text[n - 1] == '\n')
		n--;
	return json_object_new_string_len(text, (int) n);
}

static void add_file(struct json_object *obj, const struct limit *l, int cgroup)
{
	struct json_object *entry = json_get(obj, l->file);
	_cleanup_free_ char *lines = NULL;

	if (entry) {
		if (asprintf(&lines, "%s\n%s", json_string(entry, "wanted", ""), l->value) < 0)
			abort();
		json_add_string(entry, "wanted", lines);
		return;
	}
	entry = json_object_new_object();
	json_add_string(entry, "wanted", l->value);
	json_add_bool(entry, "asked", l->asked);
	if (cgroup >= 0)
		json_add(entry, "effective", read_effective(cgroup, l->file));
	json_add(obj, l->file, entry);
}

struct json_object *container_limits_json(struct container *c)
{
	struct json_object *obj = json_object_new_object();
	struct error ignored;
	const struct limits *asked = bundle_limits(&c->bundle, &ignored);
	_cleanup_limits_ struct limits all = { 0 }, defaults = { 0 };
	_cleanup_fd_ int cgroup = open_cgroup(c);

	if (!asked)
		return obj;
	limits_copy(asked, &all);
	bundle_limits_defaults(asked, NULL, &defaults);
	limits_merge(&all, &defaults, &ignored);
	for (size_t i = 0; i < all.n; i++)
		add_file(obj, &all.v[i], cgroup);
	return obj;
}
