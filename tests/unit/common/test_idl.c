#include <stdio.h>

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/idl.h"
#include "common/json.h"
#include "tests/unit/unit.h"

static const char text[] =
	"# A comment.\n"
	"interface org.example.test\n"
	"type Color (red, green)\n"
	"type Part (name: string, # here, too\n"
	"  color: ?Color, sizes: ?[]int, by_name: ?[string]Part)\n"
	"method Make(part: Part, deep: ?bool, weight: ?float, any: ?object) -> (id: string)\n"
	"method Nothing() -> ()\n"
	"error Broken (part: string)\n";

static void test_members(void **state)
{
	struct error err = { 0 };
	struct idl *idl = idl_parse(text, &err);
	(void) state;
	assert_non_null(idl);
	assert_string_equal(idl_name(idl), "org.example.test");
	assert_ptr_equal(idl_text(idl), text);
	const struct idl_method *m = idl_method_next(idl, NULL);
	assert_string_equal(idl_method_name(m), "Make");
	m = idl_method_next(idl, m);
	assert_string_equal(idl_method_name(m), "Nothing");
	assert_null(idl_method_next(idl, m));
	assert_null(idl_method_find(idl, "Broken"));
	assert_null(idl_method_find(idl, "make"));
	idl_free(idl);
}

static void test_checks(void **state)
{
	static const struct {
		const char *value, *field, *message; /* field NULL: it fits */
	} table[] = {
		{ "{\"part\":{\"name\":\"x\"}}", NULL, NULL },
		{ "{\"part\":{\"name\":\"x\",\"color\":null,\"sizes\":[1,-2],\"by_name\":{\"y\":{\"name\":"
		  "\"y\"}}},"
		  "\"weight\":1,\"any\":{\"x\":[]}}",
			NULL, NULL },
		{ "{}", "part", "part is missing" },
		{ "{\"part\":null}", "part", "part is missing" },
		{ "{\"part\":[]}", "part", "part must be an object" },
		{ "{\"part\":{}}", "part.name", "part.name is missing" },
		{ "{\"part\":{\"name\":1}}", "part.name", "part.name must be a string" },
		{ "{\"part\":{\"name\":\"x\",\"colour\":1}}", "part.colour", "part.colour is unknown" },
		{ "{\"part\":{\"name\":\"x\",\"color\":\"blue\"}}", "part.color",
			"part.color must be one of red, green, not 'blue'" },
		{ "{\"part\":{\"name\":\"x\",\"sizes\":[1,\"2\"]}}", "part.sizes[1]",
			"part.sizes[1] must be a whole number" },
		{ "{\"part\":{\"name\":\"x\",\"sizes\":[null]}}", "part.sizes[0]",
			"part.sizes[0] is missing" },
		{ "{\"part\":{\"name\":\"x\",\"sizes\":[1.5]}}", "part.sizes[0]",
			"part.sizes[0] must be a whole number" },
		{ "{\"part\":{\"name\":\"x\",\"sizes\":[9223372036854775808]}}", "part.sizes[0]",
			"part.sizes[0] is out of range" },
		{ "{\"part\":{\"name\":\"x\",\"by_name\":{\"k\":{\"name\":\"y\",\"by_name\":{\"l\":3}}}}}",
			"part.by_name.k.by_name.l", "part.by_name.k.by_name.l must be an object" },
		{ "{\"part\":{\"name\":\"x\"},\"deep\":\"yes\"}", "deep", "deep must be true or false" },
		{ "{\"part\":{\"name\":\"x\"},\"any\":1}", "any", "any must be an object" },
		{ "{\"part\":{\"name\":\"x\"},\"\\u001b[2J\":1}", "\\x1b[2J", "\\x1b[2J is unknown" },
	};
	struct error err = { 0 };
	struct idl *idl = idl_parse(text, &err);
	const struct idl_method *make = idl_method_find(idl, "Make");
	(void) state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		_cleanup_json_ struct json_object *value = NULL;
		assert_int_equal(json_parse(table[i].value, strlen(table[i].value), &value, &err), 0);
		int r = idl_check_call(make, value, &err);
		assert_int_equal(r, table[i].field != NULL ? -1 : 0);
		if (table[i].field == NULL)
			continue;
		assert_int_equal(err.kind, ERROR_INVALID_PARAMETER);
		assert_string_equal(err.field, table[i].field);
		assert_string_equal(err.msg, table[i].message);
	}
	assert_int_equal(idl_check_call(idl_method_find(idl, "Nothing"), NULL, &err), 0);
	assert_int_equal(idl_check_reply(make, NULL, &err), -1);
	assert_int_equal(idl_check_error(idl, "Broken", NULL, &err), -1);
	assert_int_equal(idl_check_error(idl, "Missing", NULL, &err), -1);
	idl_free(idl);
}

static void test_bad_descriptions(void **state)
{
	static const struct {
		const char *text, *message;
	} table[] = {
		{ "", "line 1: an interface begins with 'interface' and its name" },
		{ "interface a.b\nmethode X() -> ()", "line 2: 'type', 'method' or 'error' expected" },
		{ "interface a.b\nmethod X()", "line 2: '->' expected" },
		{ "interface a.b\nmethod X(a) -> ()", "line 2: parameters need types" },
		{ "interface a.b\n\nmethod X(a: int, b) -> ()",
			"line 3: either all fields have types or none" },
		{ "interface a.b\nmethod X(a: int, a: int) -> ()", "line 2: a field's name occurs twice" },
		{ "interface a.b\nmethod X(a: [int) -> ()", "line 2: a type expected" },
		{ "interface a.b\nmethod X(a: int", "line 2: ',' or ')' expected" },
		{ "interface a.b\nmethod X(a: Missing) -> ()", "there is no type 'Missing'" },
		{ "interface a.b\ntype X ?????????????????????int", "line 2: types nested too deeply" },
	};
	(void) state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct error err = { 0 };
		assert_null(idl_parse(table[i].text, &err));
		assert_string_equal(err.msg, table[i].message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_checks),
		cmocka_unit_test(test_bad_descriptions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
