/* On folders that look like cgroups: what the kernel counts where, and whose limit it was. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "runtime/oom.h"
#include "tests/unit/unit.h"

static char base[64];

static void put(const char *place, const char *file, const char *text)
{
	char path[256];
	snprintf(path, sizeof path, "%s%s/%s", base, place, file);
	_cleanup_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

static void put_events(const char *place, const char *file, int oom, int oom_kill)
{
	char text[128];
	snprintf(text, sizeof text, "low 0\nhigh 0\nmax 9\noom %d\noom_kill %d\noom_group_kill 0\n", oom,
		oom_kill);
	put(place, file, text);
}

static void make(const char *place, const char *max)
{
	char path[256];
	snprintf(path, sizeof path, "%s%s", base, place);
	assert_int_equal(mkdir(path, 0700), 0);
	put_events(place, "memory.events", 0, 0);
	put_events(place, "memory.events.local", 0, 0);
	put(place, "memory.max", max);
}

/* base/a/b/c: c is the container's. */
static int set_up(void **state)
{
	char path[256];
	(void) state;
	snprintf(base, sizeof base, "/tmp/test-oom-XXXXXX");
	if (mkdtemp(base) == NULL)
		return -1;
	make("/a", "max\n");
	make("/a/b", "200000\n");
	make("/a/b/c", "100000\n");
	snprintf(path, sizeof path, "%s/a/b/c", base);
	return 0;
}

static int tear_down(void **state)
{
	static const char *const places[] = { "/a/b/c", "/a/b", "/a", "" };
	static const char *const files[] = { "memory.events", "memory.events.local", "memory.max",
		"memory.oom.group" };
	char path[256];
	(void) state;
	for (size_t i = 0; i < 4; i++) {
		for (size_t k = 0; k < 4; k++) {
			snprintf(path, sizeof path, "%s%s/%s", base, places[i], files[k]);
			unlink(path);
		}
		snprintf(path, sizeof path, "%s%s", base, places[i]);
		rmdir(path);
	}
	return 0;
}

static int open_cgroup(void)
{
	char path[256];
	snprintf(path, sizeof path, "%s/a/b/c", base);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void test_whose(void **state)
{
	struct oom_watch watch;
	struct oom oom = { 0 };
	_cleanup_fd_ int cgroup = open_cgroup();
	(void) state;
	/* What an ancestor has seen before is nobody's affair. */
	put_events("/a/b", "memory.events.local", 5, 5);
	oom_watch_open(&watch, cgroup);
	assert_false(oom_look(&watch, cgroup, &oom));

	put_events("/a/b/c", "memory.events", 1, 1);
	put_events("/a/b/c", "memory.events.local", 1, 1);
	assert_true(oom_look(&watch, cgroup, &oom));
	assert_int_equal(oom.killed, 1);
	assert_int_equal(oom.whose, OOM_OWN);
	assert_int_equal(oom.limit, 100000);
	assert_false(oom_look(&watch, cgroup, &oom));

	/* where all are killed together, those that follow died of the same */
	put("/a/b/c", "memory.oom.group", "1\n");
	put_events("/a/b/c", "memory.events", 1, 2);
	assert_true(oom_look(&watch, cgroup, &oom));
	assert_int_equal(oom.killed, 2);
	assert_int_equal(oom.whose, OOM_OWN);
	assert_int_equal(oom.limit, 100000);
	put("/a/b/c", "memory.oom.group", "0\n");

	/* nobody's limit was hit: the machine's end */
	put_events("/a/b/c", "memory.events", 1, 3);
	assert_true(oom_look(&watch, cgroup, &oom));
	assert_int_equal(oom.killed, 3);
	assert_int_equal(oom.whose, OOM_HOST);
	assert_int_equal(oom.limit, 0);

	put_events("/a/b", "memory.events.local", 6, 5);
	put_events("/a/b/c", "memory.events", 1, 4);
	assert_true(oom_look(&watch, cgroup, &oom));
	assert_int_equal(oom.killed, 4);
	assert_int_equal(oom.whose, OOM_ANCESTOR);
	assert_int_equal(oom.levels, 1);
	assert_int_equal(oom.limit, 200000);

	/* hit below, and not at its own */
	put_events("/a/b/c", "memory.events", 2, 5);
	assert_true(oom_look(&watch, cgroup, &oom));
	assert_int_equal(oom.whose, OOM_INSIDE);

	/* a limit that was taken away since is no number */
	put("/a", "memory.max", "max\n");
	put_events("/a", "memory.events.local", 1, 0);
	put_events("/a/b/c", "memory.events", 2, 6);
	assert_true(oom_look(&watch, cgroup, &oom));
	assert_int_equal(oom.whose, OOM_ANCESTOR);
	assert_int_equal(oom.levels, 2);
	assert_int_equal(oom.limit, 0);
	oom_watch_close(&watch);
}

static void test_no_controller(void **state)
{
	struct oom_watch watch;
	struct oom oom = { 0 };
	_cleanup_fd_ int cgroup = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void) state;
	oom_watch_open(&watch, cgroup);
	assert_int_equal(watch.fd, -1);
	assert_false(oom_look(&watch, cgroup, &oom));
	assert_int_equal(oom.killed, 0);
	oom_watch_close(&watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whose, set_up, tear_down),
		cmocka_unit_test(test_no_controller),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
