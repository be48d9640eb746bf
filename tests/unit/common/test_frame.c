#include <string.h>

#include "common/frame.h"
#include "tests/unit/unit.h"

static void test_decode(void **state)
{
	uint8_t data[FRAME_HEADER + 8] = { 0 };
	struct frame f;
	(void) state;
	frame_header(data, FRAME_STDOUT, 3);
	memcpy(data + FRAME_HEADER, "abc", 3);
	for (size_t n = 0; n < FRAME_HEADER + 3; n++)
		assert_int_equal(frame_decode(data, n, &f), 0);
	assert_int_equal(frame_decode(data, FRAME_HEADER + 3, &f), 1);
	assert_int_equal(f.type, FRAME_STDOUT);
	assert_int_equal(f.size, 3);
	assert_memory_equal(f.payload, "abc", 3);

	frame_header(data, FRAME_STDOUT, FRAME_PAYLOAD_MAX + 1);
	assert_int_equal(frame_decode(data, FRAME_HEADER, &f), -1);
	frame_header(data, 3, 0);
	assert_int_equal(frame_decode(data, FRAME_HEADER, &f), -1);
	frame_header(data, (enum frame_type) 255, 0);
	assert_int_equal(frame_decode(data, FRAME_HEADER, &f), -1);
	frame_header(data, FRAME_RESIZE, 5);
	assert_int_equal(frame_decode(data, FRAME_HEADER, &f), -1);
	frame_header(data, FRAME_STDIN_END, 1);
	assert_int_equal(frame_decode(data, FRAME_HEADER, &f), -1);
	frame_header(data, FRAME_STDIN, 0);
	data[2] = 1;
	assert_int_equal(frame_decode(data, FRAME_HEADER, &f), -1);
}

static void test_numbers(void **state)
{
	uint8_t p[8];
	(void) state;
	put_u64(p, UINT64_C(0x0123456789ABCDEF));
	assert_memory_equal(p, "\x01\x23\x45\x67\x89\xAB\xCD\xEF", 8);
	assert_true(get_u64(p) == UINT64_C(0x0123456789ABCDEF));
	assert_int_equal(get_u16(p + 6), 0xCDEF);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_decode), cmocka_unit_test(test_numbers) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
