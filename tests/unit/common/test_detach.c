/* Detach keys: how they are written, and that nothing else of what is typed is lost, wherever reads end. */
#include <stdlib.h>
#include <string.h>

#include "common/detach.h"
#include "common/error.h"
#include "tests/unit/unit.h"

static void test_parse(void **state)
{
	static const struct {
		const char *text, *keys;
	} good[] = {
		{ "ctrl-p,ctrl-q", "\x10\x11" },
		{ "CTRL-P", NULL },
		{ "ctrl-P,a", "\x10"
			      "a" },
		{ "ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_", "\x1b\x1c\x1d\x1e\x1f" },
		{ "a,b,c", "abc" },
		{ "none", "" },
		{ "~,.", "~." },
		{ "", NULL },
		{ ",", NULL },
		{ "a,", NULL },
		{ "ab", NULL },
		{ "ctrl-", NULL },
		{ "ctrl-1", NULL },
		{ "ctrl-pp", NULL },
		{ "none,a", NULL },
		{ "\x01", NULL },
		{ "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p", "abcdefghijklmnop" },
		{ "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", NULL },
	};
	(void) state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		uint8_t keys[DETACH_KEYS_MAX];
		struct error err;
		int n = detach_parse(good[i].text, keys, &err);
		assert_int_equal(n, good[i].keys == NULL ? -1 : (int) strlen(good[i].keys));
		if (n > 0)
			assert_memory_equal(keys, good[i].keys, n);
	}
	/* The null byte, which no string has. */
	uint8_t key[DETACH_KEYS_MAX] = { 1 };
	struct error err;
	assert_int_equal(detach_parse("ctrl-@", key, &err), 1);
	assert_int_equal(key[0], 0);
}

static void test_found(void **state)
{
	static const struct {
		const char *keys, *typed, *passed;
		bool found;
	} cases[] = {
		{ "pq", "abc", "abc", false },
		{ "pq", "pq", "", true },
		{ "pq", "apqb", "a", true },
		{ "pq", "ppq", "p", true },
		{ "pq", "pxq", "pxq", false },
		{ "pq", "p", "p", false }, /* after a while */
		{ "aab", "aaab", "a", true },
		{ "aab", "aacaab", "aac", true },
		{ "abab", "ababab", "", true },
		{ "ababc", "abababc", "ab", true },
		{ "x", "x", "", true },
		{ "", "pq", "pq", false },
	};
	(void) state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (size_t piece = 1; piece <= strlen(cases[i].typed); piece++) {
			struct detach d = { .size = (unsigned) strlen(cases[i].keys) };
			uint8_t out[64];
			size_t n = 0, size = strlen(cases[i].typed);
			bool found = false;
			memcpy(d.keys, cases[i].keys, d.size);
			for (size_t at = 0; at < size && !found; at += piece)
				n += detach_filter(&d, (const uint8_t *) cases[i].typed + at,
					piece < size - at ? piece : size - at, out + n, &found);
			n += detach_release(&d, out + n);
			assert_int_equal(found, cases[i].found);
			assert_int_equal(n, strlen(cases[i].passed));
			assert_memory_equal(out, cases[i].passed, n);
		}
}

/* What goes in without the keys comes out. */
static void test_random(void **state)
{
	unsigned seed = 1;
	(void) state;
	for (int round = 0; round < 20000; round++) {
		struct detach d = { .keys = "ababb", .size = 5 };
		uint8_t in[200], out[sizeof in + DETACH_KEYS_MAX];
		size_t size = 1 + (size_t) rand_r(&seed) % 40, n = 0, at = 0;
		bool found = false;
		for (size_t i = 0; i < size; i++)
			in[i] = rand_r(&seed) % 3 == 0 ? 'a' : 'b';
		const uint8_t *keys = memmem(in, size, "ababb", 5);
		while (at < size && !found) {
			size_t piece = 1 + (size_t) rand_r(&seed) % (size - at);
			n += detach_filter(&d, in + at, piece, out + n, &found);
			at += piece;
		}
		n += detach_release(&d, out + n);
		assert_int_equal(found, keys != NULL);
		assert_int_equal(n, keys != NULL ? (size_t) (keys - in) : size);
		assert_memory_equal(out, in, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
