/* test_option.c - command lines and what becomes of them: the request's JSON, ctl's own, or one sentence. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/command.h"
#include "client/config.h"
#include "client/value.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "tests/unit/unit.h"

#define WORDS 16

struct line {
	const char *words[WORDS]; /* the verb first */
	const char *request;	  /* NULL: an error */
	const char *local;	  /* or the error's sentence */
};

static int parse(const struct line *l, struct arguments *args, struct error *err)
{
	static char *argv[WORDS + 1];
	int argc = 0;
	while (l->words[argc + 1] != NULL) {
		argv[argc] = (char *) (size_t) l->words[argc + 1];
		argc++;
	}
	argv[argc] = NULL;
	const struct command *command = command_find(l->words[0]);
	assert_non_null(command);
	return arguments_parse(command, argc, argv, args, err);
}

static void check(const struct line *l)
{
	struct arguments args;
	struct error err = { 0 };
	char text[2048];
	size_t size;
	int result = parse(l, &args, &err);
	if (l->request == NULL) {
		assert_int_equal(result, -1);
		assert_string_equal(error_format(&err, text, sizeof text), l->local);
	} else {
		if (result < 0)
			fail_msg("%s", error_format(&err, text, sizeof text));
		assert_string_equal(json_text(args.request, &size), l->request);
		assert_string_equal(json_text(args.local, &size), l->local);
	}
	arguments_done(&args);
}

static void check_all(const struct line *lines, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check(&lines[i]);
}
#define CHECK(lines) check_all(lines, sizeof(lines) / sizeof *(lines))

static void test_forms(void **state)
{
	static const struct line lines[] = {
		{ { "run", "busybox" }, "{}", "{}" },
		{ { "run", "--name", "a", "busybox" }, "{\"name\":\"a\"}", "{}" },
		{ { "run", "--name=a=b", "busybox" }, "{\"name\":\"a=b\"}", "{}" },
		{ { "run", "--name=", "busybox" }, "{\"name\":\"\"}", "{}" },
		{ { "run", "--name", "a", "--name", "b", "busybox" }, "{\"name\":\"b\"}", "{}" },
		{ { "run", "-di", "busybox" }, "{\"open_stdin\":true}", "{\"detach\":true}" },
		{ { "run", "-d=false", "--rm=false", "busybox" }, "{\"remove\":false}",
			"{\"detach\":false}" },
		{ { "run", "--rm=1", "busybox" }, "{\"remove\":true}", "{}" },
		{ { "run", "-ih", "box", "busybox" }, "{\"open_stdin\":true,\"hostname\":\"box\"}", "{}" },
		{ { "run", "-w/tmp", "-u=0:0", "busybox" }, "{\"cwd\":\"/tmp\",\"user\":\"0:0\"}", "{}" },
		{ { "run", "-w", "--", "busybox" }, "{\"cwd\":\"--\"}", "{}" },
		{ { "run", "-it=false", "busybox" }, "{\"open_stdin\":true,\"terminal\":false}", "{}" },
		{ { "run", "-a", "stdout", "-a", "stderr", "x" }, "{}",
			"{\"streams\":[\"stdout\",\"stderr\"]}" },
		{ { "run", "--network", "none", "--restart=no", "x" }, "{}", "{}" },
		{ { "stop", "a", "-t", "-1", "b" }, "{\"timeout_ms\":-1}", "{}" },
		{ { "stop", "-t0", "a" }, "{\"timeout_ms\":0}", "{}" },
		{ { "stop", "--time=1.5s", "a" }, "{\"timeout_ms\":1500}", "{}" },
		{ { "kill", "-sHUP", "a" }, "{\"signal\":\"SIGHUP\"}", "{}" },
		{ { "kill", "-s", "9", "a" }, "{\"signal\":\"SIGKILL\"}", "{}" },
		{ { "remove", "-f", "a" }, "{\"force\":true}", "{}" },
		{ { "ls", "-aq" }, "{\"all\":true}", "{\"quiet\":true}" },
		{ { "list", "-f", "name=a", "--filter", "status=exited" },
			"{\"filters\":[\"name=a\",\"status=exited\"]}", "{}" },
		{ { "ps", "--format", "jsonl" }, "{}", "{\"format\":\"jsonl\"}" },
		{ { "logs", "-fn", "100", "web" }, "{\"follow\":true,\"tail\":100}", "{}" },
		{ { "logs", "-n5", "--tail", "all", "web" }, "{}", "{}" },
		{ { "logs", "web", "--since", "2026-11-22T04:13:00+01:00" },
			"{\"since\":\"2026-11-22T03:13:00.000000000Z\"}", "{}" },
		{ { "logs", "--", "-web" }, "{}", "{}" },
		{ { "ps", "-h" }, "{}", "{\"help\":true}" },
		{ { "stop", "--help" }, "{}", "{\"help\":true}" },
		{ { "stop", "--socket", "/s", "a" }, "{}", "{\"socket\":\"/s\"}" },
	};
	(void) state;
	CHECK(lines);
}

