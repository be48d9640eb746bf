/* OCI's linux.resources as limits, and limits into files: here a folder's, which take any text. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/limits.h"
#include "runtime/cgroup_tree.h"
#include "runtime/fields.h"
#include "runtime/limits.h"
#include "tests/unit/unit.h"

/* ---- OCI ---- */

static int read_oci(const char *text, struct limits *limits, struct error *err)
{
	_cleanup_json_ struct json_object *obj = NULL;
	*err = (struct error) { 0 };
	assert_int_equal(json_parse(text, strlen(text), &obj, err), 0);
	struct field f = { .value = obj, .path = "linux.resources" };
	return limits_read(&f, limits, err);
}

static void test_oci(void **state)
{
	static const struct {
		const char *text, *limits;
	} rows[] = {
		{ "{}", "" },
		{ "{\"memory\":{\"limit\":67108864,\"reservation\":8388608,\"swap\":100663296}}",
			"amemory.max\t67108864\namemory.swap.max\t33554432\namemory.low\t8388608\n" },
		{ "{\"memory\":{\"limit\":-1,\"swap\":-1}}", "amemory.max\tmax\namemory.swap.max\tmax\n" },
		{ "{\"memory\":{\"limit\":67108864,\"swap\":0,\"kernel\":0,\"useHierarchy\":true}}",
			"amemory.max\t67108864\n" },
		{ "{\"cpu\":{\"shares\":1024,\"quota\":20000,\"period\":50000,\"cpus\":\"0\",\"mems\":\"\"}}",
			"acpuset.cpus\t0\nacpu.weight\t39\nacpu.max\t20000 50000\n" },
		{ "{\"cpu\":{\"quota\":-1}}", "acpu.max\tmax 100000\n" },
		{ "{\"cpu\":{\"period\":50000}}", "acpu.max\tmax 50000\n" },
		{ "{\"cpu\":{\"idle\":1,\"burst\":500}}", "acpu.idle\t1\nacpu.max.burst\t500\n" },
		{ "{\"pids\":{\"limit\":5}}", "apids.max\t5\n" },
		{ "{\"pids\":{\"limit\":-1}}", "apids.max\tmax\n" },
		{ "{\"blockIO\":{\"weight\":500}}", "aio.weight\tdefault 4950\n" },
		{ "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":4194304}]}",
			"ahugetlb.2MB.max\t4194304\n" },
		{ "{\"rdma\":{\"mlx\":{\"hcaHandles\":3,\"hcaObjects\":4}}}",
			"ardma.max\tmlx hca_handle=3 hca_object=4\n" },
		{ "{\"unified\":{\"memory.max\":\"5m\"},\"memory\":{\"limit\":67108864}}",
			"amemory.max\t5242880\n" },
		{ "{\"devices\":[{\"allow\":false}]}", "" },
	};
	(void) state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_limits_ struct limits limits = { 0 };
		struct error err;
		if (read_oci(rows[i].text, &limits, &err) < 0)
			fail_msg("%s: %s", rows[i].text, err.msg);
		_cleanup_free_ char *got = limits_format(&limits);
		assert_string_equal(got, rows[i].limits);
	}
}

static void test_oci_refused(void **state)
{
	static const char *const rows[] = {
		"{\"memory\":{\"limit\":1}}",
		"{\"memory\":{\"limit\":-2}}",
		"{\"memory\":{\"swap\":67108864}}",
		"{\"memory\":{\"limit\":67108864,\"swap\":1000}}",
		"{\"memory\":{\"limit\":67108864,\"swap\":\"x\"}}",
		"{\"memory\":{\"swappiness\":5}}",
		"{\"memory\":{\"disableOOMKiller\":true}}",
		"{\"cpu\":{\"shares\":-1}}",
		"{\"cpu\":{\"quota\":\"x\"}}",
		"{\"cpu\":{\"period\":-5}}",
		"{\"cpu\":{\"realtimePeriod\":5}}",
		"{\"pids\":{\"limit\":-5}}",
		"{\"blockIO\":{\"weight\":1001}}",
		"{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":1}]}}",
		"{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":4095,\"minor\":1,\"rate\":5}]}}",
		"{\"hugepageLimits\":[{\"pageSize\":\"2MB\"}]}",
		"{\"rdma\":{\"x\":5}}",
		"{\"network\":{\"classID\":5}}",
		"{\"unified\":5}",
		"{\"unified\":{\"cgroup.procs\":\"1\"}}",
		"{\"nonsense\":{}}",
	};
	(void) state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_limits_ struct limits limits = { 0 };
		struct error err;
		if (read_oci(rows[i], &limits, &err) == 0)
			fail_msg("%s was taken", rows[i]);
		assert_true(err.msg[0] != '\0' && err.field[0] != '\0');
	}
}

/* ---- into files ---- */

static char folder[] = "/tmp/limits.XXXXXX";
static int dir = -1;

