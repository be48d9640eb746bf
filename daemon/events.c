#include "daemon/events.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/log.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/events_private.h"
#include "daemon/store.h"
#include "daemon/work.h"

#define RING	    2048
#define FILE_MAX    (8 * 1024 * 1024)
#define BACKLOG_MAX 4096 /* events that the disk has not taken yet */
#define AFTER_CRASH 1000 /* numbers left out where the last ones are not known: after a reboot, for one */
#define LOCK_TRIES  500
#define LOCK_US	    2000

struct line {
	TAILQ_ENTRY(line) link;
	size_t size;
	char text[];
};

struct entry {
	int64_t seq;
	char *text;
};

struct events {
	struct daemon *d;
	int64_t last;
	struct entry ring[RING];
	size_t start, known; /* which of the ring's */
	int sock;	     /* of the worker that writes the file; -1: none */
	struct event *writable;
	TAILQ_HEAD(, line) backlog;
	size_t backlog_size;
};

int64_t events_last(const struct events *ev)
{
	return ev->last;
}

static struct entry *entry_at(const struct events *ev, size_t i)
{
	return (struct entry *) &ev->ring[(ev->start + i) % RING];
}

int64_t events_oldest(const struct events *ev)
{
	return ev->known > 0 ? entry_at(ev, 0)->seq : ev->last + 1;
}