static void test_config(void **state)
{
	static const struct line lines[] = {
		{ { "run", "-e", "A=B", "-e", "C=", "-e", "A=D", "-e", "HERE", "-e", "NOT_HERE", "x" },
			"{\"env\":[\"A=D\",\"C=\",\"HERE=it is\"]}", "{}" },
		{ { "create", "-l", "a=b=c", "--label", "d", "x" }, "{\"labels\":{\"a\":\"b=c\",\"d\":\"\"}}",
			"{}" },
		{ { "run", "-v", "/a:/b", "-v", "/a//./c/../d/:/e:ro,nosuid", "x" },
			"{\"mounts\":[{\"kind\":\"bind\",\"source\":\"/a\",\"target\":\"/b\"},"
			"{\"kind\":\"bind\",\"source\":\"/a/d\",\"target\":\"/e\",\"options\":[\"ro\","
			"\"nosuid\"]}]}",
			"{}" },
		{ { "run", "-v", "rel/x:/b", "-v", "..:/c", "x" },
			"{\"mounts\":[{\"kind\":\"bind\",\"source\":\"/usr/rel/x\",\"target\":\"/b\"},"
			"{\"kind\":\"bind\",\"source\":\"/\",\"target\":\"/c\"}]}",
			"{}" },
		{ { "run", "--cpus=.5", "x" },
			"{\"resources\":{\"#given\":{\"cpu_quota_us\":\"cpus\"},\"#cpus\":500}}", "{}" },
		{ { "run", "-v", "/a:/b:z,ro", "-v", "/a:/c:cached", "x" },
			"{\"mounts\":[{\"kind\":\"bind\",\"source\":\"/a\",\"target\":\"/"
			"b\",\"options\":[\"ro\"]},"
			"{\"kind\":\"bind\",\"source\":\"/a\",\"target\":\"/c\"}]}",
			"{}" },
		{ { "run", "--mount", "type=bind,source=/a:b,\"dst=/c,\"\"d\",readonly", "x" },
			"{\"mounts\":[{\"kind\":\"bind\",\"source\":\"/a:b\",\"target\":\"/c,\\\"d\","
			"\"options\":[\"ro\"]}]}",
			"{}" },
		{ { "run", "--mount", "type=tmpfs,target=/t,tmpfs-size=64M,tmpfs-mode=1777", "x" },
			"{\"mounts\":[{\"kind\":\"tmpfs\",\"target\":\"/"
			"t\",\"options\":[\"size=67108864\",\"mode=1777\"]}]}",
			"{}" },
		{ { "run", "--mount",
			  "type=tmpfs,target=/"
			  "t,tmpfs-size=000000000000000000000000000000000000000000000000000000000000"
			  "64k",
			  "x" },
			"{\"mounts\":[{\"kind\":\"tmpfs\",\"target\":\"/t\",\"options\":[\"size=65536\"]}]}",
			"{}" },
		{ { "run", "--mount", "type=bind,src=/a,dst=/b,ro=false,bind-propagation=rslave", "x" },
			"{\"mounts\":[{\"kind\":\"bind\",\"source\":\"/a\",\"target\":\"/"
			"b\",\"options\":[\"rslave\"]}]}",
			"{}" },
		{ { "run", "--tmpfs", "/t:size=1k,mode=700", "--tmpfs=/u", "x" },
			"{\"mounts\":[{\"kind\":\"tmpfs\",\"target\":\"/"
			"t\",\"options\":[\"size=1024\",\"mode=700\"]},"
			"{\"kind\":\"tmpfs\",\"target\":\"/u\"}]}",
			"{}" },
		{ { "run", "--rootfs", "tree", "true" }, "{\"rootfs\":\"/usr/tree\"}", "{}" },
		{ { "run", "--rootfs", "/t", "--rootfs-rw", "true" },
			"{\"rootfs\":\"/t\",\"rootfs_mode\":\"direct\"}", "{}" },
		{ { "run", "--rootfs-rw", "--rootfs", "/t", "true" },
			"{\"rootfs_mode\":\"direct\",\"rootfs\":\"/t\"}", "{}" },
		{ { "run", "--rootfs-rw", "/t/", "true" }, "{\"rootfs_mode\":\"direct\",\"rootfs\":\"/t\"}",
			"{}" },
		{ { "run", "--entrypoint", "sh", "--cap-add=NET_RAW", "--cap-drop", "ALL", "x" },
			"{\"entrypoint\":[\"sh\"],\"capabilities_add\":[\"NET_RAW\"],\"capabilities_drop\":["
			"\"ALL\"]}",
			"{}" },
		{ { "run", "--entrypoint=", "x" }, "{\"entrypoint\":[]}", "{}" },
		{ { "run", "--log-driver=none", "--log-opt", "max-size=1M,max-file=2", "x" },
			"{\"log\":\"none\",\"log_max_size\":1048576,\"log_max_files\":2}", "{}" },
		{ { "run", "--stop-timeout", "-1", "--stop-signal=int", "--init", "--read-only", "x" },
			"{\"stop_timeout_ms\":-1,\"stop_signal\":\"SIGINT\",\"init\":true,\"read_only\":"
			"true}",
			"{}" },
		{ { "run", "--ulimit", "nofile=1:2", "--sysctl=net.a=b c", "--ulimit", "core=-1", "x" },
			"{\"ulimits\":{\"nofile\":\"1:2\",\"core\":\"-1\"},\"sysctls\":{\"net.a\":\"b c\"}}",
			"{}" },
		{ { "run", "--oom-score-adj", "-5", "--shm-size=1k", "--security-opt",
			  "no-new-privileges:false", "--privileged", "x" },
			"{\"oom_score_adj\":-5,\"shm_size\":1024,\"no_new_privileges\":false,\"privileged\":"
			"true}",
			"{}" },
		{ { "run", "--flow=drop", "--cidfile", "f", "-q", "x", "-d", "--rm" }, "{}",
			"{\"flow\":\"drop\",\"cidfile\":\"f\",\"quiet\":true}" },
	};
	(void) state;
	setenv("HERE", "it is", 1);
	unsetenv("NOT_HERE");
	assert_int_equal(chdir("/usr"), 0);
	CHECK(lines);
}

