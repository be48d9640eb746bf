/* The kernel's texts, as they are and as they might be. */
#include <json-c/json.h>
#include <string.h>

#include "common/json.h"
#include "shim/process.h"
#include "shim/sample.h"
#include "tests/unit/unit.h"

static void is(struct json_object *value, const char *expected)
{
	size_t size;
	assert_string_equal(json_text(value, &size), expected);
	json_put(&value);
}

static void test_key(void **state)
{
	static const char text[] =
		"usage_usec 12\nuser_usec 7\nbig 99999999999999999999999\nword max\nlast 3";
	(void) state;
	assert_int_equal(sample_key(text, "usage_usec"), 12);
	assert_int_equal(sample_key(text, "user_usec"), 7);
	assert_int_equal(sample_key(text, "last"), 3);
	assert_int_equal(sample_key(text, "usec"), -1);
	assert_int_equal(sample_key(text, "usage"), -1);
	assert_int_equal(sample_key(text, "big"), -1);
	assert_int_equal(sample_key(text, "word"), -1);
	assert_int_equal(sample_key("", "last"), -1);
	assert_int_equal(sample_key(NULL, "last"), -1);
}

static void test_pressure(void **state)
{
	(void) state;
	is(sample_pressure("some avg10=1.25 avg60=0.00 avg300=99.09 total=123\nfull avg10=0.07 avg60=0.00 "
			   "avg300=0.00 total=4\n"),
		"{\"some\":{\"avg10\":1.25,\"avg60\":0.00,\"avg300\":99.09,\"total_us\":123},\"full\":{"
		"\"avg10\":0.07,"
		"\"avg60\":0.00,\"avg300\":0.00,\"total_us\":4}}");
	/* Linux before 5.13 has no "full" of the processors. */
	is(sample_pressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"),
		"{\"some\":{\"avg10\":0.00,\"avg60\":0.00,\"avg300\":0.00,\"total_us\":0}}");
	is(sample_pressure("some total=5\nfull avg10=1.00"),
		"{\"some\":{\"total_us\":5},\"full\":{\"avg10\":1.00}}");
	is(sample_pressure(""), "{}");
	is(sample_pressure("nonsense\n"), "{}");
}

static void test_network(void **state)
{
	static const char text[] =
		"Inter-|   Receive                                                |  Transmit\n"
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs "
		"drop fifo colls "
		"carrier compressed\n"
		"    lo: 1000 10 0 0 0 0 0 0 1000 10 0 0 0 0 0 0\n"
		"  eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
		"  eth1:100 200 0 0 0 0 0 0 900 0 0 0 0 0 0 0\n";
	(void) state;
	is(sample_network(text),
		"{\"received_bytes\":101,\"received_packets\":202,\"receive_errors\":3,\"receive_drops\":4,"
		"\"sent_bytes\":909,\"sent_packets\":10,\"send_errors\":11,\"send_drops\":12}");
	is(sample_network("a\nb\n eth0: 5"),
		"{\"received_bytes\":5,\"received_packets\":0,\"receive_errors\":0,"
		"\"receive_drops\":0,\"sent_bytes\":0,\"sent_packets\":0,\"send_errors\":0,"
		"\"send_drops\":0}");
}

static void test_io(void **state)
{
	(void) state;
	is(sample_io("8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n7:0 rbytes=5 wbytes=0 rios=1 "
		     "wios=0 dbytes=3 "
		     "dios=0\n"),
		"{\"read_bytes\":15,\"written_bytes\":20,\"reads\":2,\"writes\":2,\"discarded_bytes\":3}");
	is(sample_io("8:0 \n"),
		"{\"read_bytes\":0,\"written_bytes\":0,\"reads\":0,\"writes\":0,\"discarded_bytes\":0}");
}

static void test_percent(void **state)
{
	struct json_object *sample = json_object_new_object();
	(void) state;
	json_add(sample, "cpu", json_object_new_object());
	sample_add_percent(sample, 1000, 0, 1000 + 1500000, 1000000000);
	is(json_object_get(sample), "{\"cpu\":{\"percent\":150.00}}");
	/* clocks that stand still or go back say nothing */
	sample_add_percent(sample, 1000, 5, 2000, 5);
	sample_add_percent(sample, 2000, 0, 1000, 5);
	is(sample, "{\"cpu\":{\"percent\":150.00}}");
}

static void test_process(void **state)
{
	struct process p = { 0 };
	(void) state;
	assert_int_equal(process_parse_stat(
				 "31 (a) b (c) S 7 31 31 0 -1 4194560 1 2 3 4 250 50 0 0 20 0 3 0 100 8192 2 "
				 "18446744073709551615 1",
				 &p),
		0);
	assert_string_equal(p.comm, "a) b (c");
	assert_int_equal(p.pid, 31);
	assert_int_equal(p.ppid, 7);
	assert_int_equal(p.state, 'S');
	assert_int_equal(p.cpu_us, 3000000);
	assert_int_equal(p.threads, 3);
	process_parse_status("Name:\ta\nUid:\t1000\t1001\t1002\t1003\nNSpid:\t31\t5\t1\nx:\t1\n", &p);
	assert_int_equal(p.uid, 1001);
	assert_int_equal(p.inner, 1);
	process_parse_status("Name:\ta\nNSpid:\t31\n", &p);
	assert_int_equal(p.inner, 31);
	assert_int_equal(process_parse_stat("", &p), -1);
	assert_int_equal(process_parse_stat("1 (a", &p), -1);
	assert_int_equal(process_parse_stat("1 )a(", &p), -1);
	assert_int_equal(process_parse_stat("1 (a) S 1 2 3", &p), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_pressure),
		cmocka_unit_test(test_network),
		cmocka_unit_test(test_io),
		cmocka_unit_test(test_percent),
		cmocka_unit_test(test_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
