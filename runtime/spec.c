#include "runtime/spec.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "common/control.h"
#include "common/error.h"
#include "common/json.h"
#include "common/parse.h"
#include "runtime/limits.h"
#include "runtime/namespaces.h"
#include "runtime/spec_process.h"
#include "runtime/sysctl.h"

#define ROWS(table)  table, sizeof table / sizeof *table
#define HOSTNAME_MAX 64 /* uname(2) */

/* ---- root, names ---- */

static int take_version(void *target, const struct field *f, struct error *err)
{
	(void) target;
	if (strncmp(json_object_get_string(f->value), "1.", 2) != 0)
		return field_invalid(f, err, "must be 1.x");
	return 0;
}

static int take_root_path(void *target, const struct field *f, struct error *err)
{
	return field_string(f, &((struct spec *) target)->root_path, err);
}

static int take_root_readonly(void *target, const struct field *f, struct error *err)
{
	(void) err;
	((struct spec *) target)->root_readonly = json_object_get_boolean(f->value);
	return 0;
}

static int take_root(void *target, const struct field *f, struct error *err)
{
	static const struct field_row rows[] = {
		{ "path", FIELD_TAKE, json_type_string, take_root_path },
		{ "readonly", FIELD_TAKE, json_type_boolean, take_root_readonly },
	};
	return fields_read(target, f, ROWS(rows), err);
}

static int read_host_name(const struct field *f, const char **ret_name, struct error *err)
{
	if (json_object_get_string_len(f->value) > HOSTNAME_MAX)
		return field_invalid(f, err, "is longer than 64 bytes");
	*ret_name = json_object_get_string(f->value);
	return 0;
}

static int take_hostname(void *target, const struct field *f, struct error *err)
{
	return read_host_name(f, &((struct spec *) target)->hostname, err);
}

static int take_domainname(void *target, const struct field *f, struct error *err)
{
	return read_host_name(f, &((struct spec *) target)->domainname, err);
}

/* ---- mounts ---- */

static bool has_option(const struct strings *options, const char *name)
{
	for (size_t i = 0; i < options->n; i++)
		if (strcmp(options->v[i], name) == 0)
			return true;
	return false;
}

