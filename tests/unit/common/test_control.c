#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/control.h"
#include "common/fd.h"
#include "tests/unit/unit.h"

union message {
	struct control_head head;
	struct control_kill kill;
	struct control_status status;
	char bytes[CONTROL_MESSAGE_MAX + 64];
};

struct pair {
	int ours, theirs;
};

static void pair_open(struct pair *p)
{
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	*p = (struct pair) { fds[0], fds[1] };
}

static void pair_close(struct pair *p)
{
	fd_close(&p->ours);
	fd_close(&p->theirs);
}

/* What control_recv makes of the first `size` bytes of message, whose head says that it is `told` long. */
static int pass(union message *message, uint16_t type, size_t size, size_t told, union message *ret)
{
	struct pair p;
	int fds[FD_MESSAGE_FDS], result;
	unsigned n = 0;
	pair_open(&p);
	message->head = (struct control_head) { CONTROL_VERSION, type, (uint32_t) told };
	assert_int_equal(fd_send(p.theirs, message, size, NULL, 0), 0);
	memset(ret, 0xee, sizeof *ret);
	result = control_recv(p.ours, ret, fds, &n);
	int saved = errno;
	pair_close(&p);
	errno = saved;
	return result;
}

static void assert_refused(union message *message, uint16_t type, size_t size, size_t told)
{
	union message got;
	assert_int_equal(pass(message, type, size, told, &got), -1);
	assert_int_equal(errno, EPROTO);
}

static void test_same(void **state)
{
	union message message = { .kill = { .sig = 15, .all = 1 } }, got;
	(void) state;
	assert_int_equal(
		pass(&message, CONTROL_KILL, sizeof message.kill, sizeof message.kill, &got), CONTROL_KILL);
	assert_memory_equal(&got.kill, &message.kill, sizeof got.kill);
}

static void test_longer(void **state)
{
	union message message = { .kill = { .sig = 15, .all = 1 } }, got;
	size_t size = sizeof message.kill + 40;
	(void) state;
	memset(message.bytes + sizeof message.kill, 0x55, 40);
	assert_int_equal(pass(&message, CONTROL_KILL, size, size, &got), CONTROL_KILL);
	assert_int_equal(got.kill.sig, 15);
	assert_int_equal(got.kill.all, 1);
}

/* An older shim's STATUS ends with its exit. */
static void test_shorter(void **state)
{
	union message message = { .status = { .run = 7, .types = 99, .frozen = 99 } }, got;
	size_t size = offsetof(struct control_status, types);
	(void) state;
	message.status.exit.code = 3;
	assert_int_equal(pass(&message, CONTROL_STATUS, size, size, &got), CONTROL_STATUS);
	assert_int_equal(got.status.run, 7);
	assert_int_equal(got.status.exit.code, 3);
	assert_int_equal(got.status.types, 0);
	assert_int_equal(got.status.frozen, 0);
}

static void test_refused(void **state)
{
	union message message = { .kill = { .sig = 15 } };
	size_t size = sizeof message.kill;
	(void) state;
	assert_refused(&message, CONTROL_KILL, size - 1, size - 1); /* shorter than it has ever been */
	assert_refused(&message, CONTROL_KILL, size, size + 1);
	assert_refused(&message, CONTROL_KILL, size, size - 4);
	assert_refused(&message, CONTROL_KILL, 3, 3);
	assert_refused(&message, 0, size, size);
	assert_refused(&message, CONTROL_TYPES, size, size);
	assert_refused(&message, UINT16_MAX, size, size);
	assert_refused(&message, CONTROL_KILL, sizeof message, sizeof message); /* no message is that long */
}

static void test_other_version(void **state)
{
	struct control_head head = { CONTROL_VERSION + 1, CONTROL_HELLO, sizeof head };
	union message got;
	struct pair p;
	int fds[FD_MESSAGE_FDS];
	unsigned n = 0;
	(void) state;
	pair_open(&p);
	assert_int_equal(fd_send(p.theirs, &head, sizeof head, NULL, 0), 0);
	assert_int_equal(control_recv(p.ours, &got, fds, &n), -1);
	assert_int_equal(errno, EPROTO);
	assert_int_equal(control_recv(p.ours, &got, fds, &n), -1);
	assert_int_equal(errno, EAGAIN);
	pair_close(&p);
}

/* What comes with a message that is not understood is closed. */
static void test_descriptors(void **state)
{
	struct control_head head = { CONTROL_VERSION, CONTROL_TYPES + 5, sizeof head };
	union message got;
	struct pair p;
	int fds[FD_MESSAGE_FDS], pipes[2];
	unsigned n = 0;
	char byte;
	(void) state;
	pair_open(&p);
	assert_int_equal(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(fd_send(p.theirs, &head, sizeof head, &pipes[1], 1), 0);
	close(pipes[1]);
	assert_int_equal(control_recv(p.ours, &got, fds, &n), -1);
	assert_int_equal(n, 0);
	assert_int_equal(read(pipes[0], &byte, 1), 0);
	close(pipes[0]);
	close(p.theirs);
	assert_int_equal(control_recv(p.ours, &got, fds, &n), 0);
	close(p.ours);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_longer),
		cmocka_unit_test(test_shorter),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_other_version),
		cmocka_unit_test(test_descriptors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