static void write_file(const char *name, const char *text)
{
	_cleanup_fd_ int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

static void file_is(const char *name, const char *expected)
{
	_cleanup_free_ char *text = NULL;
	struct error err;
	assert_int_equal(fd_read_file(dir, name, 4096, &text, NULL, &err), 0);
	assert_string_equal(text, expected);
}

static int set_up(void **state)
{
	static const char *const files[] = { "memory.max", "memory.high", "memory.swap.max", "memory.current",
		"pids.max", "cpu.weight", "cpu.idle" };
	(void) state;
	if (mkdtemp(folder) == NULL || (dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return -1;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		write_file(files[i], "");
	return 0;
}

static int tear_down(void **state)
{
	(void) state;
	char command[64];
	snprintf(command, sizeof command, "rm -r %s", folder);
	fd_close(&dir);
	int result = system(command);
	memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
	return result;
}

static void parse(const char *text, struct limits *limits)
{
	struct error err;
	assert_int_equal(limits_parse(text, limits, &err), 0);
}

static void test_apply(void **state)
{
	_cleanup_limits_ struct limits limits = { 0 };
	struct error err = { 0 };
	(void) state;
	parse("amemory.max\t4194304\ndpids.max\t2048\ndmemory.oom.group\t1\n", &limits);
	assert_int_equal(limits_apply(dir, &limits, &err), 0);
	file_is("memory.max", "4194304");
	file_is("pids.max", "2048");
	assert_int_equal(faccessat(dir, "memory.oom.group", F_OK, 0), -1);
}

static void test_apply_what_was_asked_for(void **state)
{
	_cleanup_limits_ struct limits limits = { 0 };
	struct error err = { 0 };
	(void) state;
	parse("amemory.oom.group\t1\n", &limits);
	assert_int_equal(limits_apply(dir, &limits, &err), -1);
	assert_string_equal(err.msg, "write '1' into the cgroup's memory.oom.group");
	assert_int_equal(err.errnum, 2);
	assert_true(err.hint[0] != '\0');
}

static void test_idle_has_no_weight(void **state)
{
	_cleanup_limits_ struct limits limits = { 0 };
	struct error err = { 0 };
	(void) state;
	write_file("cpu.idle", "1\n");
	parse("acpu.weight\t50\n", &limits);
	assert_int_equal(limits_apply(dir, &limits, &err), 0);
	file_is("cpu.weight", "");
}

static void test_update_takes_back(void **state)
{
	_cleanup_limits_ struct limits limits = { 0 };
	struct error err = { 0 };
	(void) state;
	write_file("memory.swap.max", "111");
	write_file("pids.max", "222");
	parse("amemory.swap.max\t333\t111\napids.max\t444\t222\namisc.max\ta 5\n", &limits);
	assert_int_equal(limits_update(dir, &limits, &err), -1);
	assert_string_equal(err.msg, "write 'a 5' into the cgroup's misc.max");
	file_is("memory.swap.max", "111");
	file_is("pids.max", "222");
}

/* These files reclaim nothing: what is in use stays in use. */
static void test_memory_below_use(void **state)
{
	_cleanup_limits_ struct limits limits = { 0 };
	struct error err = { 0 };
	(void) state;
	write_file("memory.max", "9999999");
	write_file("memory.high", "max");
	write_file("memory.current", "5000000\n");
	write_file("memory.swap.max", "1111111");
	parse("amemory.max\t4000000\t9999999\namemory.swap.max\t4000000\t1111111\n", &limits);
	assert_int_equal(limits_update(dir, &limits, &err), -1);
	assert_string_equal(err.msg,
		"memory.max of 4000000 bytes is less than the 5000000 bytes in use that cannot be reclaimed");
	file_is("memory.max", "9999999");
	file_is("memory.swap.max", "1111111");
	/* Written over, not cut: "4000000" and then "max" over it. */
	file_is("memory.high", "max0000");
	write_file("memory.current", "3000000\n");
	err = (struct error) { 0 };
	assert_int_equal(limits_update(dir, &limits, &err), 0);
	file_is("memory.max", "4000000");
	file_is("memory.swap.max", "4000000");
}

/* ---- parents ---- */

static void test_parents(void **state)
{
	static const char *const good[] = { "web", "web/front", "/a", "/system.slice/x.service",
		"a/b/c/d/e/f" };
	static const char *const bad[] = { "", "/", "//a", "a//b", "a/", "..", "../a", "a/..", "/a/../b",
		"./a", "shims", "a/shims", "0123456789abcdef0123456789abcdef", "a b", "-x", ".hidden",
		"a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q", "cgroup.procs/../x" };
	struct error err;
	(void) state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_int_equal(cgroup_parent_check(good[i], &err), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (cgroup_parent_check(bad[i], &err) == 0)
			fail_msg("'%s' was taken", bad[i]);
	assert_true(cgroup_has_controller("cpu io memory", "io"));
	assert_true(cgroup_has_controller("cpu io memory\n", "memory"));
	assert_false(cgroup_has_controller("cpuset io", "cpu"));
	assert_false(cgroup_has_controller("", "cpu"));
}

#define FILES(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oci),
		cmocka_unit_test(test_oci_refused),
		FILES(test_apply),
		FILES(test_apply_what_was_asked_for),
		FILES(test_idle_has_no_weight),
		FILES(test_update_takes_back),
		FILES(test_memory_below_use),
		cmocka_unit_test(test_parents),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
