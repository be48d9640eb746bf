#include "daemon/container.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/log.h"
#include "daemon/daemon.h"
#include "daemon/events.h"
#include "daemon/registry.h"
#include "daemon/service.h"
#include "daemon/session.h"
#include "daemon/shim_link.h"

static const char *const names[] = {
	[STATE_CREATED] = "created",
	[STATE_STARTING] = "starting",
	[STATE_RUNNING] = "running",
	[STATE_PAUSED] = "paused",
	[STATE_STOPPING] = "stopping",
	[STATE_EXITED] = "exited",
	[STATE_REMOVING] = "removing",
};
_Static_assert(sizeof(names) / sizeof(names[0]) == STATES, "every state has its name");

/* A start that fails without having touched anything leaves the state that was before. */
static const bool allowed[STATES][STATES] = {
	[STATE_CREATED] = { [STATE_STARTING] = true, [STATE_REMOVING] = true },
	[STATE_STARTING] = { [STATE_CREATED] = true,
		[STATE_RUNNING] = true,
		[STATE_EXITED] = true,
		[STATE_REMOVING] = true },
	[STATE_RUNNING] = { [STATE_PAUSED] = true, [STATE_STOPPING] = true, [STATE_EXITED] = true },
	[STATE_PAUSED] = { [STATE_RUNNING] = true, [STATE_STOPPING] = true, [STATE_EXITED] = true },
	[STATE_STOPPING] = { [STATE_EXITED] = true },
	[STATE_EXITED] = { [STATE_STARTING] = true, [STATE_REMOVING] = true },
	[STATE_REMOVING] = { false },
};

/* The event that reaching a state is; NULL: none. */
static const char *const kinds[STATES] = {
	[STATE_RUNNING] = "start",
	[STATE_PAUSED] = "pause",
	[STATE_STOPPING] = "stop",
	[STATE_EXITED] = "exit",
};

static TAILQ_HEAD(, container) pending = TAILQ_HEAD_INITIALIZER(pending);
static struct event *notify_event;

const char *state_name(enum state state)
{
	return names[state];
}

int state_parse(const char *name, enum state *ret_state)
{
	for (int i = 0; i < STATES; i++)
		if (strcmp(names[i], name) == 0) {
			*ret_state = (enum state) i;
			return 0;
		}
	return -1;
}

bool state_allowed(enum state from, enum state to)
{
	return allowed[from][to];
}

struct container *container_new(struct daemon *d, struct bundle *bundle, const char *name)
{
	struct container *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	c->d = d;
	c->pidfd = -1;
	c->bundle = *bundle;
	*bundle = (struct bundle) { 0 };
	strncpy(c->name, name, sizeof(c->name) - 1);
	TAILQ_INIT(&c->watches);
	TAILQ_INIT(&c->sessions);
	return c;
}

void container_free(struct container *c)
{
	if (!c)
		return;
	if (c->notifying)
		TAILQ_REMOVE(&pending, c, pending);
	sessions_forget(c);
	bundle_done(&c->bundle);
	fd_close(&c->pidfd);
	free(c->trace);
	free(c->start_error);
	free(c->work_error);
	free(c);
}

void container_watch(struct container *c, struct watch *watch)
{
	watch->c = c;
	watch->round = c->round;
	TAILQ_INSERT_TAIL(&c->watches, watch, link);
}

void watch_stop(struct watch *watch)
{
	if (!watch->c)
		return;
	TAILQ_REMOVE(&watch->c->watches, watch, link);
	if (watch->c->gone)
		container_changed(watch->c); /* it may have been the last one */
	watch->c = NULL;
}

/* A callback may stop any watch, start others and change containers: so the list is looked through anew after
 * each, for one that has not been called in this round. */
static void notify(struct container *c)
{
	struct watch *watch;

	c->round++;
	do {
		TAILQ_FOREACH (watch, &c->watches, link)
			if (watch->round != c->round)
				break;
		if (watch) {
			watch->round = c->round;
			watch->changed(watch);
		}
	} while (watch);
}

void containers_notify(struct daemon *d)
{
	struct container *c;

	(void) d;
	while ((c = TAILQ_FIRST(&pending))) {
		TAILQ_REMOVE(&pending, c, pending);
		c->notifying = false;
		notify(c);
		service_changed();
		if (c->gone && TAILQ_EMPTY(&c->watches) && container_idle(c) && !c->notifying)
			container_free(c);
	}
}

void containers_done(void)
{
	if (notify_event)
		event_free(notify_event);
	notify_event = NULL;
}

static void on_notify(evutil_socket_t fd, short what, void *arg)
{
	(void) fd;
	(void) what;
	containers_notify(arg);
}

void container_changed(struct container *c)
{
	if (c->notifying)
		return;
	c->notifying = true;
	TAILQ_INSERT_TAIL(&pending, c, pending);
	if (!c->d->base)
		return;
	if (!notify_event)
		notify_event = event_new(c->d->base, -1, 0, on_notify, c->d);
	event_active(notify_event, 0, 0);
}

void container_asked(struct container *c, const struct caller *caller)
{
	c->asked = *caller;
	c->was_asked = true;
}

