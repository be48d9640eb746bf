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
		r->fds[i] = newest_first[n - 1 - i];
	r->n = n;
	return 0;
}

void log_reader_close(struct log_reader *r)
{
	for (unsigned i = 0; i < r->n; i++)
		fd_close(&r->fds[i]);
	r->n = 0;
	free(r->buffer);
	r->buffer = NULL;
}

void log_reader_rewind(struct log_reader *r)
{
	r->at = 0;
	r->offset = 0;
	r->start = r->end = 0;
}

/* With too many of them open, the oldest of those that are not read yet is lost. */
static void add_file(struct log_reader *r, int fd)
{
	if (r->n == LOG_FILES_MAX) {
		unsigned oldest = r->at > 0 ? 0 : 1;
		fd_close(&r->fds[oldest]);
		memmove(r->fds + oldest, r->fds + oldest + 1, (LOG_FILES_MAX - 1 - oldest) * sizeof *r->fds);
		r->n--;
		r->at -= oldest == 0;
	}
	r->fds[r->n++] = fd;
}

/* The file that the writer went on with after fd was rotated away; the oldest one if fd's name is gone
 * already. */
static int open_successor(struct log_reader *r, int fd)
{
	int newer = -1;
	for (unsigned i = 0; i < LOG_FILES_MAX; i++) {
		_cleanup_fd_ int candidate = open_file(r->dir_fd, i);
		if (candidate < 0)
			break;
		if (same_file(candidate, fd))
			return newer;
		fd_close(&newer);
		newer = steal_fd(&candidate);
	}
	return newer;
}

/* Opens what the writer has gone on with since: from then on a rotation takes nothing from us, however far
 * behind we are. */
static void keep_up(struct log_reader *r)
{
	for (;;) {
		int last = r->n > 0 ? r->fds[r->n - 1] : -1;
		_cleanup_fd_ int current = open_file(r->dir_fd, 0);
		if (current < 0 || (last >= 0 && same_file(current, last)))
			return;
		int next = last < 0 ? steal_fd(&current) : open_successor(r, last);
		if (next < 0)
			return;
		add_file(r, next);
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
	keep_up(r);
	if (r->at == r->n)
		return false;
	ssize_t n = pread(r->fds[r->at], r->buffer + r->end, BUFFER_SIZE - r->end, r->offset);
	if (n > 0) {
		r->end += (size_t) n;
		r->offset += n;
		return true;
	}
	if (r->at + 1 == r->n)
		return false;
	r->at++;
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