size_t events_from(const struct events *ev, int64_t seq)
{
	size_t low = 0, high = ev->known;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (entry_at(ev, middle)->seq < seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const char *events_text(const struct events *ev, size_t i)
{
	return i < ev->known ? entry_at(ev, i)->text : NULL;
}

static void ring_put(struct events *ev, int64_t seq, const char *text)
{
	struct entry *entry;

	if (ev->known == RING) {
		free(entry_at(ev, 0)->text);
		ev->start = (ev->start + 1) % RING;
		ev->known--;
	}
	entry = entry_at(ev, ev->known++);
	*entry = (struct entry) { .seq = seq, .text = strdup(text) };
	if (!entry->text)
		abort();
	ev->last = seq;
}

/* ---- the file ---- */

static void on_writable(evutil_socket_t sock, short what, void *arg);

static void stop_writer(struct events *ev)
{
	if (ev->writable)
		event_free(ev->writable);
	ev->writable = NULL;
	fd_close(&ev->sock);
}

static int start_writer(struct events *ev)
{
	struct error err;
	char text[2048];

	if (ev->sock >= 0)
		return 0;
	if (work_start_events(ev->d, &ev->sock, &err) < 0) {
		log_warning("events are not written: %s", error_format(&err, text, sizeof(text)));
		return -1;
	}
	ev->writable = event_new(ev->d->base, ev->sock, EV_WRITE, on_writable, ev);
	return 0;
}

static void drop_first(struct events *ev)
{
	struct line *line = TAILQ_FIRST(&ev->backlog);

	TAILQ_REMOVE(&ev->backlog, line, link);
	ev->backlog_size--;
	free(line);
}

/* What the worker takes now; for the rest its socket is watched. */
static void write_backlog(struct events *ev)
{
	struct line *line;
	bool anew = false;

	while ((line = TAILQ_FIRST(&ev->backlog))) {
		if (start_writer(ev) < 0)
			return;
		if (send(ev->sock, line->text, line->size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
			drop_first(ev);
		} else if (errno == EAGAIN) {
			event_add(ev->writable, NULL);
			return;
		} else {
			stop_writer(ev);
			if (anew)
				return; /* the next event tries again */
			anew = true;
		}
	}
}

static void on_writable(evutil_socket_t sock, short what, void *arg)
{
	(void) sock;
	(void) what;
	write_backlog(arg);
}

static void save(struct events *ev, const char *text)
{
	size_t size = strlen(text);
	struct line *line = malloc(sizeof(*line) + size + 1);

	if (!line)
		abort();
	memcpy(line->text, text, size);
	line->text[size] = '\n';
	line->size = size + 1;
	TAILQ_INSERT_TAIL(&ev->backlog, line, link);
	if (++ev->backlog_size > BACKLOG_MAX) {
		log_warning("the disk is too slow: an event is not written");
		drop_first(ev);
	}
	write_backlog(ev);
}

/* Torn or foreign lines are passed over. */
static void load_line(struct events *ev, const char *line, size_t size, bool *ret_same_boot)
{
	_cleanup_json_ struct json_object *event = NULL;
	struct error ignored;
	const char *boot;
	int64_t seq;

	if (size == 0 || json_parse(line, size, &event, &ignored) < 0)
		return;
	seq = json_int(event, "seq", 0);
	if (seq <= ev->last)
		return;
	ring_put(ev, seq, json_text(event, NULL));
	boot = json_string(json_get(event, "attributes"), "boot_id", NULL);
	if (boot)
		*ret_same_boot = strcmp(boot, ev->d->store->boot_id) == 0;
}

static int load_file(struct events *ev, const char *name, bool *ret_same_boot, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;

	if (fd_read_file(ev->d->store->state, name, FILE_MAX, &text, &size, err) < 0) {
		if (err->errnum == ENOENT)
			return 0;
		return -1;
	}
	for (char *p = text; p < text + size;) {
		size_t length = strcspn(p, "\n");

		load_line(ev, p, length, ret_same_boot);
		p += length + 1;
	}
	return 0;
}

/* The writer of a daemon that was killed may still have events in its socket; it holds this lock until they
 * are written. */
static bool await_old_writer(struct events *ev)
{
	bool over = false;
	_cleanup_fd_ int lock =
		openat(ev->d->store->state, "events.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	const struct timespec pause = { .tv_nsec = LOCK_US * 1000 };

	for (int i = 0; lock >= 0 && i < LOCK_TRIES && !over; i++) {
		over = flock(lock, LOCK_EX | LOCK_NB) == 0;
		if (!over)
			nanosleep(&pause, NULL);
	}
	return over;
}

struct events *events_new(struct daemon *d, struct error *err)
{
	struct events *ev = calloc(1, sizeof(*ev));
	bool same_boot = false, complete;

	if (!ev)
		abort();
	ev->d = d;
	ev->sock = -1;
	TAILQ_INIT(&ev->backlog);
	complete = await_old_writer(ev);
	if (load_file(ev, "events.1", &same_boot, err) < 0 || load_file(ev, "events", &same_boot, err) < 0) {
		char text[2048];

		log_warning("older events are not known: %s", error_format(err, text, sizeof(text)));
	}
	if ((!same_boot && ev->last > 0) || !complete)
		ev->last += AFTER_CRASH;
	return ev;
}

void events_free(struct events *ev)
{
	if (!ev)
		return;
	write_backlog(ev);
	stop_writer(ev);
	while (!TAILQ_EMPTY(&ev->backlog))
		drop_first(ev);
	for (size_t i = 0; i < ev->known; i++)
		free(entry_at(ev, i)->text);
	free(ev);
}

/* ---- new ones ---- */

static struct json_object *caller_to_json(const struct caller *caller)
{
	struct json_object *obj = json_object_new_object();

	json_add_int(obj, "pid", caller->pid);
	json_add_int(obj, "uid", caller->uid);
	json_add_int(obj, "gid", caller->gid);
	json_add_string(obj, "command", caller->command);
	return obj;
}

void events_add(struct events *ev, const char *kind, const struct container *c,
	struct json_object *attributes, const struct caller *caller)
{
	_cleanup_json_ struct json_object *event = NULL;
	const char *text;

	if (!ev) {
		json_put(&attributes);
		return;
	}
	event = json_object_new_object();
	json_add_int(event, "seq", ev->last + 1);
	json_add_time(event, "time", clock_realtime_ns());
	json_add_string(event, "kind", kind);
	if (c) {
		json_add_string(event, "container", container_id(c));
		json_add_string(event, "name", c->name);
	}
	json_add(event, "attributes", attributes ? attributes : json_object_new_object());
	if (caller)
		json_add(event, "caller", caller_to_json(caller));
	text = json_text(event, NULL);
	ring_put(ev, ev->last + 1, text);
	save(ev, text);
	watch_events_tell(ev, event);
}
