/* The log's writer and reader against each other: every byte comes back, whatever is rotated when. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/parse.h"
#include "shim/container_log.h"
#include "shim/log_reader.h"
#include "shim/tree.h"
#include "tests/unit/unit.h"

static char folder[] = "/tmp/cl-log-XXXXXX";
static int dir;

static int set_up(void **state)
{
	(void) state;
	strcpy(folder, "/tmp/cl-log-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	struct error err;
	(void) state;
	close(dir);
	return tree_remove(AT_FDCWD, folder, &err);
}

/* All of a stream as the container wrote it. */
static char *read_back(struct log_reader *r, bool is_stderr, size_t *ret_size)
{
	struct cri_record record;
	char *text = malloc(64 << 20);
	size_t size = 0;
	assert_non_null(text);
	while (log_reader_next(r, &record) == 1) {
		if (record.is_stderr != is_stderr)
			continue;
		memcpy(text + size, record.bytes, record.size);
		size += record.size;
		if (!record.partial)
			text[size++] = '\n';
	}
	*ret_size = size;
	return text;
}

static void write_random(struct container_log *log, const char *data, size_t size, unsigned seed)
{
	for (size_t at = 0; at < size;) {
		size_t n = 1 + (size_t) rand_r(&seed) % 40000;
		n = n < size - at ? n : size - at;
		container_log_write(log, false, data + at, n);
		at += n;
	}
}

static char *random_lines(size_t size, unsigned seed)
{
	char *data = malloc(size);
	assert_non_null(data);
	for (size_t i = 0; i < size; i++)
		data[i] = rand_r(&seed) % 100 == 0 ? '\n' : (char) rand_r(&seed);
	return data;
}

static void test_round_trip(void **state)
{
	struct container_log log;
	struct log_reader r;
	size_t size = 3 << 20, got;
	(void) state;
	for (unsigned seed = 1; seed < 4; seed++) {
		char *data = random_lines(size, seed);
		assert_int_equal(container_log_open(&log, dir, 0, 1), 0);
		write_random(&log, data, size, seed);
		container_log_close(&log);
		assert_int_equal(log_reader_open(&r, dir), 0);
		char *back = read_back(&r, false, &got);
		assert_int_equal(got, size);
		assert_memory_equal(data, back, size);
		log_reader_close(&r);
		free(back);
		free(data);
		assert_int_equal(unlinkat(dir, LOG_FILE, 0), 0);
	}
}

static void test_long_line(void **state)
{
	struct container_log log;
	struct log_reader r;
	size_t size = (1 << 20) + 1, got;
	(void) state;
	char *data = malloc(size);
	memset(data, 'x', size);
	data[size - 1] = '\n';
	assert_int_equal(container_log_open(&log, dir, 0, 1), 0);
	container_log_write(&log, true, data, size);
	container_log_close(&log);
	assert_int_equal(log_reader_open(&r, dir), 0);
	char *back = read_back(&r, true, &got);
	assert_int_equal(got, size);
	assert_memory_equal(data, back, size);
	log_reader_close(&r);
	free(back);
	free(data);
}

/* A reader that follows sees every byte across rotation, as long as it is not more files behind than are
 * kept. */
static void test_follow_rotation(void **state)
{
	struct container_log log;
	struct log_reader r;
	struct cri_record record;
	struct stat st;
	(void) state;
	assert_int_equal(container_log_open(&log, dir, 1000, 3), 0);
	assert_int_equal(log_reader_open(&r, dir), 0);
	int next = 0;
	for (int i = 0; i < 500; i++) {
		char line[64];
		int n = snprintf(line, sizeof line, "line %d\n", i);
		container_log_write(&log, false, line, (size_t) n);
		if (i % 30 != 29)
			continue;
		while (log_reader_next(&r, &record) == 1) {
			n = snprintf(line, sizeof line, "line %d", next++);
			assert_int_equal(record.size, n);
			assert_memory_equal(record.bytes, line, record.size);
		}
		assert_int_equal(next, i + 1);
	}
	container_log_close(&log);
	log_reader_close(&r);
	assert_int_equal(fstatat(dir, LOG_FILE ".2", &st, 0), 0);
	assert_in_range(st.st_size, 1, 1000);
	assert_int_equal(fstatat(dir, LOG_FILE ".3", &st, 0), -1);
}

static int write_lines(struct container_log *log, int from, int n)
{
	char line[64];
	for (int i = from; i < from + n; i++) {
		int size = snprintf(line, sizeof line, "line %d\n", i);
		container_log_write(log, false, line, (size_t) size);
	}
	return from + n;
}

