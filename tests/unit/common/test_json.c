#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/json.h"
#include "tests/unit/unit.h"

static void test_values(void **state)
{
	static const struct {
		const char *text, *again; /* again NULL: the same */
	} table[] = {
		{ "null", NULL },
		{ " true ", "true" },
		{ "false", NULL },
		{ "0", NULL },
		{ "-0", "0" },
		{ "9223372036854775807", NULL },
		{ "-9223372036854775808", NULL },
		{ "18446744073709551615", NULL },
		{ "1.5e3", NULL },
		{ "\"\"", NULL },
		{ "\"a/b\"", NULL },
		{ "\"\\u0041\\n\\\"\\\\\\/\"", "\"A\\n\\\"\\\\/\"" },
		{ "\"\\ud83d\\ude00\\u00e9\"", "\"\xF0\x9F\x98\x80\xC3\xA9\"" },
		{ "[]", NULL },
		{ "{}", NULL },
		{ "[ 1 , [ ] , { \"a\" : null } ]", "[1,[],{\"a\":null}]" },
	};
	(void) state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		_cleanup_json_ struct json_object *value = NULL;
		struct error err = { 0 };
		assert_int_equal(json_parse(table[i].text, strlen(table[i].text), &value, &err), 0);
		assert_string_equal(
			json_text(value, NULL), table[i].again != NULL ? table[i].again : table[i].text);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *message;
	} table[] = {
		{ "", "at byte 1: the text ends too early" },
		{ "  ", "at byte 3: the text ends too early" },
		{ "tru", "at byte 1: a value expected" },
		{ "nullx", "at byte 5: the text goes on after the value" },
		{ "{} {}", "at byte 4: the text goes on after the value" },
		{ "01", "at byte 2: a number cannot begin with 0" },
		{ "1.", "at byte 3: a digit is missing" },
		{ "-", "at byte 2: a digit is missing" },
		{ "1e", "at byte 3: a digit is missing" },
		{ "+1", "at byte 1: a value expected" },
		{ "1e999", "at byte 1: the number is out of range" },
		{ "18446744073709551616", "at byte 1: the number is out of range" },
		{ "-9223372036854775809", "at byte 1: the number is out of range" },
		{ "\"a", "at byte 3: the string does not end" },
		{ "\"a\\\"", "at byte 5: the string does not end" },
		{ "\"\\x\"", "at byte 2: no such escape" },
		{ "\"\\u12\"", "at byte 2: \\u needs four hexadecimal digits" },
		{ "\"\\u0000\"", "at byte 2: \\u0000 is not allowed in a string" },
		{ "\"\\ud800\"", "at byte 2: half a surrogate pair" },
		{ "\"\\udc00\"", "at byte 2: half a surrogate pair" },
		{ "\"\\ud800\\u0041\"", "at byte 2: half a surrogate pair" },
		{ "\"\n\"", "at byte 2: a control character in a string must be escaped" },
		{ "\"\xFF\"", "at byte 2: the string is not valid UTF-8" },
		{ "\"\xC0\x80\"", "at byte 2: the string is not valid UTF-8" },
		{ "\"\xED\xA0\x80\"", "at byte 2: the string is not valid UTF-8" },
		{ "[1,]", "at byte 4: a value expected" },
		{ "[1 2]", "at byte 4: ',' or ']' expected" },
		{ "{\"a\":1,}", "at byte 8: a field's name expected" },
		{ "{\"a\" 1}", "at byte 6: ':' expected" },
		{ "{\"a\":1,\"a\":2}", "at byte 8: the field occurs twice" },
		{ "{\"a\":1,\"\\u0061\":2}", "at byte 8: the field occurs twice" },
		{ "{1:2}", "at byte 2: a field's name expected" },
		{ "\xEF\xBB\xBF{}", "at byte 1: a value expected" },
	};
	(void) state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct json_object *value = NULL;
		struct error err = { 0 };
		assert_int_equal(json_parse(table[i].text, strlen(table[i].text), &value, &err), -1);
		assert_int_equal(err.kind, ERROR_BAD_MESSAGE);
		assert_string_equal(err.msg, table[i].message);
		assert_null(value);
	}
}

