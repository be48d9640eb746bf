/* work_stats.c - one look at what containers use. How busy they are takes two: the second comes a moment
 * later, unless the order has the figures of an earlier one. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "runtime/fields.h"
#include "shim/place.h"
#include "shim/sample.h"
#include "shim/worker.h"

#define WINDOW_NS    100000000
#define WORKER_END_S 30 /* a container that lets the kernel wait for ever lets no worker do so */

struct look {
	const char *id;
	struct place place;
	struct json_object *sample; /* NULL: it is gone */
	int64_t usage_us, at_ns;    /* usage -1: not to be had */
	bool has_percent;
};

static struct json_object *find(struct json_object *list, const char *id)
{
	for (size_t i = 0; i < json_length(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		if (strcmp(json_string(item, "id", ""), id) == 0)
			return item;
	}
	return NULL;
}

static void look(struct look *l, struct json_object *container, struct json_object *previous, bool overhead)
{
	l->id = json_string(container, "id", "");
	if (place_open(l->id, (pid_t) json_int(container, "pid", 0), &l->place) < 0)
		return;
	l->sample = sample_take(&l->place);
	json_add_string(l->sample, "id", l->id);
	json_add_time(l->sample, "time", clock_realtime_ns());
	if (overhead)
		json_add(l->sample, "overhead", sample_overhead(&l->place));
	if (sample_cpu(&l->place, &l->usage_us, &l->at_ns) < 0)
		l->usage_us = -1;
	json_add_int(l->sample, "monotonic_ns", l->at_ns);
	struct json_object *before = find(previous, l->id);
	int64_t from_us = json_int(json_get(before, "cpu"), "usage_us", -1);
	/* One that was started again meanwhile begins anew. */
	l->has_percent = from_us >= 0 && from_us <= l->usage_us;
	if (l->has_percent)
		sample_add_percent(
			l->sample, from_us, json_int(before, "monotonic_ns", 0), l->usage_us, l->at_ns);
}

/* The same moment serves all of them. */
static void look_again(struct look *looks, size_t n)
{
	bool needed = false;
	for (size_t i = 0; i < n; i++)
		needed |= looks[i].sample != NULL && !looks[i].has_percent && looks[i].usage_us >= 0;
	if (!needed)
		return;
	nanosleep(&(struct timespec) { .tv_nsec = WINDOW_NS }, NULL);
	for (size_t i = 0; i < n; i++) {
		int64_t usage, at;
		if (looks[i].sample != NULL && !looks[i].has_percent && looks[i].usage_us >= 0 &&
			sample_cpu(&looks[i].place, &usage, &at) == 0)
			sample_add_percent(looks[i].sample, looks[i].usage_us, looks[i].at_ns, usage, at);
	}
}

int work_stats(struct work *w, struct error *err)
{
	_cleanup_json_ struct json_object *order = NULL, *result = json_object_new_array();
	alarm(WORKER_END_S);
	if (work_order_json(w, &order, err) < 0)
		return -1;
	struct json_object *containers = json_get(order, "containers"),
			   *previous = json_get(order, "previous");
	size_t n = json_length(containers);
	_cleanup_free_ struct look *looks = fields_alloc(n, sizeof *looks);
	for (size_t i = 0; i < n; i++) {
		looks[i].place = (struct place) { -1, -1, 0 };
		look(&looks[i], json_object_array_get_idx(containers, i), previous,
			json_flag(order, "overhead", false));
	}
	look_again(looks, n);
	for (size_t i = 0; i < n; i++) {
		place_close(&looks[i].place);
		if (looks[i].sample != NULL)
			json_object_array_add(result, looks[i].sample);
	}
	return work_result_json(w, result, err);
}
