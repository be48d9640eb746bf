/* Against the machine's own cgroup2 mount; skipped where there is none, or for who may not write there. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "runtime/cgroup.h"
#include "tests/unit/unit.h"

static int mount_fd = -1;
static char name[64];
static struct error err;

static int set_up(void **state)
{
	char path[PATH_MAX];
	int fd;
	(void) state;
	snprintf(name, sizeof name, "containerd-lite-test-%d", (int) getpid());
	if (geteuid() != 0 || cgroup_open_mount(path, sizeof path, &mount_fd, &err) < 0)
		return 0;
	if (cgroup_make(mount_fd, name, &fd, &err) < 0) {
		fd_close(&mount_fd);
		return 0;
	}
	close(fd);
	return cgroup_remove(mount_fd, name, 1000, &err);
}

static void need_cgroups(void)
{
	if (mount_fd < 0)
		skip();
}

static void put_into(int cgroup_fd, pid_t pid)
{
	_cleanup_fd_ int procs = openat(cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	assert_true(procs >= 0);
	assert_true(dprintf(procs, "%d", (int) pid) > 0);
}

static pid_t start_sleeper(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGTERM, SIG_IGN);
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	return pid;
}

static void test_make_and_remove(void **state)
{
	_cleanup_fd_ int fd = -1, again = -1;
	(void) state;
	need_cgroups();
	assert_int_equal(cgroup_make(mount_fd, name, &fd, &err), 0);
	assert_int_equal(cgroup_make(mount_fd, name, &again, &err), 0); /* there already: the same */
	assert_int_equal(cgroup_remove(mount_fd, name, 1000, &err), 0);
	assert_int_equal(cgroup_remove(mount_fd, name, 1000, &err), 0); /* gone already is success */
	assert_int_equal(cgroup_kill(fd, &err), 0);
	assert_int_equal(cgroup_read_key(fd, "cgroup.events", "populated"), -1);
}

static void test_populated(void **state)
{
	_cleanup_fd_ int fd = -1, events = -1;
	bool populated = true;
	(void) state;
	need_cgroups();
	assert_int_equal(cgroup_make(mount_fd, name, &fd, &err), 0);
	assert_int_equal(cgroup_events_open(fd, &events, &err), 0);
	assert_int_equal(cgroup_populated(events, &populated, &err), 0);
	assert_false(populated);
	pid_t pid = start_sleeper();
	put_into(fd, pid);
	assert_int_equal(cgroup_populated(events, &populated, &err), 0);
	assert_true(populated);
	assert_int_equal(cgroup_read_key(fd, "cgroup.events", "populated"), 1);
	assert_int_equal(cgroup_read_key(fd, "cgroup.events", "popul"), -1);
	assert_int_equal(cgroup_kill(fd, &err), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(cgroup_remove(mount_fd, name, 1000, &err), 0);
}

/* With a process that ignores SIGTERM, and cgroups of its own making below. */
static void test_remove_full(void **state)
{
	_cleanup_fd_ int fd = -1, below = -1;
	int status;
	(void) state;
	need_cgroups();
	assert_int_equal(cgroup_make(mount_fd, name, &fd, &err), 0);
	assert_int_equal(cgroup_make(fd, "a", &below, &err), 0);
	assert_int_equal(mkdirat(below, "b", 0755), 0);
	assert_int_equal(mkdirat(fd, "c", 0755), 0);
	pid_t pid = start_sleeper();
	put_into(below, pid);
	assert_int_equal(cgroup_remove(mount_fd, name, 5000, &err), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(faccessat(mount_fd, name, F_OK, 0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_make_and_remove),
		cmocka_unit_test(test_populated),
		cmocka_unit_test(test_remove_full),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
