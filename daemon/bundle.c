/* bundle.c - a container's two texts, out of a request's Config. */
#include "daemon/bundle.h"

#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uuid/uuid.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/json.h"
#include "common/parse.h"
#include "common/resources.h"
#include "daemon/bundle_devices.h"
#include "daemon/config.h"
#include "daemon/places.h"
#include "runtime/cgroup_tree.h"

#define TIMEOUT_MS_MAX (INT64_C(10) * 365 * 24 * 3600 * 1000)
#define TEXT_MAX       256	    /* user, a group */
#define HOSTNAME_MAX   64	    /* uname(2) */
#define SYSTEMD_HALT   "SIGRTMIN+3" /* systemd(1) */

/* What a foreign bundle's own config.json says. */
static const char *const not_with_bundle[] = { "rootfs_mode", "entrypoint", "args", "env", "cwd", "user",
	"groups", "hostname", "init", "read_only", "mounts", "capabilities_add", "capabilities_drop",
	"no_new_privileges", "privileged", "ulimits", "sysctls", "shm_size", "oom_score_adj", "domainname",
	"devices", "device_rules", "cgroup_rw", "systemd", "pid", "ipc", "uts", "cgroupns", "network" };

void bundle_done(struct bundle *bundle)
{
	free(bundle->config);
	free(bundle->shim);
	free(bundle->rootfs);
	free(bundle->folder);
	free(bundle->cgroup_parent);
	limits_done(&bundle->limits);
	json_put(&bundle->shim_json);
	*bundle = (struct bundle) { 0 };
}

const char *bundle_image(const struct bundle *bundle)
{
	return json_string(bundle->shim_json, "image", "");
}

struct json_object *bundle_command(const struct bundle *bundle)
{
	return json_get(bundle->shim_json, "command");
}

struct json_object *bundle_labels(const struct bundle *bundle)
{
	return json_get(bundle->shim_json, "labels");
}

uint32_t bundle_start_flags(const struct bundle *bundle)
{
	return (bundle->transient ? START_TRANSIENT : 0) | (bundle->open_stdin ? START_STDIN : 0) |
	       (bundle->terminal ? START_TERMINAL : 0) | (bundle->direct ? START_DIRECT : 0) |
	       (bundle->lock ? START_LOCK : 0) | (bundle->log ? START_LOG : 0) |
	       (bundle->trace ? START_TRACE : 0) | (bundle->cgroup_rw ? START_CGROUP_RW : 0);
}

/* ---- id and name ---- */

static int read_id(struct json_object *config, char ret_id[ID_TEXT_SIZE], struct error *err)
{
	const char *id = json_string(config, "id", NULL);
	uuid_t uuid;

	if (id && !id_valid(id))
		return error_config(err, "config.id", "config.id must be 32 lower-case hexadecimal digits");
	if (id) {
		memcpy(ret_id, id, ID_TEXT_SIZE);
		return 0;
	}
	uuid_generate_random(uuid);
	for (int i = 0; i < 16; i++)
		snprintf(ret_id + 2 * i, 3, "%02x", uuid[i]);
	return 0;
}

static int read_name(struct json_object *config, const char *id, char *ret_name, struct error *err)
{
	const char *name = json_string(config, "name", NULL);
	char shown[80];

	if (name && !name_valid(name))
		return error_config(err, "config.name",
			"config.name: '%s' is not a name: letters, digits, '_', '.', '-', at most 64, "
			"beginning with a "
			"letter or digit, and not 32 hexadecimal digits",
			escape_text(name, shown, sizeof(shown)));
	snprintf(ret_name, 65, "%s", name ? name : "");
	if (!name)
		snprintf(ret_name, 65, "%.12s", id);
	return 0;
}

/* ---- where from ---- */

static int check_path(const char *field, const char *path, struct error *err)
{
	char shown[128];

	if (path[0] != '/')
		return error_config(err, field, "%s: '%s' is not an absolute path", field,
			escape_text(path, shown, sizeof(shown)));
	if (strlen(path) >= PATH_MAX)
		return error_config(err, field, "%s: the path is too long", field);
	return 0;
}