static int64_t number_of(const struct cri_record *record)
{
	char text[32];
	int64_t number;
	assert_in_range(record->size, 6, sizeof text - 1);
	memcpy(text, record->bytes, record->size);
	text[record->size] = '\0';
	assert_int_equal(parse_i64(text + 5, &number), 0);
	return number;
}

static bool keeps_numbers(void)
{
	return fsetxattr(dir, "user.test", "1", 1, 0) == 0;
}

/* Reads all there is; lines may be missing only where a gap is told. Returns how many gaps there were. */
static int read_lines(struct log_reader *r, int64_t *next, uint64_t *ret_missing)
{
	struct cri_record record;
	uint64_t missing;
	int gaps = 0;
	*ret_missing = 0;
	while (log_reader_next(r, &record) == 1) {
		bool gap = log_reader_gap(r, &missing);
		gaps += gap;
		*ret_missing += gap ? missing : 0;
		if (gap)
			assert_true(number_of(&record) > *next);
		else
			assert_int_equal(number_of(&record), *next);
		*next = number_of(&record) + 1;
	}
	return gaps;
}

/* Who does not look for longer than files are kept is told that something is missing, and nobody else. */
static void gap_with(uint32_t max_files)
{
	struct container_log log;
	struct log_reader r;
	int64_t next = 0;
	uint64_t missing;
	int n = 0;
	assert_int_equal(container_log_open(&log, dir, 1000, max_files), 0);
	assert_int_equal(log_reader_open(&r, dir), 0);
	log_reader_go_on(&r);
	/* A file takes 20 lines or so: never more than one rotation between two looks. */
	for (int i = 0; i < 50; i++) {
		n = write_lines(&log, n, 10);
		assert_int_equal(read_lines(&r, &next, &missing), 0);
		assert_int_equal(next, n);
		assert_in_range(r.n, 1, max_files + 1);
	}
	n = write_lines(&log, n, 500);
	assert_int_equal(read_lines(&r, &next, &missing), 1);
	assert_int_equal(next, n);
	n = write_lines(&log, n, 10);
	assert_int_equal(read_lines(&r, &next, &missing), 0);
	container_log_close(&log);
	log_reader_close(&r);
}

static void test_gap(void **state)
{
	(void) state;
	if (!keeps_numbers())
		skip();
	gap_with(3);
}

static void test_gap_with_one_file(void **state)
{
	(void) state;
	if (!keeps_numbers())
		skip();
	gap_with(1);
}

/* Who only looks, and does not read, keeps some files that are rotated away; of the rest it knows the size.
 */
static void test_gap_of_known_size(void **state)
{
	struct container_log log;
	struct log_reader r;
	int64_t next = 0;
	uint64_t missing;
	int n = 0;
	(void) state;
	assert_int_equal(container_log_open(&log, dir, 1000, 2), 0);
	n = write_lines(&log, n, 1);
	assert_int_equal(log_reader_open(&r, dir), 0);
	log_reader_go_on(&r);
	for (int i = 0; i < 400; i++) {
		n = write_lines(&log, n, 10);
		log_reader_keep_up(&r);
		assert_in_range(r.n, 1, 1 + LOG_FILES_MORE);
	}
	assert_int_equal(read_lines(&r, &next, &missing), 1);
	assert_int_equal(next, n);
	/* Whole files, each of nearly the full size. */
	assert_in_range(missing, (n / 25 - LOG_FILES_MORE - 2) * 900, n * 50);
	container_log_close(&log);
	log_reader_close(&r);
}

