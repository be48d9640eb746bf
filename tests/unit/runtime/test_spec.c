#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "common/error.h"
#include "runtime/namespaces.h"
#include "runtime/spec.h"
#include "runtime/start.h"
#include "tests/unit/unit.h"

#define NAMESPACES                                                                                         \
	"\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\"},{\"type\":\"ipc\"},{\"type\":\"uts\"}," \
	"{\"type\":\"mount\"}]"
/* A whole config.json: members of process, of linux and of the top level are added to it. */
#define CONFIG(process, linux_, top)                                                            \
	"{\"ociVersion\":\"1.0.0\",\"process\":{\"args\":[\"true\"],\"cwd\":\"/\"" process "}," \
	"\"linux\":{" NAMESPACES linux_ "}" top "}"

#define THIRTY_TWO "0123456789abcdef0123456789abcdef"

static struct spec spec;
static struct error err;

static int parse(const char *config, const char *shim)
{
	memset(&err, 0, sizeof err);
	return spec_parse(config, strlen(config), shim, shim != NULL ? strlen(shim) : 0, &spec, &err);
}

static void test_minimal(void **state)
{
	(void) state;
	assert_int_equal(parse(CONFIG("", "", ""), NULL), 0);
	assert_string_equal(spec.args.v[0], "true");
	assert_null(spec.args.v[1]);
	assert_int_equal(spec.umask, 022);
	assert_int_equal(spec.uid, 0);
	assert_false(spec.no_new_privileges);
	assert_int_equal(spec.capabilities[CAPABILITIES_BOUNDING], 0);
	assert_null(spec.user);
	assert_false(spec.init);
	spec_done(&spec);
}

static void test_namespaces(void **state)
{
	(void) state;
	assert_int_equal(parse(CONFIG("", "", ""), NULL), 0);
	assert_int_equal(spec.namespaces, NAMESPACE_FLAGS);
	assert_int_equal(spec.joined, 0);
	spec_done(&spec);
	assert_int_equal(parse("{\"process\":{\"args\":[\"a\"],\"cwd\":\"/"
			       "\"},\"linux\":{\"namespaces\":[{\"type\":\"mount\"},"
			       "{\"type\":\"pid\",\"path\":\"container:" THIRTY_TWO "\"}],\"sysctl\":{}}}",
				 NULL),
		0);
	assert_int_equal(spec.namespaces, CLONE_NEWNS | CLONE_NEWCGROUP);
	assert_int_equal(spec.joined, CLONE_NEWPID);
	spec_done(&spec);
}

