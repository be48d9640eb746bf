/* work_logs.c - serves Logs on the client's own connection. A slow client holds up this process alone. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/parse.h"
#include "common/wire.h"
#include "shim/folder.h"
#include "shim/log_reader.h"
#include "shim/worker.h"

#define BATCH_BYTES  (128 * 1024)
#define WHOLE_BYTES  (WIRE_MESSAGE_MAX - 4096) /* of text in a reply that is the only one */
#define RECORD_COST  96			       /* of a record in JSON beside its text */
#define RUN_FILE_MAX 4096
#define LOOK_MS	     100 /* between looks at the folder while a client does not read */

struct logs {
	struct work *work;
	int dir_fd;
	struct log_reader reader;
	struct json_object *records; /* not yet sent */
	size_t cost;
	int watch;		 /* of the folder, while it is followed; else -1 */
	bool changed;		 /* the folder, while a reply was sent */
	bool more, follow, gone; /* gone: the client */
};

static bool wanted(const struct control_work *m, const struct cri_record *record)
{
	return (m->log_flags & (record->is_stderr ? LOGS_STDERR : LOGS_STDOUT)) &&
	       (m->log_since_ns == 0 || record->time_ns >= m->log_since_ns) &&
	       (m->log_until_ns == 0 || record->time_ns <= m->log_until_ns);
}

static void take_changes(int watch)
{
	char events[4096] __attribute__((aligned(8)));
	while (read(watch, events, sizeof events) > 0)
		;
}

/* A client that does not read is no reason to lose what is rotated away meanwhile; one look at it in a while
 * is enough. */
static void wait_client(struct logs *l)
{
	struct pollfd p[2] = { { .fd = l->work->client_fd, .events = POLLOUT },
		{ .fd = l->watch, .events = POLLIN } };
	if (poll(p, 2, -1) < 0 || p[1].revents == 0)
		return;
	take_changes(l->watch);
	l->changed = true;
	log_reader_keep_up(&l->reader);
	poll(p, 1, LOOK_MS);
}

