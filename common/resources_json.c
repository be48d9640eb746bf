/* resources_json.c - the interface's Resources, as limits and back. (Declared in resources.h.) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/parse.h"
#include "common/resources.h"

/* A JSON integer as the file has it. */
static void int_text(const struct resource *r, struct json_object *value, char buf[32])
{
	int64_t number = json_object_get_int64(value);
	if (number == -1 && r->has_max)
		snprintf(buf, 32, "max");
	else
		snprintf(buf, 32, "%jd", (intmax_t) number);
}

/* Half of cpu.max; the other half stays, or is the kernel's default. */
static void quota_text(
	const struct resource *r, struct json_object *value, const struct limits *limits, char buf[80])
{
	const struct limit *present = limits_find(limits, "cpu.max");
	const char *old = present != NULL ? present->value : "max 100000";
	size_t n = strcspn(old, " ");
	char text[32];
	int_text(r, value, text);
	if (r->kind == RESOURCE_QUOTA)
		snprintf(buf, 80, "%s%s", text, old + n);
	else
		snprintf(buf, 80, "%.*s %s", (int) n, old, text);
}

static int read_single(
	const struct resource *r, struct json_object *value, struct limits *limits, struct error *err)
{
	char text[80];
	switch (r->kind) {
	case RESOURCE_FLAG:
		return limits_set(limits, r->file, json_object_get_boolean(value) ? "1" : "0", true, err);
	case RESOURCE_SET: return limits_set(limits, r->file, json_object_get_string(value), true, err);
	case RESOURCE_QUOTA:
	case RESOURCE_PERIOD:
		quota_text(r, value, limits, text);
		return limits_set(limits, r->file, text, true, err);
	default: break;
	}
	int_text(r, value, text);
	return limits_set(limits, r->file, text, true, err);
}

/* One member of a field that is a map. */
static int read_member(const struct resource *r, const char *key, struct json_object *value,
	struct limits *limits, struct error *err)
{
	char text[LIMIT_VALUE_MAX + 64], file[LIMIT_FILE_MAX + 16], number[32], shown[64];
	int_text(r, value, number);
	escape_text(key, shown, sizeof shown);
	if (r->kind == RESOURCE_VERBATIM) {
		if (limits_set(limits, key, json_object_get_string(value), true, err) == 0)
			return 0;
		return error_wrap(err, "%s", shown);
	}
	if (r->kind == RESOURCE_PAGES) {
		snprintf(file, sizeof file, "hugetlb.%.32s.max", key);
		if (strlen(key) > 32 || key[strspn(key, "0123456789")] == '\0' || strchr(key, '.') != NULL)
			return error_set(err, ERROR_INVALID_CONFIG,
				"'%s' is not a size of pages (such as 2MB)", shown);
		return limits_set(limits, file, number, true, err) == 0 ? 0 : error_wrap(err, "%s", shown);
	}
	if (strchr(key, ' ') != NULL || strlen(key) >= LIMIT_VALUE_MAX / 2)
		return error_set(err, ERROR_INVALID_CONFIG,
			"'%s' is not MAJOR:MINOR nor a block device below /dev", shown);
	const char *rest = r->kind == RESOURCE_RATES ? json_object_get_string(value) : number;
	if (strlen(rest) >= LIMIT_VALUE_MAX / 2)
		return error_set(err, ERROR_INVALID_CONFIG, "the value is too long");
	snprintf(text, sizeof text, "%s %s", key, rest);
	return limits_set(limits, r->file, text, true, err);
}

static int read_field(
	const struct resource *r, struct json_object *value, struct limits *limits, struct error *err)
{
	if (!json_object_is_type(value, json_type_object))
		return read_single(r, value, limits, err);
	json_object_object_foreach (value, key, member)
		if (member != NULL && read_member(r, key, member, limits, err) < 0)
			return -1;
	return 0;
}

