#include "client/mount.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/value.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/parse.h"

static void add_option(struct json_object *mount, const char *option)
{
	json_object_array_add(value_array(mount, "options"), json_object_new_string(option));
}

/* The kernel's idea of a size has no "MiB" and no fraction: bytes are clear to everybody. */
static void add_tmpfs_option(struct json_object *mount, const char *option)
{
	char bytes[32];
	uint64_t size;
	if (strncmp(option, "size=", 5) == 0 && parse_size(option + 5, &size) == 0) {
		snprintf(bytes, sizeof bytes, "size=%ju", (uintmax_t) size);
		option = bytes;
	}
	add_option(mount, option);
}

/* Docker's that ask for nothing here: there are no SELinux labels, and no host of another kind between. */
static void add_volume_option(struct json_object *mount, const char *option)
{
	static const char *const no_change[] = { "z", "Z", "cached", "delegated", "consistent" };
	for (size_t i = 0; i < sizeof no_change / sizeof *no_change; i++)
		if (strcmp(no_change[i], option) == 0)
			return;
	add_option(mount, option);
}

static void add_options(
	struct json_object *mount, char *list, void (*add)(struct json_object *, const char *))
{
	for (char *option; (option = strsep(&list, ",")) != NULL;)
		if (option[0] != '\0')
			add(mount, option);
}

static struct json_object *mount_new(const char *kind, const char *source, const char *target)
{
	struct json_object *mount = json_object_new_object();
	json_add_string(mount, "kind", kind);
	json_add_string(mount, "source", source);
	json_add_string(mount, "target", target);
	return mount;
}

int mount_from_volume(const char *text, struct json_object *array, struct error *err)
{
	_cleanup_free_ char *copy = strdup(text), *absolute = NULL;
	if (copy == NULL)
		abort();
	char *rest = copy;
	const char *source = strsep(&rest, ":"), *target = strsep(&rest, ":");
	if (target == NULL && source[0] == '/') {
		error_set(err, ERROR_USAGE, "not SOURCE:TARGET[:OPTIONS]");
		return error_hint(
			err, "--tmpfs TARGET mounts an empty one that goes with the container's end");
	}
	if (target == NULL || source[0] == '\0')
		return error_set(err, ERROR_USAGE, "not SOURCE:TARGET[:OPTIONS]");
	if (target[0] != '/')
		return error_set(err, ERROR_USAGE, "the target is not an absolute path");
	if (value_absolute_path(source, &absolute, err) < 0)
		return -1;
	if (strchr(source, '/') == NULL && access(absolute, F_OK) < 0 && errno == ENOENT) {
		error_set(err, ERROR_USAGE, "there is no '%s' here", source);
		return error_hint(
			err, "named volumes are not supported: the source is a folder or file of the host");
	}
	if (rest != NULL && strchr(rest, ':') != NULL) {
		error_set(err, ERROR_USAGE, "more than three parts");
		return error_hint(err, "--mount type=bind,source=…,target=… takes paths with colons");
	}
	struct json_object *mount = mount_new("bind", absolute, target);
	json_object_array_add(array, mount);
	add_options(mount, rest, add_volume_option);
	return 0;
}

int mount_from_tmpfs(const char *text, struct json_object *array, struct error *err)
{
	_cleanup_free_ char *copy = strdup(text);
	if (copy == NULL)
		abort();
	char *rest = copy;
	const char *target = strsep(&rest, ":");
	if (target[0] != '/')
		return error_set(err, ERROR_USAGE, "the target is not an absolute path");
	struct json_object *mount = mount_new("tmpfs", NULL, target);
	json_object_array_add(array, mount);
	add_options(mount, rest, add_tmpfs_option);
	return 0;
}

/* One field of comma-separated values, which may be quoted as a whole ("a,b", "" inside is a quote). The text
 * is changed in place; *rest becomes NULL at its end. */
static char *next_field(char **rest)
{
	char *field = *rest, *in, *out;
	if (field[0] != '"')
		return strsep(rest, ",");
	for (in = field + 1, out = field; *in != '\0'; in++) {
		if (*in == '"' && in[1] != '"')
			break;
		in += *in == '"';
		*out++ = *in;
	}
	if (*in == '\0' || (in[1] != '\0' && in[1] != ','))
		return NULL;
	in++;
	*rest = *in == ',' ? in + 1 : NULL;
	*out = '\0';
	return field;
}

