/* A root full of traps: whatever is looked up or made stays inside of it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "runtime/target.h"
#include "tests/unit/unit.h"

static char folder[] = "/tmp/containerd-lite-test-XXXXXX";
static int outside_fd = -1, root_fd = -1;

static int set_up(void **state)
{
	char link[PATH_MAX];
	(void) state;
	if (mkdtemp(folder) == NULL)
		return -1;
	outside_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mkdirat(outside_fd, "root", 0755);
	mkdirat(outside_fd, "victim", 0755);
	root_fd = openat(outside_fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mkdirat(root_fd, "dir", 0755);
	close(openat(root_fd, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	snprintf(link, sizeof link, "%s/victim", folder);
	const char *links[][2] = { { link, "absolute" }, { "../../../../../../../../../victim", "up" },
		{ "/dir", "inside" }, { "loop", "loop" }, { "nowhere", "dangling" },
		{ "/proc/self/cwd", "magic" }, { "../../../a/./x", "dangling2" },
		{ "round/../round2/x", "round" } };
	for (size_t i = 0; i < sizeof links / sizeof *links; i++)
		if (symlinkat(links[i][0], root_fd, links[i][1]) < 0)
			return -1;
	return root_fd < 0;
}

static int tear_down(void **state)
{
	char command[PATH_MAX];
	(void) state;
	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	return system(command);
}

/* Where path leads to: a descriptor's own name, without the folder's. */
static const char *place(const char *path, bool is_file, bool strict)
{
	static char name[PATH_MAX];
	char link[64];
	_cleanup_fd_ int fd = target_open(root_fd, path, is_file, strict);
	if (fd < 0)
		return strerrorname_np(errno);
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, name, sizeof name - 1);
	assert_true(n > 0);
	name[n] = '\0';
	assert_int_equal(strncmp(name, folder, strlen(folder)), 0);
	return name + strlen(folder);
}

static void test_found(void **state)
{
	(void) state;
	assert_string_equal(place("/dir", false, true), "/root/dir");
	assert_string_equal(place("/file", true, true), "/root/file");
	assert_string_equal(place("/inside", false, false), "/root/dir");
	assert_string_equal(place("/inside", false, true), "ELOOP");
	assert_string_equal(place("/dir", true, false), "EISDIR");
	assert_string_equal(place("/file", false, false), "ENOTDIR");
	assert_string_equal(place("/file/x", false, false), "ENOTDIR");
	assert_string_equal(place("/loop", false, false), "ELOOP");
	assert_string_equal(place("/", false, true), "/root");
}

static void test_made(void **state)
{
	struct stat st;
	(void) state;
	assert_string_equal(place("/new/a/b", false, true), "/root/new/a/b");
	assert_string_equal(place("/new/a/file", true, true), "/root/new/a/file");
	assert_string_equal(place("/inside/deep", false, false), "/root/dir/deep");
	assert_int_equal(fstatat(root_fd, "new/a", &st, 0), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(fstatat(root_fd, "new/a/file", &st, 0), 0);
	assert_true(S_ISREG(st.st_mode) && st.st_size == 0);
}

/* Links that lead outside mean the root; what they name there is not made through them. */
static void test_traps(void **state)
{
	(void) state;
	assert_string_equal(place("/up/x", false, true), "ELOOP");
	const char *up = place("/up", false, false);
	assert_true(strncmp(up, "/root", 5) == 0 || up[0] == 'E');
	place("/up/x", false, false);
	place("/absolute/x", false, false);
	place("/absolute", true, false);
	/* A link to what is not there yet (as /etc/resolv.conf often is): what it names is made, inside. */
	assert_string_equal(place("/dangling", true, false), "/root/nowhere");
	assert_string_equal(place("/dangling2", true, true), "ELOOP");
	assert_string_equal(place("/dangling2/y", false, false), "/root/a/x/y");
	assert_string_equal(place("/round", true, false), "ELOOP");
	assert_string_equal(place("/magic", false, false), "/root/proc/self/cwd"); /* no procfs there */
	assert_int_equal(faccessat(outside_fd, "victim/x", F_OK, 0), -1);
	assert_int_equal(unlinkat(outside_fd, "victim", AT_REMOVEDIR), 0);
}

static void test_names_too_long(void **state)
{
	char path[PATH_MAX + 100];
	(void) state;
	memset(path, 'a', sizeof path);
	path[0] = '/';
	path[300] = '\0';
	assert_string_equal(place(path, false, false), "ENAMETOOLONG");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_made),
		cmocka_unit_test(test_traps),
		cmocka_unit_test(test_names_too_long),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
