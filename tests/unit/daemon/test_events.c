/* Events on their way to their file; this test is the worker that writes it. */
#include <event2/event.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/control.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "daemon/daemon.h"
#include "daemon/events.h"
#include "daemon/events_private.h"
#include "daemon/store.h"
#include "daemon/work.h"
#include "tests/unit/unit.h"

static int writer = -1;

int work_start_events(struct daemon *d, int *ret_sock, struct error *err)
{
	int pair[2];

	(void) d;
	(void) err;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	fd_close(&writer);
	writer = pair[0];
	*ret_sock = pair[1];
	return 0;
}

void watch_events_tell(struct events *ev, struct json_object *event)
{
	(void) ev;
	(void) event;
}

static void expect_event(int64_t seq)
{
	static char text[EVENT_MAX];
	struct json_object *event = NULL;
	struct error err;
	ssize_t n = recv(writer, text, sizeof(text), 0);

	assert_true(n > 0);
	assert_int_equal(text[n - 1], '\n');
	assert_int_equal(json_parse(text, (size_t) n - 1, &event, &err), 0);
	assert_int_equal(json_int(event, "seq", 0), seq);
	json_put(&event);
}

/* One that is longer than the file's writer takes is in nobody's way. */
static void test_long(void **state)
{
	static char value[300 * 1024];
	struct store store = { .state = -1 }; /* nothing is there to be read */
	struct daemon d = { .store = &store, .base = event_base_new() };
	struct json_object *attributes = json_object_new_object();
	struct error err;

	(void) state;
	struct events *ev = events_new(&d, &err);
	int64_t last = events_last(ev);
	memset(value, 'x', sizeof(value) - 1);
	json_add_string(attributes, "memory.max", value);
	events_add(ev, "update", NULL, attributes, NULL);
	events_add(ev, "daemon", NULL, NULL, NULL);
	expect_event(last + 1);
	expect_event(last + 2);
	events_free(ev);
	fd_close(&writer);
	event_base_free(d.base);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_long) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
