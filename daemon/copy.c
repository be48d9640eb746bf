/* copy.c - CopyOut and CopyIn: a worker answers and serves the client's connection. And who waits for that.
 * (Declared in copies.h.) */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/json.h"
#include "common/parse.h"
#include "daemon/batch.h"
#include "daemon/container.h"
#include "daemon/copies.h"
#include "daemon/daemon.h"
#include "daemon/handlers.h"
#include "daemon/request.h"
#include "daemon/work.h"

struct copy {
	struct watch watch;
	struct request *rq;
	struct container *c;
	bool out;
	bool ending;	  /* it has been told to */
	bool awaited;	  /* somebody waits for its end */
	int64_t until_ns; /* while it waits for its turn */
	TAILQ_ENTRY(copy) link;
};

static TAILQ_HEAD(, copy) copies = TAILQ_HEAD_INITIALIZER(copies);
static struct event *tick; /* those who wait look at the time */

/* ---- waiting for copies ---- */

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct copy *copy;

	(void) fd;
	(void) what;
	(void) arg;
	TAILQ_FOREACH (copy, &copies, link)
		if (copy->awaited)
			container_changed(copy->c);
}

static void begin_ticks(struct daemon *d)
{
	struct timeval second = { .tv_sec = 1 };

	if (tick)
		return;
	tick = event_new(d->base, -1, EV_PERSIST, on_tick, NULL);
	if (!tick)
		abort();
	event_add(tick, &second);
}

static struct copy *find_copy(const struct container *c)
{
	struct copy *copy;

	TAILQ_FOREACH (copy, &copies, link)
		if (copy->c == c)
			return copy;
	return NULL;
}

/* The sentence for whom it held up too long. */
static enum step in_the_way(const struct copy *copy, struct error *err)
{
	const struct caller *caller = &copy->rq->caller;
	const struct container *c = copy->c;
	char path[64], command[64];

	escape_text(json_string(copy->rq->parameters, "path", ""), path, sizeof(path));
	escape_text(caller->command, command, sizeof(command));
	if (copy->ending) {
		step_invalid(c, err,
			"container '%s' is held by a copy of '%s' that hangs in a file system and cannot be "
			"killed",
			c->name, path);
		error_hint(err, "it ends when that file system answers; until then the container stays");
		return STEP_FAILED;
	}
	step_invalid(c, err, "container '%s' is being copied %s ('%s', asked for by %s, pid %d)", c->name,
		copy->out ? "from" : "into", path, command[0] ? command : "a program", (int) caller->pid);
	error_hint(err, "wait for that copy, or end that program; rm -f ends the copy");
	return STEP_FAILED;
}

enum step copies_wait(struct container *c, int64_t timeout_ms, int64_t *until_ns, struct error *err)
{
	struct copy *copy = c->gone ? NULL : find_copy(c);
	int64_t now = clock_monotonic_ns();

	if (!copy)
		return STEP_DONE;
	if (*until_ns == 0)
		*until_ns = now + timeout_ms * 1000000;
	if (now >= *until_ns)
		return in_the_way(copy, err);
	copy->awaited = true;
	begin_ticks(c->d);
	return STEP_WAIT;
}

void copies_end(struct container *c)
{
	struct copy *copy;

	TAILQ_FOREACH (copy, &copies, link)
		if (copy->c == c && !copy->ending) {
			copy->ending = true;
			work_end(copy);
		}
}

/* ---- copying ---- */

static void on_copied(void *arg, const struct error *err, int fd, size_t size)
{
	struct copy copy = *(struct copy *) arg;
	struct request *rq = copy.rq;

	(void) fd;
	(void) size;
	TAILQ_REMOVE(&copies, (struct copy *) arg, link);
	if (TAILQ_EMPTY(&copies) && tick) {
		event_free(tick);
		tick = NULL;
	}
	free(arg);
	copy.c->copies--;
	container_changed(copy.c);
	/* One that was killed may have replied; and one that is left alone by a daemon that ends goes on with
	 * the client. */
	if (!err || rq->d->ending || work_died(err)) {
		request_given_away(rq);
		return;
	}
	if (rq->conn)
		conn_take_back(rq->conn);
	request_error(rq, err);
}

static struct json_object *make_order(const struct copy *copy)
{
	struct json_object *order = json_object_new_object(), *parameters = copy->rq->parameters,
			   *source = json_get(parameters, "source");
	const struct bundle *bundle = &copy->c->bundle;

