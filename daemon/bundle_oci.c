/* bundle_oci.c - a request's Config as an OCI config.json: defaults and what the user wants instead of them.
 */
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/parse.h"
#include "daemon/bundle.h"
#include "daemon/bundle_devices.h"
#include "daemon/ulimits.h"
#include "runtime/defaults.h"
#include "runtime/spec.h"
#include "runtime/start.h"

#define ENV_MAX	      2048
#define MOUNTS_MAX    512
#define BIND_OPTIONS  2 /* that a mount of the user's gets before his own */
#define TMPFS_OPTIONS 3

static const char *item(struct json_object *array, size_t i)
{
	return json_object_get_string(json_object_array_get_idx(array, i));
}

static struct json_object *text_array(const char *const *texts)
{
	struct json_object *array = json_object_new_array();

	for (; *texts; texts++)
		json_object_array_add(array, json_object_new_string(*texts));
	return array;
}

/* ---- environment ---- */

static bool same_key(const char *a, const char *b)
{
	size_t size = strcspn(a, "=");

	return strncmp(a, b, size) == 0 && b[size] == '=';
}

/* In place of one with the same key, else at the end. */
static void env_set(struct json_object *env, const char *entry)
{
	size_t n = json_length(env), i = 0;

	while (i < n && !same_key(entry, item(env, i)))
		i++;
	json_object_array_put_idx(env, i, json_object_new_string(entry));
}

static int add_env(
	struct json_object *process, struct json_object *config, const char *hostname, struct error *err)
{
	struct json_object *env = text_array(default_env), *wanted = json_get(config, "env");
	char entry[512], shown[64], field[40];

	json_add(process, "env", env);
	snprintf(entry, sizeof(entry), "HOSTNAME=%s", hostname);
	env_set(env, entry);
	if (json_flag(config, "terminal", false))
		env_set(env, "TERM=xterm");
	if (json_flag(config, "systemd", false))
		env_set(env, "container=containerd-lite");
	if (json_length(wanted) > ENV_MAX)
		return error_config(err, "config.env", "config.env has more than %d entries", ENV_MAX);
	for (size_t i = 0; i < json_length(wanted); i++) {
		const char *text = item(wanted, i);

		if (text[0] == '=' || !strchr(text, '=')) {
			snprintf(field, sizeof(field), "config.env[%zu]", i);
			return error_config(err, field, "%s: '%s' is not KEY=value", field,
				escape_text(text, shown, sizeof(shown)));
		}
		env_set(env, text);
	}
	return 0;
}

/* ---- capabilities ---- */

static int read_capabilities(
	struct json_object *config, const char *key, uint64_t *ret_mask, bool *ret_all, struct error *err)
{
	struct json_object *names = json_get(config, key);
	char field[80], shown[64];

	*ret_mask = 0;
	*ret_all = false;
	for (size_t i = 0; i < json_length(names); i++) {
		const char *name = item(names, i);
		int capability;

		if (strcasecmp(name, "ALL") == 0) {
			*ret_all = true;
		} else if (capability_parse(name, &capability) < 0) {
			snprintf(field, sizeof(field), "config.%s[%zu]", key, i);
			return error_config(err, field, "%s: there is no capability '%s'", field,
				escape_text(name, shown, sizeof(shown)));
		} else {
			*ret_mask |= UINT64_C(1) << capability;
		}
	}
	return 0;
}

static int add_capabilities(struct json_object *process, struct json_object *config, struct error *err)
{
	static const char *const sets[] = { "bounding", "effective", "permitted" };
	static const char *const empty[] = { "inheritable", "ambient" };
	struct json_object *object = json_object_new_object();
	uint64_t add, drop, mask = default_capabilities;
	bool add_all, drop_all;

	json_add(process, "capabilities", object);
	if (read_capabilities(config, "capabilities_add", &add, &add_all, err) < 0 ||
		read_capabilities(config, "capabilities_drop", &drop, &drop_all, err) < 0)
		return -1;
	if (add_all || (json_flag(config, "privileged", false) && !drop_all))
		mask = (UINT64_C(2) << CAP_LAST_CAP) - 1;
	else if (drop_all)
		mask = 0;
	mask = (mask & ~drop) | add;
	for (size_t s = 0; s < sizeof(sets) / sizeof(sets[0]); s++) {
		struct json_object *names = json_object_new_array();

		for (int i = 0; i <= CAP_LAST_CAP; i++)
			if (mask >> i & 1 && capability_name(i))
				json_object_array_add(names, json_object_new_string(capability_name(i)));
		json_add(object, sets[s], names);
	}
	for (size_t s = 0; s < sizeof(empty) / sizeof(empty[0]); s++)
		json_add(object, empty[s], json_object_new_array());
	return 0;
}

