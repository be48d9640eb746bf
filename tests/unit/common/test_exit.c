#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/exit.h"
#include "common/json.h"
#include "tests/unit/unit.h"

static void round_trip(const struct exit_status *st)
{
	char text[EXIT_JSON_MAX];
	struct exit_status back;
	struct error err = { 0 };
	int size = exit_save_text(st, text);
	assert_in_range(size, 2, EXIT_JSON_MAX - 1);
	assert_int_equal(text[size - 1], '\n');
	assert_int_equal(exit_load_text(text, &back, &err), 0);
	assert_memory_equal(st, &back, sizeof back);
}

static void test_records(void **state)
{
	struct exit_status st;
	(void) state;
	memset(&st, 0, sizeof st);
	st.run = 3;
	exit_from_wait(&st, CLD_KILLED, SIGKILL);
	assert_int_equal(st.code, 137);
	assert_int_equal(st.reason, EXIT_REASON_SIGNALED);
	st.finished_ns = 1700000000000000001;
	st.oom_killed = true;
	round_trip(&st);
	st.oom = (struct oom) { .killed = 3, .whose = OOM_ANCESTOR, .levels = 2, .limit = INT64_MAX };
	round_trip(&st);

	exit_from_wait(&st, CLD_EXITED, 7);
	assert_int_equal(st.code, 7);
	assert_int_equal(st.sig, 0);
	st.started_ns = 1;
	st.max_rss_bytes = UINT32_MAX;
	round_trip(&st);

	/* Unknown is a value of its own, never 0; the longest message with everything to escape still fits.
	 */
	st.code = -1;
	st.reason = EXIT_REASON_SHIM_DIED;
	memset(st.error, '"', sizeof st.error - 1);
	round_trip(&st);
}

/* However long it becomes by what has to be escaped, it is a text: nothing is cut inside of a character. */
static void test_escapes(void **state)
{
	struct exit_status st = {
		.run = 1, .reason = EXIT_REASON_START_FAILED, .code = 125, .finished_ns = 1
	};
	struct exit_status back;
	struct error err = { 0 };
	char text[EXIT_JSON_MAX];
	size_t at = 150;
	(void) state;
	memset(st.error, '\033', at);
	for (; at + 2 < sizeof st.error; at += 2)
		memcpy(st.error + at, "\xC3\xA9", 2);
	assert_in_range(exit_save_text(&st, text), 2, EXIT_JSON_MAX - 1);
	assert_int_equal(exit_load_text(text, &back, &err), 0);
	assert_int_equal(back.code, 125);
}

static void test_bad_records(void **state)
{
	const char *bad[] = { "", "{}", "[]", "{\"version\":2}",
		"{\"version\":1,\"reason\":\"bored\",\"finished_at\":\"1970-01-01T00:00:00Z\"}",
		"{\"version\":1,\"reason\":\"exited\",\"code\":256,\"finished_at\":\"1970-01-01T00:00:00Z\"}",
		"{\"version\":1,\"reason\":\"exited\",\"code\":0}" };
	(void) state;
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
		struct exit_status st;
		struct error err = { 0 };
		assert_int_equal(exit_load_text(bad[k], &st, &err), -1);
		assert_int_not_equal(err.kind, ERROR_NONE);
	}
}

static void test_wire(void **state)
{
	struct exit_status st = { .code = -1, .reason = EXIT_REASON_REBOOT, .finished_ns = 1 };
	(void) state;
	_cleanup_json_ struct json_object *obj = exit_to_json(&st);
	assert_null(json_get(obj, "code"));
	assert_string_equal(json_string(obj, "reason", ""), "reboot");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_records), cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_bad_records), cmocka_unit_test(test_wire) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
