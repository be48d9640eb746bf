#include "runtime/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/parse.h"

#define KEYED_FILE_MAX 4096 /* memory.events and its kind have a dozen lines */
#define DEPTH_MAX      64   /* descendants that a container has made */
#define MS	       INT64_C(1000000)

static void file_close(FILE **f)
{
	if (*f != NULL)
		fclose(*f);
}

/* mountinfo writes space, tab, newline and backslash as \ooo. */
static void unescape_octal(char *text)
{
	char *out = text;
	for (const char *p = text; *p != '\0'; p++) {
		if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' && p[3] >= '0' &&
			p[3] <= '7') {
			*out++ = (char) ((p[1] - '0') * 64 + (p[2] - '0') * 8 + (p[3] - '0'));
			p += 3;
		} else {
			*out++ = *p;
		}
	}
	*out = '\0';
}

/* "36 35 98:0 ROOT MOUNTPOINT opts optional… - TYPE source super" (proc(5)): the mount point if the type is
 * cgroup2, else NULL. Cuts line into pieces. */
static char *cgroup2_mount_point(char *line)
{
	char *type = strstr(line, " - ");
	if (type == NULL || strncmp(type + 3, "cgroup2 ", 8) != 0)
		return NULL;
	char *field = line, *rest = NULL;
	for (int i = 0; i < 4; i++) {
		field = strchr(field, ' ');
		if (field == NULL)
			return NULL;
		field++;
	}
	rest = strchr(field, ' ');
	if (rest == NULL)
		return NULL;
	*rest = '\0';
	unescape_octal(field);
	return field;
}

int cgroup_open_mount(char *path, unsigned long size, int *ret_fd, struct error *err)
{
	__attribute__((cleanup(file_close))) FILE *f = fopen("/proc/self/mountinfo", "re");
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	if (f == NULL)
		return error_errno(err, "open '/proc/self/mountinfo'");
	while (getline(&line, &room, f) > 0) {
		const char *point = cgroup2_mount_point(line);
		if (point == NULL || strlen(point) >= size)
			continue;
		int fd = open(point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return error_errno(err, "open cgroup2's mount point '%s'", point);
		memcpy(path, point, strlen(point) + 1);
		*ret_fd = fd;
		return 0;
	}
	if (ferror(f))
		return error_errno(err, "read '/proc/self/mountinfo'");
	error_set(err, ERROR_FAILED, "no cgroup2 file system is mounted");
	return error_hint(err, "mount one: mount -t cgroup2 none /sys/fs/cgroup");
}

int cgroup_make(int parent_fd, const char *name, int *ret_fd, struct error *err)
{
	bool made = mkdirat(parent_fd, name, 0755) == 0;
	if (!made && errno != EEXIST)
		return error_errno(err, "make cgroup '%s'", name);
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		error_errno(err, "open cgroup '%s'", name);
		if (made)
			unlinkat(parent_fd, name, AT_REMOVEDIR);
		return -1;
	}
	/* Whatever the umask: inside it is /sys/fs/cgroup, where every user reads what the limits are. */
	if (made && fchmod(fd, 0755) < 0) {
		error_errno(err, "make cgroup '%s' readable", name);
		close(fd);
		unlinkat(parent_fd, name, AT_REMOVEDIR);
		return -1;
	}
	*ret_fd = fd;
	return 0;
}