static void test_all(void **state)
{
	(void) state;
	assert_int_equal(
		parse(CONFIG(",\"user\":{\"uid\":4294967294,\"gid\":5,\"umask\":63,\"additionalGids\":[1,2]},"
			     "\"env\":[\"A=b\",\"C=\"],\"noNewPrivileges\":true,\"oomScoreAdj\":-5,"
			     "\"capabilities\":{\"bounding\":[\"CAP_KILL\",\"CAP_CHOWN\"],\"ambient\":[\"CAP_"
			     "KILL\"]},"
			     "\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":1,\"hard\":"
			     "18446744073709551615}]",
			      ",\"maskedPaths\":[\"/proc/"
			      "a\"],\"readonlyPaths\":[],\"rootfsPropagation\":\"rslave\","
			      "\"sysctl\":{\"net.a.b\":\"1\"},\"resources\":{\"devices\":[{\"allow\":false}],"
			      "\"memory\":{},\"pids\":null},\"cgroupsPath\":\"/"
			      "x\",\"seccomp\":null,\"devices\":[]",
			      ",\"hostname\":\"h\",\"domainname\":\"d\",\"root\":{\"path\":\"r\","
			      "\"readonly\":true},"
			      "\"annotations\":{\"a\":\"b\"},\"hooks\":{},"
			      "\"mounts\":[{\"destination\":\"//a/./b/\",\"source\":\"/s\",\"type\":\"none\","
			      "\"options\":[\"rbind\",\"ro\"]}]"),
			"{\"version\":1,\"user\":\"web:www\",\"groups\":[\"audio\"],\"init\":true,\"id\":"
			"\"x\"}"),
		0);
	assert_int_equal(spec.uid, 4294967294U);
	assert_int_equal(spec.gid, 5);
	assert_int_equal(spec.umask, 077);
	assert_int_equal(spec.n_gids, 2);
	assert_int_equal(spec.env.n, 2);
	assert_true(spec.no_new_privileges);
	assert_int_equal(spec.oom_score_adj, -5);
	assert_int_equal(spec.capabilities[CAPABILITIES_BOUNDING], 1 << CAP_KILL | 1 << CAP_CHOWN);
	assert_int_equal(spec.capabilities[CAPABILITIES_AMBIENT], 1 << CAP_KILL);
	assert_int_equal(spec.rlimits[0].resource, RLIMIT_NOFILE);
	assert_true(spec.rlimits[0].hard == UINT64_MAX);
	assert_int_equal(spec.masked_paths.n, 1);
	assert_int_equal(spec.readonly_paths.n, 0);
	assert_int_equal(spec.root_propagation, MS_SLAVE);
	assert_string_equal(spec.sysctls[0].key, "net.a.b");
	assert_string_equal(spec.hostname, "h");
	assert_string_equal(spec.domainname, "d");
	assert_string_equal(spec.root_path, "r");
	assert_true(spec.root_readonly);
	assert_int_equal(spec.n_mounts, 1);
	assert_int_equal(spec.mounts[0].kind, MOUNT_BIND);
	assert_string_equal(spec.mounts[0].destination, "//a/./b/");
	assert_string_equal(spec.mounts[0].target, "/a/b");
	assert_true(spec.mounts[0].recursive);
	assert_string_equal(spec.user, "web:www");
	assert_string_equal(spec.groups.v[0], "audio");
	assert_true(spec.init);
	spec_done(&spec);
}

#define MOUNT(members) CONFIG("", "", ",\"mounts\":[{" members "}]")