/* The keys of --mount. What is set by format is an option of mount(8)'s. */
static const struct mount_key {
	const char *name;
	enum { KEY_TYPE, KEY_SOURCE, KEY_TARGET, KEY_READONLY, KEY_OPTION, KEY_SIZE } what;
	const char *option;
} mount_keys[] = {
	{ "type", KEY_TYPE, NULL },
	{ "source", KEY_SOURCE, NULL },
	{ "src", KEY_SOURCE, NULL },
	{ "target", KEY_TARGET, NULL },
	{ "destination", KEY_TARGET, NULL },
	{ "dst", KEY_TARGET, NULL },
	{ "readonly", KEY_READONLY, NULL },
	{ "ro", KEY_READONLY, NULL },
	{ "bind-propagation", KEY_OPTION, "" },
	{ "tmpfs-size", KEY_SIZE, "size=" },
	{ "tmpfs-mode", KEY_OPTION, "mode=" },
};

struct mount_parts {
	char kind[8];
	char *source, *target;
	bool readonly;
	struct json_object *options;
};

static int mount_key(struct mount_parts *parts, char *field, struct error *err)
{
	char *value = strchr(field, '=');
	if (value != NULL)
		*value++ = '\0';
	const struct mount_key *key = NULL;
	for (size_t i = 0; i < sizeof mount_keys / sizeof *mount_keys && key == NULL; i++)
		if (strcmp(mount_keys[i].name, field) == 0)
			key = &mount_keys[i];
	if (key == NULL)
		return error_set(err, ERROR_USAGE, "unknown key '%s'", field);
	if (value == NULL && key->what != KEY_READONLY)
		return error_set(err, ERROR_USAGE, "key '%s' needs a value", field);
	_cleanup_free_ char *option = NULL;
	switch (key->what) {
	case KEY_TYPE:
		if (strcmp(value, "bind") != 0 && strcmp(value, "tmpfs") != 0)
			return error_set(err, ERROR_USAGE, "type '%s' is not bind or tmpfs", value);
		snprintf(parts->kind, sizeof parts->kind, "%s", value);
		return 0;
	case KEY_SOURCE: parts->source = value; return 0;
	case KEY_TARGET: parts->target = value; return 0;
	case KEY_READONLY:
		if (value_parse_flag(value != NULL ? value : "true", &parts->readonly) < 0)
			return error_set(err, ERROR_USAGE, "%s '%s' is not true or false", field, value);
		return 0;
	case KEY_SIZE:
	case KEY_OPTION:
		if (asprintf(&option, "%s%s", key->option, value) < 0)
			abort();
		(key->what == KEY_SIZE ? add_tmpfs_option : add_option)(parts->options, option);
		return 0;
	}
	return 0;
}

int mount_from_mount(const char *text, struct json_object *array, struct error *err)
{
	_cleanup_free_ char *copy = strdup(text), *absolute = NULL;
	_cleanup_json_ struct json_object *options = json_object_new_object();
	struct mount_parts parts = { .options = options };
	if (copy == NULL)
		abort();
	for (char *rest = copy; rest != NULL;) {
		char *field = next_field(&rest);
		if (field == NULL)
			return error_set(err, ERROR_USAGE, "a quote has no end");
		if (mount_key(&parts, field, err) < 0)
			return -1;
	}
	bool bind = strcmp(parts.kind, "bind") == 0;
	if (parts.kind[0] == '\0')
		return error_set(err, ERROR_USAGE, "no type= (bind or tmpfs)");
	if (parts.target == NULL || parts.target[0] != '/')
		return error_set(err, ERROR_USAGE, "no target= with an absolute path");
	if (bind != (parts.source != NULL))
		return error_set(err, ERROR_USAGE, bind ? "no source=" : "a tmpfs has no source=");
	if (bind && value_absolute_path(parts.source, &absolute, err) < 0)
		return -1;
	struct json_object *mount = mount_new(parts.kind, absolute, parts.target);
	json_object_array_add(array, mount);
	if (parts.readonly)
		add_option(mount, "ro");
	struct json_object *list = json_get(options, "options");
	for (size_t i = 0; i < json_length(list); i++)
		add_option(mount, json_object_get_string(json_object_array_get_idx(list, i)));
	return 0;
}
