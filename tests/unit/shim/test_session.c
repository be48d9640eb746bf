/* A client at a console without memory: at each allocation that fails, and while what it does not read grows.
 */
#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/error.h"
#include "common/frame.h"
#include "shim/console.h"
#include "tests/unit/unit.h"

static int until_failure = -1; /* so many allocations of libevent's succeed; -1: all do */

static bool fails(void)
{
	if (until_failure < 0)
		return false;
	if (until_failure == 0)
		return true;
	until_failure--;
	return false;
}

static void *failing_malloc(size_t size)
{
	return fails() ? NULL : malloc(size);
}

static void *failing_realloc(void *p, size_t size)
{
	return fails() ? NULL : realloc(p, size);
}

static void on_empty(void *arg)
{
	(void) arg;
}

struct fixture {
	struct console console;
	int stdio[3], client;
};

static void open_console(struct fixture *f)
{
	struct error err = { 0 };
	memset(f, 0, sizeof *f);
	console_init(&f->console);
	f->console.base = event_base_new();
	f->console.with_stdin = true;
	f->console.on_empty = on_empty;
	assert_int_equal(console_open(&f->console, f->stdio, &err), 0);
	console_start(&f->console);
}

static int attach(struct fixture *f, enum flow flow, struct error *err)
{
	int pair[2];
	struct session_client client = { .wants = { .flags = CONSOLE_STDIN | CONSOLE_STDOUT, .flow = flow },
		.reply = "{}",
		.reply_size = 3,
		.early = "",
		.early_size = 0 };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	f->client = pair[0];
	client.fd = pair[1];
	return console_attach(&f->console, &client, err);
}

static void close_console(struct fixture *f)
{
	console_done(&f->console);
	event_base_free(f->console.base);
	for (int i = 0; i < 3; i++)
		close(f->stdio[i]);
}

static void test_each_allocation_fails(void **state)
{
	struct fixture f;
	struct error err = { 0 };
	int n = 0;
	(void) state;
	open_console(&f);
	for (;; n++) {
		until_failure = n;
		int result = attach(&f, FLOW_DROP, &err);
		bool whole = until_failure > 0;
		until_failure = -1;
		close(f.client);
		if (result == 0 && whole)
			break;
		if (result < 0)
			assert_int_equal(err.errnum, 12);
		assert_true(n < 100);
	}
	assert_true(n > 5);
	close_console(&f);
}

/* The client reads all: its reply, whole frames, and then why there are no more. */
static void test_no_memory_for_output(void **state)
{
	static char bytes[4096], got[1 << 20];
	struct fixture f;
	struct error err = { 0 };
	struct frame frame = { 0 };
	size_t size = 0, at = 3;
	ssize_t n;
	(void) state;
	open_console(&f);
	assert_int_equal(attach(&f, FLOW_DROP, &err), 0);
	struct session *s = LIST_FIRST(&f.console.sessions);
	while (!s->starved) {
		/* As soon as something is queued. */
		if (event_pending(s->writable, EV_WRITE, NULL))
			until_failure = 0;
		session_output(s, 0, bytes, sizeof bytes, true);
	}
	until_failure = -1;
	do {
		event_base_loop(f.console.base, EVLOOP_NONBLOCK);
		n = recv(f.client, got + size, sizeof got - size, MSG_DONTWAIT);
		size += n > 0 ? (size_t) n : 0;
	} while (n != 0);
	assert_true(size < sizeof got);
	while (at < size) {
		assert_int_equal(frame_decode((uint8_t *) got + at, size - at, &frame), 1);
		at += FRAME_HEADER + frame.size;
	}
	assert_int_equal(frame.type, FRAME_ERROR);
	assert_true(LIST_EMPTY(&f.console.sessions));
	close(f.client);
	close_console(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_allocation_fails),
		cmocka_unit_test(test_no_memory_for_output),
	};
	event_set_mem_functions(failing_malloc, failing_realloc, free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
