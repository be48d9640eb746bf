#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/parse.h"
#include "tests/unit/unit.h"

static void test_numbers(void **state)
{
	uint64_t u = 7;
	int64_t i = 7;
	(void) state;
	assert_int_equal(parse_u64("0", 10, &u), 0);
	assert_int_equal(u, 0);
	assert_int_equal(parse_u64("18446744073709551615", UINT64_MAX, &u), 0);
	assert_true(u == UINT64_MAX);
	u = 7;
	const char *bad[] = { "", " 1", "1 ", "+1", "-1", "0x1", "11", "18446744073709551616", "1a",
		"\xD9\xA1" };
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
		assert_int_equal(parse_u64(bad[k], 10, &u), -1);
	assert_int_equal(u, 7);
	assert_int_equal(parse_i64("-9223372036854775808", &i), 0);
	assert_true(i == INT64_MIN);
	assert_int_equal(parse_i64("9223372036854775807", &i), 0);
	assert_int_equal(parse_i64("9223372036854775808", &i), -1);
	assert_int_equal(parse_i64("-9223372036854775809", &i), -1);
	assert_int_equal(parse_i64("--1", &i), -1);
}

static void test_sizes(void **state)
{
	static const struct {
		const char *text;
		int64_t bytes; /* -1: refused */
	} cases[] = {
		{ "0", 0 },
		{ "512", 512 },
		{ "1b", 1 },
		{ "64k", 65536 },
		{ "64K", 65536 },
		{ "1kb", 1024 },
		{ "10MiB", 10 << 20 },
		{ "1.5G", INT64_C(3) << 29 },
		{ "2t", INT64_C(2) << 40 },
		{ "0.5k", 512 },
		{ "", -1 },
		{ "k", -1 },
		{ "1.", -1 },
		{ ".5k", -1 },
		{ "1kk", -1 },
		{ "1 k", -1 },
		{ "-1", -1 },
		{ "1x", -1 },
		{ "1bb", -1 },
		{ "99999999p", -1 },
		{ "1.2.3k", -1 },
	};
	(void) state;
	for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
		uint64_t bytes = 4711;
		int result = parse_size(cases[k].text, &bytes);
		assert_int_equal(result, cases[k].bytes < 0 ? -1 : 0);
		assert_true(bytes == (cases[k].bytes < 0 ? 4711 : (uint64_t) cases[k].bytes));
	}
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
		{ "10", 10000 },
		{ "0", 0 },
		{ "1.5", 1500 },
		{ "1.5s", 1500 },
		{ "300ms", 300 },
		{ "1h30m", 5400000 },
		{ "100us", 1 },
		{ "1d", 86400000 },
		{ "2m", 120000 },
		{ "", -1 },
		{ "s", -1 },
		{ "-1s", -1 },
		{ "1x", -1 },
		{ "1h30", -1 },
		{ "1 s", -1 },
		{ "9999999999999999d", -1 },
	};
	(void) state;
	for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
		int64_t ms = 4711;
		assert_int_equal(parse_duration_ms(cases[k].text, &ms), cases[k].ms < 0 ? -1 : 0);
		assert_true(ms == (cases[k].ms < 0 ? 4711 : cases[k].ms));
	}
}

