/* idl_check.c - JSON values against the types of an interface; the path of what does not fit. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "common/idl.h"
#include "common/idl_type.h"
#include "common/json.h"
#include "common/parse.h"

/* Where in the value the check is; printed only for an error. Lives on the stack, one link a level. */
struct place {
	const struct place *up;
	const char *field; /* NULL: index */
	size_t index;
};

static int check(
	const struct idl_type *t, struct json_object *value, const struct place *at, struct error *err);

static size_t print_place(const struct place *at, char *buf, size_t size)
{
	char shown[64];
	size_t used;

	if (!at)
		return 0;
	used = print_place(at->up, buf, size);
	if (used >= size)
		return used;
	if (at->field)
		return used + (size_t) snprintf(buf + used, size - used, "%s%s", used > 0 ? "." : "",
				      at->field[0] ? escape_text(at->field, shown, sizeof(shown)) : "''");
	return used + (size_t) snprintf(buf + used, size - used, "[%zu]", at->index);
}

/* The sentence is "PATH SAYING", or "the parameters SAYING". */
__attribute__((format(printf, 3, 4))) static int refuse(
	const struct place *at, struct error *err, const char *fmt, ...)
{
	char path[sizeof(err->field)] = "", saying[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(saying, sizeof(saying), fmt, ap);
	va_end(ap);
	print_place(at, path, sizeof(path));
	error_set(err, ERROR_INVALID_PARAMETER, "%s %s", path[0] ? path : "the parameters", saying);
	snprintf(err->field, sizeof(err->field), "%s", path);
	return -1;
}

static const struct {
	enum json_type json;
	const char *word;
} words[IDL_KINDS] = {
	[IDL_BOOL] = { json_type_boolean, "true or false" },
	[IDL_INT] = { json_type_int, "a whole number" },
	[IDL_FLOAT] = { json_type_double, "a number" },
	[IDL_STRING] = { json_type_string, "a string" },
	[IDL_OBJECT] = { json_type_object, "an object" },
	[IDL_ARRAY] = { json_type_array, "an array" },
	[IDL_MAP] = { json_type_object, "an object" },
	[IDL_STRUCT] = { json_type_object, "an object" },
	[IDL_ENUM] = { json_type_string, "a string" },
};

static const struct idl_field *field_find(const struct idl_type *t, const char *name)
{
	for (size_t i = 0; i < t->n_fields; i++)
		if (strcmp(t->fields[i].name, name) == 0)
			return &t->fields[i];
	return NULL;
}

static int check_struct(
	const struct idl_type *t, struct json_object *value, const struct place *at, struct error *err)
{
	if (value) {
		json_object_object_foreach (value, key, item) {
			struct place here = { at, key, 0 };
			const struct idl_field *field = field_find(t, key);

			if (!field)
				return refuse(&here, err, "is unknown");
			if (check(field->type, item, &here, err) < 0)
				return -1;
		}
	}
	for (size_t i = 0; i < t->n_fields; i++) {
		struct place here = { at, t->fields[i].name, 0 };

		if (t->fields[i].type->kind != IDL_OPTIONAL && !json_get(value, t->fields[i].name))
			return refuse(&here, err, "is missing");
	}
	return 0;
}

static int check_enum(
	const struct idl_type *t, struct json_object *value, const struct place *at, struct error *err)
{
	char list[256], shown[64];
	size_t used = 0;

	if (field_find(t, json_object_get_string(value)))
		return 0;
	for (size_t i = 0; i < t->n_fields && used < sizeof(list); i++)
		used += (size_t) snprintf(
			list + used, sizeof(list) - used, "%s%s", i > 0 ? ", " : "", t->fields[i].name);
	return refuse(at, err, "must be one of %s, not '%s'", list,
		escape_text(json_object_get_string(value), shown, sizeof(shown)));
}

static int check_elements(
	const struct idl_type *t, struct json_object *value, const struct place *at, struct error *err)
{
	if (t->kind == IDL_MAP) {
		json_object_object_foreach (value, key, item) {
			struct place here = { at, key, 0 };

			if (check(t->element, item, &here, err) < 0)
				return -1;
		}
		return 0;
	}
	for (size_t i = 0; i < json_length(value); i++) {
		struct place here = { at, NULL, i };

		if (check(t->element, json_object_array_get_idx(value, i), &here, err) < 0)
			return -1;
	}
	return 0;
}

/* json-c holds what is above 63 bits as unsigned; an int of ours is a signed one. */
static int check_int(struct json_object *value, const struct place *at, struct error *err)
{
	if (json_object_get_int64(value) == INT64_MAX && json_object_get_uint64(value) > INT64_MAX)
		return refuse(at, err, "is out of range");
	return 0;
}

static int check(
	const struct idl_type *t, struct json_object *value, const struct place *at, struct error *err)
{
	if (t->kind == IDL_NAMED)
		return check(t->named, value, at, err);
	if (t->kind == IDL_OPTIONAL)
		return value ? check(t->element, value, at, err) : 0;
	if (!value)
		return refuse(at, err, "is missing");
	if (t->kind == IDL_FLOAT && json_object_is_type(value, json_type_int))
		return 0;
	if (!json_object_is_type(value, words[t->kind].json))
		return refuse(at, err, "must be %s", words[t->kind].word);
	switch (t->kind) {
	case IDL_INT: return check_int(value, at, err);
	case IDL_ENUM: return check_enum(t, value, at, err);
	case IDL_STRUCT: return check_struct(t, value, at, err);
	case IDL_ARRAY:
	case IDL_MAP: return check_elements(t, value, at, err);
	default: return 0;
	}
}

int idl_check_call(const struct idl_method *m, struct json_object *value, struct error *err)
{
	return check_struct(m->in, value, NULL, err);
}

int idl_check_reply(const struct idl_method *m, struct json_object *value, struct error *err)
{
	return check_struct(m->out, value, NULL, err);
}

int idl_check_error(const struct idl *idl, const char *name, struct json_object *value, struct error *err)
{
	const struct idl_method *m = idl_member_find(idl, IDL_ERROR, name);

	if (!m)
		return error_set(err, ERROR_INVALID_PARAMETER, "there is no error '%s'", name);
	return check_struct(m->in, value, NULL, err);
}
