/* verbs.c - what each verb on several containers does with one of them. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/log.h"
#include "common/parse.h"
#include "daemon/batch.h"
#include "daemon/copies.h"
#include "daemon/daemon.h"
#include "daemon/events.h"
#include "daemon/exec.h"
#include "daemon/handlers.h"
#include "daemon/launch.h"
#include "daemon/registry.h"
#include "daemon/request.h"
#include "daemon/shim_link.h"
#include "daemon/work.h"

#define TIMEOUT_MS_MAX (INT64_C(10) * 365 * 24 * 3600 * 1000)

/* ---- Start ---- */

static enum step step_paused(const struct container *c, struct error *err)
{
	step_invalid(c, err, "container '%s' is paused", c->name);
	error_hint(err, "unpause lets it go on");
	return STEP_FAILED;
}

static enum step step_start(struct item *item, struct container *c, struct error *err)
{
	enum step step;

	if (item->acted) {
		if (c->decided < item->attempt)
			return STEP_WAIT;
		if (!c->start_error)
			return STEP_DONE;
		*err = *c->start_error;
		return STEP_FAILED;
	}
	if (c->gone)
		return step_gone(item, err);
	switch (c->state) {
	case STATE_RUNNING: return STEP_DONE;
	case STATE_PAUSED: return step_paused(c, err);
	case STATE_STARTING: return STEP_WAIT;
	case STATE_STOPPING: return step_invalid(c, err, "container '%s' is being stopped", c->name);
	case STATE_REMOVING: return step_invalid(c, err, "container '%s' is being removed", c->name);
	default: break;
	}
	step = copies_wait(c, COPIES_WAIT_MS, &item->until_ns, err);
	if (step != STEP_DONE)
		return step;
	if (!container_idle(c))
		return STEP_WAIT;
	container_asked(c, &item->rq->caller);
	if (container_start(c, false, NULL, err) < 0)
		return STEP_FAILED;
	item->acted = true;
	item->attempt = c->attempts;
	return STEP_WAIT;
}

/* With upgrade there is one container, and it is launched once nothing of its last run is left. */
struct waiting {
	struct watch watch;
	struct request *rq;
	int64_t until_ns;
};

static void on_left_waiting(struct request *rq)
{
	struct waiting *waiting = rq->data;

	watch_stop(&waiting->watch);
	free(waiting);
	request_drop(rq);
}

static void on_startable(struct watch *watch)
{
	struct waiting *waiting = (struct waiting *) watch;
	struct request *rq = waiting->rq;
	struct container *c = watch->c;
	bool startable = c->state == STATE_CREATED || c->state == STATE_EXITED;
	enum step step = STEP_DONE;
	struct error err;

	if (!c->gone && (c->adopting || c->state == STATE_STARTING))
		return;
	if (!c->gone && startable) {
		step = copies_wait(c, COPIES_WAIT_MS, &waiting->until_ns, &err);
		if (step == STEP_WAIT || (step == STEP_DONE && !container_idle(c)))
			return;
	}
	watch_stop(watch);
	free(waiting);
	rq->on_left = NULL;
	if (!c->gone && startable && step == STEP_DONE) {
		launch(rq, c, false);
		return;
	}
	if (c->gone) {
		/* Not looked for anew: somebody else may have its name, or an id that begins so. */
		error_set(&err, ERROR_NO_SUCH_CONTAINER, "container '%s' was removed meanwhile", c->name);
		snprintf(err.field, sizeof(err.field), "%s", c->name);
	} else if (!startable) {
		step_invalid(c, &err, "container '%s' is %s already", c->name, state_name(c->state));
	}
	request_error(rq, &err);
}

static void start_with_console(struct request *rq)
{
	struct json_object *targets = json_get(rq->parameters, "containers");
	struct waiting *waiting;
	struct container *c;
	struct error err;

	if (json_length(targets) != 1) {
		error_set(&err, ERROR_INVALID_PARAMETER, "with upgrade there must be one container");
		snprintf(err.field, sizeof(err.field), "containers");
		request_error(rq, &err);
		return;
	}
	c = registry_find(
		rq->d->registry, json_object_get_string(json_object_array_get_idx(targets, 0)), &err);
	if (!c) {
		request_error(rq, &err);
		return;
	}
	waiting = calloc(1, sizeof(*waiting));
	if (!waiting)
		abort();
	*waiting = (struct waiting) { .watch.changed = on_startable, .rq = rq };
	rq->data = waiting;
	rq->on_left = on_left_waiting;
	container_watch(c, &waiting->watch);
	on_startable(&waiting->watch);
}

void handle_start(struct request *rq)
{
	static const struct verb verb = { step_start, false };
	struct error err;

	if (rq->upgrade) {
		start_with_console(rq);
	} else if (json_get(rq->parameters, "console")) {
		error_set(&err, ERROR_UPGRADE_REQUIRED, "a console needs a call with upgrade");
		request_error(rq, &err);
	} else {
		batch_run(rq, &verb);
	}
}

/* ---- signals ---- */

