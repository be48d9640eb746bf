/* The table of limits: what a value may be, in which words others are refused, and Resources to files and
 * back. */
#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/resources.h"
#include "tests/unit/unit.h"

static void test_lines(void **state)
{
	static const struct {
		const char *file, *value, *line;
	} good[] = {
		{ "memory.max", "64m", "67108864" },
		{ "memory.max", "max", "max" },
		{ "memory.low", "0", "0" },
		{ "memory.swap.max", "0", "0" },
		{ "memory.oom.group", "0", "0" },
		{ "cpu.weight", "10000", "10000" },
		{ "cpu.max", "20000", "20000 100000" },
		{ "cpu.max", "max 50000", "max 50000" },
		{ "cpuset.cpus", "0-3,7", "0-3,7" },
		{ "pids.max", "1", "1" },
		{ "io.weight", "50", "default 50" },
		{ "io.weight", "default 50", "default 50" },
		{ "hugetlb.2MB.max", "4m", "4194304" },
		{ "rdma.max", "mlx hca_handle=5", "mlx hca_handle=5" },
		{ "hugetlb.2MB.rsvd.max", "5", "5" },
		{ "cgroup.max.depth", "5", "5" },
	};
	(void) state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		char line[LIMIT_VALUE_MAX];
		struct error err = { 0 };
		if (resource_check(good[i].file, good[i].value, line, &err) < 0)
			fail_msg("%s %s: %s", good[i].file, good[i].value, err.msg);
		assert_string_equal(line, good[i].line);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *file, *value, *sentence;
	} bad[] = {
		{ "memory.max", "0", "0 is less than a start needs: at least 1M" },
		{ "memory.high", "1048575", "1048575 is less than a start needs: at least 1M" },
		{ "memory.max", "-1", "-1 is negative" },
		{ "memory.max", "9223372036854775808", "9223372036854775808 is too large" },
		{ "memory.max", "5x", "'5x' is not a size (such as 4096, 64k, 1.5G)" },
		{ "cpu.weight", "max", "'max' is not a number from 1 to 10000" },
		{ "cpu.weight", "0", "0 is out of range: 1 to 10000" },
		{ "cpu.max", "999", "999 is out of range: 1000 to 17592186044415" },
		{ "cpu.max", "5000 1000001", "1000001 is out of range: 1000 to 1000000" },
		{ "cpu.max", "5000 6000 7000", "'6000 7000' is not a number from 1000 to 1000000" },
		{ "cpu.idle", "2", "2 is out of range: 0 to 1" },
		{ "cpuset.cpus", "0;1", "'0;1' is not a list of numbers (such as 0-3,7)" },
		{ "pids.max", "0", "0 is out of range: 1 to 4194304" },
		{ "io.max", "1:2", "not 'DEVICE rbps=… wbps=… riops=… wiops=…'" },
		{ "io.max", "4095:1048575 rbps=1", "there is no block device '4095:1048575'" },
		{ "io.max", "1:2:3 rbps=1", "'1:2:3' is not MAJOR:MINOR nor a block device below /dev" },
		{ "io.weight", "default 0", "0 is out of range: 1 to 10000" },
		{ "cgroup.procs", "1", "it is no limit" },
		{ "cgroup.kill", "1", "it is no limit" },
		{ "memory/max", "1", "'memory/max' is not a file of a cgroup (such as memory.max)" },
		{ "..", "1", "'..' is not a file of a cgroup (such as memory.max)" },
		{ "memory..max", "1", "'memory..max' is not a file of a cgroup (such as memory.max)" },
		{ "memory.max", "", "the value is empty" },
		{ "rdma.max", "a\nb", "the value has a control character in it" },
	};
	(void) state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char line[LIMIT_VALUE_MAX] = "untouched";
		struct error err = { 0 };
		assert_int_equal(resource_check(bad[i].file, bad[i].value, line, &err), -1);
		assert_string_equal(err.msg, bad[i].sentence);
		assert_int_equal(err.kind, ERROR_INVALID_CONFIG);
	}
}

/* Every row of the table is a field, and its file is found by it. */
static void test_the_table(void **state)
{
	(void) state;
	for (const struct resource *r = resources; r->field != NULL; r++) {
		assert_ptr_equal(resource_find(r->field), r);
		assert_true(r->kind < RESOURCE_KINDS);
		assert_true(r->least <= r->most);
	}
	assert_null(resource_find("nonsense"));
	assert_true(resource_order("memory.max") < resource_order("memory.swap.max"));
	assert_true(resource_order("cpu.idle") < resource_order("cpu.weight"));
	assert_true(resource_order("misc.max") > resource_order("io.max"));
}