static void announce(struct container *c, const char *kind)
{
	struct json_object *attributes;
	char code[16], run[24], finished[TIME_TEXT];

	/* The daemon before this one may have told it, and died before its shim knew. */
	if (c->state == STATE_EXITED && events_exit_known(c->d->events, container_id(c), c->exit.run)) {
		c->was_asked = false;
		return;
	}
	attributes = json_object_new_object();
	if (c->state == STATE_EXITED) {
		snprintf(code, sizeof(code), "%d", c->exit.code);
		if (c->exit.code >= 0)
			json_add_string(attributes, "code", code);
		json_add_string(attributes, "reason", exit_reason_name(c->exit.reason));
		if (c->exit.oom.killed > 0)
			json_add_string(attributes, "oom", oom_whose_name(c->exit.oom.whose));
		snprintf(run, sizeof(run), "%ju", (uintmax_t) c->exit.run);
		json_add_string(attributes, "run", run);
		json_add_string(attributes, "finished_at", time_format(c->exit.finished_ns, finished));
	}
	/* Of a start, or of one that has failed. */
	json_add_string(attributes, "trace", c->trace);
	free(steal_pointer(&c->trace));
	/* An end that nobody asked for has no caller. */
	events_add(c->d->events, kind, c, attributes, c->was_asked ? &c->asked : NULL);
	if (c->state == STATE_RUNNING || c->state == STATE_EXITED)
		c->was_asked = false;
}

static void add_number(struct json_object *attributes, const char *key, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%jd", (intmax_t) value);
	json_add_string(attributes, key, text);
}

void container_oom(struct container *c, const struct oom *oom)
{
	struct json_object *attributes = json_object_new_object();

	c->oom = *oom;
	add_number(attributes, "killed", oom->killed);
	json_add_string(attributes, "whose", oom_whose_name(oom->whose));
	if (oom->limit > 0)
		add_number(attributes, "limit", oom->limit);
	if (oom->whose == OOM_ANCESTOR)
		add_number(attributes, "levels", oom->levels);
	events_add(c->d->events, "oom", c, attributes, NULL);
}

void container_set_state(struct container *c, enum state state)
{
	if (!allowed[c->state][state]) {
		log_error("container %s cannot go from %s to %s", container_id(c), names[c->state],
			names[state]);
		return;
	}
	log_debug("container %s: %s -> %s", container_id(c), names[c->state], names[state]);
	enum state before = c->state;

	c->state = state;
	if (kinds[state])
		announce(c, before == STATE_PAUSED && state == STATE_RUNNING ? "unpause" : kinds[state]);
	container_changed(c);
}

void container_tell_exit(struct container *c)
{
	announce(c, kinds[STATE_EXITED]);
}

void container_ended(struct container *c, const struct exit_status *exit)
{
	/* All that ran in it has ended before it has. */
	sessions_end(c);
	c->exit = *exit;
	c->ended = true;
	c->pid = 0;
	fd_close(&c->pidfd);
	container_set_state(c, STATE_EXITED);
	if (c->bundle.transient)
		container_gone(c);
}

int container_start(struct container *c, bool is_new, const struct shim_console *console, struct error *err)
{
	c->run++;
	if (shim_start(c, is_new, console, err) < 0) {
		c->run--;
		return -1;
	}
	c->attempts++;
	c->rebooted = false;
	c->before_start = c->state;
	c->is_new = is_new;
	free(steal_pointer(&c->start_error));
	c->oom = (struct oom) { 0 };
	container_set_state(c, STATE_STARTING);
	return 0;
}

void container_started(struct container *c, pid_t pid, int pidfd, int64_t started_ns)
{
	c->pid = pid;
	c->started_ns = started_ns;
	fd_close(&c->pidfd);
	c->pidfd = pidfd;
	c->is_new = false;
	sessions_forget(c);
	c->decided = c->attempts;
	container_set_state(c, STATE_RUNNING);
}

static struct error *error_copy(const struct error *err)
{
	struct error *copy = malloc(sizeof(*copy));

	if (!copy)
		abort();
	*copy = *err;
	return copy;
}

void container_start_failed(
	struct container *c, const struct error *why, const struct exit_status *exit, bool kept)
{
	free(c->start_error);
	c->start_error = error_copy(why);
	if (!kept && !c->bundle.transient)
		free(steal_pointer(&c->trace)); /* no event tells of it */
	c->decided = c->attempts;
	if (kept || c->bundle.transient) {
		container_ended(c, exit);
	} else if (c->is_new) {
		container_set_state(c, STATE_REMOVING);
		container_gone(c);
	} else {
		c->run--;
		container_set_state(c, c->before_start);
	}
}

void container_gone(struct container *c)
{
	if (c->gone)
		return;
	c->gone = true;
	registry_remove(c->d->registry, c);
	if (!c->hidden)
		events_add(
			c->d->events, "remove", c, json_object_new_object(), c->was_asked ? &c->asked : NULL);
	container_changed(c);
}

struct json_object *container_summary(const struct container *c)
{
	struct json_object *obj = json_object_new_object(), *labels = bundle_labels(&c->bundle);

	json_add_string(obj, "id", container_id(c));
	json_add_string(obj, "name", c->name);
	json_add_string(obj, "image", bundle_image(&c->bundle));
	json_add(obj, "command", json_object_get(bundle_command(&c->bundle)));
	json_add_string(obj, "state", names[c->state]);
	json_add_time(obj, "created_at", c->bundle.created_ns);
	if (c->pid > 0) {
		json_add_time(obj, "started_at", c->started_ns);
		json_add_int(obj, "pid", c->pid);
		if (c->oom.killed > 0)
			json_add(obj, "oom", oom_to_json(&c->oom));
	}
	if (c->ended && (c->state == STATE_EXITED || c->state == STATE_REMOVING))
		json_add(obj, "exit", exit_to_json(&c->exit));
	json_add(obj, "labels", labels ? json_object_get(labels) : json_object_new_object());
	return obj;
}

char *container_state_text(const char *name)
{
	_cleanup_json_ struct json_object *obj = json_object_new_object();
	char *text;

	json_add_int(obj, "version", 1);
	json_add_string(obj, "name", name);
	text = strdup(json_text(obj, NULL));
	if (!text)
		abort();
	return text;
}
