/* The transition table, the registry, and who is told what when. */
#include <stdio.h>

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/registry.h"
#include "tests/unit/unit.h"

static struct daemon d;

static struct container *make(const char *id_begin, const char *name)
{
	struct bundle bundle = { .created_ns = 1 };
	snprintf(bundle.id, sizeof bundle.id, "%s%.*s", id_begin, (int) (32 - strlen(id_begin)),
		"00000000000000000000000000000000");
	return container_new(&d, &bundle, name);
}

static struct container *add(const char *id_begin, const char *name)
{
	struct error err;
	struct container *c = make(id_begin, name);
	assert_int_equal(registry_add(d.registry, c, &err), 0);
	return c;
}

static int setup(void **state)
{
	(void) state;
	d = (struct daemon) { .registry = registry_new() };
	return 0;
}

static int teardown(void **state)
{
	(void) state;
	containers_notify(&d);
	registry_free(d.registry);
	return 0;
}

static void test_transitions(void **state)
{
	/* Rows: from; columns: created starting running paused stopping exited removing. */
	static const char *const table[STATES] = {
		[STATE_CREATED] = ".x....x",
		[STATE_STARTING] = "x.x..xx",
		[STATE_RUNNING] = "...xxx.",
		[STATE_PAUSED] = "..x.xx.",
		[STATE_STOPPING] = ".....x.",
		[STATE_EXITED] = ".x....x",
		[STATE_REMOVING] = ".......",
	};
	(void) state;
	for (int from = 0; from < STATES; from++)
		for (int to = 0; to < STATES; to++)
			assert_int_equal(
				state_allowed((enum state) from, (enum state) to), table[from][to] == 'x');
	for (int i = 0; i < STATES; i++) {
		enum state parsed;
		assert_int_equal(state_parse(state_name((enum state) i), &parsed), 0);
		assert_int_equal(parsed, i);
	}
}

static void test_what_is_no_transition_is_not_done(void **state)
{
	struct container *c = add("a", "web");
	(void) state;
	container_set_state(c, STATE_RUNNING);
	assert_int_equal(c->state, STATE_CREATED);
}

static void test_find(void **state)
{
	struct error err = { 0 };
	struct container *one = add("abc1", "web"), *two = add("abc2", "abc"), *three = add("abd", "abc2");
	(void) state;
	assert_ptr_equal(registry_find(d.registry, "web", &err), one);
	assert_ptr_equal(registry_find(d.registry, container_id(one), &err), one);
	assert_ptr_equal(registry_find(d.registry, "abc1", &err), one);
	/* A name comes before the beginning of an id. */
	assert_ptr_equal(registry_find(d.registry, "abc", &err), two);
	assert_ptr_equal(registry_find(d.registry, "abc2", &err), three);
	assert_ptr_equal(registry_find(d.registry, "abd", &err), three);
	assert_null(registry_find(d.registry, "ab", &err));
	assert_int_equal(err.kind, ERROR_AMBIGUOUS);
	assert_string_equal(err.msg, "'ab' is the beginning of 3 ids");
	assert_string_equal(err.hint, "they are abc100000000, abc200000000, abd000000000");
	assert_int_equal(strlen(err.path), 3 * 32 + 2);
	assert_null(registry_find(d.registry, "abe", &err));
	assert_int_equal(err.kind, ERROR_NO_SUCH_CONTAINER);
	assert_string_equal(err.msg, "no such container 'abe'");
	assert_null(registry_find(d.registry, "", &err));
	assert_null(registry_find(d.registry, "WEB", &err));
}

static void test_names_are_taken_at_once(void **state)
{
	struct error err = { 0 };
	struct container *one = add("a", "web"), *two = make("b", "web");
	(void) state;
	one->hidden = true;
	assert_int_equal(registry_add(d.registry, two, &err), -1);
	assert_int_equal(err.kind, ERROR_NAME_IN_USE);
	assert_string_equal(err.field, "web");
	assert_string_equal(err.path, container_id(one));
	/* ... and not seen. */
	assert_null(registry_find(d.registry, "web", &err));
	assert_null(registry_find(d.registry, "a", &err));
	container_free(two);
	two = make("a", "other");
	assert_int_equal(registry_add(d.registry, two, &err), -1);
	container_free(two);
}

