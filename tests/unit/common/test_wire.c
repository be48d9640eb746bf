#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/wire.h"
#include "tests/unit/unit.h"

static void feed(struct wire *w, const char *bytes, size_t size)
{
	char *space;
	wire_space(w, size, &space);
	memcpy(space, bytes, size);
	wire_added(w, size);
}

static void expect(struct wire *w, const char *text)
{
	struct error err = { 0 };
	char *message = NULL;
	size_t size = 0;
	int r = wire_take(w, &message, &size, &err);
	assert_int_equal(r, text != NULL);
	if (text != NULL) {
		assert_string_equal(message, text);
		assert_int_equal(size, strlen(text));
	}
}

static void test_nul_mode(void **state)
{
	struct wire w;
	size_t rest;
	(void) state;
	wire_init(&w);
	expect(&w, NULL);
	feed(&w, "{}\0{\n}\0{", 8);
	expect(&w, "{}");
	expect(&w, "{\n}");
	expect(&w, NULL);
	assert_memory_equal(wire_rest(&w, &rest), "{", 1);
	assert_int_equal(rest, 1);
	feed(&w, "}", 1);
	expect(&w, NULL);
	feed(&w, "\0x", 2);
	expect(&w, "{}");
	assert_memory_equal(wire_rest(&w, &rest), "x", 1);
	assert_int_equal(rest, 1);
	wire_done(&w);
}

static void test_newline_mode(void **state)
{
	struct wire w;
	(void) state;
	wire_init(&w);
	feed(&w, "\n \t\r\n{}\n\n[]\r\n", 13);
	expect(&w, "{}");
	expect(&w, "[]\r");
	expect(&w, NULL);
	assert_int_equal(w.terminator, '\n');
	/* It stays so: a NUL is one of a message's bytes now. */
	feed(&w, "a\0b\n", 4);
	struct error err = { 0 };
	char *message;
	size_t size;
	assert_int_equal(wire_take(&w, &message, &size, &err), 1);
	assert_int_equal(size, 3);
	wire_done(&w);
}

/* A message that is laid out in lines and ends in a NUL. */
static void test_a_nul_decides(void **state)
{
	struct wire w;
	(void) state;
	wire_init(&w);
	feed(&w, "{\n}\0", 4);
	expect(&w, "{\n}");
	wire_done(&w);
}

static void test_byte_by_byte(void **state)
{
	struct wire w;
	(void) state;
	wire_init(&w);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 1000; i++) {
			feed(&w, "x", 1);
			expect(&w, NULL);
		}
		feed(&w, "\0", 1);
		struct error err;
		char *message;
		size_t size;
		assert_int_equal(wire_take(&w, &message, &size, &err), 1);
		assert_int_equal(size, 1000);
	}
	wire_done(&w);
}

static void test_too_long(void **state)
{
	char block[64 * 1024];
	(void) state;
	memset(block, 'x', sizeof block);
	for (int ended = 0; ended < 2; ended++) {
		struct wire w;
		struct error err = { 0 };
		char *message;
		size_t size;
		wire_init(&w);
		for (size_t i = 0; i < WIRE_MESSAGE_MAX / sizeof block; i++) {
			feed(&w, block, sizeof block);
			assert_int_equal(wire_take(&w, &message, &size, &err), 0);
		}
		feed(&w, ended ? "x\0" : "xx", 2);
		assert_int_equal(wire_take(&w, &message, &size, &err), -1);
		assert_int_equal(err.kind, ERROR_LIMIT_EXCEEDED);
		assert_string_equal(err.msg, "a message has at most 1048576 bytes");
		wire_done(&w);
	}
}