/* ---- process ---- */

static int add_process(struct json_object *root, struct json_object *config, struct json_object *command,
	const char *hostname, struct error *err)
{
	struct json_object *process = json_object_new_object(), *user = json_object_new_object();
	const char *cwd = json_string(config, "cwd", "/");
	char shown[128];

	json_add(root, "process", process);
	json_add_bool(process, "terminal", json_flag(config, "terminal", false));
	/* A user by name is in shim.json: only inside the container can it be looked up. */
	json_add_int(user, "uid", 0);
	json_add_int(user, "gid", 0);
	json_add(process, "user", user);
	json_add(process, "args", json_object_get(command));
	if (add_env(process, config, hostname, err) < 0)
		return -1;
	if (cwd[0] != '/')
		return error_config(err, "config.cwd", "config.cwd: '%s' is not an absolute path",
			escape_text(cwd, shown, sizeof(shown)));
	json_add_string(process, "cwd", cwd);
	if (add_capabilities(process, config, err) < 0)
		return -1;
	if (ulimits_add(process, json_get(config, "ulimits"), err) < 0)
		return -1;
	if (json_get(config, "oom_score_adj"))
		json_add_int(process, "oomScoreAdj", json_int(config, "oom_score_adj", 0));
	json_add_bool(process, "noNewPrivileges",
		json_flag(config, "no_new_privileges", !json_flag(config, "privileged", false)));
	return 0;
}

/* ---- mounts ---- */

static bool is_target(struct json_object *mounts, const char *path)
{
	for (size_t i = 0; i < json_length(mounts); i++) {
		const char *target = json_string(json_object_array_get_idx(mounts, i), "target", "");
		size_t size = strlen(target);

		while (size > 1 && target[size - 1] == '/')
			size--;
		if (strlen(path) == size && strncmp(target, path, size) == 0)
			return true;
	}
	return false;
}

static struct json_object *mount_new(const char *destination, const char *type, const char *source)
{
	struct json_object *mount = json_object_new_object();

	json_add_string(mount, "destination", destination);
	json_add_string(mount, "type", type);
	json_add_string(mount, "source", source);
	json_add(mount, "options", json_object_new_array());
	return mount;
}

static void add_option(struct json_object *mount, const char *option, size_t size)
{
	json_object_array_add(json_get(mount, "options"), json_object_new_string_len(option, (int) size));
}

/* A default mount's options, of which two may be the user's: what is read-only is not so where everything is
 * allowed (nor are the cgroups of a container that makes its own), and /dev/shm has the size that was asked
 * for. */
static void add_default_options(
	struct json_object *mount, const struct default_mount *m, struct json_object *config)
{
	bool writable = json_flag(config, "privileged", false) ||
			(strcmp(m->type, "cgroup") == 0 &&
				json_flag(config, "cgroup_rw", json_flag(config, "systemd", false)));
	bool sized = strcmp(m->destination, "/dev/shm") == 0 && json_get(config, "shm_size");
	char size_text[40];

	for (const char *p = m->options; *p;) {
		size_t size = strcspn(p, ",");

		if (!(writable && size == 2 && strncmp(p, "ro", 2) == 0) &&
			!(sized && strncmp(p, "size=", 5) == 0))
			add_option(mount, p, size);
		p += size + (p[size] == ',');
	}
	if (sized)
		add_option(mount, size_text,
			(size_t) snprintf(size_text, sizeof(size_text), "size=%jd",
				(intmax_t) json_int(config, "shm_size", 0)));
}

/* Those of the table, in its order, but for a place that the user mounts something of his own on. */
static void add_table(struct json_object *mounts, const struct default_mount *table,
	struct json_object *wanted, struct json_object *config)
{
	for (const struct default_mount *m = table; m->destination; m++) {
		struct json_object *mount;

		if (is_target(wanted, m->destination) && strcmp(m->destination, "/proc") != 0)
			continue;
		mount = mount_new(m->destination, m->type, m->source);
		add_default_options(mount, m, config);
		json_object_array_add(mounts, mount);
	}
}