/* The parameter `signal`, or otherwise. */
static int read_signal(struct request *rq, int otherwise, int *ret_sig, struct error *err)
{
	const char *name = json_string(rq->parameters, "signal", NULL);
	char shown[64];

	*ret_sig = otherwise;
	if (!name || signal_parse(name, ret_sig) == 0)
		return 0;
	return error_config(
		err, "signal", "there is no signal '%s'", escape_text(name, shown, sizeof(shown)));
}

static void announce(struct item *item, struct container *c, const char *kind, int sig)
{
	struct json_object *attributes = json_object_new_object();
	char name[16];

	json_add_string(attributes, "signal", signal_format(sig, name));
	events_add(c->d->events, kind, c, attributes, &item->rq->caller);
}

/* What a shim that has died was not told is looked at anew once its container has ended, too; one that others
 * have told so much that it takes no more, when it does. */
static enum step not_told(const struct error *err)
{
	return err->kind == ERROR_INVALID_STATE || err->errnum == EAGAIN ? STEP_WAIT : STEP_FAILED;
}

static enum step step_kill(struct item *item, struct container *c, struct error *err)
{
	bool all = json_flag(item->rq->parameters, "all", false);
	int sig;

	if (c->gone)
		return step_gone(item, err);
	if (container_undecided(c))
		return STEP_WAIT;
	if (!container_runs(c))
		return step_invalid(c, err, "container '%s' is not running", c->name);
	if (read_signal(item->rq, SIGKILL, &sig, err) < 0)
		return STEP_FAILED;
	if (shim_kill(c->shim, sig, all, err) < 0)
		return not_told(err);
	announce(item, c, "kill", sig);
	/* What another signal leads to is the program's own doing. */
	if (sig == SIGKILL)
		container_asked(c, &item->rq->caller);
	return STEP_DONE;
}

void handle_kill(struct request *rq)
{
	static const struct verb verb = { step_kill, false };
	struct error err;
	int sig;

	if (read_signal(rq, SIGKILL, &sig, &err) < 0) {
		request_error(rq, &err);
	} else if (json_flag(rq->parameters, "all", false) && sig != SIGKILL) {
		error_config(&err, "signal", "all processes of a container can only get SIGKILL");
		request_error(rq, &err);
	} else if (json_get(rq->parameters, "session") && json_flag(rq->parameters, "all", false)) {
		error_config(&err, "all", "all cannot be given with a session, which is one process");
		request_error(rq, &err);
	} else if (json_get(rq->parameters, "session")) {
		exec_kill(rq, sig);
	} else {
		batch_run(rq, &verb);
	}
}

/* ---- Stop ---- */

/* Whether the run that a stop was for had to be killed although it was given time. */
static void note_ignored(struct item *item, const struct container *c)
{
	int64_t timeout = json_int(item->rq->parameters, "timeout_ms", c->bundle.stop_timeout_ms);
	struct error ignored;
	int sig;

	if (item->acted && timeout != 0 && c->exit.reason == EXIT_REASON_SIGNALED && c->exit.sig == SIGKILL &&
		read_signal(item->rq, c->bundle.stop_signal, &sig, &ignored) == 0 && sig != SIGKILL)
		item->ignored = sig;
}

static enum step step_stop(struct item *item, struct container *c, struct error *err)
{
	int64_t timeout = json_int(item->rq->parameters, "timeout_ms", c->bundle.stop_timeout_ms);
	int sig;

	if (container_run_over(c, item->run)) {
		note_ignored(item, c);
		return STEP_DONE;
	}
	if (c->state == STATE_CREATED)
		return STEP_DONE;
	if (c->gone)
		return step_gone(item, err);
	/* A pause in progress would freeze what is to end. */
	if (item->acted || container_undecided(c) || c->pausing)
		return STEP_WAIT;
	if (!container_runs(c))
		return STEP_DONE;
	if (read_signal(item->rq, c->bundle.stop_signal, &sig, err) < 0)
		return STEP_FAILED;
	if (shim_stop(c->shim, sig, timeout, err) < 0)
		return not_told(err);
	container_asked(c, &item->rq->caller);
	item->acted = true;
	if (c->state != STATE_STOPPING)
		container_set_state(c, STATE_STOPPING);
	return STEP_WAIT;
}

/* What Stop and Restart have in common. */
static void stop_each(struct request *rq, const struct verb *verb)
{
	int64_t timeout = json_int(rq->parameters, "timeout_ms", 0);
	struct error err;
	int sig;

	if (read_signal(rq, SIGTERM, &sig, &err) < 0) {
		request_error(rq, &err);
	} else if (timeout < -1 || timeout > TIMEOUT_MS_MAX) {
		error_config(&err, "timeout_ms",
			"timeout_ms must be -1 or a number of milliseconds up to ten years");
		request_error(rq, &err);
	} else {
		batch_run(rq, verb);
	}
}

void handle_stop(struct request *rq)
{
	static const struct verb verb = { step_stop, true };

	stop_each(rq, &verb);
}

