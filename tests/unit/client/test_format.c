/* test_format.c - what people read: durations, statuses, commands, tables. */
#include "client/format.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/base64.h"
#include "client/table.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "tests/unit/unit.h"

static void test_durations(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} rows[] = {
		{ 0, "Less than a second" },
		{ 1, "1 second" },
		{ 2, "2 seconds" },
		{ 59, "59 seconds" },
		{ 60, "About a minute" },
		{ 119, "About a minute" },
		{ 120, "2 minutes" },
		{ 45 * 60 + 59, "45 minutes" },
		{ 59 * 60, "59 minutes" },
		{ 60 * 60, "About an hour" },
		{ 90 * 60, "2 hours" },
		{ 7200, "2 hours" },
		{ 47 * 3600, "47 hours" },
		{ 48 * 3600, "2 days" },
		{ 13 * 86400, "13 days" },
		{ 14 * 86400, "2 weeks" },
		{ 59 * 86400, "8 weeks" },
		{ 60 * 86400, "2 months" },
		{ 729 * 86400, "24 months" },
		{ INT64_C(730) * 86400, "2 years" },
	};
	char buf[FORMAT_TEXT];
	(void) state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_string_equal(format_duration(rows[i].seconds, buf), rows[i].text);
}

static void test_status(void **state)
{
	static const struct {
		const char *summary, *text;
	} rows[] = {
		{ "{\"state\":\"created\"}", "Created" },
		{ "{\"state\":\"starting\"}", "Starting" },
		{ "{\"state\":\"running\",\"started_at\":\"2026-11-22T04:10:00.5Z\"}", "Up 2 minutes" },
		{ "{\"state\":\"running\",\"started_at\":\"2026-11-22T05:00:00Z\"}",
			"Up Less than a second" },
		{ "{\"state\":\"stopping\",\"started_at\":\"2026-11-22T04:12:50Z\"}",
			"Up 10 seconds (Stopping)" },
		{ "{\"state\":\"removing\"}", "Removing" },
		{ "{\"state\":\"exited\",\"exit\":{\"code\":3,\"reason\":\"exited\",\"oom_killed\":false,"
		  "\"finished_at\":\"2026-11-22T04:11:00Z\"}}",
			"Exited (3) 2 minutes ago" },
		{ "{\"state\":\"exited\",\"exit\":{\"code\":137,\"reason\":\"signaled\",\"signal\":"
		  "\"SIGKILL\","
		  "\"finished_at\":\"2026-11-22T04:11:00Z\"}}",
			"Exited (137) 2 minutes ago: SIGKILL" },
		{ "{\"state\":\"exited\",\"exit\":{\"code\":139,\"reason\":\"signaled\",\"signal\":"
		  "\"SIGSEGV\","
		  "\"core_dumped\":true,\"finished_at\":\"2026-11-22T04:11:00Z\"}}",
			"Exited (139) 2 minutes ago: SIGSEGV, core dumped" },
		{ "{\"state\":\"exited\",\"exit\":{\"code\":137,\"reason\":\"signaled\",\"signal\":"
		  "\"SIGKILL\","
		  "\"oom_killed\":true,\"finished_at\":\"2026-11-22T04:11:00Z\"}}",
			"Exited (137) 2 minutes ago: OOM" },
		{ "{\"state\":\"exited\",\"exit\":{\"code\":137,\"reason\":\"signaled\",\"oom_killed\":true,"
		  "\"oom\":{\"killed\":2,\"whose\":\"own\",\"limit\":67108864},\"finished_at\":\"2026-11-"
		  "22T04:11:00Z\"}}",
			"Exited (137) 2 minutes ago: OOM, limit 64M" },
		{ "{\"state\":\"exited\",\"exit\":{\"code\":0,\"reason\":\"exited\",\"oom_killed\":true,"
		  "\"oom\":{\"killed\":2,\"whose\":\"host\"},\"finished_at\":\"2026-11-22T04:11:00Z\"}}",
			"Exited (0) 2 minutes ago: OOM, the host had no more" },
		{ "{\"state\":\"running\",\"started_at\":\"2026-11-22T04:12:50Z\",\"oom\":{\"killed\":1,"
		  "\"whose\":\"ancestor\",\"levels\":1,\"limit\":1610612736}}",
			"Up 10 seconds: OOM, limit 1536M of a cgroup above" },
		{ "{\"state\":\"running\",\"started_at\":\"2026-11-22T04:12:50Z\",\"oom\":{\"killed\":1,"
		  "\"whose\":\"inside\"}}",
			"Up 10 seconds: OOM, limit of a cgroup inside" },
		{ "{\"state\":\"exited\",\"exit\":{\"code\":127,\"reason\":\"start failed\","
		  "\"finished_at\":\"2026-11-22T04:11:00Z\"}}",
			"Exited (127) 2 minutes ago: start failed" },
		{ "{\"state\":\"exited\",\"exit\":{\"reason\":\"shim died\"}}",
			"Exited (unknown): shim died" },
		{ "{\"state\":\"dream\\u001b\"}", "dream\\x1b" },
	};
	int64_t now;
	(void) state;
	assert_int_equal(time_parse("2026-11-22T04:13:00Z", &now), 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_json_ struct json_object *summary = NULL;
		struct error err;
		char buf[128];
		assert_int_equal(json_parse(rows[i].summary, strlen(rows[i].summary), &summary, &err), 0);
		assert_string_equal(format_status(summary, now, buf, sizeof buf), rows[i].text);
	}
}

