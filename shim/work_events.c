/* work_events.c - the events file's one writer: a process, so that a slow disk never holds up the daemon. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "shim/worker.h"

#define EVENTS_FILE "events"
#define EVENTS_OLD  "events.1"
#define EVENTS_SIZE (4 * 1024 * 1024) /* then the file becomes events.1 */

/* A line that a power cut tore ends here, and not with the next one. */
static void end_last_line(int fd)
{
	struct stat st;
	char last = '\n';
	if (fstat(fd, &st) == 0 && st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) == 1 &&
		last != '\n' && write(fd, "\n", 1) < 0)
		return;
}

static int open_file(int state_fd)
{
	int fd = openat(state_fd, EVENTS_FILE,
		O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd >= 0)
		end_last_line(fd);
	return fd;
}

/* Whole lines or nothing: what a full disk does not take is missing, not torn. */
static bool append(int fd, const char *text, size_t size)
{
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	bool whole = write(fd, text, size) == (ssize_t) size;
	if (!whole && ftruncate(fd, st.st_size) < 0)
		return false; /* a torn line, which is passed over */
	return whole;
}

/* How many are missing behind the last line. They have been told, and their numbers are not to be given once
 * more: so the lock's size says it, which takes no space on a disk. */
static void note_missing(int lock, bool missing)
{
	struct stat st;
	if (fstat(lock, &st) < 0 || (!missing && st.st_size == 0))
		return;
	while (ftruncate(lock, missing ? st.st_size + 1 : 0) < 0 && errno == EINTR)
		;
}

int work_events_file(struct work *w, struct error *err)
{
	static char text[EVENT_MAX];
	struct stat st;
	/* The writer of a daemon that was killed may still have events in its socket: its end comes first. */
	_cleanup_fd_ int lock =
		openat(w->state_fd, "events.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return error_errno(err, "lock the events file");
	_cleanup_fd_ int fd = open_file(w->state_fd);
	for (;;) {
		ssize_t n = recv(w->control, text, sizeof text, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0;
		if (fd < 0)
			fd = open_file(w->state_fd);
		note_missing(lock, !append(fd, text, (size_t) n));
		if (fstat(fd, &st) == 0 && st.st_size >= EVENTS_SIZE &&
			renameat(w->state_fd, EVENTS_FILE, w->state_fd, EVENTS_OLD) == 0)
			fd_close(&fd);
	}
}
