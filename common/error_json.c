/* error_json.c - struct error as the parameters of a Varlink error reply, and back (declared in json.h). */
#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "common/json.h"
#include "common/parse.h"

/* What err->field, err->path and err->phase are called on the wire, where a kind uses them for something of
 * its own; NULL: not sent. What none of the rows names has the usual meaning ("phase", "path"). */
struct shape {
	const char *field, *path, *phase;
	bool path_is_list;  /* path: words separated by blanks, on the wire an array */
	bool field_is_int;  /* field: decimal digits, on the wire a number */
	bool field_always;  /* field is sent also where it is empty: org.varlink.service's have one */
	bool has_exit_code; /* exit_code is sent */
};

static const struct shape usual = { .path = "path", .phase = "phase" };

static const struct shape shapes[ERROR_KINDS] = {
	[ERROR_NO_SUCH_CONTAINER] = { .field = "container" },
	[ERROR_NO_SUCH_SESSION] = { .field = "session" },
	[ERROR_AMBIGUOUS] = { .field = "container", .path = "candidates", .path_is_list = true },
	[ERROR_NAME_IN_USE] = { .field = "name", .path = "id" },
	[ERROR_INVALID_STATE] = { .field = "container", .phase = "state" },
	[ERROR_INVALID_CONFIG] = { .field = "field" },
	[ERROR_INVALID_PARAMETER] = { .field = "parameter", .field_always = true },
	[ERROR_START_FAILED] = { .path = "path", .phase = "phase", .has_exit_code = true },
	[ERROR_EXEC_FAILED] = { .path = "path", .has_exit_code = true },
	[ERROR_NOT_SUPPORTED] = { .field = "feature" },
	[ERROR_NOT_PERMITTED] = { .field = "method" },
	[ERROR_LIMIT_EXCEEDED] = { .field = "limit" },
	[ERROR_METHOD_NOT_FOUND] = { .field = "method", .field_always = true },
	[ERROR_INTERFACE_NOT_FOUND] = { .field = "interface", .field_always = true },
	[ERROR_EVENTS_LOST] = { .field = "oldest_seq", .field_is_int = true },
};

static const struct shape *shape_of(enum error_kind kind)
{
	bool own = kind > ERROR_NONE && kind < ERROR_KINDS &&
		   (shapes[kind].field || shapes[kind].path || shapes[kind].phase);

	return own ? &shapes[kind] : &usual;
}

/* A fixed-size text may have been cut inside a character. */
static void add_text(struct json_object *obj, const char *key, const char *text)
{
	char clean[2048];

	if (key && text[0])
		json_add_string(obj, key,
			utf8_valid(text, strlen(text)) ? text : escape_text(text, clean, sizeof(clean)));
}

static void add_list(struct json_object *obj, const char *key, const char *words)
{
	struct json_object *list = json_object_new_array();

	while (*words) {
		size_t size = strcspn(words, " ");

		json_object_array_add(list, json_object_new_string_len(words, (int) size));
		words += size + strspn(words + size, " ");
	}
	json_add(obj, key, list);
}

static void add_field(struct json_object *obj, const struct shape *shape, const char *field)
{
	uint64_t number;

	if (shape->field_is_int && parse_u64(field, INT64_MAX, &number) == 0)
		json_add_int(obj, shape->field, (int64_t) number);
	else if (shape->field_always && !field[0])
		json_add_string(obj, shape->field, "");
	else
		add_text(obj, shape->field, field);
}

struct json_object *error_to_json(const struct error *err)
{
	const struct shape *shape = shape_of(err->kind);
	struct json_object *obj = json_object_new_object();
	char message[sizeof(err->phase) + sizeof(err->msg) + 128];

	add_field(obj, shape, err->field);
	add_text(obj, shape->phase, err->phase);
	if (shape->phase == usual.phase) {
		error_format(err, message, sizeof(message));
	} else {
		/* Here the phase is a datum, not the beginning of the sentence. */
		struct error plain = *err;

		plain.phase[0] = 0;
		error_format(&plain, message, sizeof(message));
	}
	add_text(obj, "message", message);
	if (err->errnum)
		add_text(obj, "errno", errno_name(err->errnum));
	if (shape->path_is_list)
		add_list(obj, shape->path, err->path);
	else
		add_text(obj, shape->path, err->path);
	add_text(obj, "hint", err->hint);
	if (shape->has_exit_code)
		json_add_int(obj, "exit_code", err->exit_code);
	return obj;
}

static void get_text(struct json_object *parameters, const char *key, char *buf, size_t size)
{
	if (key)
		snprintf(buf, size, "%s", json_string(parameters, key, ""));
}

static void get_list(struct json_object *parameters, const char *key, char *buf, size_t size)
{
	struct json_object *list = json_get(parameters, key);
	size_t used = 0;

	for (size_t i = 0; i < json_length(list) && used < size; i++)
		used += (size_t) snprintf(buf + used, size - used, "%s%s", i > 0 ? " " : "",
			json_object_get_string(json_object_array_get_idx(list, i)));
}

/* The message is the whole sentence; without what error_format() will put around it again. */
static void get_message(struct json_object *parameters, const struct shape *shape, struct error *err)
{
	const char *message = json_string(parameters, "message", "");
	size_t prefix = strlen(err->phase), size, suffix;
	const char *text = err->errnum ? strerror(err->errnum) : "";

	if (shape->phase == usual.phase && prefix > 0 && strncmp(message, err->phase, prefix) == 0 &&
		strncmp(message + prefix, ": ", 2) == 0)
		message += prefix + 2;
	size = strlen(message);
	suffix = strlen(text);
	if (err->errnum && size > suffix + 2 && strcmp(message + size - suffix, text) == 0 &&
		strncmp(message + size - suffix - 2, ": ", 2) == 0)
		size -= suffix + 2;
	else
		err->errnum = 0;
	snprintf(err->msg, sizeof(err->msg), "%.*s", (int) size, message);
}

void error_from_json(const char *name, struct json_object *parameters, struct error *ret_err)
{
	enum error_kind kind = error_kind_of(name);
	const struct shape *shape = shape_of(kind);
	struct error err = { .kind = kind };

	err.errnum = errno_value(json_string(parameters, "errno", ""));
	err.exit_code = (int) json_int(parameters, "exit_code", 0);
	get_text(parameters, shape->phase, err.phase, sizeof(err.phase));
	if (shape->field_is_int)
		snprintf(err.field, sizeof(err.field), "%jd",
			(intmax_t) json_int(parameters, shape->field, 0));
	else
		get_text(parameters, shape->field, err.field, sizeof(err.field));
	if (shape->path_is_list)
		get_list(parameters, shape->path, err.path, sizeof(err.path));
	else
		get_text(parameters, shape->path, err.path, sizeof(err.path));
	get_text(parameters, "hint", err.hint, sizeof(err.hint));
	get_message(parameters, shape, &err);
	if (!err.msg[0])
		snprintf(err.msg, sizeof(err.msg), "%s", name);
	*ret_err = err;
}
