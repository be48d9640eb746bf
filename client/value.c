#include "client/value.h"

#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/device.h"
#include "client/env.h"
#include "client/mount.h"
#include "client/resources.h"
#include "common/clock.h"
#include "common/detach.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/parse.h"

#define SETTER(name)                                                                                         \
	static int name(struct json_object *into, const char *key, const struct option *o, const char *text, \
		struct error *err)

struct json_object *value_array(struct json_object *into, const char *key)
{
	struct json_object *array = json_get(into, key);
	if (array == NULL) {
		array = json_object_new_array();
		json_add(into, key, array);
	}
	return array;
}

struct json_object *value_object(struct json_object *into, const char *key)
{
	struct json_object *obj = json_get(into, key);
	if (obj == NULL) {
		obj = json_object_new_object();
		json_add(into, key, obj);
	}
	return obj;
}

int value_parse_flag(const char *text, bool *ret_value)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = { { "true", true }, { "1", true }, { "yes", true }, { "on", true }, { "t", true },
		{ "false", false }, { "0", false }, { "no", false }, { "off", false }, { "f", false } };
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcasecmp(words[i].word, text) == 0) {
			*ret_value = words[i].value;
			return 0;
		}
	return -1;
}

int value_absolute_path(const char *path, char **ret_path, struct error *err)
{
	char cwd[PATH_MAX] = "";
	if (path[0] == '\0')
		return error_set(err, ERROR_USAGE, "a path cannot be empty");
	if (path[0] != '/' && getcwd(cwd, sizeof cwd) == NULL)
		return error_errno(err, "find the working directory");
	size_t size = strlen(cwd) + strlen(path) + 2, out = 0;
	_cleanup_free_ char *joined = malloc(size), *clean = malloc(size);
	if (joined == NULL || clean == NULL)
		abort();
	snprintf(joined, size, "%s/%s", cwd, path);
	for (const char *p = joined; *p != '\0';) {
		p += strspn(p, "/");
		size_t n = strcspn(p, "/");
		if (n == 2 && p[0] == '.' && p[1] == '.')
			while (out > 0 && clean[--out] != '/')
				;
		else if (n > 0 && !(n == 1 && p[0] == '.')) {
			clean[out++] = '/';
			memcpy(clean + out, p, n);
			out += n;
		}
		p += n;
	}
	if (out == 0)
		clean[out++] = '/';
	clean[out] = '\0';
	*ret_path = steal_pointer(&clean);
	return 0;
}

SETTER(set_flag)
{
	(void) o;
	bool value;
	if (value_parse_flag(text, &value) < 0)
		return error_set(err, ERROR_USAGE, "not true or false");
	json_add_bool(into, key, value);
	return 0;
}

SETTER(set_text)
{
	(void) o, (void) err;
	json_add_string(into, key, text);
	return 0;
}

SETTER(set_word)
{
	(void) o, (void) err;
	struct json_object *array = json_object_new_array();
	if (text[0] != '\0')
		json_object_array_add(array, json_object_new_string(text));
	json_add(into, key, array);
	return 0;
}

SETTER(set_list)
{
	(void) o, (void) err;
	json_object_array_add(value_array(into, key), json_object_new_string(text));
	return 0;
}

static int check_choice(const struct option *o, const char *text, struct error *err)
{
	for (const char *p = o->metavar; *p != '\0'; p += *p == '|') {
		size_t n = strcspn(p, "|");
		if (strlen(text) == n && strncmp(p, text, n) == 0)
			return 0;
		p += n;
	}
	error_set(err, ERROR_USAGE, "not one of %s", o->metavar);
	if (strstr(text, "{{") != NULL)
		return error_hint(err, "there are no templates: --format json, and jq picks from it");
	return -1;
}

SETTER(set_choice)
{
	if (check_choice(o, text, err) < 0)
		return -1;
	json_add_string(into, key, text);
	return 0;
}

SETTER(set_choices)
{
	if (check_choice(o, text, err) < 0)
		return -1;
	return set_list(into, key, o, text, err);
}

SETTER(set_keys)
{
	(void) o;
	uint8_t keys[DETACH_KEYS_MAX];
	if (detach_parse(text, keys, err) < 0) {
		err->kind = ERROR_USAGE;
		return -1;
	}
	json_add_string(into, key, text);
	return 0;
}

#define COUNT_MAX "2147483647" /* INT32_MAX */

/* refusal: the sentence about all that is no number up to most. */
static int add_number(struct json_object *into, const char *key, const char *text, int64_t most,
	const char *refusal, struct error *err)
{
	uint64_t value;
	if (parse_u64(text, (uint64_t) most, &value) < 0)
		return error_set(err, ERROR_USAGE, "%s", refusal);
	json_add_int(into, key, (int64_t) value);
	return 0;
}

SETTER(set_count)
{
	(void) o;
	return add_number(into, key, text, INT32_MAX, "not a number from 0 to " COUNT_MAX, err);
}

SETTER(set_number)
{
	(void) o;
	return add_number(into, key, text, INT64_MAX, "not a number from 0 on", err);
}