static int find_image(const char *image, char **ret_path, struct error *err)
{
	char path[PATH_MAX], shown[80];
	struct error ignored;

	if (name_valid(image) && places_image(image, path, &ignored) == 0) {
		*ret_path = strdup(path);
		return 0;
	}
	error_config(err, "config.image", "there is no built-in root file system '%s'",
		escape_text(image, shown, sizeof(shown)));
	return error_hint(err, "built in is busybox; a folder is given by rootfs");
}

static int read_source(
	struct json_object *config, struct bundle *bundle, const char **ret_image, struct error *err)
{
	const char *rootfs = json_string(config, "rootfs", NULL), *image = json_string(config, "image", NULL);
	const char *folder = json_string(config, "bundle", NULL);
	bool direct = strcmp(json_string(config, "rootfs_mode", "overlay"), "direct") == 0;

	if (!!rootfs + !!image + !!folder != 1)
		return error_config(
			err, "config.rootfs", "exactly one of rootfs, image and bundle must be given");
	if (image) {
		if (direct)
			return error_config(
				err, "config.rootfs_mode", "a built-in root file system is never written to");
		*ret_image = image;
		return find_image(image, &bundle->rootfs, err);
	}
	*ret_image = rootfs ? rootfs : folder;
	if (check_path(rootfs ? "config.rootfs" : "config.bundle", *ret_image, err) < 0)
		return -1;
	if (rootfs)
		bundle->rootfs = strdup(rootfs);
	else
		bundle->folder = strdup(folder);
	bundle->direct = direct || folder;
	bundle->lock = direct;
	return 0;
}

static int check_foreign(struct json_object *config, struct error *err)
{
	char field[64];

	for (size_t i = 0; i < sizeof(not_with_bundle) / sizeof(not_with_bundle[0]); i++) {
		if (!json_get(config, not_with_bundle[i]))
			continue;
		snprintf(field, sizeof(field), "config.%s", not_with_bundle[i]);
		return error_config(err, field,
			"%s cannot be given together with a bundle, whose config.json says it", field);
	}
	return 0;
}

int bundle_check_size(const char *file, size_t size, const char *limit, struct error *err)
{
	if (size <= BUNDLE_TEXT_MAX)
		return 0;
	error_set(err, ERROR_LIMIT_EXCEEDED, "its %s would be larger than %d bytes", file, BUNDLE_TEXT_MAX);
	snprintf(err->field, sizeof(err->field), "%s", limit);
	return -1;
}

/* ---- what else shim.json says ---- */

static int read_command(
	struct json_object *config, const char *image, struct json_object **ret_command, struct error *err)
{
	static const char *const keys[] = { "entrypoint", "args" };
	struct json_object *command = json_object_new_array(), *part;

	for (size_t k = 0; k < 2; k++) {
		part = json_get(config, keys[k]);
		for (size_t i = 0; i < json_length(part); i++)
			json_object_array_add(command, json_object_get(json_object_array_get_idx(part, i)));
	}
	*ret_command = command;
	if (json_length(command) == 0 && json_get(config, "image") && strcmp(image, "busybox") == 0)
		json_object_array_add(command, json_object_new_string("sh"));
	if (json_length(command) == 0)
		return error_config(err, "config.args", "no command was given");
	if (json_object_get_string_len(json_object_array_get_idx(command, 0)) == 0)
		return error_config(err, "config.args", "the command is empty");
	return 0;
}

static int read_stop(
	struct json_object *config, const struct config *defaults, struct bundle *bundle, struct error *err)
{
	const char *name = json_string(
		config, "stop_signal", json_flag(config, "systemd", false) ? SYSTEMD_HALT : "SIGTERM");
	int64_t timeout = json_int(config, "stop_timeout_ms", defaults->stop_timeout_ms);
	char shown[64];

	if (signal_parse(name, &bundle->stop_signal) < 0)
		return error_config(err, "config.stop_signal", "config.stop_signal: there is no signal '%s'",
			escape_text(name, shown, sizeof(shown)));
	if (timeout < -1 || timeout > TIMEOUT_MS_MAX)
		return error_config(err, "config.stop_timeout_ms",
			"config.stop_timeout_ms must be -1 or a number of milliseconds up to ten years");
	bundle->stop_timeout_ms = timeout;
	bundle->timeout_ms = json_int(config, "timeout_ms", 0);
	if (json_get(config, "timeout_ms") && (bundle->timeout_ms < 1 || bundle->timeout_ms > TIMEOUT_MS_MAX))
		return error_config(err, "config.timeout_ms",
			"config.timeout_ms must be from 1 millisecond to ten years");
	return 0;
}

