#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.h"
#include "shim/tree.h"
#include "tests/unit/unit.h"

static void test_removes_anything(void **state)
{
	char top[] = "/tmp/cl-tree-XXXXXX", outside[] = "/tmp/cl-tree-XXXXXX";
	struct error err;
	struct stat st;
	(void) state;
	assert_non_null(mkdtemp(top));
	assert_non_null(mkdtemp(outside));
	int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(symlinkat(outside, fd, "link"), 0);
	assert_int_equal(mkfifoat(fd, "fifo", 0), 0);
	assert_int_equal(mkdirat(fd, "closed", 0), 0);

	/* Far deeper than there are descriptors, and than a path can name. */
	int deep = dup(fd);
	for (int i = 0; i < 3000; i++) {
		assert_int_equal(mkdirat(deep, "d", 0700), 0);
		int next = openat(deep, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(deep);
		deep = next;
		assert_true(deep >= 0);
		close(openat(deep, "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	}
	close(deep);
	close(fd);

	assert_int_equal(tree_remove(AT_FDCWD, top, &err), 0);
	assert_int_equal(lstat(top, &st), -1);
	assert_int_equal(lstat(outside, &st), 0);
	assert_int_equal(tree_remove(AT_FDCWD, top, &err), 0);
	assert_int_equal(rmdir(outside), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_removes_anything) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
