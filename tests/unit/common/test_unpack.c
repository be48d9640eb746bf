#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/pack.h"
#include "common/unpack.h"
#include "tests/unit/unit.h"

/* An archive that is made in memory and unpacked into DIR/in; beside it lies DIR/out, which nothing may
 * touch. */
static uint8_t archive[1024 * 1024];
static size_t archive_size, archive_at;
static char dir[] = "/tmp/test_unpack.XXXXXX";
static int in_fd, out_fd, self_fd;

static int put(void *arg, const void *data, size_t size, struct error *err)
{
	(void) arg;
	(void) err;
	if (size > 0)
		memcpy(archive + archive_size, data, size);
	archive_size += size;
	return 0;
}

static ssize_t fill(void *arg, void *data, size_t size, struct error *err)
{
	size_t n = archive_size - archive_at;
	(void) arg;
	(void) err;
	n = n < size ? n : size;
	memcpy(data, archive + archive_at, n);
	archive_at += n;
	return (ssize_t) n;
}

static void run(const char *command)
{
	char whole[1024];
	snprintf(whole, sizeof whole, "cd %s && %s", dir, command);
	assert_int_equal(system(whole), 0);
}

static int begin(void **state)
{
	(void) state;
	assert_non_null(mkdtemp(dir));
	run("mkdir in out && echo safe >out/file");
	char path[64];
	snprintf(path, sizeof path, "%s/in", dir);
	in_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof path, "%s/out", dir);
	out_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	self_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	archive_size = archive_at = 0;
	return 0;
}

static int end(void **state)
{
	(void) state;
	run("test \"$(ls -A out)\" = file && test \"$(cat out/file)\" = safe");
	run("test -z \"$(find . -name '.ctl-cp*')\"");
	run("rm -rf in out tree");
	fd_close(&in_fd);
	fd_close(&out_fd);
	fd_close(&self_fd);
	rmdir(dir);
	memcpy(dir + strlen(dir) - 6, "XXXXXX", 6);
	return 0;
}

static void add(enum tar_type type, const char *name, const char *link, const char *data)
{
	static struct tar_entry e;
	static const uint8_t zeros[TAR_BLOCK];
	uint8_t header[TAR_HEADER_MAX];
	e = (struct tar_entry) { .type = type, .mode = 0755, .size = data != NULL ? strlen(data) : 0 };
	snprintf(e.name, sizeof e.name, "%s", name);
	snprintf(e.link, sizeof e.link, "%s", link != NULL ? link : "");
	put(NULL, header, tar_header(&e, header), NULL);
	put(NULL, data, e.size, NULL);
	put(NULL, zeros, tar_padding(e.size), NULL);
}

static int unpack_with(const char *from, const char *to, struct error *err)
{
	static const uint8_t zeros[TAR_END_SIZE];
	struct tar_reader r = { .fill = fill };
	struct unpack u = { .folder_fd = in_fd, .self_fd = self_fd, .shown = "in", .from = from, .to = to };
	put(NULL, zeros, sizeof zeros, NULL);
	archive_at = 0;
	int result = unpack_all(&u, &r, err);
	archive_size = 0;
	return result;
}

static void refused(const char *what)
{
	struct error err = { 0 };
	assert_int_equal(unpack_with(NULL, NULL, &err), -1);
	assert_int_equal(err.kind, ERROR_COPY_FAILED);
	if (strstr(err.msg, what) == NULL)
		fail_msg("'%s' is not '%s'", err.msg, what);
}

static void accepted(void)
{
	struct error err = { 0 };
	if (unpack_with(NULL, NULL, &err) < 0)
		fail_msg("%s", err.msg);
}

static void test_names(void **state)
{
	(void) state;
	add(TAR_FILE, "/tmp/x", NULL, "x");
	refused("is absolute");
	add(TAR_FILE, "../out/file", NULL, "x");
	refused("has '..' in it");
	add(TAR_FILE, "a/../../out/file", NULL, "x");
	refused("has '..' in it");
	add(TAR_FILE, "a/..", NULL, "x");
	refused("has '..' in it");
	add(TAR_FILE, ".", NULL, "x");
	refused("is a folder");
	add(TAR_FILE, ".//a///b/./c", NULL, "x");
	accepted();
	run("test \"$(cat in/a/b/c)\" = x");
}

