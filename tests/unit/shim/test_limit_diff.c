/* Whether limits are the same, and which is the less. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/json.h"
#include "shim/limit_diff.h"
#include "shim/place.h"
#include "tests/unit/unit.h"

static void test_same(void **state)
{
	static const struct {
		const char *file, *wanted, *present;
		bool same;
	} rows[] = {
		{ "memory.max", "1048576", "1048576", true },
		{ "memory.max", "1048577", "1048576", true }, /* cut to a page */
		{ "memory.max", "1048576", "1048577", false },
		{ "memory.max", "1048576", "max", false },
		{ "memory.max", "max", "max", true },
		{ "memory.max", "max", "1048576", false },
		{ "cpu.max", "50000 100000", "50000 100000", true },
		{ "cpu.max", "50000 100000", "max 100000", false },
		{ "cpuset.cpus", "", "", true },
		{ "cpuset.cpus", "0-1", "0", false },
		{ "io.max", "8:0 rbps=1000 wbps=max riops=max wiops=max",
			"7:0 rbps=1 wbps=max riops=max wiops=max\n8:0 rbps=1000 wbps=max riops=max wiops=max",
			true },
		{ "io.max", "8:0 rbps=1000 wbps=max riops=max wiops=max",
			"8:0 rbps=2000 wbps=max riops=max wiops=max", false },
		{ "io.max", "8:0 rbps=1000 wbps=max riops=max wiops=max", "", false },
		{ "io.max", "8:0 rbps=max wbps=max riops=max wiops=max", "",
			true }, /* none is the same as no line */
		{ "io.max", "8:0 rbps=max wbps=max riops=max wiops=max",
			"8:0 rbps=5 wbps=max riops=max wiops=max", false },
	};
	(void) state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (limit_same(rows[i].file, rows[i].wanted, rows[i].present) != rows[i].same)
			fail_msg("%s: '%s' and '%s'", rows[i].file, rows[i].wanted, rows[i].present);
}

static void test_less(void **state)
{
	(void) state;
	assert_true(limit_less("memory.max", "5", "max"));
	assert_false(limit_less("memory.max", "max", "5"));
	assert_false(limit_less("memory.max", "max", "max"));
	assert_true(limit_less("pids.max", "5", "50"));
	assert_false(limit_less("pids.max", "50", "50"));
	assert_true(limit_less("cpu.max", "50000 100000", "90000 100000"));
	assert_true(limit_less("cpu.max", "50000 100000", "20000 20000"));
	assert_false(limit_less("cpu.max", "50000 100000", "20000 50000"));
	assert_true(limit_less("cpu.max", "50000 100000", "max 100000"));
	assert_false(limit_less("cpu.max", "max 100000", "50000 100000"));
	assert_false(limit_less("memory.max", "nonsense", "5"));
}

static char base[64];

static void put(const char *file, const char *text)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", base, file);
	_cleanup_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

static void is(struct json_object *value, const char *expected)
{
	size_t size;
	assert_string_equal(json_text(value, &size), expected);
	json_put(&value);
}

/* base/a: the container's is a, with a limit above it. */
static void test_diff(void **state)
{
	static const char *const files[] = { "memory.max", "a/memory.max", "a/memory.low", "a/pids.max",
		"a/cpu.weight", "a/cpuset.cpus", "a/cpuset.cpus.effective" };
	char path[128];
	struct place place = { .proc = -1, .depth = 2 };
	(void) state;
	snprintf(base, sizeof base, "/tmp/test-limits-XXXXXX");
	assert_non_null(mkdtemp(base));
	snprintf(path, sizeof path, "%s/a", base);
	assert_int_equal(mkdir(path, 0700), 0);
	place.cgroup = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	put("memory.max", "4096\n");
	put("a/memory.max", "8192\n");
	put("a/memory.low", "4096\n");
	put("a/pids.max", "max\n");
	put("a/cpu.weight", "100\n");
	put("a/cpuset.cpus", "\n");
	put("a/cpuset.cpus.effective", "0-3\n");
	is(limit_diff(&place, "memory.max", "8192", true),
		"{\"file\":\"memory.max\",\"wanted\":\"8192\",\"asked\":true,\"present\":\"8192\","
		"\"effective\":\"4096\","
		"\"levels\":1,\"drift\":false}");
	is(limit_diff(&place, "pids.max", "2048", false),
		"{\"file\":\"pids.max\",\"wanted\":\"2048\",\"asked\":false,\"present\":\"max\","
		"\"effective\":\"max\","
		"\"drift\":true}");
	/* set by hand; as the kernel makes it; the kernel's own opinion; not there */
	is(limit_diff(&place, "memory.low", NULL, false),
		"{\"file\":\"memory.low\",\"asked\":false,\"present\":\"4096\",\"effective\":\"4096\","
		"\"drift\":true}");
	assert_null(limit_diff(&place, "cpu.weight", NULL, false));
	assert_null(limit_diff(&place, "cpuset.cpus", NULL, false));
	is(limit_diff(&place, "cpuset.cpus", "0-3", true),
		"{\"file\":\"cpuset.cpus\",\"wanted\":\"0-3\",\"asked\":true,\"present\":\"\",\"effective\":"
		"\"0-3\","
		"\"drift\":true}");
	is(limit_diff(&place, "memory.oom.group", "1", false),
		"{\"file\":\"memory.oom.group\",\"wanted\":\"1\",\"asked\":false,\"drift\":false}");
	assert_null(limit_diff(&place, "io.max", NULL, false));
	close(place.cgroup);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		snprintf(path, sizeof path, "%s/%s", base, files[i]);
		unlink(path);
	}
	snprintf(path, sizeof path, "%s/a", base);
	rmdir(path);
	rmdir(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_less),
		cmocka_unit_test(test_diff),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