static void command(const char *words, size_t characters, const char *expected)
{
	_cleanup_json_ struct json_object *array = NULL;
	struct error err;
	assert_int_equal(json_parse(words, strlen(words), &array, &err), 0);
	_cleanup_free_ char *text = format_command(array, characters);
	assert_string_equal(text, expected);
}

static void test_commands(void **state)
{
	(void) state;
	command("[\"sleep\",\"100\"]", 20, "\"sleep 100\"");
	command("[]", 20, "\"\"");
	command("[\"12345678901234567890\"]", 20, "\"12345678901234567890\"");
	command("[\"123456789012345678901\"]", 20, "\"1234567890123456789…\"");
	command("[\"123456789012345678901\"]", 0, "\"123456789012345678901\"");
	command("[\"äöüäöü\"]", 4, "\"äöü…\"");
	command("[\"ab\",\"c\"]", 3, "\"ab…\"");
	command("[\"a\\u001b[31m\\n\"]", 0, "\"a\\x1b[31m\\x0a\"");
}

static void test_table(void **state)
{
	struct table t;
	_cleanup_free_ char *text = NULL;
	size_t size;
	(void) state;
	table_init(&t, 3);
	static const char *const cells[] = { "A", "BB", "C", "ä\x1b", "", "x" };
	for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
		table_add(&t, cells[i]);
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	table_print(&t, out);
	fclose(out);
	table_done(&t);
	assert_string_equal(text, "A       BB   C\n"
				  "ä\\x1b        x\n");
}

static void test_base64(void **state)
{
	static const struct {
		const char *text, *bytes;
		int size;
	} rows[] = { { "", "", 0 }, { "Zg==", "f", 1 }, { "Zm8=", "fo", 2 }, { "Zm9v", "foo", 3 },
		{ "/+8A", "\xff\xef\0", 3 }, { "Zg=", "", -1 }, { "Z===", "", -1 }, { "Zm9v Zg=", "", -1 },
		{ "=m9v", "", -1 } };
	char buf[16];
	(void) state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(base64_decode(rows[i].text, buf), rows[i].size);
		if (rows[i].size > 0)
			assert_memory_equal(buf, rows[i].bytes, rows[i].size);
	}
}

static void test_size(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {
		{ 0, "0B" },
		{ 1023, "1023B" },
		{ 1024, "1.00KiB" },
		{ 1536, "1.50KiB" },
		{ 10239, "10.0KiB" },
		{ 102348, "99.9KiB" },
		{ 102349, "100KiB" },
		{ 1048575, "1.00MiB" },
		{ UINT64_C(64) << 20, "64.0MiB" },
		{ UINT64_MAX, "16.0EiB" },
	};
	char buf[FORMAT_TEXT];
	(void) state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_string_equal(format_size(rows[i].bytes, buf), rows[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_base64),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
