#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/error.h"
#include "runtime/recipe.h"
#include "runtime/spec.h"
#include "tests/unit/unit.h"

/* What is loaded is never freed: a joiner's memory goes with it. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

static struct spec in, out;

static int make_file(void **state)
{
	int fd = memfd_create("recipe", MFD_CLOEXEC);
	memset(&in, 0, sizeof in);
	memset(&out, 0, sizeof out);
	*state = (void *) (intptr_t) fd;
	return fd < 0 ? -1 : 0;
}

static int close_file(void **state)
{
	return close((int) (intptr_t) *state);
}

static struct strings list(const char **v)
{
	struct strings s = { v, 0 };
	while (v[s.n] != NULL)
		s.n++;
	return s;
}

static void fill(struct spec *s)
{
	static const char *env[] = { "PATH=/bin", "EMPTY=", "TEXT=a b\nc", NULL },
			  *groups[] = { "staff", "7", NULL };
	s->env = list(env);
	s->groups = list(groups);
	s->cwd = "/srv/www";
	s->user = "nobody:50";
	s->uid = 1;
	s->gid = 2;
	s->umask = 027;
	s->gids[0] = 4;
	s->gids[1] = 4294967294;
	s->n_gids = 2;
	s->rlimits[0] = (struct spec_rlimit) { 7, 1024, UINT64_MAX };
	s->n_rlimits = 1;
	s->no_new_privileges = s->has_oom_score_adj = true;
	s->oom_score_adj = -5;
	for (int i = 0; i < CAPABILITY_SETS; i++)
		s->capabilities[i] = UINT64_C(1) << (i + 35);
}

static void test_nothing_yet(void **state)
{
	struct error err = { 0 };
	assert_int_equal(recipe_load((int) (intptr_t) *state, &out, &err), 0);
}

static void test_there_and_back(void **state)
{
	int fd = (int) (intptr_t) *state;
	struct error err = { 0 };
	fill(&in);
	assert_int_equal(recipe_save(fd, &in, &err), 0);
	assert_int_equal(recipe_save(fd, &in, &err), 0); /* by another one at the same time */
	assert_int_equal(recipe_load(fd, &out, &err), 1);
	assert_int_equal(out.env.n, 3);
	assert_string_equal(out.env.v[1], "EMPTY=");
	assert_string_equal(out.env.v[2], "TEXT=a b\nc");
	assert_null(out.env.v[3]);
	assert_int_equal(out.groups.n, 2);
	assert_string_equal(out.groups.v[1], "7");
	assert_string_equal(out.cwd, "/srv/www");
	assert_string_equal(out.user, "nobody:50");
	assert_int_equal(out.uid, 1);
	assert_int_equal(out.gid, 2);
	assert_int_equal(out.umask, 027);
	assert_int_equal(out.n_gids, 2);
	assert_int_equal(out.gids[1], 4294967294);
	assert_int_equal(out.n_rlimits, 1);
	assert_memory_equal(out.rlimits, in.rlimits, sizeof out.rlimits);
	assert_memory_equal(out.capabilities, in.capabilities, sizeof out.capabilities);
	assert_true(out.no_new_privileges && out.has_oom_score_adj && !out.user_is_default);
	assert_int_equal(out.oom_score_adj, -5);
}

static void test_without_user_and_lists(void **state)
{
	int fd = (int) (intptr_t) *state;
	struct error err = { 0 };
	in.cwd = "/";
	in.user_is_default = true;
	assert_int_equal(recipe_save(fd, &in, &err), 0);
	assert_int_equal(recipe_load(fd, &out, &err), 1);
	assert_null(out.user);
	assert_true(out.user_is_default);
	assert_int_equal(out.env.n, 0);
	assert_int_equal(out.groups.n, 0);
}

static void test_large(void **state)
{
	static char text[500001];
	static const char *env[] = { text, "LAST=1", NULL };
	int fd = (int) (intptr_t) *state;
	struct error err = { 0 };
	memset(text, 'x', sizeof text - 1);
	in.cwd = "/";
	in.env = list(env);
	assert_int_equal(recipe_save(fd, &in, &err), 0);
	assert_int_equal(recipe_load(fd, &out, &err), 1);
	assert_string_equal(out.env.v[0], text);
	assert_string_equal(out.env.v[1], "LAST=1");
}

/* One that is half written is none; one that was cut is refused. */
static void test_not_whole(void **state)
{
	int fd = (int) (intptr_t) *state;
	struct error err = { 0 };
	uint64_t none = 0;
	fill(&in);
	assert_int_equal(recipe_save(fd, &in, &err), 0);
	off_t size = lseek(fd, 0, SEEK_END);
	assert_int_equal(ftruncate(fd, size - 1), 0);
	assert_int_equal(recipe_load(fd, &out, &err), -1);
	assert_int_equal(pwrite(fd, &none, sizeof none, 0), sizeof none);
	assert_int_equal(recipe_load(fd, &out, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_yet, make_file, close_file),
		cmocka_unit_test_setup_teardown(test_there_and_back, make_file, close_file),
		cmocka_unit_test_setup_teardown(test_without_user_and_lists, make_file, close_file),
		cmocka_unit_test_setup_teardown(test_large, make_file, close_file),
		cmocka_unit_test_setup_teardown(test_not_whole, make_file, close_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
