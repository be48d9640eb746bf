/* bundle_limits.c - a container's limits: they lie in its config.json, as OCI's linux.resources; our own in
 * `unified` alone, which is cgroup v2's own language. (Declared in bundle.h.) */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/parse.h"
#include "common/resources.h"
#include "daemon/bundle.h"
#include "runtime/cgroup_tree.h"
#include "runtime/fields.h"
#include "runtime/limits.h"

#define CPUS_FILE    "/sys/devices/system/cpu/online"
#define NODES_FILE   "/sys/devices/system/node/online"
#define PAGES_FOLDER "/sys/kernel/mm/hugepages"

/* ---- of a bundle ---- */

static bool is_object(struct json_object *value)
{
	return json_object_is_type(value, json_type_object);
}

/* Our own file, but a disk may hold anything. */
static int read_config(struct json_object *config, struct limits *ret_limits, struct error *err)
{
	struct json_object *linux_ = json_get(config, "linux"),
			   *resources_json = json_get(linux_, "resources");
	struct field f = { .value = resources_json, .path = "linux.resources" };
	_cleanup_limits_ struct limits limits = { 0 };

	if (!is_object(config) || (linux_ && !is_object(linux_)) ||
		(resources_json && !is_object(resources_json)))
		return error_set(err, ERROR_INVALID_CONFIG,
			"config.json is damaged: there is something else where objects must be");
	if (resources_json && limits_read(&f, &limits, err) < 0)
		return -1;
	*ret_limits = limits;
	limits = (struct limits) { 0 };
	return 0;
}

const struct limits *bundle_limits(struct bundle *bundle, struct error *err)
{
	_cleanup_json_ struct json_object *config = NULL;

	if (bundle->has_limits)
		return &bundle->limits;
	if (json_parse(bundle->config, bundle->config_size, &config, err) < 0 ||
		read_config(config, &bundle->limits, err) < 0)
		return NULL;
	bundle->has_limits = true;
	return &bundle->limits;
}

/* The object at a key, made where it is missing. */
static struct json_object *member(struct json_object *obj, const char *key)
{
	struct json_object *value = json_get(obj, key);

	if (!value) {
		value = json_object_new_object();
		json_add(obj, key, value);
	}
	return value;
}

static void put_unified(struct json_object *config, const struct limits *limits)
{
	json_add(member(member(config, "linux"), "resources"), "unified", limits_unified(limits));
}

int bundle_limits_join(struct bundle *bundle, struct json_object *config, struct error *err)
{
	_cleanup_limits_ struct limits limits = { 0 };

	if (read_config(config, &limits, err) < 0)
		return -1;
	if (bundle->limits.n > 0) {
		if (limits_merge(&limits, &bundle->limits, err) < 0)
			return -1;
		put_unified(config, &limits);
	}
	limits_done(&bundle->limits);
	bundle->limits = limits;
	bundle->has_limits = true;
	limits = (struct limits) { 0 };
	return 0;
}

char *bundle_limits_text(
	const struct bundle *bundle, const struct limits *limits, size_t *ret_size, struct error *err)
{
	_cleanup_json_ struct json_object *config = NULL;
	char *text;

	if (json_parse(bundle->config, bundle->config_size, &config, err) < 0)
		return NULL;
	put_unified(config, limits);
	text = strdup(json_text(config, ret_size));
	if (!text)
		abort();
	return text;
}

void bundle_limits_replace(struct bundle *bundle, struct limits *limits, char *config, size_t config_size)
{
	free(bundle->config);
	bundle->config = config;
	bundle->config_size = config_size;
	limits_done(&bundle->limits);
	bundle->limits = *limits;
	bundle->has_limits = true;
	*limits = (struct limits) { 0 };
}

/* ---- what nobody asked for ---- */