	json_add_bool(order, "out", copy->out);
	json_add_string(order, "path", json_string(parameters, "path", ""));
	json_add_bool(order, "follow", json_flag(parameters, "follow", false));
	json_add_bool(order, "archive", json_flag(parameters, "archive", false));
	if (source)
		json_add(order, "source", json_object_get(source));
	json_add_bool(order, "newline", conn_terminator(copy->rq->conn) == '\n');
	json_add_bool(order, "direct", bundle->direct);
	json_add_bool(order, "lock", bundle->lock);
	return order;
}

static int begin(struct copy *copy, struct error *err)
{
	struct container *c = copy->c;
	struct request *rq = copy->rq;
	_cleanup_json_ struct json_object *json = make_order(copy);
	struct work_order order = { .op = WORK_COPY,
		.id = container_id(c),
		.transient = c->bundle.transient,
		.path = c->bundle.rootfs,
		.running = container_runs(c),
		.pidfd = c->pidfd };

	order.config.text = json_text(json, &order.config.size);
	order.early.text = conn_early(rq->conn, &order.early.size);
	order.client = conn_lend(rq->conn);
	if (work_start(rq->d, &order, on_copied, copy, err) < 0) {
		conn_take_back(rq->conn);
		return -1;
	}
	c->copies++;
	TAILQ_INSERT_TAIL(&copies, copy, link);
	return 0;
}

/* 0: it can be done; 1: wait. */
static int look(struct container *c, int64_t *until_ns, struct error *err)
{
	enum step step;

	if (!c->gone && container_undecided(c))
		return 1;
	if (c->gone || c->state == STATE_REMOVING) {
		step_invalid(c, err, "container '%s' is being removed", c->name);
		return -1;
	}
	if (container_runs(c) && c->pidfd < 0) {
		step_invalid(c, err, "container '%s' is ending", c->name);
		return -1;
	}
	/* Its folder is made by its only start. */
	if (!container_runs(c) && c->bundle.transient) {
		step_invalid(c, err, "container '%s' has no files before its start", c->name);
		return -1;
	}
	if (container_runs(c))
		return 0;
	step = copies_wait(c, COPIES_WAIT_TURN_MS, until_ns, err);
	if (step == STEP_FAILED)
		return -1;
	return step == STEP_DONE && container_idle(c) ? 0 : 1;
}

static void on_changed(struct watch *watch)
{
	struct copy *copy = (struct copy *) watch;
	struct request *rq = copy->rq;
	struct error err;
	int state = look(copy->c, &copy->until_ns, &err);

	if (state > 0)
		return;
	watch_stop(watch);
	rq->on_left = NULL;
	if (state == 0 && begin(copy, &err) == 0)
		return;
	free(copy);
	request_error(rq, &err);
}

static void on_left_waiting(struct request *rq)
{
	struct copy *copy = rq->data;

	watch_stop(&copy->watch);
	free(copy);
	request_drop(rq);
}

/* A top entry's name, or "." */
static int check_source(struct json_object *source, struct error *err)
{
	const char *name = json_string(source, "name", "x");

	if (name[0] == 0 || strchr(name, '/') || strcmp(name, "..") == 0)
		return error_config(err, "source.name", "source.name must be one name, or '.'");
	if (strcmp(name, ".") == 0 && !json_flag(source, "folder", false))
		return error_config(err, "source.folder", "source.folder: '.' can only be a folder");
	return 0;
}

static void copy_begin(struct request *rq, bool out)
{
	struct copy *copy;
	struct error err;
	int result = 0;

	if (!rq->upgrade)
		result = error_set(&err, ERROR_UPGRADE_REQUIRED, "a copy needs a call with upgrade");
	else if (json_string(rq->parameters, "path", "")[0] == 0)
		result = error_config(&err, "path", "the path is empty");
	if (result == 0)
		result = check_source(json_get(rq->parameters, "source"), &err);
	if (result < 0) {
		request_error(rq, &err);
		return;
	}
	copy = calloc(1, sizeof(*copy));
	if (!copy)
		abort();
	*copy = (struct copy) { .watch.changed = on_changed, .rq = rq, .c = rq->target, .out = out };
	rq->data = copy;
	rq->on_left = on_left_waiting;
	container_watch(rq->target, &copy->watch);
	on_changed(&copy->watch);
}

void handle_copy_out(struct request *rq)
{
	copy_begin(rq, true);
}

void handle_copy_in(struct request *rq)
{
	copy_begin(rq, false);
}
