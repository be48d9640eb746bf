#include "runtime/capabilities.h"
#include "runtime/defaults.h"
#include "runtime/spec.h"
#include "tests/unit/unit.h"

/* Podman's eleven; wider defaults were wrong too often. */
static void test_default(void **state)
{
	(void) state;
	assert_true(default_capabilities == 0x800405fbU);
}

static void test_cut(void **state)
{
	uint64_t wanted[CAPABILITY_SETS] = {
		[CAPABILITIES_BOUNDING] = 0xFF,
		[CAPABILITIES_PERMITTED] = 0xFF,
		[CAPABILITIES_EFFECTIVE] = 0x10F,
		[CAPABILITIES_INHERITABLE] = 0x33,
		[CAPABILITIES_AMBIENT] = 0x71,
	};
	uint64_t granted[CAPABILITY_SETS];
	(void) state;
	capabilities_cut(wanted, 0x7E, 0x3F, granted);
	assert_int_equal(granted[CAPABILITIES_BOUNDING], 0x3F);
	assert_int_equal(granted[CAPABILITIES_PERMITTED], 0x3E);
	assert_int_equal(granted[CAPABILITIES_EFFECTIVE], 0x0E);
	assert_int_equal(granted[CAPABILITIES_INHERITABLE], 0x32);
	assert_int_equal(granted[CAPABILITIES_AMBIENT], 0x30);
}

/* Ambient without inheritable, as `crun spec` writes it, is nothing: the kernel would refuse it. */
static void test_ambient_needs_inheritable(void **state)
{
	uint64_t wanted[CAPABILITY_SETS] = { [CAPABILITIES_BOUNDING] = 1,
		[CAPABILITIES_PERMITTED] = 1,
		[CAPABILITIES_EFFECTIVE] = 1,
		[CAPABILITIES_AMBIENT] = 1 };
	uint64_t granted[CAPABILITY_SETS];
	(void) state;
	capabilities_cut(wanted, 1, 1, granted);
	assert_int_equal(granted[CAPABILITIES_AMBIENT], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_ambient_needs_inheritable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
