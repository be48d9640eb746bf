/* wire.c - Varlink messages cut out of a byte stream, taken apart and put together. */
#include "common/wire.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/parse.h"

#define WIRE_SLACK (64 * 1024) /* what may lie behind the longest message: the reader's last read */

void wire_init(struct wire *w)
{
	*w = (struct wire) { .terminator = -1, .max = WIRE_MESSAGE_MAX };
}

void wire_done(struct wire *w)
{
	free(w->data);
	wire_init(w);
}

/* Drops what was taken. An empty buffer is given back: most connections are idle most of the time. */
static void forget_taken(struct wire *w)
{
	if (w->taken == 0)
		return;
	w->size -= w->taken;
	w->scanned = w->scanned > w->taken ? w->scanned - w->taken : 0;
	memmove(w->data, w->data + w->taken, w->size);
	w->taken = 0;
	if (w->size == 0) {
		free(steal_pointer(&w->data));
		w->capacity = 0;
	}
}

void wire_space(struct wire *w, size_t room, char **ret_space)
{
	size_t want;

	forget_taken(w);
	want = w->size + room;
	if (want > w->max + WIRE_SLACK)
		abort(); /* the caller did not heed wire_take's refusal */
	if (want > w->capacity) {
		/* Doubling, so that one byte at a time does not copy a message for each of its bytes. */
		size_t most = w->max + WIRE_SLACK, twice = w->capacity * 2 < most ? w->capacity * 2 : most;
		size_t capacity = twice > want ? twice : want;

		w->data = realloc(w->data, capacity);
		if (!w->data)
			abort();
		w->capacity = capacity;
	}
	*ret_space = w->data + w->size;
}

void wire_added(struct wire *w, size_t bytes)
{
	w->size += bytes;
}

/* Whether everything that was opened in this text has been closed: then a line break after it ends a message,
 * and within it is white space. What is no JSON may say anything. */
static bool whole(const char *text, const char *end)
{
	int depth = 0;
	bool in_string = false, any = false;

	for (; text < end; text++) {
		if (in_string && *text == '\\')
			text++;
		else if (*text == '"')
			in_string = !in_string;
		else if (!in_string && (*text == '{' || *text == '['))
			any = depth++ >= 0;
		else if (!in_string && (*text == '}' || *text == ']'))
			depth--;
	}
	return any && depth <= 0 && !in_string;
}

/* The end of the first message, at or after w->scanned, which decides the connection's mode. A NUL among what
 * has come means Varlink's own, where line breaks are only white space; but not one that follows a whole
 * line: console frames that were sent together with the call. */
static char *find_end(struct wire *w)
{
	char *from = w->data + w->scanned, *nul, *newline;
	size_t n = w->size - w->scanned;

	if (w->terminator != -1)
		return memchr(from, w->terminator, n);
	nul = memchr(from, 0, n);
	newline = memchr(from, '\n', n);
	if (!nul && !newline)
		return NULL;
	/* A frame's header has more bytes: a NUL that is the very last one ends a message. */
	if (!nul || (newline && newline < nul && nul + 1 < w->data + w->size &&
			    whole(w->data + w->taken, newline)))
		w->terminator = '\n';
	else
		w->terminator = 0;
	return w->terminator ? newline : nul;
}

static bool blank(const char *text, const char *end)
{
	while (text < end && (*text == ' ' || *text == '\t' || *text == '\r'))
		text++;
	return text == end;
}

int wire_take(struct wire *w, char **ret_message, size_t *ret_size, struct error *err)
{
	/* Not moved yet: a megabyte of two-byte messages would be moved half a million times. */
	if (w->taken == w->size)
		forget_taken(w);
	while (w->size > w->taken) {
		char *start = w->data + w->taken, *end;

		if (w->scanned < w->taken)
			w->scanned = w->taken;
		end = find_end(w);
		if ((size_t) ((end ? end : w->data + w->size) - start) > w->max) {
			error_set(err, ERROR_LIMIT_EXCEEDED, "a message has at most %zu bytes", w->max);
			memcpy(err->field, "message", sizeof("message"));
			return -1;
		}
		if (!end) {
			w->scanned = w->size;
			return 0;
		}
		w->taken = (size_t) (end - w->data) + 1;
		if (w->terminator == '\n' && blank(start, end))
			continue;
		*end = 0;
		*ret_message = start;
		*ret_size = (size_t) (end - start);
		return 1;
	}
	return 0;
}

const char *wire_rest(const struct wire *w, size_t *ret_size)
{
	*ret_size = w->size - w->taken;
	return w->data ? w->data + w->taken : "";
}

/* The fields of an envelope: whether each has its type, and that there are no others. */
struct envelope_field {
	const char *name;
	enum json_type type;
};