int resources_read(struct json_object *obj, const char *path, struct limits *limits, struct error *err)
{
	for (const struct resource *r = resources; r->field != NULL; r++) {
		struct json_object *value = json_get(obj, r->field);
		if (value == NULL || read_field(r, value, limits, err) == 0)
			continue;
		snprintf(err->field, sizeof err->field, "%.64s.%s", path, r->field);
		return error_wrap(err, "%s", err->field);
	}
	if (json_flag(obj, "cpu_idle", false) && json_get(obj, "cpu_weight") != NULL) {
		error_set(err, ERROR_INVALID_CONFIG, "%.64s.cpu_weight: what is idle has no weight", path);
		snprintf(err->field, sizeof err->field, "%.64s.cpu_weight", path);
		return -1;
	}
	return 0;
}

static void show_int(struct json_object *obj, const char *key, const char *text)
{
	int64_t number = -1;
	parse_i64(text, &number); /* "max": stays -1 */
	json_add_int(obj, key, number);
}

/* The object at a field, made where it is missing. */
static struct json_object *map_of(struct json_object *obj, const char *field)
{
	struct json_object *map = json_get(obj, field);
	if (map == NULL) {
		map = json_object_new_object();
		json_add(obj, field, map);
	}
	return map;
}

static void show_quota(struct json_object *obj, const char *line)
{
	char quota[32];
	size_t n = strcspn(line, " ");
	snprintf(quota, sizeof quota, "%.*s", (int) n, line);
	show_int(obj, "cpu_quota_us", quota);
	show_int(obj, "cpu_period_us", line[n] == ' ' ? line + n + 1 : "100000");
}

/* "KEY REST". */
static void show_line(struct json_object *obj, const struct resource *r, const char *line)
{
	char key[LIMIT_VALUE_MAX];
	size_t n = strcspn(line, " ");
	snprintf(key, sizeof key, "%.*s", (int) n, line);
	const char *rest = line[n] == ' ' ? line + n + 1 : "";
	if (r->kind == RESOURCE_RATES)
		json_add_string(map_of(obj, r->field), key, rest);
	else if (strcmp(key, "default") == 0)
		show_int(obj, "io_weight", rest);
	else
		show_int(map_of(obj, "io_weights"), key, rest);
}

static void show_verbatim(struct json_object *obj, const struct limit *l)
{
	struct json_object *map = map_of(obj, "cgroup");
	const char *present = json_string(map, l->file, NULL);
	_cleanup_free_ char *both = NULL;
	if (present != NULL && asprintf(&both, "%s\n%s", present, l->value) < 0)
		abort();
	json_add_string(map, l->file, both != NULL ? both : l->value);
}

static void show(struct json_object *obj, const struct limit *l)
{
	const struct resource *r = resource_of_file(l->file);
	char size[LIMIT_FILE_MAX];
	switch (r != NULL ? r->kind : RESOURCE_VERBATIM) {
	case RESOURCE_BYTES:
	case RESOURCE_NUMBER: show_int(obj, r->field, l->value); break;
	case RESOURCE_FLAG: json_add_bool(obj, r->field, l->value[0] == '1'); break;
	case RESOURCE_SET: json_add_string(obj, r->field, l->value); break;
	case RESOURCE_QUOTA: show_quota(obj, l->value); break;
	case RESOURCE_WEIGHT:
	case RESOURCE_RATES: show_line(obj, r, l->value); break;
	case RESOURCE_PAGES:
		snprintf(size, sizeof size, "%.*s", (int) strcspn(l->file + 8, "."), l->file + 8);
		show_int(map_of(obj, r->field), size, l->value);
		break;
	default: show_verbatim(obj, l); break;
	}
}

struct json_object *resources_show(const struct limits *limits)
{
	struct json_object *obj = json_object_new_object();
	for (size_t i = 0; i < limits->n; i++)
		if (limits->v[i].asked)
			show(obj, &limits->v[i]);
	return obj;
}
