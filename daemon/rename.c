/* rename.c - Rename: the name is taken at once, and given back if it cannot be written down. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/parse.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/events.h"
#include "daemon/handlers.h"
#include "daemon/registry.h"
#include "daemon/request.h"
#include "daemon/work.h"

struct renaming {
	struct watch watch;
	struct request *rq;
	struct container *c;
	char old[65];
	bool again; /* its worker died, and this is the second one */
};

static void on_left_waiting(struct request *rq)
{
	struct renaming *renaming = rq->data;

	watch_stop(&renaming->watch);
	free(renaming);
	request_drop(rq);
}

static void fail(struct renaming *renaming, const struct error *err)
{
	struct request *rq = renaming->rq;

	free(renaming);
	request_error(rq, err);
}

static void fail_removed(struct renaming *renaming)
{
	const char *name = renaming->old[0] ? renaming->old : renaming->c->name;
	struct error err;

	error_set(&err, ERROR_INVALID_STATE, "container '%s' is being removed", name);
	snprintf(err.field, sizeof(err.field), "%s", name);
	snprintf(err.phase, sizeof(err.phase), "%s", state_name(STATE_REMOVING));
	fail(renaming, &err);
}

static int order(struct renaming *renaming, struct error *err);

static void on_saved(void *arg, const struct error *err, int fd, size_t size)
{
	struct renaming *renaming = arg;
	struct request *rq = renaming->rq;
	struct container *c = renaming->c;
	struct json_object *attributes;
	struct error ignored;

	(void) fd;
	(void) size;
	c->working--;
	container_changed(c);
	/* A --rm container may have ended meanwhile, and its folder gone under the worker's hands. */
	if (c->gone) {
		fail_removed(renaming);
		return;
	}
	/* It may have written it. */
	if (err && work_died(err) && !renaming->again && !c->d->ending) {
		struct error own;

		renaming->again = true;
		if (order(renaming, &own) == 0)
			return;
	}
	if (err) {
		/* Somebody else may have taken it meanwhile; then the new one stays for this daemon's life.
		 */
		registry_rename(c->d->registry, c, renaming->old, &ignored);
		fail(renaming, err);
		return;
	}
	attributes = json_object_new_object();
	json_add_string(attributes, "old_name", renaming->old);
	events_add(c->d->events, "rename", c, attributes, &rq->caller);
	free(renaming);
	request_reply(rq, NULL);
}

static int order(struct renaming *renaming, struct error *err)
{
	struct container *c = renaming->c;
	_cleanup_free_ char *state = container_state_text(c->name);
	struct work_order order = { .op = WORK_SAVE_STATE,
		.id = container_id(c),
		.transient = c->bundle.transient,
		.state = { state, strlen(state) } };

	if (work_start(c->d, &order, on_saved, renaming, err) < 0)
		return -1;
	c->working++;
	return 0;
}

static void save(struct renaming *renaming)
{
	struct request *rq = renaming->rq;
	struct container *c = renaming->c;
	struct error err;

	snprintf(renaming->old, sizeof(renaming->old), "%s", c->name);
	if (registry_rename(rq->d->registry, c, json_string(rq->parameters, "name", ""), &err) < 0) {
		fail(renaming, &err);
	} else if (order(renaming, &err) < 0) {
		registry_rename(rq->d->registry, c, renaming->old, &(struct error) { 0 });
		fail(renaming, &err);
	}
}

/* Its folder must be there, and no other name be on its way into it. */
static void try(struct watch *watch)
{
	struct renaming *renaming = (struct renaming *) watch;
	struct container *c = renaming->c;

	if (!c->gone && (c->working > 0 || c->state == STATE_STARTING))
		return;
	watch_stop(watch);
	renaming->rq->on_left = NULL;
	if (!c->gone && c->state != STATE_REMOVING) {
		save(renaming);
		return;
	}
	fail_removed(renaming);
}

void handle_rename(struct request *rq)
{
	const char *name = json_string(rq->parameters, "name", "");
	struct renaming *renaming;
	struct error err;
	char shown[80];

	if (!name_valid(name)) {
		error_config(&err, "name",
			"'%s' is not a name: letters, digits, '_', '.', '-', at most 64, beginning with a "
			"letter or "
			"digit, and not 32 hexadecimal digits",
			escape_text(name, shown, sizeof(shown)));
		request_error(rq, &err);
		return;
	}
	renaming = calloc(1, sizeof(*renaming));
	if (!renaming)
		abort();
	*renaming = (struct renaming) { .watch.changed = try, .rq = rq, .c = rq->target };
	rq->data = renaming;
	rq->on_left = on_left_waiting;
	container_watch(rq->target, &renaming->watch);
	try(&renaming->watch);
}