/* The connection is in non-blocking mode, which the daemon shares. */
static void send_all(struct logs *l, const char *text, size_t size)
{
	while (size > 0 && !l->gone) {
		ssize_t n = send(l->work->client_fd, text, size, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			wait_client(l);
		else if (n < 0 && errno != EINTR)
			l->gone = true;
		if (n > 0) {
			text += n;
			size -= (size_t) n;
		}
	}
}

static void send_records(struct logs *l, bool continues)
{
	size_t size;
	_cleanup_json_ struct json_object *parameters = json_object_new_object();
	json_add(parameters, "records", l->records);
	char terminator = l->work->message.log_flags & LOGS_NEWLINE ? '\n' : '\0';
	_cleanup_free_ char *text = reply_format(parameters, continues, terminator, &size);
	l->records = json_object_new_array();
	l->cost = 0;
	send_all(l, text, size);
}

static size_t base64(const char *in, size_t size, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t o = 0;
	for (size_t i = 0; i < size; i += 3) {
		uint32_t v = (uint32_t) (unsigned char) in[i] << 16;
		if (i + 1 < size)
			v |= (uint32_t) (unsigned char) in[i + 1] << 8;
		if (i + 2 < size)
			v |= (unsigned char) in[i + 2];
		out[o++] = digits[v >> 18];
		out[o++] = digits[v >> 12 & 63];
		out[o++] = i + 1 < size ? digits[v >> 6 & 63] : '=';
		out[o++] = i + 2 < size ? digits[v & 63] : '=';
	}
	out[o] = '\0';
	return o;
}

/* What its text takes in JSON at the most, escapes included. */
static size_t text_cost(const struct cri_record *record)
{
	size_t cost = RECORD_COST;
	for (size_t i = 0; i < record->size; i++) {
		unsigned char c = (unsigned char) record->bytes[i];
		cost += c < 0x20 ? 6 : c == '"' || c == '\\' ? 2 : 1;
	}
	return cost;
}

static void add_record(struct logs *l, const struct cri_record *record)
{
	char encoded[CRI_BYTES_MAX / 3 * 4 + 8];
	struct json_object *obj = json_object_new_object();
	json_add_time(obj, "time", record->time_ns);
	json_add_string(obj, "stream", record->is_stderr ? "stderr" : "stdout");
	json_add_bool(obj, "partial", record->partial);
	if (utf8_valid(record->bytes, record->size)) {
		json_add(obj, "text", json_object_new_string_len(record->bytes, (int) record->size));
		l->cost += text_cost(record);
	} else {
		l->cost += RECORD_COST + base64(record->bytes, record->size, encoded);
		json_add_string(obj, "base64", encoded);
	}
	json_object_array_add(l->records, obj);
}

/* In the log's own words for what it lost itself (container_log.c). */
static void add_gap(struct logs *l, int64_t time_ns, uint64_t missing)
{
	char count[32] = "some", text[160];
	if (missing > 0)
		snprintf(count, sizeof count, "%ju bytes", (uintmax_t) missing);
	int n = snprintf(text, sizeof text,
		"[containerd-lite: %s of the log missing: rotated away before being read]", count);
	struct cri_record record = {
		.time_ns = time_ns, .is_stderr = true, .bytes = text, .size = (size_t) n
	};
	add_record(l, &record);
}

/* Passes over all but the last n lines. A line may be several records, the last of which is not partial. */
static void skip_to_tail(struct logs *l, uint64_t n)
{
	const struct control_work *m = &l->work->message;
	struct cri_record record;
	bool open[2] = { false, false };
	uint64_t lines = 0, skip;
	while (log_reader_next(&l->reader, &record))
		if (wanted(m, &record)) {
			lines += !open[record.is_stderr];
			open[record.is_stderr] = record.partial;
		}
	log_reader_rewind(&l->reader);
	open[0] = open[1] = false;
	for (skip = lines > n ? lines - n : 0; skip > 0 && log_reader_next(&l->reader, &record);)
		if (wanted(m, &record)) {
			open[record.is_stderr] = record.partial;
			skip -= !record.partial;
		}
}

static int too_large(struct error *err)
{
	error_set(err, ERROR_LIMIT_EXCEEDED, "the log is larger than one reply can be");
	return error_hint(err, "call with more, or ask for less with tail, since or until");
}

/* Sends what there is. -1: it does not fit one reply. */
static int send_present(struct logs *l, struct error *err)
{
	struct cri_record record;
	uint64_t missing;
	while (!l->gone && log_reader_next(&l->reader, &record)) {
		if (log_reader_gap(&l->reader, &missing))
			add_gap(l, record.time_ns, missing);
		if (!wanted(&l->work->message, &record))
			continue;
		add_record(l, &record);
		if (l->more && l->cost >= BATCH_BYTES)
			send_records(l, true);
		else if (!l->more && l->cost > WHOLE_BYTES)
			return too_large(err);
	}
	if (l->more && json_length(l->records) > 0)
		send_records(l, true);
	return 0;
}

/* The run is over once its exit record is there, or its folder is not. */
static bool run_over(struct logs *l)
{
	_cleanup_free_ char *run = NULL, *exit = NULL;
	_cleanup_json_ struct json_object *run_obj = NULL, *exit_obj = NULL;
	struct error ignored;
	struct stat st;
	if (fstat(l->dir_fd, &st) < 0 || st.st_nlink == 0)
		return true;
	if (fd_read_file(l->dir_fd, "run.json", RUN_FILE_MAX, &run, NULL, &ignored) < 0 ||
		fd_read_file(l->dir_fd, "exit.json", RUN_FILE_MAX, &exit, NULL, &ignored) < 0 ||
		json_parse(run, strlen(run), &run_obj, &ignored) < 0 ||
		json_parse(exit, strlen(exit), &exit_obj, &ignored) < 0)
		return false;
	return json_int(exit_obj, "run", 0) >= json_int(run_obj, "run", INT64_MAX);
}

/* Waits for the folder to change. False: the client is gone, or its time is up. */
static bool wait_change(struct logs *l)
{
	struct pollfd p[2] = { { .fd = l->watch, .events = POLLIN },
		{ .fd = l->work->client_fd, .events = POLLRDHUP } };
	int64_t until = l->work->message.log_until_ns, left = -1;
	if (l->changed) {
		l->changed = false;
		return true;
	}
	if (until != 0) {
		left = (until - clock_realtime_ns()) / 1000000 + 1;
		if (left <= 0)
			return false;
	}
	int n = poll(p, 2, left > INT32_MAX ? INT32_MAX : (int) left);
	if (p[1].revents != 0 || (n < 0 && errno != EINTR))
		return false;
	take_changes(l->watch);
	return n != 0;
}

static int follow(struct logs *l, struct error *err)
{
	char path[32];
	snprintf(path, sizeof path, "/proc/self/fd/%d", l->dir_fd);
	_cleanup_fd_ int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch < 0 || inotify_add_watch(watch, path,
				 IN_CREATE | IN_MODIFY | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF) < 0)
		return error_errno(err, "watch the container's folder");
	l->watch = watch;
	for (bool over = false;;) {
		/* Asked before the last look: the log is written before the exit record. */
		over = run_over(l);
		if (send_present(l, err) < 0)
			return -1;
		if (over || l->gone || !wait_change(l))
			return 0;
	}
}

/* What was there when it was asked for may be gone when its turn comes. */
static int open_folder(int parent_fd, const char *id, int *ret_fd, struct error *err)
{
	if (folder_open(parent_fd, id, ret_fd, err) == 0)
		return 0;
	if (err->errnum == ENOENT) {
		error_set(err, ERROR_NO_SUCH_CONTAINER, "the container was removed meanwhile");
		snprintf(err->field, sizeof err->field, "%s", id);
	}
	return -1;
}

int work_logs(struct work *w, struct error *err)
{
	_cleanup_fd_ int parent = -1, dir = -1;
	const struct control_work *m = &w->message;
	struct logs l = { .work = w, .more = m->log_flags & LOGS_MORE, .follow = m->log_flags & LOGS_FOLLOW };
	if (work_open_parent(w, &parent, err) < 0 || open_folder(parent, m->id, &dir, err) < 0)
		return -1;
	l.dir_fd = dir;
	l.watch = -1;
	if (log_reader_open(&l.reader, dir) < 0)
		return error_errno(err, "open the log");
	l.records = json_object_new_array();
	if (m->log_tail >= 0)
		skip_to_tail(&l, (uint64_t) m->log_tail);
	log_reader_go_on(&l.reader);
	bool live = l.follow && (m->log_flags & LOGS_RUNNING);
	int result = live ? follow(&l, err) : send_present(&l, err);
	l.watch = -1;
	if (result == 0)
		send_records(&l, false);
	json_put(&l.records);
	log_reader_close(&l.reader);
	return result;
}
