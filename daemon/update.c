/* update.c - Update: other limits. They lie in config.json, which is written anew as a whole; a worker puts
 * them into the cgroup first, where there is one, so that what is written down is what was possible. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/resources.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/events.h"
#include "daemon/handlers.h"
#include "daemon/request.h"
#include "daemon/work.h"

struct update {
	struct watch watch;
	struct request *rq;
	struct container *c;
	struct limits after, diff;
	char *config;
	size_t config_size;
	bool again; /* its worker died, and this is the second one */
};

static void update_free(struct update *update)
{
	limits_done(&update->after);
	limits_done(&update->diff);
	free(update->config);
	free(update);
}

static void on_left_waiting(struct request *rq)
{
	struct update *update = rq->data;

	watch_stop(&update->watch);
	update_free(update);
	request_drop(rq);
}

static void fail(struct update *update, const struct error *err)
{
	struct request *rq = update->rq;

	update_free(update);
	request_error(rq, err);
}

static void fail_removed(struct update *update)
{
	struct error err;

	error_set(&err, ERROR_INVALID_STATE, "container '%s' is being removed", update->c->name);
	snprintf(err.field, sizeof(err.field), "%s", update->c->name);
	snprintf(err.phase, sizeof(err.phase), "%s", state_name(STATE_REMOVING));
	fail(update, &err);
}

/* What has changed, as it was or as it is. */
static struct json_object *show(const struct limits *diff, bool before)
{
	_cleanup_limits_ struct limits shown = { 0 };
	struct error ignored;

	for (size_t i = 0; i < diff->n; i++) {
		const char *value = before ? diff->v[i].before : diff->v[i].value;

		if (value)
			limits_set(&shown, diff->v[i].file, value, true, &ignored);
	}
	return resources_show(&shown);
}

static void answer(struct update *update)
{
	struct request *rq = update->rq;
	struct json_object *reply = json_object_new_object();

	json_add(reply, "before", show(&update->diff, true));
	json_add(reply, "after", show(&update->diff, false));
	update_free(update);
	request_reply(rq, reply);
}

static void announce(const struct update *update)
{
	struct json_object *attributes = json_object_new_object();

	for (size_t i = 0; i < update->diff.n; i++) {
		const struct limit *l = &update->diff.v[i];
		const char *lines = json_string(attributes, l->file, NULL);
		_cleanup_free_ char *more = NULL;

		if (lines && asprintf(&more, "%s\n%s", lines, l->value) < 0)
			abort();
		json_add_string(attributes, l->file, more ? more : l->value);
	}
	events_add(update->c->d->events, "update", update->c, attributes, &update->rq->caller);
}

static int order(struct update *update, struct error *err);

static void on_updated(void *arg, const struct error *err, int fd, size_t size)
{
	struct update *update = arg;
	struct container *c = update->c;

	(void) fd;
	(void) size;
	c->working--;
	container_changed(c);
	/* A --rm container may have ended meanwhile, and its folder gone under the worker's hands. */
	if (c->gone) {
		fail_removed(update);
		return;
	}
	/* It may have done a part of it. */
	if (err && work_died(err) && !update->again && !c->d->ending) {
		struct error own;

		update->again = true;
		if (order(update, &own) < 0)
			fail(update, &own);
		return;
	}
	if (err) {
		fail(update, err);
		return;
	}
	bundle_limits_replace(
		&c->bundle, &update->after, steal_pointer(&update->config), update->config_size);
	announce(update);
	answer(update);
}

/* The limits that it will have, and what of its cgroup changes by that: defaults depend on what was asked
 * for. */
static int work_out(struct update *update, struct error *err)
{
	struct container *c = update->c;
	const struct limits *asked = bundle_limits(&c->bundle, err);
	_cleanup_limits_ struct limits before = { 0 }, after = { 0 };

	if (!asked)
		return -1;
	limits_copy(asked, &update->after);
	if (resources_read(json_get(update->rq->parameters, "resources"), "resources", &update->after, err) <
			0 ||
		container_limits(c, asked, &before, err) < 0 ||
		container_limits(c, &update->after, &after, err) < 0)
		return -1;
	limits_diff(&before, &after, &update->diff);
	if (container_check_limits(c, &update->diff, "resources", err) < 0)
		return -1;
	update->config = bundle_limits_text(&c->bundle, &update->after, &update->config_size, err);
	if (!update->config)
		return -1;
	return bundle_check_size("config.json", update->config_size, "resources", err);
}

/* A worker that lowers memory.max lowers memory.high for a moment (runtime/limits.c). One that died in
 * between has left it so: the next one begins with what is wanted of it. */
static void put_back_high(const struct update *update, struct limits *writes)
{
	const struct limit *wanted = limits_find(&update->after, "memory.high");
	const char *value = wanted ? wanted->value : "max";
	struct error ignored;

	if (!limits_find(writes, "memory.max") || limits_find(writes, "memory.high") ||
		limits_set(writes, "memory.high", value, false, &ignored) < 0)
		return;
	for (size_t i = 0; i < writes->n; i++)
		if (strcmp(writes->v[i].file, "memory.high") == 0 && !(writes->v[i].before = strdup(value)))
			abort();
}

static int order(struct update *update, struct error *err)
{
	struct container *c = update->c;
	_cleanup_limits_ struct limits writes = { 0 };

	limits_copy(&update->diff, &writes);
	if (update->again)
		put_back_high(update, &writes);

	_cleanup_free_ char *lines = limits_format(&writes);
	struct work_order order = { .op = WORK_UPDATE,
		.id = container_id(c),
		.transient = c->bundle.transient,
		.config = { update->config, update->config_size },
		.limits = { lines, strlen(lines) },
		.running = container_runs(c) };

	if (work_start(c->d, &order, on_updated, update, err) < 0)
		return -1;
	c->working++;
	return 0;
}

static void save(struct update *update)
{
	struct error err;

	if (work_out(update, &err) < 0)
		fail(update, &err);
	else if (update->diff.n == 0)
		answer(update);
	else if (order(update, &err) < 0)
		fail(update, &err);
}

/* Its folder must be there, and no other limits be on their way into it. */
static void try(struct watch *watch)
{
	struct update *update = (struct update *) watch;
	struct container *c = update->c;

	if (!c->gone && (c->working > 0 || container_undecided(c)))
		return;
	watch_stop(watch);
	update->rq->on_left = NULL;
	if (c->gone || c->state == STATE_REMOVING)
		fail_removed(update);
	else
		save(update);
}

void handle_update(struct request *rq)
{
	struct update *update = calloc(1, sizeof(*update));

	if (!update)
		abort();
	*update = (struct update) { .watch.changed = try, .rq = rq, .c = rq->target };
	rq->data = update;
	rq->on_left = on_left_waiting;
	container_watch(rq->target, &update->watch);
	try(&update->watch);
}