static int read_log(
	struct json_object *config, const struct config *defaults, struct bundle *bundle, struct error *err)
{
	int64_t size = json_int(config, "log_max_size", defaults->log_max_size);
	int64_t files = json_int(config, "log_max_files", defaults->log_max_files);

	if (size < 4096)
		return error_config(err, "config.log_max_size", "config.log_max_size must be at least 4096");
	if (files < 1 || files > 1000)
		return error_config(err, "config.log_max_files", "config.log_max_files must be 1 to 1000");
	bundle->log = strcmp(json_string(config, "log", "file"), "file") == 0;
	bundle->log_max_size = size;
	bundle->log_max_files = (uint32_t) files;
	return 0;
}

/* As host names are (hostname(7)), and what people use besides: '_'. */
static int check_hostname(const char *field, const char *name, struct error *err)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	char shown[80];

	if (strlen(name) > HOSTNAME_MAX)
		return error_config(err, field, "%s is longer than %d bytes", field, HOSTNAME_MAX);
	for (const char *p = name; *p; p++)
		if (!strchr(letters, *p) && (p == name || !strchr("-._", *p)))
			return error_config(err, field, "%s: '%s' is not a host name", field,
				escape_text(name, shown, sizeof(shown)));
	return name[0] ? 0 : error_config(err, field, "%s is empty", field);
}

static int check_length(const char *field, const char *text, struct error *err)
{
	if (!text[0] || strlen(text) > TEXT_MAX)
		return error_config(err, field, "%s must have 1 to %d bytes", field, TEXT_MAX);
	return 0;
}

static int check_texts(struct json_object *config, struct error *err)
{
	const char *user = json_string(config, "user", NULL),
		   *hostname = json_string(config, "hostname", NULL),
		   *domainname = json_string(config, "domainname", NULL);
	struct json_object *groups = json_get(config, "groups");
	char field[64];

	if ((user && check_length("config.user", user, err) < 0) ||
		(hostname && check_hostname("config.hostname", hostname, err) < 0) ||
		(domainname && check_hostname("config.domainname", domainname, err) < 0))
		return -1;
	for (size_t i = 0; i < json_length(groups); i++) {
		snprintf(field, sizeof(field), "config.groups[%zu]", i);
		if (check_length(field, json_object_get_string(json_object_array_get_idx(groups, i)), err) <
			0)
			return -1;
	}
	return 0;
}

static int read_limits(struct json_object *config, struct bundle *bundle, struct error *err)
{
	static const char field[] = "config.cgroup_parent";
	const char *parent = json_string(config, "cgroup_parent", NULL);

	if (resources_read(json_get(config, "resources"), "config.resources", &bundle->limits, err) < 0)
		return -1;
	bundle->has_limits = true;
	if (!parent)
		return 0;
	if (cgroup_parent_check(parent, err) < 0) {
		snprintf(err->field, sizeof(err->field), "%s", field);
		return error_wrap(err, "%s", field);
	}
	bundle->cgroup_parent = strdup(parent);
	if (!bundle->cgroup_parent)
		abort();
	return 0;
}

/* The text of what has been gathered. Fields are only ever added. */
static void write_shim(struct bundle *bundle, struct json_object *config, const char *image,
	struct json_object *command, struct json_object *devices)
{
	struct json_object *obj = json_object_new_object(), *labels = json_get(config, "labels"), *groups;
	char signal_text[16];