/* Opened again after a crash: the torn record is cut, and time does not go back. */
static void test_torn(void **state)
{
	struct container_log log;
	struct log_reader r;
	struct cri_record first, second;
	(void) state;
	int fd = openat(dir, LOG_FILE, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	const char text[] = "2099-01-01T00:00:00.000000000Z stdout F one\n2099-01-01T00:00:01.0000";
	assert_int_equal(fd_write_all(fd, text, sizeof text - 1), 0);
	close(fd);
	assert_int_equal(container_log_open(&log, dir, 0, 1), 0);
	container_log_write(&log, false, "two\n", 4);
	container_log_close(&log);
	assert_int_equal(log_reader_open(&r, dir), 0);
	assert_int_equal(log_reader_next(&r, &first), 1);
	int64_t before = first.time_ns;
	assert_int_equal(log_reader_next(&r, &second), 1);
	assert_memory_equal(second.bytes, "two", 3);
	assert_true(second.time_ns >= before);
	assert_int_equal(log_reader_next(&r, &second), 0);
	log_reader_close(&r);
}

/* /dev/full stands for a full disk: the loss is counted, and told once there is room. */
static void test_full_disk(void **state)
{
	struct container_log log;
	struct log_reader r;
	size_t got;
	(void) state;
	assert_int_equal(container_log_open(&log, dir, 0, 1), 0);
	int real = log.fd;
	log.fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	container_log_write(&log, false, "lost\nand lost", 13);
	assert_int_equal(log.lost_total, 13);
	close(log.fd);
	log.fd = real;
	container_log_write(&log, false, "kept\n", 5);
	assert_int_equal(log.lost, 0);
	assert_int_equal(log.lost_total, 13);
	container_log_close(&log);
	assert_int_equal(log_reader_open(&r, dir), 0);
	char *text = read_back(&r, true, &got);
	text[got] = '\0';
	assert_string_equal(text, "[containerd-lite: 13 bytes lost: the log could not be written]\n");
	free(text);
	log_reader_rewind(&r);
	text = read_back(&r, false, &got);
	assert_int_equal(got, 5);
	free(text);
	log_reader_close(&r);
}

static void set_limit(int resource, rlim_t most)
{
	struct rlimit limit;
	assert_int_equal(getrlimit(resource, &limit), 0);
	limit.rlim_cur = most < limit.rlim_max ? most : limit.rlim_max;
	assert_int_equal(setrlimit(resource, &limit), 0);
}

static void check_lines(unsigned first, unsigned n)
{
	struct log_reader r;
	struct cri_record record;
	char line[32];
	assert_int_equal(log_reader_open(&r, dir), 0);
	for (unsigned i = first; i < first + n; i++) {
		assert_int_equal(log_reader_next(&r, &record), 1);
		snprintf(line, sizeof line, "line %u", i);
		assert_int_equal(record.size, strlen(line));
		assert_memory_equal(record.bytes, line, record.size);
	}
	assert_int_equal(log_reader_next(&r, &record), 0);
	log_reader_close(&r);
}

/* Where no new file can be made, the one that is there goes on, under its name and with all that is in it. */
static void test_no_new_file(void **state)
{
	struct container_log log;
	(void) state;
	for (unsigned max_files = 1; max_files <= 3; max_files++) {
		assert_int_equal(container_log_open(&log, dir, 1000, max_files), 0);
		set_limit(RLIMIT_NOFILE, 0);
		write_lines(&log, 0, 100);
		set_limit(RLIMIT_NOFILE, 1024);
		check_lines(0, 100);
		/* What does not fit is taken back, and nothing else. */
		struct stat st;
		assert_int_equal(fstat(log.fd, &st), 0);
		set_limit(RLIMIT_FSIZE, (rlim_t) st.st_size + 20);
		signal(SIGXFSZ, SIG_IGN);
		write_lines(&log, 100, 1);
		set_limit(RLIMIT_FSIZE, RLIM_INFINITY);
		check_lines(0, 100);
		assert_int_equal(log.lost_total, 9);
		/* And once there can be one, it is there. */
		log.lost = 0;
		write_lines(&log, 100, 20);
		assert_int_equal(faccessat(dir, LOG_FILE ".1", F_OK, 0), max_files > 1 ? 0 : -1);
		if (max_files > 1)
			check_lines(0, 120);
		container_log_close(&log);
		for (unsigned i = 0; i < 3; i++)
			unlinkat(dir, container_log_name(i, (char[32]) { 0 }), 0);
	}
}

static void test_not_records(void **state)
{
	const char *bad[] = { "", "x", "2099-01-01T00:00:00Z", "2099-01-01T00:00:00Z stdout",
		"2099-01-01T00:00:00Z stdout X a", "2099-01-01T00:00:00Z stdin F a",
		"2099-01-01T00:00:00Z stdout F", "yesterday stdout F a" };
	struct cri_record record;
	(void) state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(cri_parse(bad[i], strlen(bad[i]), &record), -1);
	assert_int_equal(cri_parse("2099-01-01T00:00:00Z stderr F ", 30, &record), 0);
	assert_int_equal(record.size, 0);
	assert_true(record.is_stderr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_follow_rotation, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gap_with_one_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gap_of_known_size, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_torn, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full_disk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_new_file, set_up, tear_down),
		cmocka_unit_test(test_not_records),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
