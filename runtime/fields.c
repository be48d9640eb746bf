#include "runtime/fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/parse.h"

static const char *const type_names[] = {
	[json_type_null] = "null",
	[json_type_boolean] = "true or false",
	[json_type_double] = "a number",
	[json_type_int] = "a whole number",
	[json_type_object] = "an object",
	[json_type_array] = "a list",
	[json_type_string] = "a string",
};

void *fields_alloc(size_t n, size_t size)
{
	void *p = calloc(n > 0 ? n : 1, size);
	if (p == NULL)
		abort();
	return p;
}

int field_invalid(const struct field *f, struct error *err, const char *what)
{
	error_config(err, f->path, "config.json: %s %s", f->path, what);
	return -1;
}

int field_unsupported(const char *path, struct error *err)
{
	error_set(err, ERROR_NOT_SUPPORTED, "config.json: %s is not supported", path);
	snprintf(err->field, sizeof err->field, "%s", path);
	return -1;
}

static int check_type(const struct field *f, json_type type, struct error *err)
{
	char what[64];
	if (json_object_get_type(f->value) == type)
		return 0;
	snprintf(what, sizeof what, "must be %s", type_names[type]);
	return field_invalid(f, err, what);
}

/* Asks for nothing: {}, [], "", false, 0. */
static bool is_empty(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_object: return json_object_object_length(value) == 0;
	case json_type_array: return json_object_array_length(value) == 0;
	case json_type_string: return json_object_get_string_len(value) == 0;
	case json_type_boolean: return !json_object_get_boolean(value);
	case json_type_int: return json_object_get_int64(value) == 0;
	default: return false;
	}
}

static void member_path(char path[FIELD_PATH], const char *parent, const char *key)
{
	snprintf(path, FIELD_PATH, "%.64s%s%.60s", parent, parent[0] != '\0' ? "." : "", key);
}

int field_member(const struct field *f, const char *key, struct field *ret_member)
{
	struct json_object *value;
	if (!json_object_object_get_ex(f->value, key, &value) || value == NULL)
		return -1;
	ret_member->value = value;
	member_path(ret_member->path, f->path, key);
	return 0;
}

static const struct field_row *find_row(const struct field_row *rows, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(rows[i].key, key) == 0)
			return &rows[i];
	return NULL;
}

int fields_read(
	void *target, const struct field *f, const struct field_row *rows, size_t n, struct error *err)
{
	if (check_type(f, json_type_object, err) < 0)
		return -1;
	json_object_object_foreach (f->value, key, value) {
		const struct field_row *row = find_row(rows, n, key);
		struct field member = { .value = value };
		member_path(member.path, f->path, key);
		if (value == NULL || (row != NULL && row->verdict == FIELD_IGNORE))
			continue;
		if (row == NULL || row->verdict == FIELD_REFUSE) {
			if (row != NULL && is_empty(value))
				continue;
			return field_unsupported(member.path, err);
		}
		if (check_type(&member, row->type, err) < 0 || row->take(target, &member, err) < 0)
			return -1;
	}
	return 0;
}

int fields_each(void *target, const struct field *f, json_type type,
	int (*take)(void *target, const struct field *f, struct error *err), struct error *err)
{
	size_t n = json_object_array_length(f->value);
	for (size_t i = 0; i < n; i++) {
		struct field element = { .value = json_object_array_get_idx(f->value, i) };
		snprintf(element.path, sizeof element.path, "%.100s[%zu]", f->path, i);
		if (check_type(&element, type, err) < 0 || take(target, &element, err) < 0)
			return -1;
	}
	return 0;
}

int field_u64(const struct field *f, uint64_t max, uint64_t *ret_value, struct error *err)
{
	if (check_type(f, json_type_int, err) < 0)
		return -1;
	/* json-c keeps what is beyond INT64_MAX as unsigned, and answers a negative number with 0 here. */
	uint64_t value = json_object_get_uint64(f->value);
	if ((value == 0 && json_object_get_int64(f->value) != 0) || value > max)
		return field_invalid(f, err, "is out of range");
	*ret_value = value;
	return 0;
}

int field_string(const struct field *f, const char **ret_text, struct error *err)
{
	if (check_type(f, json_type_string, err) < 0)
		return -1;
	if (json_object_get_string_len(f->value) == 0)
		return field_invalid(f, err, "must not be empty");
	*ret_text = json_object_get_string(f->value);
	return 0;
}

int field_path(const struct field *f, const char **ret_path, struct error *err)
{
	const char *path;
	if (field_string(f, &path, err) < 0)
		return -1;
	if (path[0] != '/')
		return field_invalid(f, err, "must be an absolute path");
	if (strlen(path) >= 4096)
		return field_invalid(f, err, "is too long for a path");
	for (const char *p = path; (p = strstr(p, "/..")) != NULL; p += 3)
		if (p[3] == '/' || p[3] == '\0')
			return field_invalid(f, err, "must not contain '..'");
	*ret_path = path;
	return 0;
}

static int take_string(void *target, const struct field *f, struct error *err)
{
	struct strings *list = target;
	(void) err;
	list->v[list->n++] = json_object_get_string(f->value);
	return 0;
}

int field_strings(const struct field *f, struct strings *ret_list, struct error *err)
{
	struct strings list = { 0 };
	if (check_type(f, json_type_array, err) < 0)
		return -1;
	list.v = fields_alloc(json_object_array_length(f->value) + 1, sizeof *list.v);
	if (fields_each(&list, f, json_type_string, take_string, err) < 0) {
		strings_free(&list);
		return -1;
	}
	strings_free(ret_list);
	*ret_list = list;
	return 0;
}

void strings_free(struct strings *list)
{
	free(list->v);
	*list = (struct strings) { 0 };
}