/* Whether path is dir or lies below it; both are simple. */
static bool at_or_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);
	return strncmp(path, dir, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* What lies on /proc and /sys decides what our masks and the program's look at itself mean: nothing but the
 * kernel's own file systems may come there. */
static int check_target(const struct mount *m, const struct field *f, struct error *err)
{
	if (strcmp(m->target, "/") == 0)
		return field_invalid(f, err, "is the root itself");
	bool in_proc = at_or_below(m->target, "/proc"), in_sys = at_or_below(m->target, "/sys");
	bool own = (m->kind == MOUNT_PROC && strcmp(m->target, "/proc") == 0) ||
		   (m->kind == MOUNT_SYSFS && strcmp(m->target, "/sys") == 0) ||
		   (m->kind == MOUNT_CGROUP && strcmp(m->target, "/sys/fs/cgroup") == 0);
	if (in_proc && !own)
		return field_invalid(f, err, "is /proc or below it: nothing can be mounted there");
	if (in_sys && !own)
		return field_invalid(f, err, "is /sys or below it: nothing can be mounted there");
	return 0;
}

static int read_mount_kind(
	struct mount *m, const struct field *f, const struct strings *options, struct error *err)
{
	struct field type;
	const char *name = "none";
	if (field_member(f, "type", &type) == 0 && field_string(&type, &name, err) < 0)
		return -1;
	/* OCI: with "bind" or "rbind" among the options the type is whatever. */
	if (has_option(options, "bind") || has_option(options, "rbind"))
		m->kind = MOUNT_BIND;
	else if (mount_kind_parse(name, &m->kind) < 0) {
		error_set(err, ERROR_NOT_SUPPORTED, "config.json: %s: a mount of type '%s' is not supported",
			f->path, name);
		snprintf(err->field, sizeof err->field, "%.100s.type", f->path);
		return -1;
	}
	return 0;
}

/* "container:<id>/dev/shm", the one place that is another container's: see runtime/mounts.c. */
bool mount_is_joined(const struct mount *m)
{
	size_t n = strlen(NAMESPACE_OF_CONTAINER);
	char id[ID_TEXT_SIZE];
	if (m->kind != MOUNT_BIND || m->source == NULL || strncmp(m->source, NAMESPACE_OF_CONTAINER, n) != 0)
		return false;
	snprintf(id, sizeof id, "%s", m->source + n);
	return id_valid(id) && strcmp(m->source + n + strlen(id), SHARED_MEMORY) == 0;
}

static int read_mount(struct mount *m, const struct field *f, struct strings *options, struct error *err)
{
	static const struct field_row rows[] = {
		{ "destination", FIELD_IGNORE }, /* these four are read below, in their order */
		{ "type", FIELD_IGNORE },
		{ "source", FIELD_IGNORE },
		{ "options", FIELD_IGNORE },
		{ "uidMappings", FIELD_REFUSE },
		{ "gidMappings", FIELD_REFUSE },
	};
	struct field destination, source, list = *f;
	if (fields_read(m, f, ROWS(rows), err) < 0)
		return -1;
	if (field_member(f, "options", &list) == 0 && field_strings(&list, options, err) < 0)
		return -1;
	if (field_member(f, "destination", &destination) < 0)
		return field_invalid(f, err, "must have a destination");
	if (field_path(&destination, &m->destination, err) < 0 || read_mount_kind(m, f, options, err) < 0)
		return -1;
	m->target = path_simplify(m->destination);
	if (field_member(f, "source", &source) == 0) {
		if (field_string(&source, &m->source, err) < 0)
			return -1;
		if (m->kind == MOUNT_BIND && m->source[0] != '/' && !mount_is_joined(m))
			return field_invalid(&source, err, "must be an absolute path");
	} else if (m->kind == MOUNT_BIND) {
		return field_invalid(f, err, "must have a source");
	}
	if (check_target(m, &destination, err) < 0)
		return -1;
	return mount_options_read(m, options, &list, err);
}

static int take_mount(void *target, const struct field *f, struct error *err)
{
	struct spec *spec = target;
	struct strings options = { 0 };
	int result = read_mount(&spec->mounts[spec->n_mounts++], f, &options, err);
	strings_free(&options);
	return result;
}

static int take_mounts(void *target, const struct field *f, struct error *err)
{
	struct spec *spec = target;
	size_t n = json_object_array_length(f->value);
	if (n > SPEC_MOUNTS_MAX)
		return field_invalid(f, err, "are too many");
	spec->mounts = fields_alloc(n, sizeof *spec->mounts);
	return fields_each(spec, f, json_type_object, take_mount, err);
}

/* ---- linux ---- */

/* "container:" and an id. */
static int check_joined(const char *path, enum namespace kind, const struct field *f, struct error *err)
{
	if (strncmp(path, NAMESPACE_OF_CONTAINER, strlen(NAMESPACE_OF_CONTAINER)) != 0)
		return field_unsupported(f->path, err);
	if (kind >= NAMESPACES_JOINED || !id_valid(path + strlen(NAMESPACE_OF_CONTAINER)))
		return field_invalid(f, err, "must be 'container:' and an id, of type pid, ipc or network");
	return 0;
}

static int take_namespace(void *target, const struct field *f, struct error *err)
{
	struct spec *spec = target;
	struct field type, path;
	const char *name;
	char feature[FIELD_PATH];
	int i = 0;
	if (field_member(f, "type", &type) < 0)
		return field_invalid(f, err, "must have a type");
	if (field_string(&type, &name, err) < 0)
		return -1;
	while (i < NAMESPACES && strcmp(namespace_kinds[i].type, name) != 0)
		i++;
	if (i == NAMESPACES) {
		snprintf(feature, sizeof feature, "a namespace of type '%.40s'", name);
		return field_unsupported(feature, err);
	}
	if (field_member(f, "path", &path) == 0 && json_object_get_string_len(path.value) != 0) {
		if (check_joined(json_object_get_string(path.value), (enum namespace) i, &path, err) < 0)
			return -1;
		spec->joined |= namespace_kinds[i].flag;
		return 0;
	}
	spec->namespaces |= namespace_kinds[i].flag;
	return 0;
}

static int take_namespaces(void *target, const struct field *f, struct error *err)
{
	return fields_each(target, f, json_type_object, take_namespace, err);
}

static int take_propagation(void *target, const struct field *f, struct error *err)
{
	const char *name = json_object_get_string(f->value);
	struct spec *spec = target;
	if (strcmp(name, "slave") == 0 || strcmp(name, "rslave") == 0)
		spec->root_propagation = MS_SLAVE;
	else if (strcmp(name, "private") != 0 && strcmp(name, "rprivate") != 0 && name[0] != '\0')
		return field_unsupported("linux.rootfsPropagation other than private and slave", err);
	return 0;
}

static int take_resources(void *target, const struct field *f, struct error *err)
{
	struct field devices;
	if (field_member(f, "devices", &devices) == 0) {
		if (!json_object_is_type(devices.value, json_type_array))
			return field_invalid(&devices, err, "must be a list");
		if (spec_take_device_rules(target, &devices, err) < 0)
			return -1;
	}
	return limits_read(f, &((struct spec *) target)->limits, err);
}

static int take_sysctls(void *target, const struct field *f, struct error *err)
{
	struct spec *spec = target;
	json_object_object_foreach (f->value, key, value) {
		if (!json_object_is_type(value, json_type_string))
			return field_invalid(f, err, "must be an object of strings");
		struct spec_sysctl sysctl = { key, json_object_get_string(value) };
		const char *why = sysctl_check(sysctl.key, sysctl.value);
		char shown[128];
		if (why != NULL)
			return error_config(err, f->path, "config.json: %s: '%s' %s", f->path,
				escape_text(key, shown, sizeof shown), why);
		if (spec->n_sysctls == SPEC_SYSCTLS_MAX)
			return field_invalid(f, err, "has too many entries");
		spec->sysctls[spec->n_sysctls++] = sysctl;
	}
	return 0;
}

static int read_paths(const struct field *f, struct strings *ret_paths, struct error *err)
{
	if (field_strings(f, ret_paths, err) < 0)
		return -1;
	if (ret_paths->n > SPEC_PATHS_MAX)
		return field_invalid(f, err, "are too many");
	for (size_t i = 0; i < ret_paths->n; i++)
		if (ret_paths->v[i][0] != '/')
			return field_invalid(f, err, "must be absolute paths");
	return 0;
}

static int take_masked_paths(void *target, const struct field *f, struct error *err)
{
	return read_paths(f, &((struct spec *) target)->masked_paths, err);
}

static int take_readonly_paths(void *target, const struct field *f, struct error *err)
{
	return read_paths(f, &((struct spec *) target)->readonly_paths, err);
}

static int take_linux(void *target, const struct field *f, struct error *err)
{
	static const struct field_row rows[] = {
		{ "namespaces", FIELD_TAKE, json_type_array, take_namespaces },
		{ "resources", FIELD_TAKE, json_type_object, take_resources },
		{ "cgroupsPath", FIELD_IGNORE }, /* the caller chooses the cgroup */
		{ "sysctl", FIELD_TAKE, json_type_object, take_sysctls },
		{ "maskedPaths", FIELD_TAKE, json_type_array, take_masked_paths },
		{ "readonlyPaths", FIELD_TAKE, json_type_array, take_readonly_paths },
		{ "rootfsPropagation", FIELD_TAKE, json_type_string, take_propagation },
		{ "devices", FIELD_TAKE, json_type_array, spec_take_devices },
		{ "seccomp", FIELD_REFUSE },
		{ "uidMappings", FIELD_REFUSE },
		{ "gidMappings", FIELD_REFUSE },
		{ "timeOffsets", FIELD_REFUSE },
		{ "mountLabel", FIELD_REFUSE },
		{ "intelRdt", FIELD_REFUSE },
		{ "personality", FIELD_REFUSE },
		{ "memoryPolicy", FIELD_REFUSE },
		{ "netDevices", FIELD_REFUSE },
	};
	return fields_read(target, f, ROWS(rows), err);
}

/* ---- the whole ---- */

static const struct field_row config_rows[] = {
	{ "ociVersion", FIELD_TAKE, json_type_string, take_version },
	{ "process", FIELD_TAKE, json_type_object, spec_take_process },
	{ "root", FIELD_TAKE, json_type_object, take_root },
	{ "hostname", FIELD_TAKE, json_type_string, take_hostname },
	{ "domainname", FIELD_TAKE, json_type_string, take_domainname },
	{ "mounts", FIELD_TAKE, json_type_array, take_mounts },
	{ "linux", FIELD_TAKE, json_type_object, take_linux },
	{ "annotations", FIELD_IGNORE }, /* other people's notes: no code path may read them */
	{ "hooks", FIELD_REFUSE },
	{ "windows", FIELD_REFUSE },
	{ "solaris", FIELD_REFUSE },
	{ "vm", FIELD_REFUSE },
	{ "zos", FIELD_REFUSE },
	{ "freebsd", FIELD_REFUSE },
};

static int check_whole(const struct spec *spec, struct error *err)
{
	uint32_t of_host = NAMESPACE_FLAGS & ~spec->namespaces & ~spec->joined;
	if (spec->args.n == 0)
		return error_config(err, "process.args", "config.json: process.args is missing");
	if (spec->cwd == NULL)
		return error_config(err, "process.cwd", "config.json: process.cwd is missing");
	if (of_host & CLONE_NEWNS)
		return field_unsupported("sharing the host's mount namespace", err);
	if (of_host & CLONE_NEWUTS && (spec->hostname != NULL || spec->domainname != NULL)) {
		const char *field = spec->hostname != NULL ? "hostname" : "domainname";
		return error_config(err, field,
			"config.json: %s: with the host's uts namespace the name is the host's", field);
	}
	for (size_t i = 0; i < spec->n_sysctls; i++)
		if (of_host & sysctl_namespace(spec->sysctls[i].key))
			return error_config(err, "linux.sysctl",
				"config.json: linux.sysctl: '%s' is the host's, whose namespace it shares",
				spec->sysctls[i].key);
	return 0;
}

static int parse_object(
	const char *text, size_t size, const char *name, struct json_object **ret_obj, struct error *err)
{
	if (size > SPEC_TEXT_MAX)
		return error_errnum(err, EFBIG, "read '%s'", name);
	if (json_parse(text, size, ret_obj, err) < 0) {
		error_wrap(err, "%s", name);
		err->kind = ERROR_INVALID_CONFIG;
		return -1;
	}
	if (!json_object_is_type(*ret_obj, json_type_object))
		return error_set(err, ERROR_INVALID_CONFIG, "%s must be an object", name);
	return 0;
}

/* Of our own file only what a config.json cannot say; the rest of it is the shim's and the daemon's. */
static int read_shim(struct spec *spec, struct error *err)
{
	struct field f = { .value = spec->shim }, groups;
	if (json_int(spec->shim, "version", 0) != 1)
		return error_set(err, ERROR_FAILED, "shim.json is not of version 1");
	/* Who is named nowhere is root, with root's groups; a bundle's config.json always names somebody. */
	spec->user_is_default = json_get(spec->shim, "user") == NULL;
	if (!spec->user_is_default || json_get(spec->shim, "bundle") == NULL)
		spec->user = json_string(spec->shim, "user", "0");
	spec->init = json_flag(spec->shim, "init", false);
	if (field_member(&f, "groups", &groups) == 0 && field_strings(&groups, &spec->groups, err) < 0)
		return -1;
	return spec_read_host_devices(spec, spec->shim, err);
}

int spec_parse(const char *config, size_t config_size, const char *shim, size_t shim_size,
	struct spec *ret_spec, struct error *err)
{
	struct spec *spec = ret_spec;
	memset(spec, 0, sizeof *spec);
	spec->umask = 0022;
	spec->root_propagation = MS_PRIVATE;
	/* Asked for or not: without it a container that mounts cgroup2 sees the host's tree. */
	spec->namespaces = CLONE_NEWCGROUP;
	if (parse_object(config, config_size, "config.json", &spec->config, err) < 0)
		return -1;
	if (shim != NULL && (parse_object(shim, shim_size, "shim.json", &spec->shim, err) < 0 ||
				    read_shim(spec, err) < 0))
		return -1;
	struct field f = { .value = spec->config };
	if (fields_read(spec, &f, ROWS(config_rows), err) < 0)
		return -1;
	return check_whole(spec, err);
}

void spec_done(struct spec *spec)
{
	for (size_t i = 0; i < spec->n_mounts; i++)
		mount_done(&spec->mounts[i]);
	free(spec->mounts);
	free(spec->devices);
	free(spec->device_rules);
	free(spec->host_devices);
	strings_free(&spec->args);
	strings_free(&spec->env);
	strings_free(&spec->masked_paths);
	strings_free(&spec->readonly_paths);
	strings_free(&spec->groups);
	limits_done(&spec->limits);
	json_put(&spec->config);
	json_put(&spec->shim);
	memset(spec, 0, sizeof *spec);
}
