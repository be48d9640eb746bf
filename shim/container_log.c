#include "shim/container_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/parse.h"
#include "shim/cri.h"

#define BATCH	 64 /* records a writev */
#define NEW_FILE LOG_FILE ".new"

const char *container_log_name(unsigned index, char buf[32])
{
	if (index == 0)
		snprintf(buf, 32, "%s", LOG_FILE);
	else
		snprintf(buf, 32, "%s.%u", LOG_FILE, index);
	return buf;
}

/* An extended attribute: it stays with the file, however that is named by now. Not one of user's: before
 * Linux 6.6 tmpfs keeps none of those (xattr(7)). */
#define NUMBER "trusted.containerd-lite.number"

int64_t container_log_number(int fd)
{
	char text[24];
	uint64_t number;
	ssize_t n = fgetxattr(fd, NUMBER, text, sizeof text - 1);
	text[n > 0 ? n : 0] = '\0';
	return parse_u64(text, INT64_MAX, &number) < 0 ? 0 : (int64_t) number;
}

/* False: the file system does not keep it. */
static bool set_number(int fd, int64_t number)
{
	char text[24];
	int n = snprintf(text, sizeof text, "%jd", (intmax_t) number);
	return fsetxattr(fd, NUMBER, text, (size_t) n, 0) == 0;
}

/* new is old's successor. */
static void count_on(int old, int new)
{
	int64_t number = container_log_number(old);
	if (number > 0 || set_number(old, number = 1))
		set_number(new, number + 1);
}

static int open_file(struct container_log *log, const char *name, int flags)
{
	struct stat st;
	_cleanup_fd_ int fd =
		openat(log->dir_fd, name, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | flags, 0600);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	log->size = st.st_size;
	log->spared = 0;
	log->last_ns = 0;
	log->fd = steal_fd(&fd);
	return 0;
}

/* Reads back the last record: cuts one that a crash tore, and goes on from its time. */
static void take_up(struct container_log *log)
{
	char tail[CRI_RECORD_MAX + 1];
	size_t want = log->size < (int64_t) sizeof tail ? (size_t) log->size : sizeof tail;
	ssize_t n = pread(log->fd, tail, want, log->size - (int64_t) want);
	if (n <= 0)
		return;
	const char *end = memrchr(tail, '\n', (size_t) n);
	int64_t whole = end == NULL ? 0 : log->size - (tail + n - (end + 1));
	if (whole != log->size && ftruncate(log->fd, whole) == 0)
		log->size = whole;
	if (end == NULL)
		return;
	const char *start = memrchr(tail, '\n', (size_t) (end - tail));
	struct cri_record record;
	start = start == NULL ? tail : start + 1;
	if (cri_parse(start, (size_t) (end - start), &record) == 0)
		log->last_ns = record.time_ns;
}

int container_log_open(struct container_log *log, int dir_fd, int64_t max_size, uint32_t max_files)
{
	*log = (struct container_log) {
		.dir_fd = dir_fd, .fd = -1, .max_size = max_size, .max_files = max_files
	};
	if (open_file(log, LOG_FILE, 0) < 0)
		return -1;
	if (log->size > 0)
		take_up(log);
	return 0;
}

void container_log_close(struct container_log *log)
{
	fd_close(&log->fd);
}

/* Made before anything is renamed. Where there is no room for one more file, the oldest makes it. */
static int open_next(struct container_log *log, unsigned last)
{
	char oldest[32];
	if (open_file(log, NEW_FILE, O_TRUNC) == 0)
		return 0;
	if (last == 0 || unlinkat(log->dir_fd, container_log_name(last, oldest), 0) < 0)
		return -1;
	return open_file(log, NEW_FILE, O_TRUNC);
}

static void rotate(struct container_log *log)
{
	char from[32], to[32];
	unsigned last = log->max_files > 0 ? log->max_files - 1 : 0;
	int old = log->fd;
	if (open_next(log, last) < 0) {
		/* Better one that is too long than a lost line. */
		log->spared = log->size;
		return;
	}
	for (unsigned i = last; i > 0; i--)
		renameat(
			log->dir_fd, container_log_name(i - 1, from), log->dir_fd, container_log_name(i, to));
	count_on(old, log->fd);
	close(old);
	renameat(log->dir_fd, NEW_FILE, log->dir_fd, LOG_FILE);
}