	json_add_int(obj, "version", 1);
	json_add_string(obj, "id", bundle->id);
	json_add_string(obj, "image", image);
	json_add_string(obj, "rootfs", bundle->rootfs);
	json_add_string(obj, "rootfs_mode", bundle->direct ? "direct" : "overlay");
	json_add_bool(obj, "rootfs_lock", bundle->lock);
	json_add_string(obj, "bundle", bundle->folder);
	json_add(obj, "command", json_object_get(command));
	json_add_string(obj, "user", json_string(config, "user", NULL));
	groups = json_get(config, "groups");
	json_add(obj, "groups", groups ? json_object_get(groups) : json_object_new_array());
	json_add_bool(obj, "init", json_flag(config, "init", false));
	json_add(obj, "devices", json_object_get(devices));
	json_add_bool(obj, "open_stdin", bundle->open_stdin);
	json_add_bool(obj, "terminal", bundle->terminal);
	json_add_string(obj, "log", bundle->log ? "file" : "none");
	json_add_int(obj, "log_max_size", bundle->log_max_size);
	json_add_int(obj, "log_max_files", bundle->log_max_files);
	json_add_string(obj, "stop_signal", signal_format(bundle->stop_signal, signal_text));
	json_add_int(obj, "stop_timeout_ms", bundle->stop_timeout_ms);
	if (bundle->timeout_ms > 0)
		json_add_int(obj, "timeout_ms", bundle->timeout_ms);
	if (bundle->trace)
		json_add_bool(obj, "trace", true);
	json_add_bool(obj, "remove", bundle->transient);
	json_add_string(obj, "cgroup_parent", bundle->cgroup_parent);
	json_add_bool(obj, "cgroup_rw", bundle->cgroup_rw);
	json_add(obj, "namespaces", namespaces_format(&bundle->namespaces));
	json_add(obj, "labels", labels ? json_object_get(labels) : json_object_new_object());
	json_add_time(obj, "created_at", bundle->created_ns);
	json_put(&bundle->shim_json);
	bundle->shim_json = obj;
	free(bundle->shim);
	bundle->shim = strdup(json_text(obj, &bundle->shim_size));
	if (!bundle->shim)
		abort();
}

int bundle_build(struct json_object *config, const struct config *defaults, struct bundle *ret_bundle,
	char *ret_name, struct error *err)
{
	_cleanup_bundle_ struct bundle bundle = { .created_ns = clock_realtime_ns() };
	_cleanup_json_ struct json_object *command = NULL, *devices = NULL;
	const char *image = NULL;
	char hostname[HOSTNAME_MAX + 1];

	if (read_id(config, bundle.id, err) < 0 || read_name(config, bundle.id, ret_name, err) < 0 ||
		check_texts(config, err) < 0 || read_source(config, &bundle, &image, err) < 0 ||
		read_stop(config, defaults, &bundle, err) < 0 ||
		read_log(config, defaults, &bundle, err) < 0 || read_limits(config, &bundle, err) < 0 ||
		bundle_read_devices(config, &devices, err) < 0 ||
		namespaces_read(config, &bundle.namespaces, err) < 0)
		return -1;
	bundle.transient = json_flag(config, "remove", false);
	bundle.trace = json_flag(config, "trace", false);
	bundle.open_stdin = json_flag(config, "open_stdin", false);
	bundle.cgroup_rw = json_flag(config, "cgroup_rw", json_flag(config, "systemd", false));
	bundle.terminal = json_flag(config, "terminal", false);
	if (bundle.folder) {
		if (check_foreign(config, err) < 0)
			return -1;
		command = json_object_new_array(); /* until bundle_read_config */
	} else {
		if (read_command(config, image, &command, err) < 0)
			return -1;
		/* Who has the host's network has its name, as programs look it up. */
		if (!(bundle.namespaces.shared & (CLONE_NEWUTS | CLONE_NEWNET)) ||
			bundle.namespaces.joined[NAMESPACE_NETWORK][0] ||
			gethostname(hostname, sizeof(hostname)) < 0)
			snprintf(hostname, sizeof(hostname), "%.12s", bundle.id);
		bundle.config = bundle_oci_text(config, bundle.rootfs, command,
			json_string(config, "hostname", hostname), &bundle.namespaces, &bundle.limits, err);
		if (!bundle.config)
			return -1;
		bundle.config_size = strlen(bundle.config);
	}
	write_shim(&bundle, config, image, command, devices);
	if (bundle_check_size("shim.json", bundle.shim_size, "config", err) < 0)
		return -1;
	*ret_bundle = bundle;
	bundle = (struct bundle) { 0 };
	return 0;
}
