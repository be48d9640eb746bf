/* bundle_load.c - a container's two texts that are there already: a foreign bundle's, and those of its folder
 * (declared in bundle.h). */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/parse.h"
#include "daemon/bundle.h"
#include "runtime/cgroup_tree.h"

/* ---- a foreign bundle ---- */

int bundle_take_config(struct bundle *bundle, const char *text, size_t size, struct error *err)
{
	_cleanup_json_ struct json_object *config = NULL, *shim = json_object_get(bundle->shim_json);
	struct json_object *root, *process, *args;
	const char *path;

	if (json_parse(text, size, &config, err) < 0)
		return error_wrap(err, "config.json");
	root = json_get(config, "root");
	path = json_string(root, "path", "rootfs");
	if (!root)
		return error_set(
			err, ERROR_INVALID_CONFIG, "bundle '%s': config.json has no root", bundle->folder);
	if (path[0] == '/')
		bundle->rootfs = strdup(path);
	else if (asprintf(&bundle->rootfs, "%s/%s", bundle->folder, path) < 0)
		abort();
	if (strlen(bundle->rootfs) >= PATH_MAX)
		return error_set(err, ERROR_INVALID_CONFIG, "bundle '%s': its root's path is too long",
			bundle->folder);
	if (bundle_limits_join(bundle, config, err) < 0)
		return -1;
	/* Our copy is not in the bundle's folder, so that its root can't be relative any more. */
	json_add_string(root, "path", bundle->rootfs);
	bundle->lock = !json_flag(root, "readonly", false);
	process = json_get(config, "process");
	args = json_get(process, "args");
	bundle->terminal |= json_flag(process, "terminal", false);
	if (process)
		json_add_bool(process, "terminal", bundle->terminal);
	bundle->config = strdup(json_text(config, &bundle->config_size));
	json_add_string(shim, "rootfs", bundle->rootfs);
	json_add_bool(shim, "rootfs_lock", bundle->lock);
	json_add_bool(shim, "terminal", bundle->terminal);
	namespaces_of_bundle(config, &bundle->namespaces);
	json_add(shim, "namespaces", namespaces_format(&bundle->namespaces));
	json_add(shim, "command", args ? json_object_get(args) : json_object_new_array());
	free(bundle->shim);
	bundle->shim = strdup(json_text(shim, &bundle->shim_size));
	if (!bundle->config || !bundle->shim)
		abort();
	if (bundle_check_size("config.json", bundle->config_size, "config", err) < 0)
		return -1;
	return bundle_check_size("shim.json", bundle->shim_size, "config", err);
}

int bundle_read_config(struct bundle *bundle, int fd, size_t size, struct error *err)
{
	_cleanup_free_ char *text = NULL;

	if (fd < 0 || size > BUNDLE_TEXT_MAX)
		return error_set(err, ERROR_FAILED, "the bundle's config.json did not come");
	text = malloc(size + 1);
	if (!text)
		abort();
	if (pread(fd, text, size, 0) != (ssize_t) size)
		return error_errno(err, "read the bundle's config.json");
	return bundle_take_config(bundle, text, size, err);
}

/* ---- from its folder ---- */

static char *copy_text(struct json_object *obj, const char *key)
{
	const char *text = json_string(obj, key, NULL);

	return text ? strdup(text) : NULL;
}

/* Our own file, but a disk may hold anything. */
static int read_shim(struct bundle *bundle, struct error *err)
{
	struct json_object *obj = bundle->shim_json;
	const char *created = json_string(obj, "created_at", ""),
		   *stop = json_string(obj, "stop_signal", "SIGTERM");

	if (!json_object_is_type(obj, json_type_object) || json_int(obj, "version", 0) != 1)
		return error_set(err, ERROR_FAILED, "shim.json is not of version 1");
	if (strcmp(json_string(obj, "id", ""), bundle->id) != 0)
		return error_set(err, ERROR_FAILED, "shim.json is another container's");
	bundle->rootfs = copy_text(obj, "rootfs");
	bundle->folder = copy_text(obj, "bundle");
	if (!bundle->rootfs || strlen(bundle->rootfs) >= PATH_MAX ||
		!json_object_is_type(bundle_command(bundle), json_type_array))
		return error_set(err, ERROR_FAILED, "shim.json has no root or no command");
	if (time_parse(created, &bundle->created_ns) < 0 || signal_parse(stop, &bundle->stop_signal) < 0)
		return error_set(err, ERROR_FAILED, "shim.json has a bad created_at or stop_signal");
	bundle->direct = strcmp(json_string(obj, "rootfs_mode", "overlay"), "direct") == 0;
	bundle->lock = json_flag(obj, "rootfs_lock", false);
	bundle->transient = json_flag(obj, "remove", false);
	bundle->open_stdin = json_flag(obj, "open_stdin", false);
	bundle->terminal = json_flag(obj, "terminal", false);
	bundle->log = strcmp(json_string(obj, "log", "file"), "file") == 0;
	bundle->log_max_size = json_int(obj, "log_max_size", 10 * 1024 * 1024);
	bundle->log_max_files = (uint32_t) json_int(obj, "log_max_files", 3);
	bundle->stop_timeout_ms = json_int(obj, "stop_timeout_ms", 10000);
	bundle->timeout_ms = json_int(obj, "timeout_ms", 0);
	bundle->trace = json_flag(obj, "trace", false);
	bundle->cgroup_parent = copy_text(obj, "cgroup_parent");
	bundle->cgroup_rw = json_flag(obj, "cgroup_rw", false);
	if (bundle->cgroup_parent && cgroup_parent_check(bundle->cgroup_parent, err) < 0)
		return error_wrap(err, "shim.json: cgroup_parent");
	return namespaces_load(json_get(obj, "namespaces"), &bundle->namespaces, err);
}

int bundle_load(const char *id, char *config, char *shim, struct bundle *ret_bundle, struct error *err)
{
	_cleanup_bundle_ struct bundle bundle = { .config = config, .shim = shim };

	snprintf(bundle.id, sizeof(bundle.id), "%s", id);
	bundle.config_size = strlen(config);
	bundle.shim_size = strlen(shim);
	if (json_parse(shim, bundle.shim_size, &bundle.shim_json, err) < 0)
		return error_wrap(err, "shim.json");
	if (read_shim(&bundle, err) < 0)
		return -1;
	*ret_bundle = bundle;
	bundle = (struct bundle) { 0 };
	return 0;
}
