/* From a Config to config.json and shim.json: what is made of it, and what is refused in which words. */
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "daemon/bundle.h"
#include "daemon/config.h"
#include "tests/unit/unit.h"

#define ID "0123456789abcdef0123456789abcdef"

static const struct config defaults = {
	.stop_timeout_ms = 10000, .log_max_size = 1 << 20, .log_max_files = 3
};

static int build(const char *text, struct bundle *ret_bundle, char *ret_name, struct error *err)
{
	_cleanup_json_ struct json_object *config = NULL;
	*err = (struct error) { 0 };
	assert_int_equal(json_parse(text, strlen(text), &config, err), 0);
	return bundle_build(config, &defaults, ret_bundle, ret_name, err);
}

/* The value at a path like "process.args.0". */
static struct json_object *at(struct json_object *value, const char *path)
{
	char key[64];
	while (*path != '\0') {
		size_t n = strcspn(path, ".");
		snprintf(key, sizeof key, "%.*s", (int) n, path);
		value = json_object_is_type(value, json_type_array)
				? json_object_array_get_idx(value, (size_t) (key[0] - '0'))
				: json_get(value, key);
		path += n + (path[n] == '.');
	}
	return value;
}

static void is(struct json_object *root, const char *path, const char *expected)
{
	assert_string_equal(json_text(at(root, path), NULL), expected);
}

static void test_defaults(void **state)
{
	struct bundle bundle;
	struct error err;
	_cleanup_json_ struct json_object *config = NULL;
	char name[65];
	(void) state;
	assert_int_equal(
		build("{\"id\":\"" ID "\",\"rootfs\":\"/srv\",\"args\":[\"true\"]}", &bundle, name, &err), 0);
	assert_string_equal(name, "0123456789ab");
	assert_int_equal(json_parse(bundle.config, bundle.config_size, &config, &err), 0);
	is(config, "root", "{\"path\":\"/srv\",\"readonly\":false}");
	is(config, "hostname", "\"0123456789ab\"");
	is(config, "process.args", "[\"true\"]");
	is(config, "process.cwd", "\"/\"");
	is(config, "process.noNewPrivileges", "true");
	is(config, "process.terminal", "false");
	is(config, "process.env.1", "\"HOSTNAME=0123456789ab\"");
	is(config, "process.capabilities.inheritable", "[]");
	is(config, "process.capabilities.ambient", "[]");
	is(config, "linux.resources.devices", "[{\"allow\":false,\"access\":\"rwm\"}]");
	assert_int_equal(json_length(at(config, "linux.namespaces")), 6);
	assert_int_equal(json_length(at(config, "process.capabilities.bounding")), 11);
	is(bundle.shim_json, "version", "1");
	is(bundle.shim_json, "image", "\"/srv\"");
	is(bundle.shim_json, "rootfs_mode", "\"overlay\"");
	is(bundle.shim_json, "command", "[\"true\"]");
	is(bundle.shim_json, "stop_signal", "\"SIGTERM\"");
	is(bundle.shim_json, "stop_timeout_ms", "10000");
	assert_int_equal(bundle_start_flags(&bundle), START_LOG);
	bundle_done(&bundle);
}

static void test_everything(void **state)
{
	struct bundle bundle;
	struct error err;
	_cleanup_json_ struct json_object *config = NULL;
	char name[65];
	(void) state;
	assert_int_equal(build("{\"name\":\"web\",\"rootfs\":\"/"
			       "srv\",\"rootfs_mode\":\"direct\",\"entrypoint\":[\"/bin/a\"],"
			       "\"args\":[\"b\"],\"env\":[\"PATH=/x\",\"A=\",\"A=2\"],\"cwd\":\"/"
			       "tmp\",\"user\":\"www\","
			       "\"groups\":[\"adm\"],\"hostname\":\"h\",\"open_stdin\":true,\"init\":true,"
			       "\"read_only\":true,"
			       "\"mounts\":[{\"kind\":\"bind\",\"source\":\"/a\",\"target\":\"/"
			       "b\",\"options\":[\"ro\"]},"
			       "{\"kind\":\"tmpfs\",\"target\":\"/dev/shm/\",\"options\":[\"size=1m\"]}],"
			       "\"capabilities_drop\":[\"ALL\"],\"capabilities_add\":[\"net_raw\"],"
			       "\"no_new_privileges\":false,\"stop_signal\":\"int\",\"stop_timeout_ms\":-1,"
			       "\"remove\":true,"
			       "\"labels\":{\"k\":\"v\"},\"log\":\"none\"}",
				 &bundle, name, &err),
		0);
	assert_string_equal(name, "web");
	assert_int_equal(json_parse(bundle.config, bundle.config_size, &config, &err), 0);
	is(config, "process.args", "[\"/bin/a\",\"b\"]");
	is(config, "process.env", "[\"PATH=/x\",\"HOSTNAME=h\",\"A=2\"]");
	is(config, "process.capabilities.effective", "[\"CAP_NET_RAW\"]");
	is(config, "process.noNewPrivileges", "false");
	is(config, "root.readonly", "true");
	size_t n = json_length(at(config, "mounts"));
	assert_string_equal(json_text(json_object_array_get_idx(at(config, "mounts"), n - 2), NULL),
		"{\"destination\":\"/b\",\"type\":\"bind\",\"source\":\"/"
		"a\",\"options\":[\"rbind\",\"rprivate\",\"ro\"]}");
	/* The user's own /dev/shm is there in place of the usual one. */
	for (size_t i = 0; i + 1 < n; i++)
		assert_string_not_equal(
			json_string(json_object_array_get_idx(at(config, "mounts"), i), "destination", ""),
			"/dev/shm");
	is(bundle.shim_json, "user", "\"www\"");
	is(bundle.shim_json, "groups", "[\"adm\"]");
	is(bundle.shim_json, "labels", "{\"k\":\"v\"}");
	assert_int_equal(bundle.stop_signal, SIGINT);
	assert_int_equal(bundle.stop_timeout_ms, -1);
	assert_int_equal(
		bundle_start_flags(&bundle), START_TRANSIENT | START_STDIN | START_DIRECT | START_LOCK);
	bundle_done(&bundle);
}

