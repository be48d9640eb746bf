#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "daemon/config.h"
#include "tests/unit/unit.h"

#define N(array) (int) (sizeof(array) / sizeof *(array))

static void test_command_line(void **state)
{
	const char *argv[] = { "containerd-lite", "--state-dir", "/s", "--run-dir=/r", "--log-level", "debug",
		"--stop-timeout", "1m", "--log-max-size", "1M", "--log-max-files", "5", NULL };
	struct config *config;
	struct error err = { 0 };
	(void) state;
	/* Twice: a reload reads it again. */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(config_load(N(argv) - 1, (char **) argv, &config, &err), 0);
		assert_string_equal(config->state_dir, "/s");
		assert_string_equal(config->run_dir, "/r");
		assert_string_equal(config->socket, "/r/containerd-lite.sock");
		assert_int_equal(config->log_level, LOG_LEVEL_DEBUG);
		assert_int_equal(config->stop_timeout_ms, 60000);
		assert_int_equal(config->log_max_size, 1024 * 1024);
		assert_int_equal(config->log_max_files, 5);
		config_free(config);
	}
}

static void test_bad_command_lines(void **state)
{
	static const struct {
		const char *argument, *value, *message;
	} table[] = {
		{ "--nonsense", NULL, "unknown option '--nonsense'" },
		{ "word", NULL, "unknown argument 'word'" },
		{ "--socket", NULL, "a value is missing after '--socket'" },
		{ "--socket", "", "--socket: an empty path" },
		{ "--log-level", "loud", "--log-level: 'loud' is not error, warning, info or debug" },
		{ "--stop-timeout", "soon", "--stop-timeout: 'soon' is not a time like 10s or 1m" },
		{ "--log-max-size", "1", "--log-max-size: '1' is not a size like 10M, at least 4k" },
		{ "--log-max-files", "0", "--log-max-files: '0' is not a number from 1 to 1000" },
		{ "--config", "/no/such/file", "open '/no/such/file'" },
	};
	(void) state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		const char *argv[] = { "containerd-lite", "--state-dir=/s", table[i].argument, table[i].value,
			NULL };
		struct config *config = NULL;
		struct error err = { 0 };
		assert_int_equal(
			config_load(table[i].value != NULL ? 4 : 3, (char **) argv, &config, &err), -1);
		assert_string_equal(err.msg, table[i].message);
	}
}

static void test_file(void **state)
{
	static const struct {
		const char *text, *message; /* NULL: it is right */
	} table[] = {
		{ "", NULL },
		{ "# a comment\n\n  log_level = error  \r\nstop_timeout=-1\nsocket = /a b/c\n", NULL },
		{ "log_level\n", "f:1: 'key = value' expected" },
		{ "\n\nlog-level = info\n", "f:3: unknown key 'log-level'" },
		{ "\nlog_level = 1", "f:2: log_level: '1' is not error, warning, info or debug" },
		{ "x\x1b = 1", "f:1: unknown key 'x\\x1b'" },
		{ "state_dir =", "f:1: state_dir: an empty path" },
	};
	(void) state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct config config = { 0 };
		struct error err = { 0 };
		int r = config_parse(&config, table[i].text, "f", &err);
		assert_int_equal(r, table[i].message != NULL ? -1 : 0);
		if (table[i].message != NULL)
			assert_string_equal(err.msg, table[i].message);
		if (i == 1) {
			assert_int_equal(config.log_level, LOG_LEVEL_ERROR);
			assert_int_equal(config.stop_timeout_ms, -1);
			assert_string_equal(config.socket, "/a b/c");
		}
		free(config.socket);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command_line),
		cmocka_unit_test(test_bad_command_lines),
		cmocka_unit_test(test_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