static void test_rename(void **state)
{
	struct error err = { 0 };
	struct container *one = add("a", "web"), *two = add("b", "db");
	(void) state;
	assert_int_equal(registry_rename(d.registry, one, "db", &err), -1);
	assert_string_equal(one->name, "web");
	assert_int_equal(registry_rename(d.registry, one, "web", &err), 0);
	assert_int_equal(registry_rename(d.registry, one, "www", &err), 0);
	assert_ptr_equal(registry_find(d.registry, "www", &err), one);
	assert_null(registry_find(d.registry, "web", &err));
	assert_int_equal(registry_rename(d.registry, two, "web", &err), 0);
}

struct counting {
	struct watch watch;
	struct watch *stops; /* which its call stops */
	int calls;
	bool saw_gone;
};

static void count(struct watch *watch)
{
	struct counting *counting = (struct counting *) watch;
	counting->calls++;
	counting->saw_gone = watch->c->gone;
	if (counting->stops != NULL)
		watch_stop(counting->stops);
}

static void test_watches_are_told_later(void **state)
{
	struct container *c = add("a", "web");
	struct counting one = { .watch.changed = count }, two = { .watch.changed = count };
	(void) state;
	container_watch(c, &one.watch);
	container_watch(c, &two.watch);
	container_set_state(c, STATE_STARTING);
	container_set_state(c, STATE_RUNNING);
	assert_int_equal(one.calls, 0);
	containers_notify(&d);
	assert_int_equal(one.calls, 1);
	assert_int_equal(two.calls, 1);
	/* One may stop the other, or itself. */
	one.stops = &two.watch;
	container_changed(c);
	containers_notify(&d);
	assert_int_equal(one.calls, 2);
	assert_int_equal(two.calls, 1);
	one.stops = &one.watch;
	container_changed(c);
	containers_notify(&d);
	container_changed(c);
	containers_notify(&d);
	assert_int_equal(one.calls, 3);
}

static void test_the_end_of_an_rm_container(void **state)
{
	struct error err;
	struct container *c = add("a", "web");
	struct counting watch = { .watch.changed = count };
	struct exit_status exit = { .run = 1, .code = 3 };
	(void) state;
	c->bundle.transient = true;
	c->run = 1;
	container_watch(c, &watch.watch);
	container_set_state(c, STATE_STARTING);
	container_set_state(c, STATE_RUNNING);
	container_ended(c, &exit);
	/* The name is free before anybody is told. */
	assert_null(registry_find(d.registry, "web", &err));
	assert_true(container_run_over(c, 1));
	containers_notify(&d);
	assert_true(watch.saw_gone);
	watch_stop(&watch.watch); /* and then it is freed: the sanitizer would tell */
}

static void test_a_start_that_leaves_nothing(void **state)
{
	struct error why = { .kind = ERROR_START_FAILED }, err;
	struct exit_status exit = { .run = 2, .reason = EXIT_REASON_START_FAILED };
	struct container *c = add("a", "web");
	(void) state;
	c->state = STATE_STARTING;
	c->before_start = STATE_CREATED;
	c->run = 1;
	c->attempts = 1;
	container_start_failed(c, &why, &exit, false);
	assert_int_equal(c->state, STATE_CREATED);
	assert_int_equal(c->run, 0);
	assert_int_equal(c->decided, 1);
	assert_non_null(c->start_error);
	/* The first start of a Run takes the container with it. */
	c->state = STATE_STARTING;
	c->is_new = true;
	container_start_failed(c, &why, &exit, false);
	assert_null(registry_find(d.registry, "web", &err));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_transitions),
		TEST(test_what_is_no_transition_is_not_done),
		TEST(test_find),
		TEST(test_names_are_taken_at_once),
		TEST(test_rename),
		TEST(test_watches_are_told_later),
		TEST(test_the_end_of_an_rm_container),
		TEST(test_a_start_that_leaves_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