static void test_refused(void **state)
{
	static const struct {
		const char *config;
		enum error_kind kind;
		const char *field, *msg;
	} cases[] = {
		{ "", ERROR_INVALID_CONFIG, "", NULL },
		{ "[]", ERROR_INVALID_CONFIG, "", "config.json must be an object" },
		{ "{\"process\":{\"cwd\":\"/\"}}", ERROR_INVALID_CONFIG, "process.args",
			"config.json: process.args is missing" },
		{ CONFIG(",\"args\":[\"a\"]", "", ""), ERROR_INVALID_CONFIG, "", NULL }, /* twice */
		{ CONFIG(",\"consoleSize\":{\"height\":65536}", "", ""), ERROR_INVALID_CONFIG,
			"process.consoleSize.height",
			"config.json: process.consoleSize.height is out of range" },
		{ CONFIG(",\"terminal\":1", "", ""), ERROR_INVALID_CONFIG, "process.terminal",
			"config.json: process.terminal must be true or false" },
		{ CONFIG(",\"user\":{\"uid\":4294967295}", "", ""), ERROR_INVALID_CONFIG, "process.user.uid",
			"config.json: process.user.uid is out of range" },
		{ CONFIG(",\"user\":{\"uid\":-1}", "", ""), ERROR_INVALID_CONFIG, "process.user.uid", NULL },
		{ CONFIG(",\"user\":{\"uid\":\"0\"}", "", ""), ERROR_INVALID_CONFIG, "process.user.uid",
			NULL },
		{ CONFIG(",\"user\":{\"username\":\"x\"}", "", ""), ERROR_NOT_SUPPORTED,
			"process.user.username", NULL },
		{ CONFIG(",\"env\":[\"A=b\",\"C\"]", "", ""), ERROR_INVALID_CONFIG, "process.env",
			"config.json: process.env[1] must be NAME=VALUE" },
		{ CONFIG(",\"env\":[\"=b\"]", "", ""), ERROR_INVALID_CONFIG, "process.env", NULL },
		{ CONFIG(",\"env\":[1]", "", ""), ERROR_INVALID_CONFIG, "process.env[0]",
			"config.json: process.env[0] must be a string" },
		{ CONFIG(",\"capabilities\":{\"bounding\":[\"CAP_X\"]}", "", ""), ERROR_INVALID_CONFIG,
			"process.capabilities.bounding",
			"config.json: process.capabilities.bounding: unknown capability 'CAP_X'" },
		{ CONFIG(",\"rlimits\":[{\"type\":\"RLIMIT_X\",\"soft\":1,\"hard\":1}]", "", ""),
			ERROR_INVALID_CONFIG, "process.rlimits[0].type", NULL },
		{ CONFIG(",\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":2,\"hard\":1}]", "", ""),
			ERROR_INVALID_CONFIG, "process.rlimits[0]", NULL },
		{ CONFIG(",\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":-1,\"hard\":1}]", "", ""),
			ERROR_INVALID_CONFIG, "process.rlimits[0].soft", NULL },
		{ CONFIG(",\"oomScoreAdj\":1001", "", ""), ERROR_INVALID_CONFIG, "process.oomScoreAdj",
			NULL },
		{ CONFIG(",\"apparmorProfile\":\"x\"", "", ""), ERROR_NOT_SUPPORTED,
			"process.apparmorProfile", NULL },
		{ CONFIG(",\"selinuxLabel\":\"x\"", "", ""), ERROR_NOT_SUPPORTED, "process.selinuxLabel",
			NULL },
		{ CONFIG("", ",\"seccomp\":{\"a\":1}", ""), ERROR_NOT_SUPPORTED, "linux.seccomp",
			"config.json: linux.seccomp is not supported" },
		{ CONFIG("", ",\"resources\":{\"memory\":{\"limit\":1}}", ""), ERROR_INVALID_CONFIG,
			"linux.resources.memory.limit",
			"config.json: linux.resources.memory.limit: 1 is less than a start needs: at least "
			"1M" },
		{ CONFIG("", ",\"resources\":{\"memory\":{\"swappiness\":1}}", ""), ERROR_NOT_SUPPORTED,
			"linux.resources.memory.swappiness",
			"config.json: linux.resources.memory.swappiness is not supported" },
		{ CONFIG("", ",\"resources\":{\"unified\":{\"a\":\"1\"}}", ""), ERROR_INVALID_CONFIG,
			"linux.resources.unified.a",
			"config.json: linux.resources.unified.a: 'a' is not a file of a cgroup (such as "
			"memory.max)" },
		{ CONFIG("", ",\"surprise\":1", ""), ERROR_NOT_SUPPORTED, "linux.surprise", NULL },
		{ CONFIG("", ",\"sysctl\":{\"kernel.core_pattern\":\"|/x\"}", ""), ERROR_INVALID_CONFIG,
			"linux.sysctl", NULL },
		{ CONFIG("", ",\"rootfsPropagation\":\"shared\"", ""), ERROR_NOT_SUPPORTED, NULL, NULL },
		{ CONFIG("", ",\"maskedPaths\":[\"x\"]", ""), ERROR_INVALID_CONFIG, "linux.maskedPaths",
			NULL },
		{ CONFIG("", "", ",\"hooks\":{\"prestart\":[{\"path\":\"/x\"}]}"), ERROR_NOT_SUPPORTED,
			"hooks", "config.json: hooks is not supported" },
		{ CONFIG("", "", ",\"ociVersion\":\"2.0\""), ERROR_INVALID_CONFIG, "", NULL },
		{ "{\"ociVersion\":\"2.0\"}", ERROR_INVALID_CONFIG, "ociVersion",
			"config.json: ociVersion must be 1.x" },
		{ MOUNT("\"destination\":\"/a\",\"type\":\"ext4\""), ERROR_NOT_SUPPORTED, "mounts[0].type",
			"config.json: mounts[0]: a mount of type 'ext4' is not supported" },
		{ MOUNT("\"type\":\"tmpfs\""), ERROR_INVALID_CONFIG, "mounts[0]", NULL },
		{ MOUNT("\"destination\":\"a\",\"type\":\"tmpfs\""), ERROR_INVALID_CONFIG,
			"mounts[0].destination",
			"config.json: mounts[0].destination must be an absolute path" },
		{ MOUNT("\"destination\":\"/a/../b\",\"type\":\"tmpfs\""), ERROR_INVALID_CONFIG,
			"mounts[0].destination", NULL },
		{ MOUNT("\"destination\":\"/\",\"type\":\"tmpfs\""), ERROR_INVALID_CONFIG,
			"mounts[0].destination", NULL },
		{ MOUNT("\"destination\":\"/proc//sys/\",\"type\":\"tmpfs\""), ERROR_INVALID_CONFIG,
			"mounts[0].destination", NULL },
		{ MOUNT("\"destination\":\"/proc\",\"type\":\"bind\",\"source\":\"/proc\""),
			ERROR_INVALID_CONFIG, "mounts[0].destination", NULL },
		{ MOUNT("\"destination\":\"/sys/fs/cgroup/x\",\"type\":\"tmpfs\""), ERROR_INVALID_CONFIG,
			"mounts[0].destination", NULL },
		{ MOUNT("\"destination\":\"/a\",\"type\":\"bind\""), ERROR_INVALID_CONFIG, "mounts[0]",
			NULL },
		{ MOUNT("\"destination\":\"/a\",\"type\":\"bind\",\"source\":\"b\""), ERROR_INVALID_CONFIG,
			"mounts[0].source", NULL },
		{ MOUNT("\"destination\":\"/a\",\"type\":\"tmpfs\",\"options\":[\"loud\"]"),
			ERROR_INVALID_CONFIG, "mounts[0].options[0]",
			"config.json: mounts[0].options[0]: unknown option 'loud' of a tmpfs mount" },
		{ MOUNT("\"destination\":\"/a\",\"type\":\"tmpfs\",\"uidMappings\":[{}]"),
			ERROR_NOT_SUPPORTED, "mounts[0].uidMappings", NULL },
		{ "{\"process\":{\"args\":[\"a\"],\"cwd\":\"/"
		  "\"},\"linux\":{\"namespaces\":[{\"type\":\"pid\"}]}}",
			ERROR_NOT_SUPPORTED, NULL,
			"config.json: sharing the host's mount namespace is not supported" },
		{ "{\"process\":{\"args\":[\"a\"],\"cwd\":\"/\"},\"hostname\":\"h\","
		  "\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]}}",
			ERROR_INVALID_CONFIG, "hostname",
			"config.json: hostname: with the host's uts namespace the name is the host's" },
		{ "{\"process\":{\"args\":[\"a\"],\"cwd\":\"/\"},\"linux\":{\"sysctl\":{\"net.a\":\"1\"},"
		  "\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"ipc\"}]}}",
			ERROR_INVALID_CONFIG, "linux.sysctl",
			"config.json: linux.sysctl: 'net.a' is the host's, whose namespace it shares" },
		{ "{\"linux\":{\"namespaces\":[{\"type\":\"uts\",\"path\":\"container:" THIRTY_TWO "\"}]}}",
			ERROR_INVALID_CONFIG, "linux.namespaces[0].path", NULL },
		{ "{\"linux\":{\"namespaces\":[{\"type\":\"pid\",\"path\":\"container:x\"}]}}",
			ERROR_INVALID_CONFIG, "linux.namespaces[0].path", NULL },
		{ MOUNT("\"destination\":\"/a\",\"type\":\"bind\",\"source\":\"container:" THIRTY_TWO
			"/etc\""),
			ERROR_INVALID_CONFIG, "mounts[0].source", NULL },
		{ CONFIG("", ",\"namespaces\":[]", ""), ERROR_INVALID_CONFIG, "", NULL },
		{ "{\"linux\":{\"namespaces\":[{\"type\":\"user\"}]}}", ERROR_NOT_SUPPORTED, NULL,
			"config.json: a namespace of type 'user' is not supported" },
		{ "{\"linux\":{\"namespaces\":[{\"type\":\"network\",\"path\":\"/proc/1/ns/net\"}]}}",
			ERROR_NOT_SUPPORTED, "linux.namespaces[0].path", NULL },
	};
	(void) state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (parse(cases[i].config, NULL) == 0)
			fail_msg("accepted: %s", cases[i].config);
		spec_done(&spec);
		if (err.kind != cases[i].kind)
			fail_msg("%s: kind %d, '%s'", cases[i].config, err.kind, err.msg);
		if (cases[i].field != NULL)
			assert_string_equal(err.field, cases[i].field);
		if (cases[i].msg != NULL)
			assert_string_equal(err.msg, cases[i].msg);
		assert_true(err.msg[0] != '\0');
	}
}

