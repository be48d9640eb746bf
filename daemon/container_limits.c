/* container_limits.c - where a container's cgroup is, and what is to be in it. (Declared in container.h.) */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
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
	if (cgroup_parent_open(store->cgroup, parent, false, &fd, err) < 0) {
		err->kind = ERROR_INVALID_CONFIG;
		snprintf(err->field, sizeof(err->field), "config.cgroup_parent");
		return error_wrap(err, "config.cgroup_parent");
	}
	store_controllers(fd, controllers, size);
	snprintf(path, path_size, "%s%s", store->cgroup_mount, parent);
	return 0;
}

int container_check_limits(
	const struct container *c, const struct limits *limits, const char *path, struct error *err)
{
	char controllers[256], cgroup_path[PATH_MAX + CGROUP_PARENT_MAX];

	if (find_controllers(c, controllers, sizeof(controllers), cgroup_path, sizeof(cgroup_path), err) < 0)
		return -1;
	return bundle_limits_check(limits, path, controllers, cgroup_path, err);
}

char *container_limits_text(struct container *c, struct error *err)
{
	const struct limits *asked = bundle_limits(&c->bundle, err);
	_cleanup_limits_ struct limits defaults = { 0 };
	_cleanup_free_ char *one = NULL, *other = NULL;
	char controllers[256], path[PATH_MAX + CGROUP_PARENT_MAX];
	char *both = NULL;

	if (!asked || find_controllers(c, controllers, sizeof(controllers), path, sizeof(path), err) < 0)
		return NULL;
	bundle_limits_defaults(asked, controllers, &defaults);
	one = limits_format(asked);
	other = limits_format(&defaults);
	if (asprintf(&both, "%s%s", one, other) < 0)
		abort();
	return both;
}
