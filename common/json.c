/* json.c - a strict parser (json-c's own lets too much through), and typed access to json-c objects. */
#include "common/json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/parse.h"

struct parser {
	const char *start, *p, *end;
	struct error *err;
	int depth;
};

static int parse_value(struct parser *ps, struct json_object **ret_value);

static void *must(void *p)
{
	if (!p)
		abort(); /* json.h: these objects are small and bounded */
	return p;
}

static int fail(struct parser *ps, const char *at, const char *what)
{
	return error_set(ps->err, ERROR_BAD_MESSAGE, "at byte %zu: %s", (size_t) (at - ps->start) + 1, what);
}

static void skip_space(struct parser *ps)
{
	while (ps->p < ps->end && (*ps->p == ' ' || *ps->p == '\t' || *ps->p == '\n' || *ps->p == '\r'))
		ps->p++;
}

static bool take(struct parser *ps, char c)
{
	if (ps->p >= ps->end || *ps->p != c)
		return false;
	ps->p++;
	return true;
}

static int hex4(const char *p, const char *end, unsigned *ret_value)
{
	unsigned value = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p[i];
		unsigned digit;

		if (c >= '0' && c <= '9')
			digit = (unsigned) (c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			digit = (unsigned) ((c | 32) - 'a' + 10);
		else
			return -1;
		value = value << 4 | digit;
	}
	*ret_value = value;
	return 0;
}

static size_t utf8_put(char *out, unsigned c)
{
	if (c < 0x80) {
		out[0] = (char) c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char) (0xc0 | c >> 6);
		out[1] = (char) (0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char) (0xe0 | c >> 12);
		out[1] = (char) (0x80 | (c >> 6 & 0x3f));
		out[2] = (char) (0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char) (0xf0 | c >> 18);
	out[1] = (char) (0x80 | (c >> 12 & 0x3f));
	out[2] = (char) (0x80 | (c >> 6 & 0x3f));
	out[3] = (char) (0x80 | (c & 0x3f));
	return 4;
}