/* ---- Restart ---- */

static enum step step_restart(struct item *item, struct container *c, struct error *err)
{
	enum step step;

	if (item->stopped)
		return step_start(item, c, err);
	if (c->bundle.transient && !c->gone) {
		step_invalid(c, err, "container '%s' is removed when it ends", c->name);
		error_hint(err, "it was made with --rm: run it anew");
		return STEP_FAILED;
	}
	step = step_stop(item, c, err);
	if (step != STEP_DONE)
		return step;
	item->stopped = true;
	item->acted = false;
	return step_start(item, c, err);
}

void handle_restart(struct request *rq)
{
	static const struct verb verb = { step_restart, false };

	stop_each(rq, &verb);
}

/* ---- Wait ---- */

static enum step step_wait_exited(struct item *item, struct container *c, struct error *err)
{
	if (container_run_over(c, item->run))
		return STEP_DONE;
	return c->gone ? step_gone(item, err) : STEP_WAIT;
}

/* A start that fails will never make it true; one that has been over so quickly that nobody saw it run has.
 */
static enum step step_wait_running(struct item *item, struct container *c, struct error *err)
{
	if (c->decided >= item->attempt && c->start_error) {
		*err = *c->start_error;
		return STEP_FAILED;
	}
	if (c->state == STATE_RUNNING || c->decided >= item->attempt)
		return STEP_DONE;
	return c->gone ? step_gone(item, err) : STEP_WAIT;
}

static enum step step_wait_removed(struct item *item, struct container *c, struct error *err)
{
	(void) item;
	(void) err;
	return c->gone ? STEP_DONE : STEP_WAIT;
}

void handle_wait(struct request *rq)
{
	static const struct {
		const char *condition;
		struct verb verb;
	} conditions[] = {
		{ "exited", { step_wait_exited, true } },
		{ "running", { step_wait_running, false } },
		{ "removed", { step_wait_removed, true } },
	};
	const char *condition = json_string(rq->parameters, "condition", "exited");
	struct error err;

	if (json_get(rq->parameters, "session") && strcmp(condition, "exited") != 0) {
		error_config(&err, "condition", "condition can only be exited with a session");
		request_error(rq, &err);
		return;
	}
	if (json_get(rq->parameters, "session")) {
		exec_wait(rq);
		return;
	}
	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++)
		if (strcmp(conditions[i].condition, condition) == 0) {
			batch_run(rq, &conditions[i].verb);
			return;
		}
	abort(); /* the interface has no other */
}

/* ---- Remove ---- */

static void on_removed(void *arg, const struct error *err, int fd, size_t size)
{
	struct container *c = arg;
	char text[2048];

	(void) fd;
	(void) size;
	c->working--;
	if (err) {
		log_warning(
			"container %s: remove: %s", container_id(c), error_format(err, text, sizeof(text)));
		c->work_error = malloc(sizeof(*err));
		if (!c->work_error)
			abort();
		*c->work_error = *err;
		container_changed(c);
	} else {
		container_gone(c);
	}
}

static int remove_folder(struct container *c, struct error *err)
{
	struct work_order order = {
		.op = WORK_REMOVE, .id = container_id(c), .transient = c->bundle.transient
	};

	free(steal_pointer(&c->work_error));
	if (work_start(c->d, &order, on_removed, c, err) < 0)
		return -1;
	c->working++;
	if (c->state != STATE_REMOVING)
		container_set_state(c, STATE_REMOVING);
	return 0;
}

static enum step kill_first(struct item *item, struct container *c, struct error *err)
{
	if (!json_flag(item->rq->parameters, "force", false)) {
		step_invalid(c, err, "container '%s' is running", c->name);
		error_hint(err, "stop it first, or remove it with -f");
		return STEP_FAILED;
	}
	if (c->state == STATE_STARTING || !c->shim || item->run == UINT64_MAX)
		return STEP_WAIT;
	if (shim_kill(c->shim, SIGKILL, true, err) < 0)
		return not_told(err);
	container_asked(c, &item->rq->caller);
	item->run = UINT64_MAX; /* killed once */
	return STEP_WAIT;
}

static enum step step_remove(struct item *item, struct container *c, struct error *err)
{
	enum step step;

	if (c->gone)
		return STEP_DONE;
	if (container_runs(c) || c->state == STATE_STARTING)
		return kill_first(item, c, err);
	if (json_flag(item->rq->parameters, "force", false))
		copies_end(c);
	step = copies_wait(c, COPIES_WAIT_MS, &item->until_ns, err);
	if (step != STEP_DONE)
		return step;
	if (!container_idle(c))
		return STEP_WAIT;
	if (item->acted && c->work_error) {
		*err = *c->work_error;
		return STEP_FAILED;
	}
	container_asked(c, &item->rq->caller);
	if (remove_folder(c, err) < 0)
		return STEP_FAILED;
	item->acted = true;
	return STEP_WAIT;
}

void handle_remove(struct request *rq)
{
	static const struct verb verb = { step_remove, false };

	batch_run(rq, &verb);
}