static void test_links_of_the_archive(void **state)
{
	char absolute[64];
	(void) state;
	snprintf(absolute, sizeof absolute, "%s/out", dir);
	add(TAR_SYMLINK, "l", "../out", NULL);
	add(TAR_FILE, "l/file", NULL, "evil");
	refused("open");
	add(TAR_SYMLINK, "m", absolute, NULL);
	add(TAR_FOLDER, "m/new", NULL, NULL);
	refused("open");
	add(TAR_FOLDER, "l", NULL, NULL);
	refused("is a symbolic link");
	/* A file over a link takes the link's place. */
	add(TAR_SYMLINK, "n", "../out/file", NULL);
	add(TAR_FILE, "n", NULL, "mine");
	accepted();
	run("test ! -L in/n && test \"$(cat in/n)\" = mine");
}

static void test_hard_links(void **state)
{
	(void) state;
	add(TAR_HARDLINK, "h", "../out/file", NULL);
	refused("has '..' in it");
	add(TAR_HARDLINK, "h", "/etc/passwd", NULL);
	refused("is absolute");
	add(TAR_SYMLINK, "l", "../out", NULL);
	add(TAR_HARDLINK, "h", "l/file", NULL);
	refused("find");
	/* Through a link that is the last name there is the link, never what it leads to. */
	add(TAR_SYMLINK, "s", "../out/file", NULL);
	add(TAR_HARDLINK, "h", "s", NULL);
	add(TAR_FILE, "a", NULL, "one");
	add(TAR_HARDLINK, "b", "a", NULL);
	add(TAR_HARDLINK, "b", "./a", NULL);
	accepted();
	run("test -L in/h && test in/a -ef in/b");
	add(TAR_HARDLINK, "x", "missing", NULL);
	refused("make the hard link");
}

static void test_kinds(void **state)
{
	(void) state;
	run("mkdir in/folder && echo x >in/file");
	add(TAR_FILE, "folder", NULL, "x");
	refused("is a folder");
	add(TAR_FOLDER, "file", NULL, NULL);
	refused("is no folder");
	add(TAR_SYMLINK, "folder", "x", NULL);
	refused("is a folder");
	add(TAR_FILE, "file/x", NULL, "x");
	refused("open");
	add(TAR_CHARACTER, "null", NULL, NULL);
	refused("is a device");
	add(TAR_BLOCK_DEVICE, "disk", NULL, NULL);
	refused("is a device");
	add(TAR_FIFO, "fifo", NULL, NULL);
	accepted();
	run("test -p in/fifo && test ! -e in/null");
}

static void test_other_name(void **state)
{
	struct error err = { 0 };
	(void) state;
	add(TAR_FOLDER, "tree/", NULL, NULL);
	add(TAR_FILE, "tree/a", NULL, "a");
	add(TAR_HARDLINK, "tree/b", "tree/a", NULL);
	assert_int_equal(unpack_with("tree", "other", &err), 0);
	run("test in/other/a -ef in/other/b");
	add(TAR_FILE, "treeless", NULL, "a");
	assert_int_equal(unpack_with("tree", "other", &err), -1);
	assert_non_null(strstr(err.msg, "does not belong"));
	add(TAR_FOLDER, "./", NULL, NULL);
	add(TAR_FILE, "./c", NULL, "a");
	assert_int_equal(unpack_with(".", "", &err), 0);
	run("test -f in/c");
}

/* What comes out of a tree goes in again, with its links, modes and times. */
static void test_tree(void **state)
{
	static struct pack p;
	struct error err = { 0 };
	(void) state;
	run("mkdir -p tree/d/e && cd tree && echo one >a && chmod 640 a && ln a d/hard && ln -s ../a d/soft "
	    "&& "
	    "truncate -s 100000 sparse && mkfifo fifo && chmod 555 d/e && touch -d '2001-02-03 04:05:06.789' "
	    "a d/e d");
	int base = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	p.put = put;
	p.shown = dir;
	p.self_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	pack_begin(&p);
	assert_int_equal(pack_all(&p, base, "tree", "tree", &err), 0);
	archive_size -= TAR_END_SIZE;
	accepted();
	run("test in/tree/a -ef in/tree/d/hard && test $(readlink in/tree/d/soft) = ../a && test -p "
	    "in/tree/fifo");
	run("cmp tree/sparse in/tree/sparse");
	run("test \"$(cd tree && stat -c '%n %a %y' a d d/e)\" = \"$(cd in/tree && stat -c '%n %a %y' a d "
	    "d/e)\"");
	close(base);
	close(p.self_fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_names),
		TEST(test_links_of_the_archive),
		TEST(test_hard_links),
		TEST(test_kinds),
		TEST(test_other_name),
		TEST(test_tree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