static void test_shim_json(void **state)
{
	(void) state;
	assert_int_equal(parse(CONFIG("", "", ""), "{\"version\":2}"), -1);
	spec_done(&spec);
	assert_int_equal(parse(CONFIG("", "", ""), "{\"version\":1"), -1);
	spec_done(&spec);
	assert_int_equal(parse(CONFIG("", "", ""), "{\"version\":1,\"groups\":[1]}"), -1);
	spec_done(&spec);
}

/* What is cut anywhere is refused, and never read beyond its end. */
static void test_cut(void **state)
{
	static const char config[] =
		CONFIG(",\"env\":[\"A=b\"]", ",\"maskedPaths\":[\"/a\"]", ",\"hostname\":\"h\"");
	(void) state;
	for (size_t n = 0; n < sizeof config - 1; n++) {
		char *copy = malloc(n > 0 ? n : 1);
		memcpy(copy, config, n);
		memset(&err, 0, sizeof err);
		assert_int_equal(start_check_config(copy, n, &err), -1);
		assert_true(err.kind == ERROR_INVALID_CONFIG);
		free(copy);
	}
	assert_int_equal(start_check_config(config, sizeof config - 1, &err), 0);
}

static void test_devices(void **state)
{
	(void) state;
	assert_int_equal(
		parse(CONFIG("",
			      ",\"devices\":[{\"path\":\"/dev/dri/card0\",\"type\":\"c\",\"major\":226,"
			      "\"minor\":0,\"fileMode\":432,\"gid\":44},{\"path\":\"/dev/pipe\","
			      "\"type\":\"p\"}],\"resources\":{\"devices\":[{\"allow\":false},{"
			      "\"allow\":true,\"type\":\"b\",\"major\":8,\"minor\":-1,\"access\":\"rm\"}]}",
			      ""),
			"{\"version\":1,\"devices\":[{\"path\":\"/dev/sda\"},{\"path\":\"/srv/d\","
			"\"target\":\"/dev/d\",\"access\":\"r\"}]}"),
		0);
	assert_int_equal(spec.n_devices, 2);
	assert_string_equal(spec.devices[0].path, "dri/card0");
	assert_int_equal(spec.devices[0].mode, S_IFCHR | 0660);
	assert_int_equal(spec.devices[0].device, makedev(226, 0));
	assert_int_equal(spec.devices[0].gid, 44);
	assert_int_equal(spec.devices[1].mode, S_IFIFO | 0666);
	assert_int_equal(spec.n_device_rules, 2);
	assert_true(device_rule_is_all(&spec.device_rules[0]) && !spec.device_rules[0].allow);
	assert_int_equal(spec.device_rules[1].type, 'b');
	assert_int_equal(spec.device_rules[1].major, 8);
	assert_int_equal(spec.device_rules[1].minor, DEVICE_ANY);
	assert_int_equal(spec.device_rules[1].access, DEVICE_READ | DEVICE_MKNOD);
	assert_int_equal(spec.n_host_devices, 2);
	assert_string_equal(spec.host_devices[0].target, "/dev/sda");
	assert_int_equal(spec.host_devices[0].access, DEVICE_ALL);
	assert_string_equal(spec.host_devices[1].target, "/dev/d");
	assert_int_equal(spec.host_devices[1].access, DEVICE_READ);
	spec_done(&spec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_minimal),
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_shim_json),
		cmocka_unit_test(test_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