/* /dev/shm goes with the ipc namespace: where that is not its own, neither is this. */
static void share_memory(struct json_object *mounts, const struct namespaces *ns)
{
	static const char *const options[] = { "rbind", "rprivate", "nosuid", "noexec", "nodev", NULL };
	const char *id = ns->joined[NAMESPACE_IPC];
	char source[80];

	for (size_t i = 0; ns->shared & CLONE_NEWIPC && i < json_length(mounts); i++) {
		struct json_object *mount = json_object_array_get_idx(mounts, i);

		if (strcmp(json_string(mount, "destination", ""), SHARED_MEMORY) != 0)
			continue;
		snprintf(source, sizeof(source), "%s%s" SHARED_MEMORY, id[0] ? NAMESPACE_OF_CONTAINER : "",
			id);
		json_add_string(mount, "type", "bind");
		json_add_string(mount, "source", source);
		json_add(mount, "options", text_array(options));
	}
}

static bool is_bind(struct json_object *wanted)
{
	return strcmp(json_string(wanted, "kind", ""), "bind") == 0;
}

static int add_mount(struct json_object *mounts, struct json_object *wanted, size_t i, struct error *err)
{
	const char *kind = json_string(wanted, "kind", ""), *source = json_string(wanted, "source", NULL);
	const char *target = json_string(wanted, "target", "");
	struct json_object *options = json_get(wanted, "options"), *mount;
	bool bind = is_bind(wanted);
	char field[64], shown[128];

	snprintf(field, sizeof(field), "config.mounts[%zu].%s", i, target[0] != '/' ? "target" : "source");
	if (target[0] != '/')
		return error_config(err, field, "%s: '%s' is not an absolute path", field,
			escape_text(target, shown, sizeof(shown)));
	if (bind && (!source || source[0] != '/'))
		return error_config(err, field, "%s: '%s' is not an absolute path", field,
			escape_text(source ? source : "", shown, sizeof(shown)));
	if (!bind && source)
		return error_config(err, field, "%s: a tmpfs has no source", field);
	mount = mount_new(target, kind, bind ? source : "tmpfs");
	json_object_array_add(mounts, mount);
	if (bind) {
		/* With what is mounted below it, and nothing of what is mounted later on either side. */
		add_option(mount, "rbind", 5);
		add_option(mount, "rprivate", 8);
	} else {
		/* Docker's defaults. */
		add_option(mount, "nosuid", 6);
		add_option(mount, "nodev", 5);
		add_option(mount, "noexec", 6);
	}
	for (size_t o = 0; o < json_length(options); o++)
		add_option(mount, item(options, o), strlen(item(options, o)));
	return 0;
}

static int check_shm_size(struct json_object *config, struct error *err)
{
	static const char field[] = "config.shm_size";

	if (!json_get(config, "shm_size"))
		return 0;
	if (json_int(config, "shm_size", 0) <= 0)
		return error_config(err, field, "%s must be more than 0", field);
	if (is_target(json_get(config, "mounts"), "/dev/shm"))
		return error_config(err, field, "%s: something else is mounted on /dev/shm", field);
	return 0;
}

static int add_mounts(struct json_object *root, struct json_object *config, const struct namespaces *ns,
	size_t *ret_defaults, struct error *err)
{
	struct json_object *mounts = json_object_new_array(), *wanted = json_get(config, "mounts");

	json_add(root, "mounts", mounts);
	if (json_length(wanted) > MOUNTS_MAX)
		return error_config(
			err, "config.mounts", "config.mounts has more than %d entries", MOUNTS_MAX);
	if (check_shm_size(config, err) < 0)
		return -1;
	add_table(mounts, default_mounts, wanted, config);
	share_memory(mounts, ns);
	if (json_flag(config, "systemd", false))
		add_table(mounts, systemd_mounts, wanted, config);
	*ret_defaults = json_length(mounts);
	for (size_t i = 0; i < json_length(wanted); i++)
		if (add_mount(mounts, json_object_array_get_idx(wanted, i), i, err) < 0)
			return -1;
	return 0;
}

/* ---- the whole ---- */

static int add_linux(struct json_object *root, struct json_object *config, const struct namespaces *ns,
	const struct limits *limits, struct error *err)
{
	struct json_object *linux_ = json_object_new_object(), *resources = json_object_new_object();

	json_add(linux_, "namespaces", namespaces_oci(ns));
	if (limits->n > 0)
		json_add(resources, "unified", limits_unified(limits));
	json_add(linux_, "resources", resources);
	if (!json_flag(config, "privileged", false)) {
		json_add(linux_, "maskedPaths", text_array(default_masked_paths));
		json_add(linux_, "readonlyPaths", text_array(default_readonly_paths));
	}
	if (json_get(config, "sysctls"))
		json_add(linux_, "sysctl", json_object_get(json_get(config, "sysctls")));
	json_add(root, "linux", linux_);
	return bundle_add_device_rules(resources, config, err);
}

/* "mounts[9].options[2]" of config.json as the Config's "config.mounts[0].options[0]"; *ret_size is how much
 * of it has been translated. -1: it is none of the user's mounts. */
