#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "tests/unit/unit.h"

#define NS INT64_C(1000000000)

static void test_format(void **state)
{
	char buf[TIME_TEXT];
	(void) state;
	assert_string_equal(time_format(0, buf), "1970-01-01T00:00:00.000000000Z");
	assert_string_equal(time_format(-1, buf), "1969-12-31T23:59:59.999999999Z");
	assert_string_equal(time_format(INT64_C(951827696) * NS + 5, buf), "2000-02-29T12:34:56.000000005Z");
	/* Against the C library, over years and both sides of leap days. */
	for (int64_t s = 0; s < INT64_C(4000000000); s += 86400 * 17 + 12345) {
		char expected[TIME_TEXT];
		time_t t = (time_t) s;
		struct tm tm;
		int64_t back;
		strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S.000000000Z", gmtime_r(&t, &tm));
		assert_string_equal(time_format(s * NS, buf), expected);
		assert_int_equal(time_parse(buf, &back), 0);
		assert_true(back == s * NS);
	}
}

static void test_parse(void **state)
{
	int64_t ns;
	(void) state;
	assert_int_equal(time_parse("2000-02-29T12:34:56.5+01:30", &ns), 0);
	assert_true(ns == (INT64_C(951827696) - 5400) * NS + NS / 2);
	assert_int_equal(time_parse("2000-02-29t12:34:56z", &ns), 0);
	const char *bad[] = { "", "2000-02-30T00:00:00Z", "1900-02-29T00:00:00Z", "2000-13-01T00:00:00Z",
		"2000-01-01T24:00:00Z", "2000-01-01T00:60:00Z", "2000-01-01T00:00:00",
		"2000-01-01T00:00:00.Z", "2000-01-01 00:00:00Z", "2000-01-01T00:00:00Zx",
		"9999-01-01T00:00:00Z", "2000-1-1T00:00:00Z" };
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
		assert_int_equal(time_parse(bad[k], &ns), -1);
}

static void test_since(void **state)
{
	int64_t now = INT64_C(1700000000) * NS, ns;
	(void) state;
	setenv("TZ", "UTC", 1);
	tzset();
	assert_int_equal(time_parse_since("10m", now, &ns), 0);
	assert_true(ns == now - 600 * NS);
	assert_int_equal(time_parse_since("1700000000.25", now, &ns), 0);
	assert_true(ns == now + NS / 4);
	assert_int_equal(time_parse_since("2000-02-29", now, &ns), 0);
	assert_true(ns == INT64_C(951782400) * NS);
	assert_int_equal(time_parse_since("2000-02-29T12:34", now, &ns), 0);
	assert_true(ns == INT64_C(951827640) * NS);
	assert_int_equal(time_parse_since("2000-02-29T12:34:56Z", now, &ns), 0);
	assert_int_equal(time_parse_since("2620-10-22", now, &ns), -1);
	assert_int_equal(time_parse_since("yesterday", now, &ns), -1);
	assert_int_equal(time_parse_since("", now, &ns), -1);
	assert_int_equal(time_parse_since("1.", now, &ns), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_format), cmocka_unit_test(test_parse),
		cmocka_unit_test(test_since) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