static void test_errors(void **state)
{
	static const struct line lines[] = {
		{ { "run", "--nmae", "a" }, NULL, "unknown option '--nmae'" },
		{ { "run", "-Z" }, NULL, "unknown option '-Z'" },
		{ { "run", "-\x1b" }, NULL, "unknown option '-\\x1b'" },
		{ { "run", "--name" }, NULL, "--name: needs a value (NAME)" },
		{ { "run", "-de" }, NULL, "--env: needs a value (NAME[=VALUE])" },
		{ { "run", "--rm=perhaps", "x" }, NULL, "--rm 'perhaps': not true or false" },
		{ { "run", "--name", "\xff", "x" }, NULL, "--name '\\xff': not UTF-8" },
		{ { "run", "x", "\xc0\x80" }, NULL, "an argument is not UTF-8" },
		{ { "run", "-a", "stdlog", "x" }, NULL, "--attach 'stdlog': not one of stdin|stdout|stderr" },
		{ { "attach", "--detach-keys", "ctrl-ä", "x" }, NULL,
			"--detach-keys 'ctrl-ä': 'ctrl-ä' is not a list of keys: characters, and ctrl- with "
			"a letter or "
			"one of @[\\]^_" },
		{ { "run", "--restart", "always", "x" }, NULL, "--restart: not supported yet" },
		{ { "run", "--gpus=all", "x" }, NULL, "--gpus: not supported yet" },
		{ { "run", "-e", "=a", "x" }, NULL, "--env '=a': the variable has no name" },
		{ { "run", "--env-file", "/none", "x" }, NULL,
			"--env-file '/none': open it: No such file or directory" },
		{ { "run", "-l", "=a", "x" }, NULL, "--label '=a': the label has no key" },
		{ { "run", "-v", "/a", "x" }, NULL, "--volume '/a': not SOURCE:TARGET[:OPTIONS]" },
		{ { "run", "-v", ":/a", "x" }, NULL, "--volume ':/a': not SOURCE:TARGET[:OPTIONS]" },
		{ { "run", "-v", "/a:b", "x" }, NULL, "--volume '/a:b': the target is not an absolute path" },
		{ { "run", "-v", "/a:/b:ro:x", "x" }, NULL, "--volume '/a:/b:ro:x': more than three parts" },
		{ { "run", "--tmpfs", "t", "x" }, NULL, "--tmpfs 't': the target is not an absolute path" },
		{ { "run", "--mount", "target=/a", "x" }, NULL,
			"--mount 'target=/a': no type= (bind or tmpfs)" },
		{ { "run", "--mount", "type=volume", "x" }, NULL,
			"--mount 'type=volume': type 'volume' is not bind or tmpfs" },
		{ { "run", "--mount", "type=bind,target=/a", "x" }, NULL,
			"--mount 'type=bind,target=/a': no source=" },
		{ { "run", "--mount", "type=bind,source=/a", "x" }, NULL,
			"--mount 'type=bind,source=/a': no target= with an absolute path" },
		{ { "run", "--mount", "type=tmpfs,source=/a,target=/b", "x" }, NULL,
			"--mount 'type=tmpfs,source=/a,target=/b': a tmpfs has no source=" },
		{ { "run", "--mount", "type=tmpfs,colour=red", "x" }, NULL,
			"--mount 'type=tmpfs,colour=red': unknown key 'colour'" },
		{ { "run", "--mount", "\"type=tmpfs", "x" }, NULL,
			"--mount '\"type=tmpfs': a quote has no end" },
		{ { "run", "--rootfs=", "x" }, NULL, "--rootfs '': a path cannot be empty" },
		{ { "run", "--log-opt", "colour=red", "x" }, NULL,
			"--log-opt 'colour=red': not max-size=SIZE or max-file=N" },
		{ { "run", "--log-opt", "max-size=red", "x" }, NULL,
			"--log-opt 'max-size=red': not a size (such as 4096, 64k, 1.5G)" },
		{ { "run", "--log-driver", "syslog", "x" }, NULL,
			"--log-driver 'syslog': not one of file|none" },
		{ { "run", "--stop-signal", "FOO", "x" }, NULL, "--stop-signal 'FOO': not a signal" },
		{ { "run", "--stop-timeout", "-2", "x" }, NULL,
			"--stop-timeout '-2': not a duration (such as 10, 1.5s, 2m)" },
		{ { "stop" }, NULL, "needs CONTAINER…" },
		{ { "rename", "a" }, NULL, "needs CONTAINER NAME" },
		{ { "ps", "x" }, NULL, "one argument too many: 'x'" },
		{ { "logs", "a", "b" }, NULL, "one argument too many: 'b'" },
		{ { "logs", "--tail", "-5", "a" }, NULL,
			"--tail '-5': not all, nor a number from 0 to 2147483647" },
	};
	(void) state;
	CHECK(lines);
}

