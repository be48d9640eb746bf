#include "shim/log_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "shim/container_log.h"

#define BUFFER_SIZE (128 * 1024)
_Static_assert(BUFFER_SIZE > 2 * CRI_RECORD_MAX, "a whole record always fits");

static int open_file(int dir_fd, unsigned index)
{
	char name[32];
	return openat(
		dir_fd, container_log_name(index, name), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
}

static bool same_file(int a, int b)
{
	struct stat sa, sb;
	return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

int log_reader_open(struct log_reader *r, int dir_fd)
{
	int newest_first[LOG_FILES_MAX];
	unsigned n = 0;
	*r = (struct log_reader) { .dir_fd = dir_fd, .buffer = malloc(BUFFER_SIZE) };
	if (r->buffer == NULL)
		return -1;
	/* From the newest on: a rotation meanwhile shows a file a second time, and hides none. */
	for (unsigned i = 0; i < LOG_FILES_MAX; i++) {
		int fd = open_file(dir_fd, i);
		if (fd < 0 && i > 0)
			break;
		if (fd >= 0 && n > 0 && same_file(fd, newest_first[n - 1]))
			fd_close(&fd);
		if (fd >= 0)
			newest_first[n++] = fd;
	}
	for (unsigned i = 0; i < n; i++)
		r->files[i].fd = newest_first[n - 1 - i];
	r->n = n;
	r->max = LOG_FILES_MAX;
	return 0;
}

void log_reader_close(struct log_reader *r)
{
	for (unsigned i = 0; i < r->n; i++)
		fd_close(&r->files[i].fd);
	r->n = 0;
	free(r->buffer);
	r->buffer = NULL;
}

void log_reader_rewind(struct log_reader *r)
{
	r->at = 0;
	r->offset = 0;
	r->gap.after_gap = false;
	r->start = r->end = 0;
}

static void drop_file(struct log_reader *r, unsigned i)
{
	fd_close(&r->files[i].fd);
	memmove(r->files + i, r->files + i + 1, (r->n - 1 - i) * sizeof *r->files);
	r->n--;
	r->at -= i < r->at;
}

void log_reader_go_on(struct log_reader *r)
{
	while (r->at > 0)
		drop_file(r, 0);
	r->once = true;
	r->max = r->n + LOG_FILES_MORE < LOG_FILES_MAX ? r->n + LOG_FILES_MORE : LOG_FILES_MAX;
	r->gap.after_gap = false;
}

/* With too many of them open, one that has been read goes; else the oldest that is not begun is lost. */
static void make_room(struct log_reader *r)
{
	struct stat st;
	if (r->at > 0) {
		drop_file(r, 0);
		return;
	}
	uint64_t missing = fstat(r->files[1].fd, &st) == 0 ? (uint64_t) st.st_size : 0;
	missing += r->files[1].missing;
	drop_file(r, 1);
	r->files[1].after_gap = true;
	r->files[1].missing += missing;
}
_Static_assert(LOG_FILES_MORE > 2, "behind one that is dropped there is another");

/* The file that the writer went on with after the last one of ours was rotated away; the oldest one if that
 * one's name is gone already: then files in between may be, too, which their numbers tell. */
static struct log_file open_successor(struct log_reader *r, int last)
{
	struct log_file newer = { .fd = -1 };
	for (unsigned i = 0; i < LOG_FILES_MAX; i++) {
		_cleanup_fd_ int candidate = open_file(r->dir_fd, i);
		if (candidate < 0)
			break;
		if (same_file(candidate, last))
			return newer;
		fd_close(&newer.fd);
		newer.fd = steal_fd(&candidate);
	}
	int64_t before = container_log_number(last),
		after = newer.fd < 0 ? -1 : container_log_number(newer.fd);
	newer.after_gap = before > 0 && after > before + 1;
	return newer;
}

void log_reader_keep_up(struct log_reader *r)
{
	for (;;) {
		int last = r->n > 0 ? r->files[r->n - 1].fd : -1;
		_cleanup_fd_ int current = open_file(r->dir_fd, 0);
		if (current < 0 || (last >= 0 && same_file(current, last)))
			return;
		struct log_file next = { .fd = -1 };
		if (last >= 0)
			next = open_successor(r, last);
		else
			next.fd = steal_fd(&current);
		if (next.fd < 0)
			return;
		if (r->n == r->max)
			make_room(r);
		r->files[r->n++] = next;
	}
}

/* Reads on. False: nothing more at present. */
static bool fill(struct log_reader *r)
{
	if (r->start > 0) {
		memmove(r->buffer, r->buffer + r->start, r->end - r->start);
		r->end -= r->start;
		r->start = 0;
	}
	if (r->end == BUFFER_SIZE)
		r->end = 0; /* longer than any record: not one */
	/* Before the read: the end of a file that has a successor by now is its last one. */
	log_reader_keep_up(r);
	if (r->at == r->n)
		return false;
	ssize_t n = pread(r->files[r->at].fd, r->buffer + r->end, BUFFER_SIZE - r->end, r->offset);
	if (n > 0) {
		r->end += (size_t) n;
		r->offset += n;
		return true;
	}
	if (r->at + 1 == r->n)
		return false;
	r->at++;
	if (r->once)
		drop_file(r, 0);
	if (r->files[r->at].after_gap)
		r->gap = r->files[r->at];
	r->offset = 0;
	r->end = 0; /* a record that a crash tore */
	return true;
}

int log_reader_next(struct log_reader *r, struct cri_record *ret_record)
{
	for (;;) {
		char *line = r->buffer + r->start;
		char *end = memchr(line, '\n', r->end - r->start);
		if (end == NULL) {
			if (!fill(r))
				return 0;
			continue;
		}
		r->start = (size_t) (end + 1 - r->buffer);
		if (cri_parse(line, (size_t) (end - line), ret_record) == 0)
			return 1;
	}
}

bool log_reader_gap(struct log_reader *r, uint64_t *ret_missing)
{
	bool found = r->gap.after_gap;
	*ret_missing = r->gap.missing;
	r->gap = (struct log_file) { .fd = -1 };
	return found;
}