static void add_default(struct limits *limits, const struct limits *asked, const char *file,
	const char *value, const char *controllers)
{
	char controller[LIMIT_FILE_MAX];
	struct error ignored;

	snprintf(controller, sizeof(controller), "%.*s", (int) limit_controller(file), file);
	if (!limits_find(asked, file) && (!controllers || cgroup_has_controller(controllers, controller)))
		limits_set(limits, file, value, false, &ignored);
}

void bundle_limits_defaults(const struct limits *asked, const char *controllers, struct limits *ret_defaults)
{
	const struct limit *max = limits_find(asked, "memory.max");
	char pids[16];

	*ret_defaults = (struct limits) { 0 };
	snprintf(pids, sizeof(pids), "%d", PIDS_DEFAULT);
	add_default(ret_defaults, asked, "memory.oom.group", "1", controllers);
	/* As docker has it: as much swap as memory. */
	if (max)
		add_default(ret_defaults, asked, "memory.swap.max", max->value, controllers);
	add_default(ret_defaults, asked, "pids.max", pids, controllers);
}

/* ---- the machine ---- */

/* What there is of it here: "0-3". */
static void read_set(const char *path, char *buf, size_t size)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : fd_read_all(fd, buf, size - 1);

	buf[n > 0 ? n : 0] = 0;
	buf[strcspn(buf, "\n")] = 0;
	if (!buf[0])
		snprintf(buf, size, "0");
}

static int check_set(const struct limit *l, struct error *err)
{
	char set[LIMIT_VALUE_MAX];
	bool cpus = strcmp(l->file, "cpuset.cpus") == 0;

	if (!cpus && strcmp(l->file, "cpuset.mems") != 0)
		return 0;
	read_set(cpus ? CPUS_FILE : NODES_FILE, set, sizeof(set));
	return number_set_check(l->value, set, cpus ? "CPU" : "memory node", err);
}

/* How the user calls it: the field that it came from. */
static int name_field(const struct limit *l, const char *path, struct error *err)
{
	const struct resource *r = resource_of_file(l->file);
	char full[sizeof(err->field)];

	snprintf(full, sizeof(full), "%.64s.%s", path, r ? r->field : "cgroup");
	error_wrap(err, "%s", full);
	memcpy(err->field, full, sizeof(full));
	return -1;
}

/* "hugetlb.2MB.max": a size that the kernel has. */
static int check_pages(const struct limit *l, struct error *err)
{
	char size[LIMIT_FILE_MAX], path[128];
	uint64_t bytes;

	if (strncmp(l->file, "hugetlb.", 8) != 0)
		return 0;
	snprintf(size, sizeof(size), "%.*s", (int) strcspn(l->file + 8, "."), l->file + 8);
	if (parse_size(size, &bytes) < 0)
		return error_set(
			err, ERROR_INVALID_CONFIG, "'%s' is not a size of pages (such as 2MB)", size);
	snprintf(path, sizeof(path), PAGES_FOLDER "/hugepages-%jukB", (uintmax_t) (bytes / 1024));
	if (access(path, F_OK) == 0)
		return 0;
	error_set(err, ERROR_INVALID_CONFIG, "this machine has no huge pages of %s", size);
	return error_hint(err, "see " PAGES_FOLDER);
}

static int check_one(
	const struct limit *l, const char *controllers, const char *cgroup_path, struct error *err)
{
	char controller[LIMIT_FILE_MAX];

	if (check_set(l, err) < 0 || check_pages(l, err) < 0)
		return -1;
	snprintf(controller, sizeof(controller), "%.*s", (int) limit_controller(l->file), l->file);
	if (strcmp(controller, "cgroup") != 0 && !cgroup_has_controller(controllers, controller))
		return cgroup_missing(controller, l->file, cgroup_path, err);
	return 0;
}

int bundle_limits_check(const struct limits *limits, const char *path, const char *controllers,
	const char *cgroup_path, struct error *err)
{
	for (size_t i = 0; i < limits->n; i++)
		if (limits->v[i].asked && check_one(&limits->v[i], controllers, cgroup_path, err) < 0)
			return name_field(&limits->v[i], path, err);
	return 0;
}
