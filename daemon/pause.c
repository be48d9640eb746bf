/* pause.c - Pause and Unpause: a worker freezes the container's cgroup and waits until all of it stands
 * still. The shim has no part in it, but that its stop lets a frozen container go on, so that it can end. */
#include <stdlib.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/log.h"
#include "daemon/batch.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/handlers.h"
#include "daemon/request.h"
#include "daemon/work.h"

static int order(struct container *c, bool frozen, work_fn *fn, struct error *err)
{
	struct work_order work = {
		.op = WORK_PAUSE, .id = container_id(c), .transient = c->bundle.transient, .frozen = frozen
	};

	if (work_start(c->d, &work, fn, c, err) < 0)
		return -1;
	c->working++;
	c->pausing = true;
	return 0;
}

static void end(struct container *c)
{
	c->working--;
	c->pausing = false;
	container_changed(c);
}

static void finish(struct container *c, enum state state, const struct error *err)
{
	end(c);
	if (err) {
		c->work_error = malloc(sizeof(*err));
		if (!c->work_error)
			abort();
		*c->work_error = *err;
	} else if (container_runs(c) && state_allowed(c->state, state)) {
		container_set_state(c, state);
	}
}

static void on_thawed(void *arg, const struct error *err, int fd, size_t size)
{
	(void) fd;
	(void) size;
	finish(arg, STATE_RUNNING, err);
}

static void on_taken_back(void *arg, const struct error *err, int fd, size_t size)
{
	struct container *c = arg;

	(void) fd;
	(void) size;
	if (err && container_runs(c))
		log_warning("container %s may be frozen", container_id(c));
	end(c);
}

static void on_frozen(void *arg, const struct error *err, int fd, size_t size)
{
	struct container *c = arg;
	struct error ignored;

	(void) fd;
	(void) size;
	finish(c, STATE_PAUSED, err);
	/* No error of a system call: the worker was killed, and nobody knows how far it had come. */
	if (err && err->errnum == 0 && container_runs(c) && !c->d->ending)
		order(c, false, on_taken_back, &ignored);
}

/* What came of it. What the container did afterwards, or somebody did to it, is another matter. */
static enum step outcome(const struct item *item, const struct container *c, struct error *err)
{
	if (c->pausing)
		return STEP_WAIT;
	if (!c->work_error)
		return STEP_DONE;
	if (c->gone)
		return step_gone(item, err);
	if (!container_runs(c))
		return step_invalid(c, err, "container '%s' has ended", c->name);
	*err = *c->work_error;
	return STEP_FAILED;
}

static enum step step(struct item *item, struct container *c, bool paused, struct error *err)
{
	if (item->acted)
		return outcome(item, c, err);
	if (c->gone)
		return step_gone(item, err);
	if (container_undecided(c) || c->working > 0)
		return STEP_WAIT;
	if (!container_runs(c) || c->state == STATE_STOPPING)
		return step_invalid(c, err, "container '%s' is not running", c->name);
	if ((c->state == STATE_PAUSED) == paused)
		return step_invalid(c, err,
			paused ? "container '%s' is paused already" : "container '%s' is not paused",
			c->name);
	container_asked(c, &item->rq->caller);
	free(steal_pointer(&c->work_error));
	if (order(c, paused, paused ? on_frozen : on_thawed, err) < 0)
		return STEP_FAILED;
	item->acted = true;
	return STEP_WAIT;
}

static enum step step_pause(struct item *item, struct container *c, struct error *err)
{
	return step(item, c, true, err);
}

static enum step step_unpause(struct item *item, struct container *c, struct error *err)
{
	return step(item, c, false, err);
}

void handle_pause(struct request *rq)
{
	static const struct verb verb = { step_pause, false };

	batch_run(rq, &verb);
}

void handle_unpause(struct request *rq)
{
	static const struct verb verb = { step_unpause, false };

	batch_run(rq, &verb);
}