/* What is wanted beside a root and a command that are right. */
static void test_refused(void **state)
{
	static const struct {
		const char *config, *field, *message;
	} table[] = {
		{ "\"id\":\"ABC\"", "config.id", "config.id must be 32 lower-case hexadecimal digits" },
		{ "\"name\":\"a/b\"", "config.name", NULL },
		{ "\"name\":\"\"", "config.name", NULL },
		{ "\"name\":\"" ID "\"", "config.name", NULL },
		{ "\"image\":\"busybox\"", "config.rootfs",
			"exactly one of rootfs, image and bundle must be given" },
		{ "\"env\":[\"A\"]", "config.env[0]", "config.env[0]: 'A' is not KEY=value" },
		{ "\"env\":[\"A=1\",\"=x\"]", "config.env[1]", "config.env[1]: '=x' is not KEY=value" },
		{ "\"cwd\":\"tmp\"", "config.cwd", "config.cwd: 'tmp' is not an absolute path" },
		{ "\"user\":\"\"", "config.user", "config.user must have 1 to 256 bytes" },
		{ "\"hostname\":\"\"", "config.hostname", "config.hostname is empty" },
		{ "\"hostname\":"
		  "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
			"config.hostname", "config.hostname is longer than 64 bytes" },
		{ "\"hostname\":\"a b\"", "config.hostname", "config.hostname: 'a b' is not a host name" },
		{ "\"hostname\":\"-a\"", "config.hostname", "config.hostname: '-a' is not a host name" },
		{ "\"capabilities_add\":[\"FLY\"]", "config.capabilities_add[0]",
			"config.capabilities_add[0]: there is no capability 'FLY'" },
		{ "\"mounts\":[{\"kind\":\"tmpfs\",\"target\":\"x\"}]", "config.mounts[0].target",
			"config.mounts[0].target: 'x' is not an absolute path" },
		{ "\"mounts\":[{\"kind\":\"bind\",\"target\":\"/x\"}]", "config.mounts[0].source",
			"config.mounts[0].source: '' is not an absolute path" },
		{ "\"mounts\":[{\"kind\":\"tmpfs\",\"source\":\"/y\",\"target\":\"/x\"}]",
			"config.mounts[0].source", "config.mounts[0].source: a tmpfs has no source" },
		{ "\"stop_signal\":\"NOPE\"", "config.stop_signal",
			"config.stop_signal: there is no signal 'NOPE'" },
		{ "\"stop_timeout_ms\":-2", "config.stop_timeout_ms", NULL },
		{ "\"stop_timeout_ms\":9223372036854775807", "config.stop_timeout_ms", NULL },
		{ "\"log_max_size\":1", "config.log_max_size", "config.log_max_size must be at least 4096" },
		{ "\"log_max_files\":0", "config.log_max_files", "config.log_max_files must be 1 to 1000" },
	};
	(void) state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct bundle bundle;
		struct error err;
		char name[65], text[1024];
		snprintf(text, sizeof text, "{\"rootfs\":\"/srv\",\"args\":[\"true\"],%s}", table[i].config);
		assert_int_equal(build(text, &bundle, name, &err), -1);
		assert_string_equal(err.field, table[i].field);
		if (table[i].message != NULL)
			assert_string_equal(err.msg, table[i].message);
	}
}