static void test_sets_of_numbers(void **state)
{
	struct error err = { 0 };
	(void) state;
	assert_int_equal(number_set_check("0-3,7", "0-7", "CPU", &err), 0);
	assert_int_equal(number_set_check("0-3,4", "0-1,2-4", "CPU", &err), 0);
	assert_int_equal(number_set_check("0-3", "0-1,3", "CPU", &err), -1);
	assert_string_equal(err.msg, "there is no CPU 2: this machine has 0-1,3");
	assert_int_equal(number_set_check("0-18446744073709551615", "0-1", "CPU", &err), -1);
	assert_string_equal(err.msg, "there is no CPU 2: this machine has 0-1");
	/* As long as the machine has them all, the ends of the range of numbers are no trap. */
	assert_int_equal(
		number_set_check("0-18446744073709551615", "0-18446744073709551615", "CPU", &err), 0);
	assert_int_equal(number_set_check("3-1", "0-7", "CPU", &err), -1);
	assert_int_equal(number_set_check("1-", "0-7", "CPU", &err), -1);
	assert_int_equal(number_set_check(",1", "0-7", "CPU", &err), -1);
	assert_int_equal(number_set_check("1,", "0-7", "CPU", &err), -1);
	assert_int_equal(number_set_check("99999999999999999999999", "0-7", "CPU", &err), -1);
}

static void test_scales(void **state)
{
	(void) state;
	assert_int_equal(weight_from_shares(2), 1);
	assert_int_equal(weight_from_shares(1024), 39);
	assert_int_equal(weight_from_shares(262144), 10000);
	assert_int_equal(weight_from_shares(0), 1);
	assert_int_equal(weight_from_shares(UINT64_MAX), 10000);
	assert_int_equal(weight_from_blkio(10), 1);
	assert_int_equal(weight_from_blkio(500), 4950);
	assert_int_equal(weight_from_blkio(1000), 10000);
}

/* Read, shown and read again it is the same. */
static void test_round_trip(void **state)
{
	static const char text[] = "{\"hugetlb\":{\"2MB\":4194304},\"cpuset_cpus\":\"0\",\"cpu_weight\":77,"
				   "\"cpu_quota_us\":20000,"
				   "\"cpu_period_us\":50000,\"memory_oom_group\":false,\"memory_high\":"
				   "33554432,\"memory_max\":67108864,"
				   "\"memory_swap_max\":-1,\"memory_low\":0,\"pids_max\":-1,\"io_weight\":50,"
				   "\"cgroup\":{\"misc.max\":\"a 5\\nb 6\",\"cgroup.max.depth\":\"3\"}}";
	_cleanup_json_ struct json_object *obj = NULL, *shown = NULL;
	_cleanup_limits_ struct limits limits = { 0 };
	struct error err = { 0 };
	(void) state;
	assert_int_equal(json_parse(text, strlen(text), &obj, &err), 0);
	assert_int_equal(resources_read(obj, "config.resources", &limits, &err), 0);
	shown = resources_show(&limits);
	assert_string_equal(json_text(shown, NULL), text);
	assert_string_equal(limits_find(&limits, "cpu.max")->value, "20000 50000");
	assert_string_equal(limits_find(&limits, "memory.swap.max")->value, "max");
}

static void refused(const char *text, const char *field, const char *sentence)
{
	_cleanup_json_ struct json_object *obj = NULL;
	_cleanup_limits_ struct limits limits = { 0 };
	struct error err = { 0 };
	assert_int_equal(json_parse(text, strlen(text), &obj, &err), 0);
	assert_int_equal(resources_read(obj, "resources", &limits, &err), -1);
	assert_string_equal(err.field, field);
	assert_string_equal(err.msg, sentence);
}

static void test_resources_refused(void **state)
{
	(void) state;
	refused("{\"memory_max\":-2}", "resources.memory_max", "resources.memory_max: -2 is negative");
	refused("{\"pids_max\":0}", "resources.pids_max",
		"resources.pids_max: 0 is out of range: 1 to 4194304");
	refused("{\"cpu_idle\":true,\"cpu_weight\":5}", "resources.cpu_weight",
		"resources.cpu_weight: what is idle has no weight");
	refused("{\"hugetlb\":{\"../x\":5}}", "resources.hugetlb",
		"resources.hugetlb: '../x' is not a size of pages (such as 2MB)");
	refused("{\"cgroup\":{\"cgroup.freeze\":\"1\"}}", "resources.cgroup",
		"resources.cgroup: cgroup.freeze: it is no limit");
	refused("{\"cpuset_cpus\":\"0\\n1\"}", "resources.cpuset_cpus",
		"resources.cpuset_cpus: the value has a control character in it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_the_table),
		cmocka_unit_test(test_sets_of_numbers),
		cmocka_unit_test(test_scales),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_resources_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
