/* work_limits.c - what became of a running container's limits. */
#include <json-c/json.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "common/json.h"
#include "common/resources.h"
#include "shim/limit_diff.h"
#include "shim/place.h"
#include "shim/worker.h"

#define WORKER_END_S 30

static void add(struct json_object *list, struct json_object *diff)
{
	if (diff != NULL)
		json_object_array_add(list, diff);
}

/* The file of a row that stands for one file, the first time that it is there. */
static bool is_file(const struct resource *r)
{
	bool named = r->kind != RESOURCE_VERBATIM && r->kind != RESOURCE_PAGES;
	return named && (r == resources || strcmp(r[-1].file, r->file) != 0);
}

int work_diff_limits(struct work *w, struct error *err)
{
	_cleanup_json_ struct json_object *order = NULL, *list = json_object_new_array();
	struct place place;
	alarm(WORKER_END_S);
	if (work_order_json(w, &order, err) < 0)
		return -1;
	struct json_object *limits = json_get(order, "limits");
	if (place_open(w->message.id, (pid_t) json_int(order, "pid", 0), &place) < 0)
		return error_set(err, ERROR_INVALID_STATE, "the container has just ended");
	json_object_object_foreach (limits, file, entry)
		add(list, limit_diff(&place, file, json_string(entry, "wanted", ""),
				  json_flag(entry, "asked", false)));
	/* And what somebody has set by hand. */
	for (const struct resource *r = resources; r->field != NULL; r++)
		if (is_file(r) && json_get(limits, r->file) == NULL)
			add(list, limit_diff(&place, r->file, NULL, false));
	place_close(&place);
	return work_result_json(w, list, err);
}
