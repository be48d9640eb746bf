#include "daemon/namespaces.h"

#include <json-c/json.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "common/json.h"
#include "common/parse.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/registry.h"

static const struct {
	const char *field; /* of a Config */
	const char *own;   /* what it is where it is absent */
	const char *values;
} fields[NAMESPACES] = {
	[NAMESPACE_PID] = { "pid", "private", "private, host or container:NAME" },
	[NAMESPACE_IPC] = { "ipc", "private", "private, shareable, host or container:NAME" },
	[NAMESPACE_NETWORK] = { "network", "none", "none, host or container:NAME" },
	[NAMESPACE_UTS] = { "uts", "private", "private or host" },
	[NAMESPACE_CGROUP] = { "cgroupns", "private", "private or host" },
};

static const char *after(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

int namespaces_find(struct registry *registry, struct json_object *config, struct error *err)
{
	for (int i = 0; i < NAMESPACES_JOINED; i++) {
		const char *name = after(json_string(config, fields[i].field, ""), NAMESPACE_OF_CONTAINER);
		const struct container *other;
		struct error missing;
		char value[64], field[32];

		if (!name)
			continue;
		other = registry_find(registry, name, &missing);
		if (!other) {
			snprintf(field, sizeof(field), "config.%s", fields[i].field);
			return error_config(err, field, "%s: %s", field, missing.msg);
		}
		snprintf(value, sizeof(value), NAMESPACE_OF_CONTAINER "%s", container_id(other));
		json_add_string(config, fields[i].field, value);
	}
	return 0;
}

static int read_one(struct json_object *config, int i, struct namespaces *ns, struct error *err)
{
	const char *value = json_string(config, fields[i].field, fields[i].own), *id;
	char field[32], shown[80];

	id = i < NAMESPACES_JOINED ? after(value, NAMESPACE_OF_CONTAINER) : NULL;
	if (strcmp(value, fields[i].own) == 0)
		return 0;
	if (i == NAMESPACE_IPC && strcmp(value, "shareable") == 0) {
		ns->shareable = true;
		return 0;
	}
	ns->shared |= namespace_kinds[i].flag;
	if (strcmp(value, "host") == 0)
		return 0;
	if (id && id_valid(id)) {
		snprintf(ns->joined[i], sizeof(ns->joined[i]), "%s", id);
		return 0;
	}
	snprintf(field, sizeof(field), "config.%s", fields[i].field);
	error_config(err, field, "%s: '%s' is not %s", field, escape_text(value, shown, sizeof(shown)),
		fields[i].values);
	if (i == NAMESPACE_NETWORK)
		error_hint(
			err, "there are no networks yet: host, or container:NAME, shares one that is there");
	return -1;
}

/* What makes cgroups of its own needs the root of them in sight, and to be the first of its pids. */
static int check_cgroup_rw(struct json_object *config, const struct namespaces *ns, struct error *err)
{
	const char *what = json_flag(config, "systemd", false) ? "systemd" : "cgroup_rw";
	const char *kind = ns->shared & CLONE_NEWCGROUP ? "cgroup" : "pid";
	char field[32];

	if (!json_flag(config, what, false) || !(ns->shared & (CLONE_NEWCGROUP | CLONE_NEWPID)))
		return 0;
	snprintf(field, sizeof(field), "config.%s", what);
	return error_config(err, field, "%s needs a %s namespace of the container's own", field, kind);
}

static int check_names(struct json_object *config, const struct namespaces *ns, struct error *err)
{
	static const char *const names[] = { "hostname", "domainname" };
	char field[32];

	for (int i = 0; i < 2; i++) {
		if (!(ns->shared & CLONE_NEWUTS) || !json_get(config, names[i]))
			continue;
		snprintf(field, sizeof(field), "config.%s", names[i]);
		return error_config(err, field,
			"%s cannot be given with the host's uts namespace: the name is the host's", field);
	}
	return 0;
}

int namespaces_read(struct json_object *config, struct namespaces *ret_ns, struct error *err)
{
	struct namespaces ns = { 0 };

	for (int i = 0; i < NAMESPACES; i++)
		if (fields[i].field && read_one(config, i, &ns, err) < 0)
			return -1;
	if (check_names(config, &ns, err) < 0 || check_cgroup_rw(config, &ns, err) < 0)
		return -1;
	if (ns.shared & CLONE_NEWIPC && json_get(config, "shm_size"))
		return error_config(err, "config.shm_size",
			"config.shm_size cannot be given with an ipc namespace that is not its own");
	*ret_ns = ns;
	return 0;
}

/* As the runtime has checked it. */
void namespaces_of_bundle(struct json_object *config, struct namespaces *ret_ns)
{
	struct json_object *list = json_get(json_get(config, "linux"), "namespaces");

	*ret_ns = (struct namespaces) { .shared = NAMESPACE_FLAGS & ~(uint32_t) CLONE_NEWCGROUP };
	for (size_t n = 0; n < json_length(list); n++) {
		struct json_object *entry = json_object_array_get_idx(list, n);
		const char *id = after(json_string(entry, "path", ""), NAMESPACE_OF_CONTAINER);

		for (int i = 0; i < NAMESPACES; i++) {
			if (strcmp(json_string(entry, "type", ""), namespace_kinds[i].type) != 0)
				continue;
			if (id && i < NAMESPACES_JOINED && id_valid(id))
				snprintf(ret_ns->joined[i], sizeof(ret_ns->joined[i]), "%s", id);
			else
				ret_ns->shared &= ~namespace_kinds[i].flag;
		}
	}
}

struct json_object *namespaces_oci(const struct namespaces *ns)
{
	struct json_object *list = json_object_new_array();
	char path[64];

	for (int i = 0; i < NAMESPACES; i++) {
		bool joined = i < NAMESPACES_JOINED && ns->joined[i][0];
		struct json_object *entry;

		if (ns->shared & namespace_kinds[i].flag && !joined)
			continue;
		entry = json_object_new_object();
		json_add_string(entry, "type", namespace_kinds[i].type);
		if (joined) {
			snprintf(path, sizeof(path), NAMESPACE_OF_CONTAINER "%s", ns->joined[i]);
			json_add_string(entry, "path", path);
		}
		json_object_array_add(list, entry);
	}
	return list;
}

struct json_object *namespaces_format(const struct namespaces *ns)
{
	struct json_object *obj;
	char value[64];

	if (ns->shared == 0 && !ns->shareable)
		return NULL;
	obj = json_object_new_object();
	for (int i = 0; i < NAMESPACES; i++) {
		if (!(ns->shared & namespace_kinds[i].flag))
			continue;
		snprintf(value, sizeof(value), "host");
		if (i < NAMESPACES_JOINED && ns->joined[i][0])
			snprintf(value, sizeof(value), NAMESPACE_OF_CONTAINER "%s", ns->joined[i]);
		json_add_string(obj, namespace_kinds[i].type, value);
	}
	if (ns->shareable)
		json_add_string(obj, namespace_kinds[NAMESPACE_IPC].type, "shareable");
	return obj;
}

int namespaces_load(struct json_object *obj, struct namespaces *ret_ns, struct error *err)
{
	struct namespaces ns = { 0 };

	for (int i = 0; i < NAMESPACES; i++) {
		const char *value = json_string(obj, namespace_kinds[i].type, NULL), *id;

		if (!value)
			continue;
		if (i == NAMESPACE_IPC && strcmp(value, "shareable") == 0) {
			ns.shareable = true;
			continue;
		}
		ns.shared |= namespace_kinds[i].flag;
		id = after(value, NAMESPACE_OF_CONTAINER);
		if (id && i < NAMESPACES_JOINED && id_valid(id))
			snprintf(ns.joined[i], sizeof(ns.joined[i]), "%s", id);
		else if (strcmp(value, "host") != 0 || i == NAMESPACE_MOUNT)
			return error_set(err, ERROR_FAILED, "shim.json has a bad namespace");
	}
	*ret_ns = ns;
	return 0;
}

/* ---- a start ---- */

static int cannot_join(struct error *err, const struct container *other, const char *why, const char *type)
{
	error_set(err, ERROR_INVALID_STATE, "container '%s' %s", other->name, why);
	if (strcmp(type, "ipc") == 0)
		error_hint(err, "it must be made with --ipc shareable (ipc in its configuration)");
	return -1;
}

static int find_other(const struct container *c, int i, int *ret_pidfd, struct error *err)
{
	const char *id = c->bundle.namespaces.joined[i], *type = namespace_kinds[i].type;
	const struct container *other = registry_by_id(c->d->registry, id);
	char why[80];

	if (!other || other->hidden)
		return error_set(err, ERROR_INVALID_STATE,
			"the container whose %s namespace it is to share, %.12s, is not there any more", type,
			id);
	if (!container_runs(other) || other->pidfd < 0) {
		snprintf(why, sizeof(why), "does not run: it has no %s namespace to share", type);
		return cannot_join(err, other, why, "");
	}
	/* What a container may do with a namespace depends on whether it is the host's. */
	if (other->bundle.namespaces.shared & namespace_kinds[i].flag) {
		snprintf(why, sizeof(why), "has no %s namespace of its own", type);
		return cannot_join(err, other, why, "");
	}
	if (i == NAMESPACE_IPC && !other->bundle.namespaces.shareable)
		return cannot_join(err, other, "does not share its ipc namespace", type);
	*ret_pidfd = other->pidfd;
	return 0;
}

int namespaces_open(const struct container *c, int pidfds[NAMESPACES_JOINED], unsigned *ret_n,
	uint32_t *ret_joined, struct error *err)
{
	unsigned n = 0;
	uint32_t joined = 0;

	for (int i = 0; i < NAMESPACES_JOINED; i++) {
		if (!c->bundle.namespaces.joined[i][0])
			continue;
		if (find_other(c, i, &pidfds[n++], err) < 0)
			return -1;
		joined |= namespace_kinds[i].flag;
	}
	*ret_n = n;
	*ret_joined = joined;
	return 0;
}
