/* What comes over the sync socket may come from inside a container. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/start.h"
#include "tests/unit/unit.h"

static int pair[2];
static struct start_message *message;

static int set_up(void **state)
{
	(void) state;
	message = calloc(1, sizeof *message);
	return message == NULL ||
	       socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0;
}

static int tear_down(void **state)
{
	(void) state;
	close(pair[0]);
	close(pair[1]);
	free(message);
	return 0;
}

static int pass_on(const void *data, size_t size)
{
	assert_int_equal(send(pair[1], data, size, 0), (ssize_t) size);
	int fd = -1;
	int result = start_sync_read(pair[0], message, &fd);
	assert_int_equal(fd, -1);
	return result;
}

static void test_good(void **state)
{
	struct start_message *m = calloc(1, sizeof *m);
	(void) state;
	uint32_t ready = START_SYNC_READY;
	int none;
	assert_int_equal(start_sync_read(pair[0], message, &none), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(pass_on(&ready, sizeof ready), 1);
	assert_int_equal(message->type, START_SYNC_READY);
	m->type = START_SYNC_ERROR;
	error_set(&m->error, ERROR_START_FAILED, "no");
	memset(m->error.phase, 'x', sizeof m->error.phase); /* no end */
	assert_int_equal(pass_on(m, sizeof *m), 1);
	assert_int_equal(strlen(message->error.phase), sizeof m->error.phase - 1);
	free(m);
}

static void test_bad(void **state)
{
	struct start_message *m = calloc(1, sizeof *m);
	(void) state;
	uint32_t types[] = { 0, START_SYNC_ERROR, START_SYNC_TRACE, 99 };
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		assert_int_equal(pass_on(&types[i], sizeof types[i]), -1); /* too short for it */
		assert_int_equal(errno, EPROTO);
	}
	assert_int_equal(pass_on("x", 1), -1);
	const struct {
		uint32_t type;
		int kind, exit_code;
	} cases[] = {
		{ START_SYNC_READY, 0, 0 }, /* too long for it */
		{ START_SYNC_ERROR, ERROR_NONE, 1 },
		{ START_SYNC_ERROR, ERROR_KINDS, 1 },
		{ START_SYNC_ERROR, -1, 1 },
		{ START_SYNC_ERROR, ERROR_FAILED, 256 },
		{ START_SYNC_ERROR, ERROR_FAILED, -1 },
		{ 7, ERROR_FAILED, 1 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		m->type = cases[i].type;
		m->error.kind = (enum error_kind) cases[i].kind;
		m->error.exit_code = cases[i].exit_code;
		assert_int_equal(pass_on(m, sizeof *m), -1);
		assert_int_equal(errno, EPROTO);
	}
	free(m);
}

static void test_end(void **state)
{
	(void) state;
	shutdown(pair[1], SHUT_RDWR);
	int none;
	assert_int_equal(start_sync_read(pair[0], message, &none), 0);
}

static void test_lock(void **state)
{
	struct error err = { 0 };
	int first, second;
	(void) state;
	assert_int_equal(start_lock_rootfs("/nowhere", &first, &err), -1);
	assert_int_equal(err.errnum, ENOENT);
	assert_int_equal(start_lock_rootfs("/etc/passwd", &first, &err), -1);
	assert_int_equal(err.errnum, ENOTDIR);
	char folder[] = "/tmp/containerd-lite-test-XXXXXX";
	assert_non_null(mkdtemp(folder));
	assert_int_equal(start_lock_rootfs(folder, &first, &err), 0);
	assert_int_equal(start_lock_rootfs(folder, &second, &err), -1);
	assert_int_equal(err.errnum, EBUSY);
	assert_string_equal(err.path, folder);
	close(first);
	assert_int_equal(start_lock_rootfs(folder, &second, &err), 0);
	close(second);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_good, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_end, set_up, tear_down),
		cmocka_unit_test(test_lock),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
