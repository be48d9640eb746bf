#include "daemon/batch.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/parse.h"
#include "daemon/daemon.h"
#include "daemon/registry.h"
#include "daemon/request.h"

#define TARGETS_MAX 10000 /* in one call: they are looked up in one turn of the loop */

struct batch {
	struct request *rq;
	const struct verb *verb;
	struct json_object *outcomes; /* without more: in the order of the targets */
	size_t n, left;
	struct item items[];
};

static void batch_free(struct batch *batch)
{
	for (size_t i = 0; i < batch->n; i++)
		watch_stop(&batch->items[i].watch);
	json_put(&batch->outcomes);
	free(batch);
}

enum step step_gone(const struct item *item, struct error *err)
{
	char shown[80];

	error_set(err, ERROR_NO_SUCH_CONTAINER, "container '%s' was removed meanwhile",
		escape_text(item->target, shown, sizeof(shown)));
	snprintf(err->field, sizeof(err->field), "%s", shown);
	return STEP_FAILED;
}

enum step step_invalid(const struct container *c, struct error *err, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	error_set(err, ERROR_INVALID_STATE, "%s", text);
	snprintf(err->field, sizeof(err->field), "%s", c->name);
	snprintf(err->phase, sizeof(err->phase), "%s", state_name(c->state));
	return STEP_FAILED;
}

/* A remark, not an error: what was asked for is done. */
static void add_remark(struct json_object *outcome, const struct item *item, const struct container *c)
{
	char text[160], name[16];

	snprintf(text, sizeof(text), "container '%s' did not end at %s and was killed", c->name,
		signal_format(item->ignored, name));
	json_add_string(outcome, "message", text);
	if (!json_flag(c->bundle.shim_json, "init", false))
		json_add_string(outcome, "hint",
			"a first process ignores every signal that it has no handler for; --init runs one "
			"that passes "
			"them on");
}

static struct json_object *make_outcome(
	const struct item *item, const struct container *c, const struct error *err, bool tells_exit)
{
	struct json_object *outcome = json_object_new_object(), *told;

	json_add_string(outcome, "container", item->target);
	if (err) {
		told = error_to_json(err);
		json_add_string(outcome, "error", error_name(err->kind));
		json_add_string(outcome, "message", json_string(told, "message", ""));
		json_add_string(outcome, "hint", json_string(told, "hint", NULL));
		if (json_get(told, "exit_code"))
			json_add_int(outcome, "exit_code", json_int(told, "exit_code", 125));
		json_object_put(told);
	} else if (c && tells_exit && container_run_over(c, item->run)) {
		json_add(outcome, "exit", exit_to_json(&c->exit));
	}
	if (!err && c && item->ignored)
		add_remark(outcome, item, c);
	return outcome;
}

static struct json_object *wrap(struct json_object *outcomes)
{
	struct json_object *reply = json_object_new_object();

	json_add(reply, "outcomes", outcomes);
	return reply;
}

/* May end the request, and with it the batch: true then. */
static bool finish(struct item *item, const struct container *c, const struct error *err)
{
	struct batch *batch = item->batch;
	struct request *rq = batch->rq;
	struct json_object *outcome = make_outcome(item, c, err, batch->verb->tells_exit), *all;
	bool last = --batch->left == 0;

	item->finished = true;
	watch_stop(&item->watch);
	if (rq->more) {
		all = json_object_new_array();
		json_object_array_add(all, outcome);
	} else {
		json_object_array_put_idx(batch->outcomes, (size_t) (item - batch->items), outcome);
		all = last ? steal_pointer(&batch->outcomes) : NULL;
	}
	if (!last) {
		if (all)
			request_continue(rq, wrap(all));
		return false;
	}
	batch_free(batch);
	request_reply(rq, wrap(all));
	return true;
}

/* True: the batch is over. */
static bool try_step(struct item *item, struct container *c)
{
	struct error err;

	if (c->adopting && !c->gone)
		return false;
	switch (item->batch->verb->step(item, c, &err)) {
	case STEP_DONE: return finish(item, c, NULL);
	case STEP_FAILED: return finish(item, c, &err);
	case STEP_WAIT: break;
	}
	return false;
}

static void on_changed(struct watch *watch)
{
	struct item *item = (struct item *) watch;

	try_step(item, watch->c);
}

static void on_left(struct request *rq)
{
	batch_free(rq->data);
	request_drop(rq);
}

/* True: the batch is over. */
static bool begin(struct item *item)
{
	struct error err;
	struct container *c = registry_find(item->rq->d->registry, item->target, &err);

	if (!c)
		return finish(item, NULL, &err);
	item->run = c->run > 0 ? c->run : 1;
	item->attempt = c->decided + 1;
	/* Watched before the first step, which may wait; a step that is done stops it. */
	container_watch(c, &item->watch);
	return try_step(item, c);
}

void batch_run(struct request *rq, const struct verb *verb)
{
	struct json_object *targets = json_get(rq->parameters, "containers");
	size_t n = json_length(targets);
	struct batch *batch;
	struct error err;

	if (n == 0) {
		error_set(&err, ERROR_INVALID_PARAMETER, "containers is empty");
		snprintf(err.field, sizeof(err.field), "containers");
		request_error(rq, &err);
		return;
	}
	if (n > TARGETS_MAX) {
		error_set(&err, ERROR_LIMIT_EXCEEDED, "more than %d containers in one call", TARGETS_MAX);
		snprintf(err.field, sizeof(err.field), "containers");
		request_error(rq, &err);
		return;
	}
	batch = calloc(1, sizeof(*batch) + n * sizeof(batch->items[0]));
	if (!batch)
		abort();
	batch->rq = rq;
	batch->verb = verb;
	batch->n = batch->left = n;
	batch->outcomes = rq->more ? NULL : json_object_new_array();
	rq->data = batch;
	rq->on_left = on_left;
	for (size_t i = 0; i < n; i++)
		batch->items[i] = (struct item) { .watch.changed = on_changed,
			.batch = batch,
			.rq = rq,
			.target = json_object_get_string(json_object_array_get_idx(targets, i)) };
	for (size_t i = 0; i < n; i++)
		if (begin(&batch->items[i]))
			return;
}