SETTER(set_integer)
{
	(void) o;
	int64_t value;
	if (parse_i64(text, &value) < 0)
		return error_set(err, ERROR_USAGE, "not a whole number");
	json_add_int(into, key, value);
	return 0;
}

SETTER(set_tail)
{
	(void) o;
	if (strcmp(text, "all") != 0)
		return add_number(
			into, key, text, INT32_MAX, "not all, nor a number from 0 to " COUNT_MAX, err);
	json_object_object_del(into, key);
	return 0;
}

SETTER(set_size)
{
	(void) o;
	uint64_t bytes;
	if (parse_size(text, &bytes) < 0 || bytes > INT64_MAX)
		return error_set(err, ERROR_USAGE, "not a size (such as 4096, 64k, 1.5G)");
	json_add_int(into, key, (int64_t) bytes);
	return 0;
}

SETTER(set_duration)
{
	(void) o;
	int64_t ms;
	if (parse_duration_ms(text, &ms) < 0)
		return error_set(err, ERROR_USAGE, "not a duration (such as 10, 1.5s, 2m)");
	json_add_int(into, key, ms);
	return 0;
}

SETTER(set_timeout)
{
	if (strcmp(text, "-1") != 0)
		return set_duration(into, key, o, text, err);
	json_add_int(into, key, -1);
	return 0;
}

SETTER(set_time)
{
	(void) o;
	int64_t ns;
	if (time_parse_since(text, clock_realtime_ns(), &ns) < 0)
		return error_set(err, ERROR_USAGE,
			"not a time (such as 2026-11-22T04:13:00Z, 2026-11-22, 1763784780, 10m)");
	char buf[TIME_TEXT];
	json_add_string(into, key, time_format(ns, buf));
	return 0;
}

SETTER(set_signal)
{
	(void) o;
	int sig;
	char name[16];
	if (signal_parse(text, &sig) < 0)
		return error_set(err, ERROR_USAGE, "not a signal");
	json_add_string(into, key, signal_format(sig, name));
	return 0;
}

SETTER(set_path)
{
	(void) o;
	_cleanup_free_ char *path = NULL;
	if (value_absolute_path(text, &path, err) < 0)
		return -1;
	json_add_string(into, key, path);
	return 0;
}

SETTER(set_rootfs_rw)
{
	json_add_string(into, "rootfs_mode", "direct");
	if (text[0] == '\0')
		return 0;
	return set_path(into, key, o, text, err);
}

SETTER(set_env)
{
	(void) o;
	return env_set(value_array(into, key), text, err);
}

SETTER(set_env_file)
{
	(void) o;
	return env_set_file(value_array(into, key), text, err);
}

SETTER(set_label)
{
	(void) o;
	return label_set(value_object(into, key), text, err);
}

SETTER(set_label_file)
{
	(void) o;
	return label_set_file(value_object(into, key), text, err);
}

SETTER(set_volume)
{
	(void) o;
	return mount_from_volume(text, value_array(into, key), err);
}

SETTER(set_mount)
{
	(void) o;
	return mount_from_mount(text, value_array(into, key), err);
}

SETTER(set_device)
{
	(void) o;
	return device_from_text(text, value_array(into, key), err);
}

SETTER(set_tmpfs)
{
	(void) o;
	return mount_from_tmpfs(text, value_array(into, key), err);
}

/* Its range is the daemon's business, too. */
SETTER(set_log_files)
{
	(void) o;
	return add_number(into, key, text, INT32_MAX, "max-file is not a number from 1 to 1000", err);
}

/* max-size=10M and max-file=3, also both with a comma between. */
SETTER(set_log_opt)
{
	static const struct {
		const char *key, *field;
		int (*set)(struct json_object *, const char *, const struct option *, const char *,
			struct error *);
	} keys[] = { { "max-size=", "log_max_size", set_size },
		{ "max-file=", "log_max_files", set_log_files } };
	(void) key;
	_cleanup_free_ char *copy = strdup(text);
	char *rest = copy;
	if (copy == NULL)
		abort();
	for (char *part; (part = strsep(&rest, ",")) != NULL;) {
		size_t i = 0, n = sizeof keys / sizeof *keys;
		while (i < n && strncmp(part, keys[i].key, strlen(keys[i].key)) != 0)
			i++;
		if (i == n)
			return error_set(err, ERROR_USAGE, "not max-size=SIZE or max-file=N");
		if (keys[i].set(into, keys[i].field, o, part + strlen(keys[i].key), err) < 0)
			return -1;
	}
	return 0;
}

/* What may be in them is the daemon's business. */
SETTER(set_pair)
{
	size_t n = strcspn(text, "=");
	if (n == 0 || text[n] == '\0' || text[n + 1] == '\0')
		return error_set(err, ERROR_USAGE, "not %s", o->metavar);
	_cleanup_free_ char *name = strndup(text, n);
	if (name == NULL)
		abort();
	json_add_string(value_object(into, key), name, text + n + 1);
	return 0;
}

