/* The words and lines of the script that explain makes. */
#include <stdlib.h>
#include <string.h>

#include "client/explain.h"
#include "common/fd.h"
#include "tests/unit/unit.h"

static void test_quote(void **state)
{
	static const struct {
		const char *text, *word;
	} rows[] = {
		{ "plain/word-1.0_x:y=z,@%+", "plain/word-1.0_x:y=z,@%+" },
		{ "", "''" },
		{ "two words", "'two words'" },
		{ "it's", "'it'\\''s'" },
		{ "$(id) `id` \\ \" * ~ # & ; |", "'$(id) `id` \\ \" * ~ # & ; |'" },
		{ "a\nb\tc", "'a\nb\tc'" },
		{ "\xc3\xa4", "'\xc3\xa4'" },
		/* what a terminal would obey */
		{ "\033[1m", "''\"$(printf '\\033')\"'[1m'" },
		{ "x\r", "'x'\"$(printf '\\015')\"''" },
		{ "\x7f", "''\"$(printf '\\177')\"''" },
		{ "\xc2\x9b"
		  "0m",
			"''\"$(printf '\\302\\233')\"'0m'" },
	};
	(void) state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_free_ char *word = explain_quote(rows[i].text);
		assert_string_equal(word, rows[i].word);
	}
}

/* What a call writes; caller frees. */
static char *written(const char *why, const char *code)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	if (code != NULL)
		explain_line(out, why, "%s", code);
	else
		explain_note(out, "%s", why);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void test_line(void **state)
{
	_cleanup_free_ char *bare = written(NULL, "mkdir x");
	_cleanup_free_ char *beside = written("a folder", "\tmkdir x");
	_cleanup_free_ char *above = written("two commands", "\tmkdir x\n\trmdir x");
	(void) state;
	assert_string_equal(bare, "mkdir x\n");
	assert_string_equal(above, "\t# two commands\n\tmkdir x\n\trmdir x\n");
	/* the comment's column counts a tab as eight */
	assert_int_equal(strchr(beside, '#') - beside, 64 - 7);
}

static void test_note(void **state)
{
	_cleanup_free_ char *evil = written("name\nrm -rf /\033[2J", NULL);
	char words[400] = "";
	(void) state;
	assert_string_equal(evil, "# name\\x0arm -rf /\\x1b[2J\n");
	for (int i = 0; i < 60; i++)
		strncat(words, "word ", sizeof words - strlen(words) - 1);
	_cleanup_free_ char *wrapped = written(words, NULL);
	for (const char *line = wrapped; *line != '\0'; line += strcspn(line, "\n") + 1) {
		assert_memory_equal(line, "# word", 6);
		assert_true(strcspn(line, "\n") <= 120);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quote),
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_note),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
