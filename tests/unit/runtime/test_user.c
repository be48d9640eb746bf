#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "runtime/fields.h"
#include "runtime/user.h"
#include "tests/unit/unit.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "web:x:33:34::/var/www:/bin/sh\n"
			     "big:x:4294967295:1::/:/bin/sh\n" /* no number that a user can have */
			     "neg:x:-1:1::/:/bin/sh\n"
			     "short:x:7\n"
			     "1000:x:0:0::/evil:/bin/sh\n" /* a name of digits is never a name */
			     "nohome:x:77:77:::\n"
			     "relhome:x:78:78::home:\n"
			     "\n"
			     "last:x:99:98::/last:/bin/sh";
static const char group[] = "root:x:0:\n"
			    "www:x:34:web\n"
			    "audio:x:29:alice,web,bob\n"
			    "video:x:44:webmaster,we,eb\n"
			    "bad:x:abc:web\n"
			    "last:x:98:web";

static struct user u;
static struct error err;

static int resolve(const char *text, const char *extra)
{
	const char *list[] = { extra, NULL };
	struct strings groups = { .v = list, .n = extra != NULL };
	memset(&err, 0, sizeof err);
	memset(&u, 0xAA, sizeof u);
	return user_resolve(text, &groups, passwd, group, &u, &err);
}

static bool in_group(uint32_t gid)
{
	for (size_t i = 0; i < u.n_gids; i++)
		if (u.gids[i] == gid)
			return true;
	return false;
}

static void test_names(void **state)
{
	(void) state;
	assert_int_equal(resolve("web", NULL), 0);
	assert_int_equal(u.uid, 33);
	assert_int_equal(u.gid, 34);
	assert_string_equal(u.home, "/var/www");
	assert_int_equal(u.n_gids, 3);
	assert_true(in_group(34) && in_group(29) && in_group(98));
	assert_int_equal(resolve("last", NULL), 0);
	assert_int_equal(u.uid, 99);
	assert_string_equal(u.home, "/last");
}

static void test_numbers(void **state)
{
	(void) state;
	assert_int_equal(resolve("33", NULL), 0); /* its entry says the rest */
	assert_int_equal(u.gid, 34);
	assert_true(in_group(29));
	assert_int_equal(resolve("12345", NULL), 0); /* no entry: group 0 */
	assert_int_equal(u.uid, 12345);
	assert_int_equal(u.gid, 0);
	assert_int_equal(u.n_gids, 1);
	assert_string_equal(u.home, "/");
	assert_int_equal(resolve("1000", NULL), 0); /* never the entry of that name, which is uid 0 */
	assert_int_equal(u.uid, 1000);
	assert_string_equal(u.home, "/");
	assert_int_equal(resolve("4294967294:4294967294", NULL), 0);
	assert_int_equal(u.uid, 4294967294U);
	assert_int_equal(u.gid, 4294967294U);
}

static void test_groups(void **state)
{
	(void) state;
	assert_int_equal(resolve("web:audio", NULL), 0); /* who names a group wants that one */
	assert_int_equal(u.gid, 29);
	assert_int_equal(u.n_gids, 1);
	assert_int_equal(resolve("web:7", "video"), 0);
	assert_int_equal(u.gid, 7);
	assert_true(in_group(7) && in_group(44) && u.n_gids == 2);
	assert_int_equal(resolve("0", "55"), 0);
	assert_true(in_group(0) && in_group(55));
	assert_int_equal(resolve("0", "nogroup"), -1);
	assert_string_equal(err.msg, "group 'nogroup' is not in the container's /etc/group");
}

static void test_homes(void **state)
{
	char home[64];
	(void) state;
	assert_int_equal(resolve("nohome", NULL), 0);
	assert_string_equal(u.home, "/");
	assert_int_equal(resolve("relhome", NULL), 0);
	assert_string_equal(u.home, "/");
	user_home(passwd, 0, home, sizeof home);
	assert_string_equal(home, "/root");
	user_home(passwd, 5, home, sizeof home);
	assert_string_equal(home, "/");
	user_home("", 0, home, sizeof home);
	assert_string_equal(home, "/");
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *msg;
	} cases[] = {
		{ "", "'' is neither a user's name nor a number" },
		{ ":", "'' is neither a user's name nor a number" },
		{ "web:", "'' is neither a group's name nor a number" },
		{ "nobody", "user 'nobody' is not in the container's /etc/passwd" },
		{ "big", "user 'big' is not in the container's /etc/passwd" },
		{ "neg", "user 'neg' is not in the container's /etc/passwd" },
		{ "short", "user 'short' is not in the container's /etc/passwd" },
		{ "4294967295", "user '4294967295' is larger than 4294967294" },
		{ "99999999999999999999999", "user '99999999999999999999999' is larger than 4294967294" },
		{ "-1", "'-1' is neither a user's name nor a number" },
		{ "+1", "'+1' is neither a user's name nor a number" },
		{ " 1", "' 1' is neither a user's name nor a number" },
		{ "0x0", "'0x0' is neither a user's name nor a number" },
		{ "1a", "'1a' is neither a user's name nor a number" },
		{ "web:4294967295", "group '4294967295' is larger than 4294967294" },
		{ "web:bad", "group 'bad' is not in the container's /etc/group" },
		{ "web:audio:x", "'audio:x' is neither a group's name nor a number" },
	};
	(void) state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(resolve(cases[i].text, NULL), -1);
		assert_string_equal(err.msg, cases[i].msg);
	}
}

/* Lines longer than a line may be are passed over; the one behind is read. */
static void test_long_line(void **state)
{
	struct strings none = { 0 };
	size_t n = USER_LINE_MAX + 100;
	char *text = malloc(n + 64);
	(void) state;
	memset(text, 'a', n);
	snprintf(text + n, 64, "\nx:x:5:6::/x:/bin/sh\n");
	assert_int_equal(user_resolve("x", &none, text, "", &u, &err), 0);
	assert_int_equal(u.uid, 5);
	free(text);
}

static void test_too_many_groups(void **state)
{
	struct strings none = { 0 };
	char *text = malloc(2000 * 24), *p = text;
	(void) state;
	for (int i = 0; i < 2000; i++)
		p += snprintf(p, 24, "g%d:x:%d:web\n", i, i + 100);
	memset(&err, 0, sizeof err);
	assert_int_equal(user_resolve("web", &none, passwd, text, &u, &err), -1);
	assert_string_equal(err.msg, "the user is in more than 1024 groups");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_homes),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_too_many_groups),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
