/* stats.c - Stats: each look is a worker's; with more, one a second. A client that reads slowly misses some.
 */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/json.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/figures.h"
#include "daemon/handlers.h"
#include "daemon/registry.h"
#include "daemon/request.h"
#include "daemon/work.h"

#define PERIOD_S    1
#define STATS_MAX   500	  /* that surely fit one reply */
#define ADOPTING_US 20000 /* until a shim that is being adopted has answered */

struct stats {
	struct request *rq; /* NULL: the client has left while a worker looked */
	struct event *timer;
	bool looking;
	struct json_object *ids;      /* those that were named; NULL: all */
	struct json_object *previous; /* what was answered last */
};

static void stats_free(struct stats *stats)
{
	event_free(stats->timer);
	json_put(&stats->ids);
	json_put(&stats->previous);
	free(stats);
}

static void stats_fail(struct stats *stats, const struct error *err)
{
	request_error(stats->rq, err);
	stats_free(stats);
}

static void look_in(struct stats *stats, time_t s, suseconds_t us)
{
	struct timeval after = { .tv_sec = s, .tv_usec = us };

	event_add(stats->timer, &after);
}

/* ---- of whom ---- */

static bool live(const struct container *c)
{
	return c->pid > 0;
}

/* The named ones by their ids, which no rename changes. */
static int read_names(struct request *rq, struct json_object **ret_ids, struct error *err)
{
	struct json_object *names = json_get(rq->parameters, "containers");
	_cleanup_json_ struct json_object *ids = json_object_new_array();

	if (!names)
		return 0;
	for (size_t i = 0; i < json_length(names); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(names, i));
		const struct container *c = registry_find(rq->d->registry, name, err);

		if (!c)
			return -1;
		json_object_array_add(ids, json_object_new_string(container_id(c)));
	}
	*ret_ids = json_object_get(ids);
	return 0;
}

/* The i-th that this call is about; NULL behind the last, *ret_c NULL for one that is gone or of no interest.
 */
static bool nth(const struct stats *stats, size_t i, struct container **ret_c)
{
	struct registry *reg = stats->rq->d->registry;
	bool all = json_flag(stats->rq->parameters, "all", false);
	struct container *c;

	if (stats->ids) {
		if (i >= json_length(stats->ids))
			return false;
		*ret_c =
			registry_by_id(reg, json_object_get_string(json_object_array_get_idx(stats->ids, i)));
		return true;
	}
	c = registry_at(reg, i);
	*ret_c = c && !c->hidden && (all || live(c)) ? c : NULL;
	return c != NULL;
}

static bool any_adopting(const struct stats *stats)
{
	struct container *c;

	for (size_t i = 0; nth(stats, i, &c); i++)
		if (c && c->adopting)
			return true;
	return false;
}

/* ---- the answer ---- */

static struct json_object *find_sample(struct json_object *samples, const char *id)
{
	for (size_t i = 0; i < json_length(samples); i++) {
		struct json_object *sample = json_object_array_get_idx(samples, i);

		if (strcmp(json_string(sample, "id", ""), id) == 0)
			return sample;
	}
	return NULL;
}

/* One that does not run is there, too, if it was named: without figures. */
static struct json_object *make_list(struct stats *stats, struct json_object *samples)
{
	struct json_object *list = json_object_new_array(), *sample;
	struct container *c;

	for (size_t i = 0; nth(stats, i, &c); i++) {
		if (!c)
			continue;
		sample = json_object_get(find_sample(samples, container_id(c)));
		if (!sample)
			sample = json_object_new_object();
		json_add_string(sample, "id", container_id(c));
		json_add_string(sample, "name", c->name);
		json_add_string(sample, "state", state_name(c->state));
		json_object_array_add(list, sample);
	}
	return list;
}

static void answer(struct stats *stats, struct json_object *samples)
{
	struct json_object *reply = json_object_new_object(), *list = make_list(stats, samples);
	bool over = !stats->rq->more || (stats->ids && json_length(list) == 0);

	json_put(&stats->previous);
	stats->previous = json_object_get(list);
	json_add(reply, "stats", list);
	if (!over) {
		request_continue(stats->rq, reply);
		look_in(stats, PERIOD_S, 0);
		return;
	}
	request_reply(stats->rq, reply);
	stats_free(stats);
}

static void on_looked(void *arg, const struct error *err, int fd, size_t size)
{
	struct stats *stats = arg;
	_cleanup_json_ struct json_object *samples = NULL;
	struct error error;

	stats->looking = false;
	if (!stats->rq)
		stats_free(stats);
	else if (err || figures_read(fd, size, &samples, &error) < 0)
		stats_fail(stats, err ? err : &error);
	else
		answer(stats, samples);
}

/* ---- a look ---- */

static struct json_object *make_order(const struct stats *stats)
{
	struct json_object *order = json_object_new_object(), *list = json_object_new_array(), *item;
	struct container *c;

	for (size_t i = 0; nth(stats, i, &c); i++) {
		if (!c || !live(c))
			continue;
		item = json_object_new_object();
		json_add_string(item, "id", container_id(c));
		json_add_int(item, "pid", c->pid);
		json_object_array_add(list, item);
	}
	json_add(order, "containers", list);
	json_add(order, "previous", json_object_get(stats->previous));
	json_add_bool(order, "overhead", json_flag(stats->rq->parameters, "overhead", false));
	return order;
}

static int check_number(const struct stats *stats, struct error *err)
{
	struct container *c;
	size_t n = 0;

	for (size_t i = 0; nth(stats, i, &c); i++)
		n += c != NULL;
	if (n <= STATS_MAX)
		return 0;
	error_set(err, ERROR_LIMIT_EXCEEDED, "these are more than %d containers", STATS_MAX);
	snprintf(err->field, sizeof(err->field), "containers");
	return error_hint(err, "ask for some of them by name");
}

static void look(struct stats *stats)
{
	_cleanup_json_ struct json_object *order = make_order(stats);
	struct work_order work = { .op = WORK_STATS };
	struct error err;

	if (check_number(stats, &err) < 0) {
		stats_fail(stats, &err);
		return;
	}
	work.config.text = json_text(order, &work.config.size);
	stats->looking = work_start(stats->rq->d, &work, on_looked, stats, &err) == 0;
	if (!stats->looking)
		stats_fail(stats, &err);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct stats *stats = arg;

	(void) fd;
	(void) what;
	if (!conn_flushed(stats->rq->conn))
		look_in(stats, PERIOD_S, 0);
	else if (any_adopting(stats))
		look_in(stats, 0, ADOPTING_US);
	else
		look(stats);
}

static void on_left(struct request *rq)
{
	struct stats *stats = rq->data;

	event_del(stats->timer);
	stats->rq = NULL;
	request_drop(rq);
	if (!stats->looking)
		stats_free(stats);
}

void handle_stats(struct request *rq)
{
	struct stats *stats;
	struct json_object *ids = NULL;
	struct error err;

	if (read_names(rq, &ids, &err) < 0) {
		request_error(rq, &err);
		return;
	}
	stats = calloc(1, sizeof(*stats));
	if (!stats)
		abort();
	*stats = (struct stats) { .rq = rq, .ids = ids };
	stats->timer = evtimer_new(rq->d->base, on_timer, stats);
	if (!stats->timer)
		abort();
	rq->data = stats;
	rq->on_left = on_left;
	look_in(stats, 0, 0);
}
