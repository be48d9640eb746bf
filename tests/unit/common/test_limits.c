/* Lists of limits: set, merged, compared, as text and back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/limits.h"
#include "tests/unit/unit.h"

static void set(struct limits *limits, const char *file, const char *value)
{
	struct error err = { 0 };
	if (limits_set(limits, file, value, true, &err) < 0)
		fail_msg("%s: %s", file, err.msg);
}

static void is(const struct limits *limits, const char *text)
{
	_cleanup_free_ char *got = limits_format(limits);
	assert_string_equal(got, text);
}

static void test_order_and_replacement(void **state)
{
	_cleanup_limits_ struct limits limits = { 0 };
	(void) state;
	set(&limits, "pids.max", "5");
	set(&limits, "memory.swap.max", "1m");
	set(&limits, "memory.max", "4m");
	set(&limits, "pids.max", "6");
	set(&limits, "misc.max", "a 1\nb 2");
	set(&limits, "misc.max", "b 3\n");
	is(&limits, "amemory.max\t4194304\namemory.swap.max\t1048576\napids.max\t6\namisc.max\ta "
		    "1\namisc.max\tb 3\n");
	assert_null(limits_find(&limits, "cpu.max"));
	assert_int_equal(limit_controller("memory.max"), 6);
	assert_int_equal(limit_controller("memory"), 0);
	assert_int_equal(limit_controller("memory."), 0);
	assert_int_equal(limit_controller(".max"), 0);
}

static void test_text(void **state)
{
	static const char text[] = "amemory.max\t4194304\tmax\ndpids.max\t2048\namisc.max\ta 1\n";
	static const char *const damaged[] = { "x", "amemory.max", "a\t5", "xmemory.max\t5\n" };
	_cleanup_limits_ struct limits limits = { 0 }, none = { 0 };
	struct error err = { 0 };
	(void) state;
	assert_int_equal(limits_parse(text, &limits, &err), 0);
	is(&limits, text);
	assert_false(limits_find(&limits, "pids.max")->asked);
	assert_string_equal(limits_find(&limits, "memory.max")->before, "max");
	assert_int_equal(limits_parse("", &none, &err), 0);
	assert_int_equal(none.n, 0);
	for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++)
		assert_int_equal(limits_parse(damaged[i], &none, &err), -1);
}

static void test_differences(void **state)
{
	_cleanup_limits_ struct limits before = { 0 }, after = { 0 }, diff = { 0 }, none = { 0 };
	(void) state;
	set(&before, "memory.max", "4m");
	set(&before, "pids.max", "5");
	set(&before, "cpu.weight", "50");
	limits_copy(&before, &after);
	limits_diff(&before, &after, &none);
	assert_int_equal(none.n, 0);
	set(&after, "memory.max", "8m");
	set(&after, "memory.low", "1m");
	set(&after, "cpu.idle", "0");
	set(&after, "misc.max", "a 1");
	limits_diff(&before, &after, &diff);
	/* What was not set before was the kernel's default; a weight has to be written again after idle. */
	is(&diff, "acpu.idle\t0\t0\nacpu.weight\t50\t50\namemory.max\t8388608\t4194304\namemory."
		  "low\t1048576\t0\n"
		  "amisc.max\ta 1\n");
}

static void test_unified(void **state)
{
	_cleanup_limits_ struct limits limits = { 0 };
	struct error err = { 0 };
	(void) state;
	set(&limits, "misc.max", "a 1\nb 2");
	set(&limits, "memory.max", "4m");
	assert_int_equal(limits_set(&limits, "pids.max", "2048", false, &err), 0);
	_cleanup_json_ struct json_object *obj = limits_unified(&limits);
	assert_string_equal(json_text(obj, NULL), "{\"memory.max\":\"4194304\",\"misc.max\":\"a 1\\nb 2\"}");
}

static void test_bound_of_all(void **state)
{
	_cleanup_limits_ struct limits limits = { 0 };
	struct error err = { 0 };
	char value[LIMIT_VALUE_MAX - 1], file[32];
	int i = 0;
	(void) state;
	memset(value, 'x', sizeof value - 1);
	value[sizeof value - 1] = '\0';
	do
		snprintf(file, sizeof file, "misc.x%d", i++);
	while (limits_set(&limits, file, value, true, &err) == 0);
	assert_int_equal(limits.n, LIMITS_TEXT_MAX / (sizeof value - 1));
	assert_string_equal(err.msg, "the limits are longer than 131072 bytes together");
}

static void test_bounds(void **state)
{
	_cleanup_limits_ struct limits limits = { 0 };
	struct error err = { 0 };
	char value[LIMIT_VALUE_MAX + 10], file[32];
	(void) state;
	memset(value, 'x', sizeof value - 1);
	value[sizeof value - 1] = '\0';
	assert_int_equal(limits_set(&limits, "misc.max", value, true, &err), -1);
	value[4] = '\n';
	assert_int_equal(limits_set(&limits, "misc.max", value, true, &err), -1);
	for (int i = 0; i < LIMITS_MAX; i++) {
		snprintf(file, sizeof file, "misc.x%d", i);
		err = (struct error) { 0 };
		int result = limits_set(&limits, file, "1", true, &err);
		if (result < 0)
			break;
	}
	assert_int_equal(limits_set(&limits, "misc.one_more", "1", true, &err), -1);
	assert_true(limits.n <= LIMITS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_replacement),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_differences),
		cmocka_unit_test(test_unified),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_bound_of_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