static void test_names(void **state)
{
	(void) state;
	const char *good[] = { "a", "0", "web-1", "a.b_c-d", "0123456789abcdef",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	const char *bad[] = { "", "-a", ".a", "_a", "a b", "a/b", "a\n", "\xC3\xA4",
		"0123456789abcdef0123456789abcdef", "0123456789ABCDEF0123456789abcdef",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	for (size_t k = 0; k < sizeof good / sizeof *good; k++)
		assert_true(name_valid(good[k]));
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
		assert_false(name_valid(bad[k]));
	assert_true(id_valid("0123456789abcdef0123456789abcdef"));
	assert_false(id_valid("0123456789abcdef0123456789abcde"));
	assert_false(id_valid("0123456789abcdef0123456789abcdef0"));
	assert_false(id_valid("0123456789ABCDEF0123456789abcdef"));
	assert_true(id_prefix_valid("0"));
	assert_false(id_prefix_valid(""));
}

static void test_signals(void **state)
{
	static const struct {
		const char *text;
		int sig;
	} cases[] = { { "KILL", SIGKILL }, { "SIGKILL", SIGKILL }, { "sigterm", SIGTERM }, { "9", 9 },
		{ "64", 64 } };
	const char *bad[] = { "", "0", "65", "SIG", "SIGFOO", "KILL ", "-9", "RTMIN+31", "RTMAX-31",
		"RTMIN-1", "RTM" };
	char name[16];
	int sig;
	(void) state;
	for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
		assert_int_equal(signal_parse(cases[k].text, &sig), 0);
		assert_int_equal(sig, cases[k].sig);
	}
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
		assert_int_equal(signal_parse(bad[k], &sig), -1);
	assert_int_equal(signal_parse("RTMIN+3", &sig), 0);
	assert_int_equal(sig, SIGRTMIN + 3);
	assert_string_equal(signal_format(SIGRTMIN + 3, name), "SIGRTMIN+3");
	/* Every signal there is comes back as itself. */
	for (int k = 1; k <= SIGRTMAX; k++) {
		assert_int_equal(signal_parse(signal_format(k, name), &sig), 0);
		assert_int_equal(sig, k);
	}
}

static void test_capabilities(void **state)
{
	int cap;
	(void) state;
	assert_int_equal(capability_parse("CAP_SYS_ADMIN", &cap), 0);
	assert_int_equal(cap, 21);
	assert_int_equal(capability_parse("net_raw", &cap), 0);
	assert_int_equal(cap, 13);
	assert_int_equal(capability_parse("ALL", &cap), -1);
	assert_int_equal(capability_parse("CAP_", &cap), -1);
	assert_null(capability_name(41));
	for (int k = 0; k < 41; k++) {
		assert_int_equal(capability_parse(capability_name(k), &cap), 0);
		assert_int_equal(cap, k);
	}
}

static void test_paths(void **state)
{
	const char *bad[] = { "", "a", "//", "/a/", "/a//b", "/./a", "/a/..", "/..", "/a/." };
	const char *good[] = { "/", "/a", "/a/b", "/...", "/a/..b", "/a b" };
	(void) state;
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
		assert_false(path_clean(bad[k]));
	for (size_t k = 0; k < sizeof good / sizeof *good; k++)
		assert_true(path_clean(good[k]));
}

static void test_utf8(void **state)
{
	const char *bad[] = { "\x80", "\xC3", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
		"\xF8\x88\x80\x80\x80", "a\xFFz" };
	const char *good[] = { "", "plain", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xEF\xBF\xBF" };
	(void) state;
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
		assert_false(utf8_valid(bad[k], strlen(bad[k])));
	for (size_t k = 0; k < sizeof good / sizeof *good; k++)
		assert_true(utf8_valid(good[k], strlen(good[k])));
	assert_false(utf8_valid("a\0b", 3));
}

static void test_escape(void **state)
{
	char buf[64], small[8];
	(void) state;
	assert_string_equal(escape_text("plain \xC3\xA4", buf, sizeof buf), "plain \xC3\xA4");
	assert_string_equal(escape_text("\x1B[31m\x7F\n", buf, sizeof buf), "\\x1b[31m\\x7f\\x0a");
	assert_string_equal(escape_text("\xC2\x9B!\xFF", buf, sizeof buf), "\\xc2\\x9b!\\xff");
	assert_string_equal(escape_text("1234567", small, sizeof small), "1234567");
	assert_string_equal(escape_text("12345678", small, sizeof small), "1234\xE2\x80\xA6");
	assert_string_equal(escape_text("\x01\x01\x01", small, sizeof small), "\\x01\xE2\x80\xA6");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_escape),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