SETTER(set_limit)
{
	(void) key;
	return resources_set(into, o, text, err);
}

/* Docker's spellings. What would loosen a profile that no container has asks for nothing. */
SETTER(set_security_opt)
{
	static const char *const no_change[] = { "seccomp=unconfined", "apparmor=unconfined", "label=disable",
		"seccomp:unconfined", "apparmor:unconfined", "label:disable" };
	static const char privileges[] = "no-new-privileges";
	const size_t n = sizeof privileges - 1;
	(void) o;
	for (size_t i = 0; i < sizeof no_change / sizeof *no_change; i++)
		if (strcmp(no_change[i], text) == 0)
			return 0;
	bool value = true;
	if (strncmp(text, privileges, n) == 0 &&
		(text[n] == '\0' || ((text[n] == '=' || text[n] == ':') &&
					    value_parse_flag(text + n + 1, &value) == 0))) {
		json_add_bool(into, key, value);
		return 0;
	}
	error_set(err, ERROR_NOT_SUPPORTED, "not supported");
	return error_hint(err, "supported is no-new-privileges[=false]");
}

/* What may be in it is the daemon's business. */
SETTER(set_namespace)
{
	(void) err;
	size_t n = strcspn(o->metavar, "|");
	if (strncmp(text, o->metavar, n) == 0 && text[n] == '\0')
		json_object_object_del(into, key);
	else
		json_add_string(into, key, text);
	return 0;
}

/* Not supported yet; only the value that changes nothing is taken. */
SETTER(set_later_flag)
{
	(void) into, (void) key;
	bool value, same = o->field != NULL && strcmp(o->field, "true") == 0;
	if (value_parse_flag(text, &value) < 0)
		return error_set(err, ERROR_USAGE, "not true or false");
	if (o->field != NULL && value == same)
		return 0;
	error_set(err, ERROR_NOT_SUPPORTED, "not supported yet");
	if (o->help != NULL)
		error_hint(err, "%s", o->help);
	return -1;
}

SETTER(set_later)
{
	(void) into, (void) key;
	if (o->field != NULL && strcmp(o->field, text) == 0)
		return 0;
	error_set(err, ERROR_NOT_SUPPORTED, "not supported yet");
	if (o->help != NULL)
		error_hint(err, "%s", o->help);
	return -1;
}

const struct value_type value_types[VALUE_KINDS] = {
	[VALUE_END] = { false, NULL },
	[VALUE_FLAG] = { true, set_flag },
	[VALUE_TEXT] = { false, set_text },
	[VALUE_WORD] = { false, set_word },
	[VALUE_LIST] = { false, set_list },
	[VALUE_CAPABILITY] = { false, set_list, COMPLETE_CAPABILITY },
	[VALUE_CHOICES] = { false, set_choices, COMPLETE_CHOICE },
	[VALUE_KEYS] = { false, set_keys },
	[VALUE_FILTER] = { false, set_list, COMPLETE_FILTER },
	[VALUE_CHOICE] = { false, set_choice, COMPLETE_CHOICE },
	[VALUE_COUNT] = { false, set_count },
	[VALUE_NUMBER] = { false, set_number },
	[VALUE_INTEGER] = { false, set_integer },
	[VALUE_SIZE] = { false, set_size },
	[VALUE_TAIL] = { false, set_tail },
	[VALUE_DURATION] = { false, set_duration },
	[VALUE_TIMEOUT] = { false, set_timeout },
	[VALUE_TIME] = { false, set_time },
	[VALUE_SIGNAL] = { false, set_signal, COMPLETE_SIGNAL },
	[VALUE_FILE] = { false, set_text, COMPLETE_FILE },
	[VALUE_PATH] = { false, set_path, COMPLETE_FOLDER },
	[VALUE_ROOTFS_RW] = { false, set_rootfs_rw, COMPLETE_FOLDER },
	[VALUE_ENV] = { false, set_env, COMPLETE_VARIABLE },
	[VALUE_ENV_FILE] = { false, set_env_file, COMPLETE_FILE },
	[VALUE_LABEL] = { false, set_label },
	[VALUE_LABEL_FILE] = { false, set_label_file, COMPLETE_FILE },
	[VALUE_VOLUME] = { false, set_volume, COMPLETE_FILE },
	[VALUE_MOUNT] = { false, set_mount },
	[VALUE_TMPFS] = { false, set_tmpfs },
	[VALUE_DEVICE] = { false, set_device, COMPLETE_FILE },
	[VALUE_LOG_OPT] = { false, set_log_opt },
	[VALUE_PAIR] = { false, set_pair },
	[VALUE_LIMIT] = { false, set_limit },
	[VALUE_SECURITY_OPT] = { false, set_security_opt },
	[VALUE_NAMESPACE] = { false, set_namespace, COMPLETE_NAMESPACE },
	[VALUE_LATER_FLAG] = { true, set_later_flag },
	[VALUE_LATER] = { false, set_later },
};
_Static_assert(sizeof value_types / sizeof *value_types == VALUE_KINDS, "every kind has its setter");