/* The part of an escape after "\u"; both halves of a surrogate pair. */
static int parse_unicode(struct parser *ps, char **out)
{
	const char *at = ps->p - 2;
	unsigned c, low;

	if (hex4(ps->p, ps->end, &c) < 0)
		return fail(ps, at, "\\u needs four hexadecimal digits");
	ps->p += 4;
	if (c == 0)
		return fail(ps, at, "\\u0000 is not allowed in a string");
	if (c >= 0xdc00 && c < 0xe000)
		return fail(ps, at, "half a surrogate pair");
	if (c >= 0xd800 && c < 0xdc00) {
		if (ps->end - ps->p < 6 || ps->p[0] != '\\' || ps->p[1] != 'u' ||
			hex4(ps->p + 2, ps->end, &low) < 0 || low < 0xdc00 || low >= 0xe000)
			return fail(ps, at, "half a surrogate pair");
		ps->p += 6;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	*out += utf8_put(*out, c);
	return 0;
}

static int parse_escape(struct parser *ps, char **out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *hit;

	if (ps->p >= ps->end)
		return fail(ps, ps->p, "the string does not end");
	if (*ps->p == 'u') {
		ps->p++;
		return parse_unicode(ps, out);
	}
	hit = *ps->p ? strchr(from, *ps->p) : NULL;
	if (!hit)
		return fail(ps, ps->p - 1, "no such escape");
	*(*out)++ = to[hit - from];
	ps->p++;
	return 0;
}

/* Where the string's closing quote is, or NULL. */
static const char *string_end(const char *p, const char *end, bool *ret_escapes)
{
	*ret_escapes = false;
	for (; p < end && *p != '"'; p++) {
		if (*p != '\\')
			continue;
		*ret_escapes = true;
		if (++p == end)
			return NULL;
	}
	return p < end ? p : NULL;
}

/* After the opening quote. *ret_text is NUL-terminated, caller frees. An unescaped text is never longer than
 * its source. */
static int parse_string(struct parser *ps, char **ret_text, size_t *ret_size)
{
	_cleanup_free_ char *text = NULL;
	bool escapes;
	const char *end = string_end(ps->p, ps->end, &escapes);
	char *out;

	if (!end)
		return fail(ps, ps->end, "the string does not end");
	if (!utf8_valid(ps->p, (size_t) (end - ps->p)))
		return fail(ps, ps->p, "the string is not valid UTF-8");
	out = text = must(malloc((size_t) (end - ps->p) + 1));
	while (ps->p < end) {
		unsigned char c = (unsigned char) *ps->p++;

		if (c < 0x20)
			return fail(ps, ps->p - 1, "a control character in a string must be escaped");
		if (c != '\\')
			*out++ = (char) c;
		else if (parse_escape(ps, &out) < 0)
			return -1;
	}
	ps->p = end + 1;
	*out = 0;
	*ret_size = (size_t) (out - text);
	*ret_text = steal_pointer(&text);
	return 0;
}

static bool digit(const struct parser *ps)
{
	return ps->p < ps->end && *ps->p >= '0' && *ps->p <= '9';
}

/* Passes over a number; *ret_is_int if it has neither fraction nor exponent. */
static int scan_number(struct parser *ps, bool *ret_is_int)
{
	bool is_int = true;

	take(ps, '-');
	if (!digit(ps))
		return fail(ps, ps->p, "a digit is missing");
	if (!take(ps, '0'))
		while (digit(ps))
			ps->p++;
	else if (digit(ps))
		return fail(ps, ps->p, "a number cannot begin with 0");
	if (take(ps, '.')) {
		is_int = false;
		if (!digit(ps))
			return fail(ps, ps->p, "a digit is missing");
		while (digit(ps))
			ps->p++;
	}
	if (take(ps, 'e') || take(ps, 'E')) {
		is_int = false;
		if (!take(ps, '-'))
			take(ps, '+');
		if (!digit(ps))
			return fail(ps, ps->p, "a digit is missing");
		while (digit(ps))
			ps->p++;
	}
	*ret_is_int = is_int;
	return 0;
}

#define NUMBER_MAX 64 /* digits and signs of one number */

static int parse_number(struct parser *ps, struct json_object **ret_value)
{
	const char *at = ps->p;
	char text[NUMBER_MAX + 1];
	uint64_t u;
	int64_t i;
	double d;
	bool is_int;

	if (scan_number(ps, &is_int) < 0)
		return -1;
	if (ps->p - at > NUMBER_MAX)
		return fail(ps, at, "the number is too long");
	memcpy(text, at, (size_t) (ps->p - at));
	text[ps->p - at] = 0;
	if (!is_int) {
		d = strtod(text, NULL); /* the locale is always "C" */
		if (!isfinite(d))
			return fail(ps, at, "the number is out of range");
		*ret_value = must(json_object_new_double_s(d, text));
		return 0;
	}
	if (parse_i64(text, &i) == 0)
		*ret_value = must(json_object_new_int64(i));
	else if (parse_u64(text, UINT64_MAX, &u) == 0)
		*ret_value = must(json_object_new_uint64(u));
	else
		return fail(ps, at, "the number is out of range");
	return 0;
}

static int parse_array(struct parser *ps, struct json_object **ret_value)
{
	_cleanup_json_ struct json_object *array = must(json_object_new_array());

	skip_space(ps);
	if (take(ps, ']')) {
		*ret_value = steal_pointer(&array);
		return 0;
	}
	do {
		struct json_object *item;

		if (parse_value(ps, &item) < 0)
			return -1;
		if (json_object_array_add(array, item) < 0)
			abort();
		skip_space(ps);
	} while (take(ps, ','));
	if (!take(ps, ']'))
		return fail(ps, ps->p, "',' or ']' expected");
	*ret_value = steal_pointer(&array);
	return 0;
}

static int parse_field(struct parser *ps, struct json_object *object)
{
	_cleanup_free_ char *key = NULL;
	struct json_object *value;
	const char *at;
	size_t size;

	skip_space(ps);
	at = ps->p;
	if (!take(ps, '"'))
		return fail(ps, ps->p, "a field's name expected");
	if (parse_string(ps, &key, &size) < 0)
		return -1;
	if (json_object_object_get_ex(object, key, NULL))
		return fail(ps, at, "the field occurs twice");
	skip_space(ps);
	if (!take(ps, ':'))
		return fail(ps, ps->p, "':' expected");
	if (parse_value(ps, &value) < 0)
		return -1;
	if (json_object_object_add_ex(object, key, value, JSON_C_OBJECT_ADD_KEY_IS_NEW) < 0)
		abort();
	return 0;
}

static int parse_object(struct parser *ps, struct json_object **ret_value)
{
	_cleanup_json_ struct json_object *object = must(json_object_new_object());

	skip_space(ps);
	if (take(ps, '}')) {
		*ret_value = steal_pointer(&object);
		return 0;
	}
	do {
		if (parse_field(ps, object) < 0)
			return -1;
		skip_space(ps);
	} while (take(ps, ','));
	if (!take(ps, '}'))
		return fail(ps, ps->p, "',' or '}' expected");
	*ret_value = steal_pointer(&object);
	return 0;
}

static int parse_nested(struct parser *ps, struct json_object **ret_value)
{
	int r;

	if (ps->depth == JSON_DEPTH_MAX)
		return fail(ps, ps->p, "nested too deeply");
	ps->depth++;
	r = *ps->p++ == '{' ? parse_object(ps, ret_value) : parse_array(ps, ret_value);
	ps->depth--;
	return r;
}

static int parse_text(struct parser *ps, struct json_object **ret_value)
{
	_cleanup_free_ char *text = NULL;
	size_t size;

	ps->p++;
	if (parse_string(ps, &text, &size) < 0)
		return -1;
	*ret_value = must(json_object_new_string_len(text, (int) size));
	return 0;
}

static bool take_word(struct parser *ps, const char *word)
{
	size_t size = strlen(word);

	if ((size_t) (ps->end - ps->p) < size || memcmp(ps->p, word, size) != 0)
		return false;
	ps->p += size;
	return true;
}

static int parse_value(struct parser *ps, struct json_object **ret_value)
{
	skip_space(ps);
	if (ps->p >= ps->end)
		return fail(ps, ps->end, "the text ends too early");
	if (*ps->p == '{' || *ps->p == '[')
		return parse_nested(ps, ret_value);
	if (*ps->p == '"')
		return parse_text(ps, ret_value);
	if (*ps->p == '-' || digit(ps))
		return parse_number(ps, ret_value);
	if (take_word(ps, "true"))
		*ret_value = must(json_object_new_boolean(true));
	else if (take_word(ps, "false"))
		*ret_value = must(json_object_new_boolean(false));
	else if (take_word(ps, "null"))
		*ret_value = NULL;
	else
		return fail(ps, ps->p, "a value expected");
	return 0;
}

int json_parse(const char *text, size_t size, struct json_object **ret_value, struct error *err)
{
	struct parser ps = { .start = text, .p = text, .end = text + size, .err = err };
	_cleanup_json_ struct json_object *value = NULL;

	if (size > INT32_MAX)
		return error_set(err, ERROR_BAD_MESSAGE, "the text is too long");
	if (parse_value(&ps, &value) < 0)
		return -1;
	skip_space(&ps);
	if (ps.p < ps.end)
		return fail(&ps, ps.p, "the text goes on after the value");
	*ret_value = steal_pointer(&value);
	return 0;
}

const char *json_text(struct json_object *value, size_t *ret_size)
{
	return must((void *) json_object_to_json_string_length(
		value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, ret_size));
}

void json_put(struct json_object **value)
{
	if (*value)
		json_object_put(*value);
	*value = NULL;
}

struct json_object *json_get(struct json_object *obj, const char *key)
{
	struct json_object *value = NULL;

	if (!obj || !json_object_is_type(obj, json_type_object))
		return NULL;
	return json_object_object_get_ex(obj, key, &value) ? value : NULL;
}

const char *json_string(struct json_object *obj, const char *key, const char *otherwise)
{
	struct json_object *value = json_get(obj, key);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : otherwise;
}

int64_t json_int(struct json_object *obj, const char *key, int64_t otherwise)
{
	struct json_object *value = json_get(obj, key);

	return json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : otherwise;
}

bool json_flag(struct json_object *obj, const char *key, bool otherwise)
{
	struct json_object *value = json_get(obj, key);

	return json_object_is_type(value, json_type_boolean) ? json_object_get_boolean(value) : otherwise;
}

size_t json_length(struct json_object *array)
{
	return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

void json_add(struct json_object *obj, const char *key, struct json_object *value)
{
	if (json_object_object_add(obj, key, value) < 0)
		abort();
}

void json_add_string(struct json_object *obj, const char *key, const char *value)
{
	if (value)
		json_add(obj, key, must(json_object_new_string(value)));
}

void json_add_int(struct json_object *obj, const char *key, int64_t value)
{
	json_add(obj, key, must(json_object_new_int64(value)));
}

void json_add_bool(struct json_object *obj, const char *key, bool value)
{
	json_add(obj, key, must(json_object_new_boolean(value)));
}

void json_add_time(struct json_object *obj, const char *key, int64_t realtime_ns)
{
	char text[TIME_TEXT];

	if (realtime_ns != 0)
		json_add_string(obj, key, time_format(realtime_ns, text));
}
