/* Whose namespaces a container has: out of a Config, a bundle's config.json, and to and from shim.json. */
#include <json-c/json.h>
#include <sched.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "daemon/namespaces.h"
#include "tests/unit/unit.h"

#define ID "0123456789abcdef0123456789abcdef"

static struct error err;
static struct namespaces ns;

static struct json_object *parse(const char *text)
{
	struct json_object *obj;
	err = (struct error) { 0 };
	assert_int_equal(json_parse(text, strlen(text), &obj, &err), 0);
	return obj;
}

static void test_config(void **state)
{
	static const struct {
		const char *config, *shim, *oci;
	} cases[] = {
		{ "{}", NULL,
			"[{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":\"network\"},{\"type\":\"uts\"},"
			"{\"type\":\"cgroup\"},{\"type\":\"mount\"}]" },
		{ "{\"pid\":\"private\",\"ipc\":\"shareable\",\"network\":\"none\"}",
			"{\"ipc\":\"shareable\"}", NULL },
		{ "{\"pid\":\"host\",\"ipc\":\"host\",\"uts\":\"host\",\"cgroupns\":\"host\",\"network\":"
		  "\"host\"}",
			"{\"pid\":\"host\",\"ipc\":\"host\",\"network\":\"host\",\"uts\":\"host\",\"cgroup\":"
			"\"host\"}",
			"[{\"type\":\"mount\"}]" },
		{ "{\"network\":\"container:" ID "\",\"pid\":\"host\",\"ipc\":\"host\",\"uts\":\"host\"}",
			"{\"pid\":\"host\",\"ipc\":\"host\",\"network\":\"container:" ID
			"\",\"uts\":\"host\"}",
			"[{\"type\":\"network\",\"path\":\"container:" ID "\"},{\"type\":\"cgroup\"},"
			"{\"type\":\"mount\"}]" },
	};
	(void) state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct namespaces loaded;
		_cleanup_json_ struct json_object *config = parse(cases[i].config);
		assert_int_equal(namespaces_read(config, &ns, &err), 0);
		_cleanup_json_ struct json_object *shim = namespaces_format(&ns), *oci = namespaces_oci(&ns);
		if (cases[i].shim == NULL)
			assert_null(shim);
		else
			assert_string_equal(json_text(shim, NULL), cases[i].shim);
		if (cases[i].oci != NULL)
			assert_string_equal(json_text(oci, NULL), cases[i].oci);
		assert_int_equal(namespaces_load(shim, &loaded, &err), 0);
		assert_memory_equal(&loaded, &ns, sizeof ns);
	}
}

static void test_damaged(void **state)
{
	static const char *const texts[] = { "{\"pid\":\"mine\"}", ("{\"uts\":\"container:" ID "\"}"),
		"{\"mount\":\"host\"}", "{\"pid\":\"container:\"}", "{\"network\":\"container:x\"}" };
	(void) state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		_cleanup_json_ struct json_object *obj = parse(texts[i]);
		assert_int_equal(namespaces_load(obj, &ns, &err), -1);
		assert_string_equal(err.msg, "shim.json has a bad namespace");
	}
}

static void test_bundle(void **state)
{
	(void) state;
	_cleanup_json_ struct json_object *config =
		parse("{\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"uts\",\"path\":\"\"},"
		      "{\"type\":\"pid\",\"path\":\"container:" ID "\"}]}}");
	namespaces_of_bundle(config, &ns);
	/* That of cgroups is always its own. */
	assert_int_equal(ns.shared, CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNET);
	assert_string_equal(ns.joined[NAMESPACE_PID], ID);
	assert_string_equal(ns.joined[NAMESPACE_NETWORK], "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_bundle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