static int translate_mount(
	const char *field, struct json_object *wanted, size_t defaults, char place[64], size_t *ret_size)
{
	static const char begin[] = "mounts[", options[] = "].options[";
	const char *p = field + sizeof(begin) - 1;
	uint64_t mount, option, own;
	char number[24];

	if (strncmp(field, begin, sizeof(begin) - 1) != 0)
		return -1;
	snprintf(number, sizeof(number), "%.*s", (int) strcspn(p, "]"), p);
	if (parse_u64(number, SIZE_MAX, &mount) < 0 || mount < defaults)
		return -1;
	p += strlen(number);
	snprintf(place, 64, "config.mounts[%zu]", (size_t) mount - defaults);
	*ret_size = (size_t) (p + 1 - field);
	if (strncmp(p, options, sizeof(options) - 1) != 0)
		return 0;
	p += sizeof(options) - 1;
	snprintf(number, sizeof(number), "%.*s", (int) strcspn(p, "]"), p);
	own = is_bind(json_object_array_get_idx(wanted, (size_t) mount - defaults)) ? BIND_OPTIONS
										    : TMPFS_OPTIONS;
	if (parse_u64(number, SIZE_MAX, &option) < 0 || option < own)
		return 0;
	snprintf(place, 64, "config.mounts[%zu].options[%zu]", (size_t) mount - defaults,
		(size_t) (option - own));
	*ret_size = (size_t) (p + strlen(number) + 1 - field);
	return 0;
}

/* The runtime speaks of config.json; the user wrote a Config. */
static void translate(struct error *err, struct json_object *wanted, size_t defaults)
{
	static const struct {
		const char *from, *to;
	} prefixes[] = {
		{ "process.oomScoreAdj", "config.oom_score_adj" },
		{ "process.rlimits", "config.ulimits" },
		{ "process.", "config." },
		{ "linux.sysctl", "config.sysctls" },
		{ "hostname", "config.hostname" },
		{ "root.path", "config.rootfs" },
	};
	static const char file[] = "config.json: ";
	const char *text = err->msg;
	char place[64] = "", msg[sizeof(err->msg)], field[sizeof(err->field) + sizeof(place)];
	size_t size = 0;

	if (strncmp(text, file, sizeof(file) - 1) == 0)
		text += sizeof(file) - 1;
	translate_mount(err->field, wanted, defaults, place, &size);
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]) && !place[0]; i++)
		if (strncmp(err->field, prefixes[i].from, strlen(prefixes[i].from)) == 0) {
			size = strlen(prefixes[i].from);
			snprintf(place, sizeof(place), "%s", prefixes[i].to);
		}
	if (!place[0])
		return;
	if (strncmp(text, err->field, size) == 0)
		snprintf(msg, sizeof(msg), "%s%.*s", place, (int) (sizeof(msg) - sizeof(place)), text + size);
	else
		snprintf(msg, sizeof(msg), "%s", text);
	snprintf(field, sizeof(field), "%s%s", place, err->field + size);
	memcpy(err->msg, msg, sizeof(msg));
	snprintf(err->field, sizeof(err->field), "%.*s", (int) sizeof(err->field) - 1, field);
}

char *bundle_oci_text(struct json_object *config, const char *rootfs, struct json_object *command,
	const char *hostname, const struct namespaces *ns, const struct limits *limits, struct error *err)
{
	_cleanup_json_ struct json_object *root = json_object_new_object();
	struct json_object *root_fs = json_object_new_object();
	size_t defaults = 0, size;
	const char *text;

	json_add_string(root, "ociVersion", "1.0.2");
	if (add_process(root, config, command, hostname, err) < 0)
		return json_object_put(root_fs), NULL;
	json_add_string(root_fs, "path", rootfs);
	json_add_bool(root_fs, "readonly", json_flag(config, "read_only", false));
	json_add(root, "root", root_fs);
	if (!(ns->shared & CLONE_NEWUTS))
		json_add_string(root, "hostname", hostname);
	json_add_string(root, "domainname", json_string(config, "domainname", NULL));
	if (add_mounts(root, config, ns, &defaults, err) < 0)
		return NULL;
	if (add_linux(root, config, ns, limits, err) < 0)
		return NULL;
	text = json_text(root, &size);
	if (bundle_check_size("config.json", size, "config", err) < 0)
		return NULL;
	/* The same reader that the start uses: what it would refuse then is told now. */
	if (start_check_config(text, size, err) < 0) {
		translate(err, json_get(config, "mounts"), defaults);
		return NULL;
	}
	return strdup(text);
}
