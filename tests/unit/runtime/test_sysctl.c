#include <stdbool.h>

#include "runtime/sysctl.h"
#include "tests/unit/unit.h"

static void test_check(void **state)
{
	static const struct {
		const char *key, *value;
		bool good;
	} cases[] = {
		{ "kernel.msgmax", "1", true },
		{ "kernel.sem", "1 2 3 4", true },
		{ "net.ipv4.ping_group_range", "0 0", true },
		{ "fs.mqueue.msg_max", "1", true },
		{ "net.", "1", false },
		{ "net", "1", false },
		{ "kernel.msgmaxx", "1", false },
		{ "kernel.core_pattern", "|/x", false },
		{ "kernel.hostname", "x", false },
		{ "vm.overcommit_memory", "1", false },
		{ "net.ipv4/../../kernel/core_pattern", "1", false },
		{ "net...kernel.core_pattern", "1", false },
		{ "net.a=b", "1", false },
		{ "net.a\nb", "1", false },
		{ "net.a b", "1", false },
		{ "net.a", "1\n2", false },
		{ "net.a", "k=v", false },
		{ "", "", false },
	};
	(void) state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if ((sysctl_check(cases[i].key, cases[i].value) == NULL) != cases[i].good)
			fail_msg("'%s' = '%s'", cases[i].key, cases[i].value);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_check) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
