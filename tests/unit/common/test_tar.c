#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "common/tar.h"
#include "tests/unit/unit.h"

#define STREAM_MAX (512 * 1024)

/* An archive in memory, given out in pieces. */
struct stream {
	uint8_t bytes[STREAM_MAX];
	size_t size, at, piece;
};

static struct stream stream;
static struct tar_entry entry;

static ssize_t fill(void *arg, void *data, size_t size, struct error *err)
{
	struct stream *s = arg;
	size_t n = s->size - s->at;
	(void) err;
	n = n < size ? n : size;
	n = n < s->piece ? n : s->piece;
	memcpy(data, s->bytes + s->at, n);
	s->at += n;
	return (ssize_t) n;
}

static struct tar_reader begin(size_t piece)
{
	stream.at = 0;
	stream.piece = piece;
	return (struct tar_reader) { .fill = fill, .arg = &stream };
}

static void add(const void *data, size_t size)
{
	memcpy(stream.bytes + stream.size, data, size);
	stream.size += size;
}

static void add_entry(const struct tar_entry *e, const char *data)
{
	uint8_t header[TAR_HEADER_MAX];
	static const uint8_t zeros[TAR_BLOCK];
	add(header, tar_header(e, header));
	if (data != NULL) {
		add(data, strlen(data));
		add(zeros, tar_padding(strlen(data)));
	}
}

static void add_end(void)
{
	static const uint8_t zeros[TAR_END_SIZE];
	add(zeros, sizeof zeros);
}

/* A header by hand, with its checksum. */
static void add_raw(char type, const char *name, const char *size, const char *magic)
{
	uint8_t h[TAR_BLOCK] = { 0 };
	unsigned sum = 0;
	memcpy(h, name, strlen(name));
	memcpy(h + 100, "0000644", 8);
	memcpy(h + 108, "0000001", 8);
	memcpy(h + 116, "0000002", 8);
	memcpy(h + 124, size, strlen(size));
	memcpy(h + 136, "00000000017", 12);
	h[156] = (uint8_t) type;
	memcpy(h + 257, magic, 8);
	memset(h + 148, ' ', 8);
	for (size_t i = 0; i < sizeof h; i++)
		sum += h[i];
	snprintf((char *) h + 148, 8, "%06o", sum);
	add(h, sizeof h);
}

static void add_block(const char *text)
{
	uint8_t block[TAR_BLOCK] = { 0 };
	memcpy(block, text, strlen(text));
	add(block, sizeof block);
}

static void check_same(const struct tar_entry *e)
{
	assert_int_equal(entry.type, e->type);
	assert_string_equal(entry.name, e->name);
	assert_string_equal(entry.link, e->link);
	assert_int_equal(entry.mode, e->mode);
	assert_int_equal(entry.uid, e->uid);
	assert_int_equal(entry.gid, e->gid);
	assert_true(entry.size == e->size);
	assert_true(entry.mtime.tv_sec == e->mtime.tv_sec && entry.mtime.tv_nsec == e->mtime.tv_nsec);
}