/* What is behind the first positional argument is the program's. */
static void test_program(void **state)
{
	static const struct line line = { { "run", "--name", "a", "busybox", "ls", "-l", "--", "--rm",
		"-" } };
	struct arguments args;
	struct error err = { 0 };
	struct json_object *config;
	char subject[CONFIG_SUBJECT];
	size_t size;
	(void) state;
	assert_int_equal(parse(&line, &args, &err), 0);
	assert_int_equal(args.count, 6);
	assert_int_equal(config_make(&args, &config, &err), 0);
	assert_int_equal(strlen(json_string(config, "id", "")), 32);
	json_object_object_del(config, "id");
	assert_string_equal(json_text(config, &size),
		"{\"name\":\"a\",\"image\":\"busybox\",\"args\":[\"ls\",\"-l\",\"--\",\"--rm\",\"-\"]}");
	assert_string_equal(config_subject(config, subject), "a");
	arguments_done(&args);
}

static void test_image(void **state)
{
	static const struct line nothing = { { "run", "-d" } };
	static const struct line both = { { "run", "--rootfs", "/", "--bundle", "/b" } };
	static const struct line rootfs = { { "run", "--rootfs", "/", "true", "x" } };
	struct arguments args;
	struct error err = { 0 };
	struct json_object *config;
	size_t size;
	(void) state;
	assert_int_equal(parse(&nothing, &args, &err), 0);
	assert_int_equal(config_make(&args, &config, &err), -1);
	assert_string_equal(err.msg, "needs IMAGE, --rootfs, --rootfs-rw or --bundle");
	arguments_done(&args);
	assert_int_equal(parse(&both, &args, &err), 0);
	assert_int_equal(config_make(&args, &config, &err), -1);
	assert_string_equal(err.msg, "--rootfs and --bundle exclude each other");
	arguments_done(&args);
	assert_int_equal(parse(&rootfs, &args, &err), 0);
	assert_int_equal(config_make(&args, &config, &err), 0);
	json_object_object_del(config, "id");
	assert_string_equal(json_text(config, &size), "{\"rootfs\":\"/\",\"args\":[\"true\",\"x\"]}");
	arguments_done(&args);
}