static void test_calls(void **state)
{
	static const struct {
		const char *text, *message; /* NULL: it is a call */
	} table[] = {
		{ "{\"method\":\"a.B\"}", NULL },
		{ "{\"method\":\"a.B\",\"parameters\":null,\"more\":true}", NULL },
		{ "{\"method\":\"a.B\",\"parameters\":{},\"upgrade\":true}", NULL },
		{ "[]", "a message is a JSON object" },
		{ "null", "a message is a JSON object" },
		{ "{}", "the message has no method" },
		{ "{\"method\":null}", "the message has no method" },
		{ "{\"method\":1}", "the message's field 'method' must be a string" },
		{ "{\"method\":\"a.B\",\"parameters\":[]}",
			"the message's field 'parameters' must be an object" },
		{ "{\"method\":\"a.B\",\"more\":1}", "the message's field 'more' must be true or false" },
		{ "{\"method\":\"a.B\",\"more\\u001b\":true}", "a message has no field 'more\\x1b'" },
		{ "{\"method\":\"a.B\",\"oneway\":true,\"more\":true}",
			"a oneway call has no reply: neither more nor upgrade go with it" },
		{ "{\"method\":", "at byte 11: the text ends too early" },
	};
	(void) state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct call call = { 0 };
		struct error err = { 0 };
		int r = call_parse(table[i].text, strlen(table[i].text), &call, &err);
		assert_int_equal(r, table[i].message != NULL ? -1 : 0);
		if (table[i].message != NULL)
			assert_string_equal(err.msg, table[i].message);
		json_put(&call.root);
	}
}

static void test_formats(void **state)
{
	_cleanup_json_ struct json_object *parameters = json_object_new_object();
	struct error err;
	struct call call;
	struct reply reply;
	size_t size;
	(void) state;
	json_add_int(parameters, "a", 1);

	_cleanup_free_ char *text = call_format("x.Y", parameters, true, false, '\0', &size);
	assert_string_equal(text, "{\"method\":\"x.Y\",\"parameters\":{\"a\":1},\"more\":true}");
	assert_int_equal(size, strlen(text) + 1);
	assert_int_equal(call_parse(text, size - 1, &call, &err), 0);
	assert_string_equal(call.method, "x.Y");
	assert_true(call.more && !call.upgrade && !call.oneway);
	json_put(&call.root);

	_cleanup_free_ char *answer = reply_format(NULL, true, '\n', &size);
	assert_string_equal(answer, "{\"parameters\":{},\"continues\":true}\n");
	assert_int_equal(size, strlen(answer));
	assert_int_equal(reply_parse(answer, size - 1, &reply, &err), 0);
	assert_true(reply.continues && reply.error == NULL);
	json_put(&reply.root);

	error_set(&err, ERROR_BAD_MESSAGE, "what?");
	_cleanup_free_ char *refusal = error_reply_format(&err, '\n', &size);
	assert_string_equal(refusal, "{\"error\":\"io.containerdlite.container.BadMessage\",\"parameters\":{"
				     "\"message\":\"what?\"}}\n");
}

/* What a later version adds to a reply is not this version's affair. */
static void test_replies_may_have_more(void **state)
{
	static const char text[] = "{\"parameters\":{},\"since\":\"2.0\"}";
	struct reply reply;
	struct error err;
	(void) state;
	assert_int_equal(reply_parse(text, sizeof text - 1, &reply, &err), 0);
	json_put(&reply.root);
}

/* A call in newline mode and, in the same write, the console's first frames, which are full of NULs. */
static void test_frames_behind_a_line(void **state)
{
	static const char bytes[] = "{\"method\":\"a.B\",\"x\":\"}\\\"{\"}\n\0\0\0\0\0\0\0\1x";
	struct wire w;
	char *space, *message;
	size_t size;
	struct error err;

	(void) state;
	wire_init(&w);
	wire_space(&w, sizeof(bytes), &space);
	memcpy(space, bytes, sizeof(bytes) - 1);
	wire_added(&w, sizeof(bytes) - 1);
	assert_int_equal(wire_take(&w, &message, &size, &err), 1);
	assert_int_equal(w.terminator, '\n');
	assert_int_equal(size, strlen(message));
	wire_rest(&w, &size);
	assert_int_equal(size, 9);
	wire_done(&w);
}

/* However it grows, its memory is bounded as what is in it is. */
static void test_room(void **state)
{
	struct wire w;
	char *space, *message;
	size_t size;
	struct error err;

	(void) state;
	wire_init(&w);
	while (w.size < WIRE_MESSAGE_MAX) {
		wire_space(&w, 64 * 1024, &space);
		memset(space, ' ', 64 * 1024);
		wire_added(&w, 64 * 1024);
		assert_int_equal(wire_take(&w, &message, &size, &err), 0);
	}
	wire_space(&w, 64 * 1024, &space);
	assert_in_range(w.capacity, 1, WIRE_MESSAGE_MAX + 64 * 1024);
	wire_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_nul_mode),
		cmocka_unit_test(test_newline_mode),
		cmocka_unit_test(test_a_nul_decides),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_replies_may_have_more),
		cmocka_unit_test(test_frames_behind_a_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