/* Writes whole records: whatever of a record did not fit is taken back. Returns how many are in the file. */
static unsigned append(struct container_log *log, const struct iovec (*records)[3], unsigned n)
{
	ssize_t wrote;
	int64_t kept = 0;
	unsigned whole = 0;
	do
		wrote = writev(log->fd, records[0], (int) (3 * n));
	while (wrote < 0 && errno == EINTR);
	for (; wrote > 0 && whole < n; whole++) {
		int64_t record = 0;
		for (int i = 0; i < 3; i++)
			record += (int64_t) records[whole][i].iov_len;
		if (kept + record > wrote)
			break;
		kept += record;
	}
	/* Where even that fails a torn record stays, which readers pass over. */
	if (wrote > kept && ftruncate(log->fd, log->size + kept) < 0)
		kept = wrote;
	log->size += kept;
	return whole;
}

static void set_record(
	struct iovec record[3], const char *prefix, size_t prefix_size, const char *data, size_t size)
{
	record[0] = (struct iovec) { .iov_base = (void *) prefix, .iov_len = prefix_size };
	record[1] = (struct iovec) { .iov_base = (void *) data, .iov_len = size };
	record[2] = (struct iovec) { .iov_base = (void *) "\n", .iov_len = 1 };
}

/* Tells of a loss once there is room again; says whether there is. */
static bool loss_told(struct container_log *log, const char *time)
{
	char text[96], prefix[CRI_PREFIX_MAX];
	struct iovec record[1][3];
	if (log->lost == 0)
		return true;
	int n = snprintf(text, sizeof text, "[containerd-lite: %ju bytes lost: the log could not be written]",
		(uintmax_t) log->lost);
	set_record(record[0], prefix, cri_prefix(time, true, true, prefix), text, (size_t) n);
	if (append(log, record, 1) == 0)
		return false;
	log->lost = 0;
	return true;
}

/* The records of data that share one write: up to BATCH, and up to the size at which the file is rotated. */
static unsigned collect(const struct container_log *log, const char prefix[2][CRI_PREFIX_MAX],
	size_t prefix_size, const char *data, size_t size, struct iovec records[BATCH][3],
	size_t taken[BATCH])
{
	int64_t end = log->size;
	unsigned n = 0;
	for (size_t at = 0; at < size && n < BATCH; n++) {
		size_t bytes;
		bool full;
		cri_split(data + at, size - at, &bytes, &full);
		end += (int64_t) (prefix_size + bytes + 1);
		if (log->max_size > 0 && end - log->spared > log->max_size &&
			(n > 0 || log->size > log->spared))
			break;
		set_record(records[n], prefix[full], prefix_size, data + at, bytes);
		taken[n] = bytes + full;
		at += taken[n];
	}
	return n;
}

void container_log_write(struct container_log *log, bool is_stderr, const char *data, size_t size)
{
	char time[TIME_TEXT], prefix[2][CRI_PREFIX_MAX];
	if (log->fd < 0 || size == 0)
		return;
	int64_t now = clock_realtime_ns();
	log->last_ns = now > log->last_ns ? now : log->last_ns;
	time_format(log->last_ns, time);
	cri_prefix(time, is_stderr, false, prefix[0]);
	size_t prefix_size = cri_prefix(time, is_stderr, true, prefix[1]);

	while (size > 0) {
		struct iovec records[BATCH][3];
		size_t taken[BATCH];
		unsigned n = collect(
			log, (const char(*)[CRI_PREFIX_MAX]) prefix, prefix_size, data, size, records, taken);
		if (n == 0) {
			rotate(log);
			continue;
		}
		unsigned whole =
			loss_told(log, time) ? append(log, (const struct iovec(*)[3]) records, n) : 0;
		for (unsigned i = 0; i < n; i++) {
			if (i >= whole) {
				log->lost += taken[i];
				log->lost_total += taken[i];
			}
			data += taken[i];
			size -= taken[i];
		}
	}
}