static void test_nothing_behind_size_is_read(void **state)
{
	_cleanup_json_ struct json_object *value = NULL;
	struct error err = { 0 };
	(void) state;
	assert_int_equal(json_parse("12345", 2, &value, &err), 0);
	assert_int_equal(json_object_get_int(value), 12);
	assert_int_equal(json_parse("\"a\"", 2, &value, &err), -1);
	assert_int_equal(json_parse("\"a\0b\"", 5, &value, &err), -1);
}

static void test_depth(void **state)
{
	char text[2 * JSON_DEPTH_MAX + 3];
	(void) state;
	for (int depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
		_cleanup_json_ struct json_object *value = NULL;
		struct error err = { 0 };
		memset(text, '[', (size_t) depth);
		memset(text + depth, ']', (size_t) depth);
		assert_int_equal(
			json_parse(text, (size_t) depth * 2, &value, &err), depth > JSON_DEPTH_MAX ? -1 : 0);
	}
}

static void test_fields(void **state)
{
	_cleanup_json_ struct json_object *obj = json_object_new_object();
	(void) state;
	json_add_string(obj, "text", "x");
	json_add_string(obj, "none", NULL);
	json_add_int(obj, "number", INT64_MAX);
	json_add_bool(obj, "flag", true);
	json_add_time(obj, "time", 1000000001);
	json_add_time(obj, "no_time", 0);
	json_add(obj, "null", NULL);
	assert_string_equal(json_text(obj, NULL),
		"{\"text\":\"x\",\"number\":9223372036854775807,\"flag\":true,"
		"\"time\":\"1970-01-01T00:00:01.000000001Z\",\"null\":null}");
	assert_string_equal(json_string(obj, "text", "y"), "x");
	assert_string_equal(json_string(obj, "null", "y"), "y");
	assert_string_equal(json_string(obj, "number", "y"), "y");
	assert_string_equal(json_string(NULL, "text", "y"), "y");
	assert_int_equal(json_int(obj, "text", 7), 7);
	assert_true(json_flag(obj, "flag", false));
	assert_null(json_get(obj, "null"));
	assert_int_equal(json_length(obj), 0);
}

/* Whatever an error holds comes over the wire as it was, with its sentence whole. */
static void test_errors_and_back(void **state)
{
	static const struct error table[] = {
		{ .kind = ERROR_FAILED, .errnum = 28, .phase = "save", .msg = "write 'x'", .path = "/x" },
		{ .kind = ERROR_NO_SUCH_CONTAINER, .field = "web", .msg = "no such container 'web'" },
		{ .kind = ERROR_AMBIGUOUS,
			.field = "a",
			.path = "a1 a2",
			.msg = "two of them",
			.hint = "which?" },
		{ .kind = ERROR_NAME_IN_USE, .field = "web", .path = "0123", .msg = "in use" },
		{ .kind = ERROR_INVALID_STATE, .field = "web", .phase = "running", .msg = "it runs" },
		{ .kind = ERROR_INVALID_CONFIG, .field = "config.cwd", .errnum = 2, .msg = "bad" },
		{ .kind = ERROR_START_FAILED,
			.phase = "exec",
			.errnum = 2,
			.exit_code = 127,
			.path = "/x",
			.msg = "m" },
		{ .kind = ERROR_EVENTS_LOST, .field = "17", .msg = "lost" },
		{ .kind = ERROR_METHOD_NOT_FOUND, .field = "a.B", .msg = "no" },
	};
	(void) state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		_cleanup_json_ struct json_object *parameters = error_to_json(&table[i]);
		struct error err;
		char before[4096], after[4096];
		assert_string_not_equal(json_string(parameters, "message", ""), "");
		error_from_json(error_name(table[i].kind), parameters, &err);
		assert_int_equal(err.kind, table[i].kind);
		assert_int_equal(err.exit_code, table[i].exit_code);
		assert_int_equal(err.errnum, table[i].errnum);
		assert_string_equal(err.phase, table[i].phase);
		assert_string_equal(err.field, table[i].field);
		assert_string_equal(err.path, table[i].path);
		assert_string_equal(err.hint, table[i].hint);
		assert_string_equal(error_format(&err, after, sizeof after),
			error_format(&table[i], before, sizeof before));
	}
}

static void test_errors_of_others(void **state)
{
	struct error err;
	(void) state;
	error_from_json("org.example.Strange", NULL, &err);
	assert_int_equal(err.kind, ERROR_FAILED);
	assert_string_equal(err.msg, "org.example.Strange");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_nothing_behind_size_is_read),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_errors_and_back),
		cmocka_unit_test(test_errors_of_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