static void env_file(const char *content, const char *expected, const char *sentence)
{
	char path[] = "/tmp/test_option.XXXXXX", text[2048];
	struct error err = { 0 };
	struct json_object *config;
	struct arguments args;
	_cleanup_fd_ int fd = mkstemp(path);
	size_t size;
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, content, strlen(content)), 0);
	struct line line = { { "run", "-e", "LAST=e", "--env-file", path, "x" } };
	int result = parse(&line, &args, &err);
	unlink(path);
	if (sentence != NULL) {
		assert_int_equal(result, -1);
		assert_non_null(strstr(error_format(&err, text, sizeof text), sentence));
	} else {
		assert_int_equal(result, 0);
		assert_int_equal(config_make(&args, &config, &err), 0);
		assert_string_equal(json_text(json_get(config, "env"), &size), expected);
	}
	arguments_done(&args);
}

static void test_env_file(void **state)
{
	(void) state;
	setenv("HERE", "it is", 1);
	unsetenv("NOT_HERE");
	env_file("\xEF\xBB\xBF"
		 "A=1\n# no\n\n  B = 2\r\nHERE\nNOT_HERE\nLAST=file\nA=\"3\"",
		NULL, "line 4: white space in a name");
	env_file("\xEF\xBB\xBF"
		 "A=1\n# no\n\n  B= 2 \r\nHERE\nNOT_HERE\nLAST=file\nA=\"3\"",
		"[\"A=\\\"3\\\"\",\"B= 2 \",\"HERE=it is\",\"LAST=e\"]", NULL);
	env_file("A=1\n=2\n", NULL, "line 2: the variable has no name");
	env_file("A=\xff\n", NULL, "line 1: not UTF-8");
}

/* Rows that cannot work: two of one name or letter, one without help, a line of --help that is too long. */
static void test_tables(void **state)
{
	(void) state;
	for (const struct command *c = commands; c->name != NULL; c++) {
		assert_ptr_equal(command_find(c->name), c);
		for (int i = 0; i < OPTION_SETS && c->sets[i] != NULL; i++)
			for (const struct option *o = c->sets[i]; o->name != NULL; o++) {
				assert_ptr_equal(option_find(c, o->name, strlen(o->name)), o);
				if (o->letter != '\0')
					assert_ptr_equal(option_find_letter(c, o->letter), o);
				assert_non_null(value_types[o->value].set);
				if (o->group == GROUP_LATER)
					continue;
				assert_non_null(o->field);
				assert_non_null(o->help);
				assert_true(value_types[o->value].flag == (o->metavar == NULL));
			}
	}
	struct error err = { 0 };
	assert_null(command_resolve("rnu", &err));
	assert_string_equal(err.hint, "did you mean run?");
	assert_null(command_resolve("inspct", &err));
	assert_string_equal(err.hint, "did you mean inspect?");
	assert_null(command_resolve("frobnicate", &err));
	assert_string_equal(err.hint, "");
	assert_null(command_resolve("__complet", &err));
	assert_string_equal(err.hint, "");
	assert_string_equal(option_guess(command_find("run"), "evn"), "env");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_program),
		cmocka_unit_test(test_image),
		cmocka_unit_test(test_env_file),
		cmocka_unit_test(test_tables),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
