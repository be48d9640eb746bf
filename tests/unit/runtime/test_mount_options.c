#include <string.h>
#include <sys/mount.h>

#include "common/error.h"
#include "runtime/fields.h"
#include "runtime/mount_options.h"
#include "tests/unit/unit.h"

static const struct field where = { .path = "mounts[0].options" };

static int read_options(struct mount *m, enum mount_kind kind, const char *a, const char *b, const char *c)
{
	const char *list[] = { a, b, c };
	struct strings options = { .v = list };
	struct error err = { 0 };
	while (options.n < 3 && list[options.n] != NULL)
		options.n++;
	*m = (struct mount) { .kind = kind };
	return mount_options_read(m, &options, &where, &err);
}

static void test_attributes(void **state)
{
	struct mount m;
	(void) state;
	assert_int_equal(read_options(&m, MOUNT_BIND, "ro", "nosuid", "rbind"), 0);
	assert_int_equal(m.attr_set, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID);
	assert_true(m.recursive);
	assert_int_equal(m.propagation, MS_PRIVATE);
	mount_done(&m);
	/* The last one of two that contradict each other wins. */
	assert_int_equal(read_options(&m, MOUNT_BIND, "ro", "rw", "rslave"), 0);
	assert_int_equal(m.attr_set, 0);
	assert_int_equal(m.attr_clr, MOUNT_ATTR_RDONLY);
	assert_int_equal(m.propagation, MS_SLAVE);
	mount_done(&m);
	assert_int_equal(read_options(&m, MOUNT_TMPFS, "noatime", "strictatime", NULL), 0);
	assert_int_equal(m.attr_set, MOUNT_ATTR_STRICTATIME);
	assert_int_equal(m.attr_clr, MOUNT_ATTR__ATIME);
	mount_done(&m);
}

static void test_data(void **state)
{
	struct mount m;
	(void) state;
	assert_int_equal(read_options(&m, MOUNT_TMPFS, "size=64k", "mode=755", NULL), 0);
	assert_int_equal(m.n_data, 2);
	assert_string_equal(m.data[0].key, "size");
	assert_string_equal(m.data[0].value, "64k");
	mount_done(&m);
	assert_int_equal(read_options(&m, MOUNT_DEVPTS, "newinstance", NULL, NULL), 0);
	assert_null(m.data[0].value);
	mount_done(&m);
}

static void test_refused(void **state)
{
	static const struct {
		enum mount_kind kind;
		const char *option;
	} cases[] = {
		{ MOUNT_TMPFS, "" },
		{ MOUNT_TMPFS, "=" },
		{ MOUNT_TMPFS, "size" },
		{ MOUNT_TMPFS, "size=" },
		{ MOUNT_TMPFS, "size=1,mode=0" },
		{ MOUNT_TMPFS, "ize=1" },
		{ MOUNT_TMPFS, "size mode=1" },
		{ MOUNT_TMPFS, " " },
		{ MOUNT_TMPFS, "rbind" },
		{ MOUNT_BIND, "size=1" },
		{ MOUNT_PROC, "mode=755" },
		{ MOUNT_DEVPTS, "newinstance=1" },
		{ MOUNT_BIND, "idmap" },
		{ MOUNT_BIND, "upperdir=/x" },
	};
	(void) state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct mount m;
		if (read_options(&m, cases[i].kind, cases[i].option, NULL, NULL) == 0)
			fail_msg("accepted: '%s'", cases[i].option);
		mount_done(&m);
	}
}

static void test_paths(void **state)
{
	static const char *const cases[][2] = { { "/", "/" }, { "///", "/" }, { "/a", "/a" }, { "/a/", "/a" },
		{ "//a//b//", "/a/b" }, { "/./a/./", "/a" }, { "/.a/..b", "/.a/..b" } };
	(void) state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *simple = path_simplify(cases[i][0]);
		assert_string_equal(simple, cases[i][1]);
		free(simple);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_paths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