static void test_back_and_forth(void **state)
{
	static struct tar_entry list[] = {
		{ .type = TAR_FOLDER, .name = "d/", .mode = 01777, .mtime = { 1700000000, 0 } },
		{ .type = TAR_FILE, .name = "d/a", .mode = 04755, .uid = 1000, .gid = 2000000, .size = 5 },
		{ .type = TAR_FILE,
			.name = "big ids",
			.uid = 3000000000,
			.gid = 2097152,
			.mtime = { 5, 123456789 } },
		{ .type = TAR_FILE, .name = "before 1970", .mtime = { -2, 250000000 } },
		{ .type = TAR_FILE, .name = "long before", .mtime = { -86400, 0 } },
		{ .type = TAR_SYMLINK, .name = "l", .link = "../x" },
		{ .type = TAR_HARDLINK, .name = "h", .link = "d/a" },
		{ .type = TAR_FIFO, .name = "f" },
		{ .type = TAR_FILE, .mode = 0644 },
		{ .type = TAR_SYMLINK, .name = "long link" },
	};
	const size_t n = sizeof list / sizeof *list;
	struct error err = { 0 };
	(void) state;
	memset(list[n - 2].name, 'n', PATH_MAX - 1);
	memset(list[n - 1].link, 'k', PATH_MAX - 1);
	stream.size = 0;
	for (size_t i = 0; i < n; i++)
		add_entry(&list[i], list[i].size > 0 ? "hello" : NULL);
	add_end();
	for (size_t piece = 1; piece < 10000; piece = piece * 7 + 1) {
		struct tar_reader r = begin(piece);
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(tar_next(&r, &entry, &err), 1);
			check_same(&list[i]);
			/* Of every second one the data are passed over. */
			char data[8] = "";
			size_t got = 0;
			for (ssize_t m = 1; i % 2 == 1 && m > 0; got += m > 0 ? (size_t) m : 0)
				m = tar_data(&r, data + got, sizeof data - got, &err);
			if (i % 2 == 1 && list[i].size > 0)
				assert_memory_equal(data, "hello", 5);
		}
		assert_int_equal(tar_next(&r, &entry, &err), 0);
		assert_int_equal(tar_next(&r, &entry, &err), 0);
	}
}

/* Names of one length after another, around what fits the header. */
static void test_lengths(void **state)
{
	static struct tar_entry e;
	struct error err = { 0 };
	(void) state;
	for (size_t length = 1; length < PATH_MAX - 1; length += length < 300 ? 1 : 97)
		for (int type = TAR_FILE; type <= TAR_FOLDER; type++) {
			e = (struct tar_entry) { .type = (enum tar_type) type };
			memset(e.name, 'x', length);
			stream.size = 0;
			add_entry(&e, NULL);
			add_end();
			struct tar_reader r = begin(1000);
			assert_int_equal(tar_next(&r, &entry, &err), 1);
			assert_int_equal(strlen(entry.name), length + (type == TAR_FOLDER));
			assert_int_equal(tar_next(&r, &entry, &err), 0);
		}
}

static void test_large(void **state)
{
	static const uint64_t sizes[] = { UINT64_C(077777777777), UINT64_C(0100000000000),
		UINT64_C(1) << 40 };
	struct error err = { 0 };
	(void) state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		static struct tar_entry e;
		e = (struct tar_entry) { .type = TAR_FILE, .name = "x", .size = sizes[i] };
		stream.size = 0;
		add_entry(&e, NULL);
		struct tar_reader r = begin(1000);
		assert_int_equal(tar_next(&r, &entry, &err), 1);
		assert_true(entry.size == sizes[i]);
	}
}

#define GNU "ustar  "
#define V7  "\0\0\0\0\0\0\0"

static void test_gnu(void **state)
{
	struct error err = { 0 };
	(void) state;
	stream.size = 0;
	add_raw('L', "././@LongLink", "00000000014", GNU);
	add_block("a long name");
	add_raw('K', "././@LongLink", "00000000014", GNU);
	add_block("a long link");
	add_raw('2', "cut", "00000000000", GNU);
	add_raw('0', "base256", "0", GNU);
	stream.size -= TAR_BLOCK;
	uint8_t *size = stream.bytes + stream.size + 124;
	memset(size, 0, 12);
	size[0] = 0x80;
	size[11] = 3;
	unsigned sum = 0;
	uint8_t *h = stream.bytes + stream.size;
	memset(h + 148, ' ', 8);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += h[i];
	snprintf((char *) h + 148, 8, "%06o", sum);
	stream.size += TAR_BLOCK;
	add_block("abc");
	add_raw('\0', "old/", "00000000000", V7);
	add_raw('7', "contiguous", "0", V7);
	add_end();
	struct tar_reader r = begin(100);
	assert_int_equal(tar_next(&r, &entry, &err), 1);
	assert_int_equal(entry.type, TAR_SYMLINK);
	assert_string_equal(entry.name, "a long name");
	assert_string_equal(entry.link, "a long link");
	assert_int_equal(tar_next(&r, &entry, &err), 1);
	assert_string_equal(entry.name, "base256");
	assert_int_equal(entry.size, 3);
	assert_int_equal(entry.uid, 1);
	assert_int_equal(entry.gid, 2);
	assert_int_equal(entry.mtime.tv_sec, 15);
	assert_int_equal(tar_next(&r, &entry, &err), 1);
	assert_int_equal(entry.type, TAR_FOLDER);
	assert_int_equal(tar_next(&r, &entry, &err), 1);
	assert_int_equal(entry.type, TAR_FILE);
	assert_int_equal(tar_next(&r, &entry, &err), 0);
}