static int check_envelope(struct json_object *root, const struct envelope_field *fields, size_t n,
	bool strict, struct error *err)
{
	char shown[64];

	if (!json_object_is_type(root, json_type_object))
		return error_set(err, ERROR_BAD_MESSAGE, "a message is a JSON object");
	json_object_object_foreach (root, key, value) {
		size_t i = 0;

		while (i < n && strcmp(fields[i].name, key) != 0)
			i++;
		if (i == n && strict)
			return error_set(err, ERROR_BAD_MESSAGE, "a message has no field '%s'",
				escape_text(key, shown, sizeof(shown)));
		if (i < n && value && !json_object_is_type(value, fields[i].type))
			return error_set(err, ERROR_BAD_MESSAGE, "the message's field '%s' must be %s", key,
				fields[i].type == json_type_string    ? "a string"
				: fields[i].type == json_type_boolean ? "true or false"
								      : "an object");
	}
	return 0;
}

int call_parse(const char *text, size_t size, struct call *ret_call, struct error *err)
{
	static const struct envelope_field fields[] = {
		{ "method", json_type_string },
		{ "parameters", json_type_object },
		{ "more", json_type_boolean },
		{ "oneway", json_type_boolean },
		{ "upgrade", json_type_boolean },
	};
	_cleanup_json_ struct json_object *root = NULL;
	struct call call;

	if (json_parse(text, size, &root, err) < 0)
		return -1;
	if (check_envelope(root, fields, sizeof(fields) / sizeof(fields[0]), true, err) < 0)
		return -1;
	call = (struct call) {
		.method = json_string(root, "method", NULL),
		.parameters = json_get(root, "parameters"),
		.more = json_flag(root, "more", false),
		.oneway = json_flag(root, "oneway", false),
		.upgrade = json_flag(root, "upgrade", false),
	};
	if (!call.method)
		return error_set(err, ERROR_BAD_MESSAGE, "the message has no method");
	if (call.oneway && (call.more || call.upgrade))
		return error_set(err, ERROR_BAD_MESSAGE,
			"a oneway call has no reply: neither more nor upgrade go with it");
	call.root = steal_pointer(&root);
	*ret_call = call;
	return 0;
}

int reply_parse(const char *text, size_t size, struct reply *ret_reply, struct error *err)
{
	static const struct envelope_field fields[] = {
		{ "error", json_type_string },
		{ "parameters", json_type_object },
		{ "continues", json_type_boolean },
	};
	_cleanup_json_ struct json_object *root = NULL;

	if (json_parse(text, size, &root, err) < 0)
		return -1;
	if (check_envelope(root, fields, sizeof(fields) / sizeof(fields[0]), false, err) < 0)
		return -1;
	*ret_reply = (struct reply) {
		.root = root,
		.error = json_string(root, "error", NULL),
		.parameters = json_get(root, "parameters"),
		.continues = json_flag(root, "continues", false),
	};
	steal_pointer(&root);
	return 0;
}

/* root's text and the terminator behind it; caller frees. */
static char *format(struct json_object *root, char terminator, size_t *ret_size)
{
	size_t size;
	const char *text = json_text(root, &size);
	char *message = malloc(size + 2);

	if (!message)
		abort();
	memcpy(message, text, size);
	message[size] = terminator == '\n' ? '\n' : 0;
	message[size + 1] = 0;
	*ret_size = size + 1;
	return message;
}

static void add_parameters(struct json_object *root, struct json_object *parameters)
{
	json_add(root, "parameters", parameters ? json_object_get(parameters) : json_object_new_object());
}

char *call_format(const char *method, struct json_object *parameters, bool more, bool upgrade,
	char terminator, size_t *ret_size)
{
	_cleanup_json_ struct json_object *root = json_object_new_object();

	json_add_string(root, "method", method);
	add_parameters(root, parameters);
	if (more)
		json_add_bool(root, "more", true);
	if (upgrade)
		json_add_bool(root, "upgrade", true);
	return format(root, terminator, ret_size);
}

char *reply_format(struct json_object *parameters, bool continues, char terminator, size_t *ret_size)
{
	_cleanup_json_ struct json_object *root = json_object_new_object();

	add_parameters(root, parameters);
	if (continues)
		json_add_bool(root, "continues", true);
	return format(root, terminator, ret_size);
}

char *error_reply_format(const struct error *err, char terminator, size_t *ret_size)
{
	_cleanup_json_ struct json_object *root = json_object_new_object();

	json_add_string(root, "error", error_name(err->kind));
	json_add(root, "parameters", error_to_json(err));
	return format(root, terminator, ret_size);
}