/* The runtime's reader finds these; the sentence speaks of what the user wrote. */
static void test_mounts_that_cannot_be(void **state)
{
	static const char *const targets[] = { "/", "/proc", "/proc/x", "/sys/fs/cgroup" };
	(void) state;
	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
		struct bundle bundle;
		struct error err;
		char name[65], text[256];
		snprintf(text, sizeof text,
			"{\"rootfs\":\"/"
			"srv\",\"args\":[\"true\"],\"mounts\":[{\"kind\":\"tmpfs\",\"target\":\"/ok\"},"
			"{\"kind\":\"tmpfs\",\"target\":\"%s\"}]}",
			targets[i]);
		assert_int_equal(build(text, &bundle, name, &err), -1);
		assert_int_equal(strncmp(err.field, "config.mounts[1]", 16), 0);
		assert_int_equal(strncmp(err.msg, "config.mounts[1]", 16), 0);
	}
}

static void test_no_command(void **state)
{
	struct bundle bundle;
	struct error err;
	char name[65];
	(void) state;
	assert_int_equal(build("{\"rootfs\":\"/srv\"}", &bundle, name, &err), -1);
	assert_string_equal(err.msg, "no command was given");
	assert_int_equal(build("{\"rootfs\":\"/srv\",\"args\":[\"\"]}", &bundle, name, &err), -1);
	assert_string_equal(err.msg, "the command is empty");
	assert_int_equal(build("{\"image\":\"debian\",\"args\":[\"x\"]}", &bundle, name, &err), -1);
	assert_string_equal(err.msg, "there is no built-in root file system 'debian'");
	assert_int_equal(build("{\"image\":\"../x\",\"args\":[\"x\"]}", &bundle, name, &err), -1);
	assert_string_equal(err.msg, "there is no built-in root file system '../x'");
}

static void test_a_foreign_bundle(void **state)
{
	static const char foreign[] =
		"{\"root\":{\"path\":\"tree\",\"readonly\":true},\"process\":{\"args\":[\"sh\"]}}";
	struct bundle bundle;
	struct error err;
	_cleanup_json_ struct json_object *config = NULL;
	char name[65];
	(void) state;
	assert_int_equal(build("{\"bundle\":\"/b\",\"args\":[\"x\"]}", &bundle, name, &err), -1);
	assert_string_equal(
		err.msg, "config.args cannot be given together with a bundle, whose config.json says it");
	assert_int_equal(build("{\"bundle\":\"/b\",\"name\":\"web\"}", &bundle, name, &err), 0);
	assert_null(bundle.config);
	assert_int_equal(bundle_take_config(&bundle, foreign, strlen(foreign), &err), 0);
	assert_string_equal(bundle.rootfs, "/b/tree");
	assert_int_equal(json_parse(bundle.config, bundle.config_size, &config, &err), 0);
	is(config, "root.path", "\"/b/tree\"");
	is(bundle.shim_json, "command", "[\"sh\"]");
	is(bundle.shim_json, "image", "\"/b\"");
	assert_int_equal(bundle_start_flags(&bundle), START_DIRECT | START_LOG);
	bundle_done(&bundle);
}

static void test_load(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"version\":2}",
		"{\"version\":1,\"id\":\"x\",\"rootfs\":\"/\",\"command\":[]}",
	};
	struct bundle made, loaded;
	struct error err;
	char name[65];
	(void) state;
	assert_int_equal(
		build("{\"id\":\"" ID "\",\"rootfs\":\"/srv\",\"args\":[\"true\"],\"open_stdin\":true,"
		      "\"stop_signal\":\"KILL\",\"labels\":{\"a\":\"b\"}}",
			&made, name, &err),
		0);
	assert_int_equal(bundle_load(ID, strdup(made.config), strdup(made.shim), &loaded, &err), 0);
	assert_int_equal(bundle_start_flags(&loaded), bundle_start_flags(&made));
	assert_int_equal(loaded.stop_signal, SIGKILL);
	assert_true(loaded.created_ns == made.created_ns);
	assert_string_equal(loaded.rootfs, "/srv");
	assert_string_equal(bundle_image(&loaded), "/srv");
	assert_string_equal(json_text(bundle_labels(&loaded), NULL), "{\"a\":\"b\"}");
	bundle_done(&loaded);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(bundle_load(ID, strdup(made.config), strdup(bad[i]), &loaded, &err), -1);
	bundle_done(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_mounts_that_cannot_be),
		cmocka_unit_test(test_no_command),
		cmocka_unit_test(test_a_foreign_bundle),
		cmocka_unit_test(test_load),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
