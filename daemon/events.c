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
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/log.h"
#include "common/parse.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/events_private.h"
#include "daemon/store.h"
#include "daemon/work.h"

#define RING	    2048
#define FILE_MAX    (8 * 1024 * 1024)
#define BACKLOG_MAX 4096 /* events that the disk has not taken yet */
#define AFTER_CRASH 1000 /* numbers left out where the last ones are not known: after a reboot, for one */
#define SEQ_MAX	    (INT64_C(1) << 53) /* JSON's numbers are exact up to here; by counting nobody gets there */
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
	/* Of what was read: since when it has everything, each container's last run that has an exit, those
	 * that were started since, and the name of each that was not removed. */
	int64_t reach_ns;
	struct json_object *exits, *started, *left;
	struct json_object *sessions; /* those whose exec_exit is there */
	int sock;		      /* of the worker that writes the file; -1: none */
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

size_t events_after(const struct events *ev, int64_t seq)
{
	size_t low = 0, high = ev->known;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (entry_at(ev, middle)->seq <= seq)
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

/* What a container's event says of it for the next daemon. */
static void take_note(struct events *ev, struct json_object *event)
{
	const char *kind = json_string(event, "kind", ""), *id = json_string(event, "container", NULL);
	const char *name = json_string(event, "name", "");
	int64_t time_ns, run;

	if (ev->reach_ns == INT64_MAX && time_parse(json_string(event, "time", ""), &time_ns) == 0)
		ev->reach_ns = time_ns;
	if (!id)
		return;
	if (strcmp(kind, "start") == 0)
		json_add_bool(ev->started, id, true);
	else if (strcmp(kind, "exit") == 0 || strcmp(kind, "remove") == 0)
		json_object_object_del(ev->started, id);
	if (strcmp(kind, "remove") == 0)
		json_object_object_del(ev->left, id);
	else if (strcmp(kind, "create") == 0 || strcmp(kind, "start") == 0 || strcmp(kind, "rename") == 0)
		json_add_string(ev->left, id, name);
	if (strcmp(kind, "exec_exit") == 0)
		json_add_bool(ev->sessions, json_string(json_get(event, "attributes"), "session", ""), true);
	if (strcmp(kind, "exit") == 0 &&
		parse_i64(json_string(json_get(event, "attributes"), "run", ""), &run) == 0)
		json_add_int(ev->exits, id, run);
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
	if (seq <= ev->last || seq > SEQ_MAX || !json_string(event, "time", NULL) ||
		!json_string(event, "kind", NULL) ||
		!json_object_is_type(json_get(event, "attributes"), json_type_object))
		return;
	ring_put(ev, seq, json_text(event, NULL));
	take_note(ev, event);
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
 * are written. The lock's size is the number of those that a full disk did not take behind the last one. */
static bool await_old_writer(struct events *ev, int64_t *ret_missing)
{
	struct stat st;
	bool over = false;
	_cleanup_fd_ int lock =
		openat(ev->d->store->state, "events.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	const struct timespec pause = { .tv_nsec = LOCK_US * 1000 };

	for (int i = 0; lock >= 0 && i < LOCK_TRIES && !over; i++) {
		over = flock(lock, LOCK_EX | LOCK_NB) == 0;
		if (!over)
			nanosleep(&pause, NULL);
	}
	*ret_missing = lock >= 0 && fstat(lock, &st) == 0 ? st.st_size : 0;
	return over;
}

struct events *events_new(struct daemon *d, struct error *err)
{
	struct events *ev = calloc(1, sizeof(*ev));
	bool same_boot = false, complete;
	int64_t missing;

	if (!ev)
		abort();
	ev->d = d;
	ev->sock = -1;
	ev->reach_ns = INT64_MAX;
	ev->exits = json_object_new_object();
	ev->started = json_object_new_object();
	ev->left = json_object_new_object();
	ev->sessions = json_object_new_object();
	TAILQ_INIT(&ev->backlog);
	complete = await_old_writer(ev, &missing);
	if (load_file(ev, "events.1", &same_boot, err) < 0 || load_file(ev, "events", &same_boot, err) < 0) {
		char text[2048];

		log_warning("older events are not known: %s", error_format(err, text, sizeof(text)));
	}
	ev->last += missing;
	if ((!same_boot && ev->last > 0) || !complete)
		ev->last += AFTER_CRASH;
	if (!complete)
		ev->reach_ns = INT64_MAX;
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
	json_put(&ev->exits);
	json_put(&ev->started);
	json_put(&ev->left);
	json_put(&ev->sessions);
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

bool events_session_known(const struct events *ev, const char *session)
{
	return ev && json_get(ev->sessions, session);
}

bool events_exit_known(const struct events *ev, const char *id, uint64_t run)
{
	return ev && json_int(ev->exits, id, -1) >= (int64_t) run;
}

bool events_reach_back_to(const struct events *ev, int64_t realtime_ns)
{
	return realtime_ns >= ev->reach_ns;
}

struct json_object *events_left(const struct events *ev)
{
	return ev->left;
}

bool events_exit_missing(const struct events *ev, const char *id)
{
	return json_get(ev->started, id);
}

static void add(struct events *ev, const char *kind, const char *id, const char *name,
	struct json_object *attributes, const struct caller *caller)
{
	_cleanup_json_ struct json_object *event = json_object_new_object();
	const char *text;
	size_t size;

	json_add_int(event, "seq", ev->last + 1);
	json_add_time(event, "time", clock_realtime_ns());
	json_add_string(event, "kind", kind);
	if (id) {
		json_add_string(event, "container", id);
		json_add_string(event, "name", name);
	}
	json_add(event, "attributes", attributes ? attributes : json_object_new_object());
	if (caller)
		json_add(event, "caller", caller_to_json(caller));
	text = json_text(event, &size);
	/* So many limits one call can change. */
	if (size >= EVENT_MAX) {
		json_add(event, "attributes", json_object_new_object());
		text = json_text(event, NULL);
	}
	ring_put(ev, ev->last + 1, text);
	save(ev, text);
	watch_events_tell(ev, event);
}

void events_add_gone(struct events *ev, const char *kind, const char *id, const char *name)
{
	add(ev, kind, id, name, NULL, NULL);
}

void events_add(struct events *ev, const char *kind, const struct container *c,
	struct json_object *attributes, const struct caller *caller)
{
	if (ev)
		add(ev, kind, c ? container_id(c) : NULL, c ? c->name : NULL, attributes, caller);
	else
		json_put(&attributes);
}