/* A file of a cgroup, read whole into buf; -1 with errno. */
static int read_small(int cgroup_fd, const char *file, char *buf, size_t size)
{
	_cleanup_fd_ int fd = openat(cgroup_fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : fd_read_all(fd, buf, size - 1);
	if (n < 0)
		return -1;
	buf[n] = '\0';
	return 0;
}

/* ENODEV is what the files of a cgroup that was removed say. */
static bool is_gone(int errnum)
{
	return errnum == ENOENT || errnum == ENODEV;
}

/* Before Linux 5.14: signals whoever is listed until nobody is. A process that forks faster than this loop
 * is met again at the next turn. */
static int kill_each(int cgroup_fd, struct error *err)
{
	for (int turn = 0; turn < 100; turn++) {
		char text[KEYED_FILE_MAX], *save = NULL;
		if (read_small(cgroup_fd, "cgroup.procs", text, sizeof text) < 0)
			return is_gone(errno) ? 0 : error_errno(err, "read cgroup.procs");
		if (text[0] == '\0')
			return 0;
		for (char *pid = strtok_r(text, "\n", &save); pid != NULL;
			pid = strtok_r(NULL, "\n", &save)) {
			uint64_t number;
			/* 0: a process of another pid namespace; the last one may be cut, and comes again. */
			if (parse_u64(pid, INT32_MAX, &number) == 0 && number > 1)
				kill((pid_t) number, SIGKILL);
		}
		nanosleep(&(struct timespec) { .tv_nsec = MS }, NULL);
	}
	return error_set(err, ERROR_FAILED, "processes of the cgroup cannot be killed");
}

int cgroup_kill(int cgroup_fd, struct error *err)
{
	_cleanup_fd_ int fd = openat(cgroup_fd, "cgroup.kill", O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && write(fd, "1", 1) == 1)
		return 0;
	if (is_gone(errno) && faccessat(cgroup_fd, "cgroup.procs", F_OK, 0) < 0)
		return 0;
	return kill_each(cgroup_fd, err);
}

int cgroup_freeze(int cgroup_fd, bool frozen, struct error *err)
{
	_cleanup_fd_ int fd = openat(cgroup_fd, "cgroup.freeze", O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || write(fd, frozen ? "1" : "0", 1) != 1)
		return error_errno(err, "write cgroup.freeze");
	return 0;
}

int cgroup_events_open(int cgroup_fd, int *ret_fd, struct error *err)
{
	int fd = openat(cgroup_fd, "cgroup.events", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return error_errno(err, "open cgroup.events");
	*ret_fd = fd;
	return 0;
}

/* The value after "key " at the beginning of one of text's lines, or NULL. */
static const char *find_key(const char *text, const char *key)
{
	size_t n = strlen(key);
	for (const char *line = text; line != NULL && *line != '\0';) {
		if (strncmp(line, key, n) == 0 && line[n] == ' ')
			return line + n + 1;
		line = strchr(line, '\n');
		if (line != NULL)
			line++;
	}
	return NULL;
}

int cgroup_populated(int events_fd, bool *ret_populated, struct error *err)
{
	char text[KEYED_FILE_MAX];
	ssize_t n = pread(events_fd, text, sizeof text - 1, 0);
	if (n < 0 && is_gone(errno)) {
		*ret_populated = false;
		return 0;
	}
	if (n < 0)
		return error_errno(err, "read cgroup.events");
	text[n] = '\0';
	const char *value = find_key(text, "populated");
	*ret_populated = value == NULL || *value != '0';
	return 0;
}

int64_t cgroup_read_key(int cgroup_fd, const char *file, const char *key)
{
	char text[KEYED_FILE_MAX], number[24];
	uint64_t value;
	if (read_small(cgroup_fd, file, text, sizeof text) < 0)
		return -1;
	const char *at = find_key(text, key);
	if (at == NULL)
		return -1;
	snprintf(number, sizeof number, "%.*s", (int) strcspn(at, "\n"), at);
	return parse_u64(number, INT64_MAX, &value) == 0 ? (int64_t) value : -1;
}

int64_t cgroup_read_number(int cgroup_fd, const char *file)
{
	char text[32];
	uint64_t value;
	if (read_small(cgroup_fd, file, text, sizeof text) < 0)
		return -1;
	text[strcspn(text, "\n")] = '\0';
	return parse_u64(text, INT64_MAX, &value) == 0 ? (int64_t) value : -1;
}

static int remaining_ms(int64_t deadline)
{
	int64_t left = (deadline - clock_monotonic_ns() + MS - 1) / MS;
	return left < 0 ? 0 : (int) left;
}

/* Until nothing runs in it, or the deadline. */
static int wait_empty(int cgroup_fd, const char *name, int64_t deadline, struct error *err)
{
	_cleanup_fd_ int events = -1;
	bool populated = true;
	if (cgroup_events_open(cgroup_fd, &events, err) < 0)
		return is_gone(err->errnum) ? 0 : -1;
	for (;;) {
		/* The value is read before each poll, which reports only changes after the last read. */
		if (cgroup_populated(events, &populated, err) < 0)
			return -1;
		if (!populated)
			return 0;
		int left = remaining_ms(deadline);
		if (left == 0)
			return error_errnum(err, EBUSY, "wait for the end of what runs in cgroup '%s'", name);
		struct pollfd p = { .fd = events, .events = POLLPRI };
		poll(&p, 1, left);
	}
}

static void dir_close(DIR **d)
{
	if (*d != NULL)
		closedir(*d);
}

/* The cgroups below this one, deepest first. Best effort: what stays makes the caller's rmdir fail. */
static void remove_descendants(int cgroup_fd, int depth)
{
	_cleanup_fd_ int fd = openat(cgroup_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	__attribute__((cleanup(dir_close))) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (d == NULL)
		return;
	steal_fd(&fd);
	for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
		if (e->d_type != DT_DIR || strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR) == 0 || depth >= DEPTH_MAX)
			continue;
		_cleanup_fd_ int child =
			openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child < 0)
			continue;
		remove_descendants(child, depth + 1);
		unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
	}
}

int cgroup_remove(int parent_fd, const char *name, int timeout_ms, struct error *err)
{
	int64_t deadline = clock_monotonic_ns() + timeout_ms * MS;
	/* The usual case: empty already, without descendants. */
	if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	_cleanup_fd_ int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : error_errno(err, "open cgroup '%s'", name);
	if (cgroup_kill(fd, err) < 0 || wait_empty(fd, name, deadline, err) < 0)
		return -1;
	/* The kernel lets go of the last process a moment after "populated 0": EBUSY passes. */
	for (int64_t pause = MS / 10;; pause *= 2) {
		remove_descendants(fd, 0);
		if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		if (remaining_ms(deadline) == 0)
			return error_errno(err, "remove cgroup '%s'", name);
		nanosleep(&(struct timespec) { .tv_nsec = pause < 20 * MS ? pause : 20 * MS }, NULL);
	}
}