/* Wherever it is cut, that is told, and never taken for its end. */
static void test_cut(void **state)
{
	struct error err = { 0 };
	static struct tar_entry e = { .type = TAR_FILE, .size = 5, .mtime = { 1, 1 } };
	(void) state;
	memset(e.name, 'n', 300);
	stream.size = 0;
	add_entry(&e, "hello");
	size_t whole = stream.size;
	for (size_t size = 0; size <= whole; size++) {
		stream.size = size;
		struct tar_reader r = begin(600);
		int result;
		while ((result = tar_next(&r, &entry, &err)) > 0)
			;
		assert_int_equal(result, -1);
		assert_non_null(strstr(err.msg, size == 0 ? "is empty" : "is cut"));
	}
}

static void check_refused(const char *what)
{
	struct error err = { 0 };
	struct tar_reader r = begin(1000);
	int result;
	while ((result = tar_next(&r, &entry, &err)) > 0)
		;
	assert_int_equal(result, -1);
	assert_int_equal(err.kind, ERROR_COPY_FAILED);
	if (strstr(err.msg, what) == NULL)
		fail_msg("'%s' is not '%s'", err.msg, what);
}

static void refuse_pax(const char *text, const char *what)
{
	char size[24];
	stream.size = 0;
	snprintf(size, sizeof size, "%011zo", strlen(text));
	add_raw('x', "pax", size, GNU);
	add_block(text);
	add_raw('0', "x", "0", GNU);
	add_end();
	check_refused(what);
}

static void test_refused(void **state)
{
	(void) state;
	stream.size = 0;
	add_block("nonsense");
	check_refused("is no header");
	stream.size = 0;
	add_block("\x1f\x8b\x08");
	check_refused("compressed (gzip)");
	stream.size = 0;
	add_raw('0', "x", "0", GNU);
	stream.bytes[0] = 'y';
	check_refused("is no header");
	stream.size = 0;
	add_raw('S', "x", "0", GNU);
	check_refused("sparse");
	stream.size = 0;
	add_raw('M', "x", "0", GNU);
	check_refused("unknown kind");
	stream.size = 0;
	add_raw('0', "x", "9", GNU);
	check_refused("a number that is none");
	stream.size = 0;
	add_raw('x', "x", "77777777777", GNU);
	check_refused("larger than 1 MiB");
	stream.size = 0;
	add_raw('0', "", "0", GNU);
	check_refused("no name");
	refuse_pax("nonsense", "damaged");
	refuse_pax("99 path=x\n", "damaged");
	refuse_pax("8 path=x\n", "damaged");
	refuse_pax("9 pathxx\n", "damaged");
	refuse_pax("11 size=-1\n", "a number that is none");
	refuse_pax("13 mtime=1.x\n", "a number that is none");
	refuse_pax("22 GNU.sparse.major=1\n", "sparse");
}

/* Whoever writes more behind the end can do so. */
static void test_rest(void **state)
{
	struct error err = { 0 };
	(void) state;
	stream.size = 0;
	add_raw('0', "x", "0", GNU);
	add_end();
	for (int i = 0; i < 20; i++)
		add_block("");
	struct tar_reader r = begin(1000);
	assert_int_equal(tar_next(&r, &entry, &err), 1);
	assert_int_equal(tar_next(&r, &entry, &err), 0);
	assert_int_equal(stream.at, stream.size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_back_and_forth),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_gnu),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_rest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
