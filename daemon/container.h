/*
 * container.h - one container as the daemon knows it, and its life: one table of transitions, and one
 * function that changes the state, records the event and tells those who wait.
 *
 * Who waits gets told on a later turn of the loop, so that nobody's callback runs inside somebody else's
 * change; a container that is gone lives until then. Only its registry and this file free it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "common/control.h"
#include "daemon/bundle.h"
#include "daemon/conn.h"

struct container;
struct daemon;
struct error;
struct json_object;
struct session;
struct shim;
struct shim_console;

enum state {
	STATE_CREATED,
	STATE_STARTING,
	STATE_RUNNING,
	STATE_PAUSED,
	STATE_STOPPING,
	STATE_EXITED,
	STATE_REMOVING,
	STATES,
};

/* Somebody who waits for something of a container; changed is called after each change, and last with gone
 * set. */
struct watch {
	TAILQ_ENTRY(watch) link;
	struct container *c; /* NULL: not watching */
	unsigned round;	     /* the last round of calls that it was in */
	void (*changed)(struct watch *watch);
};

struct container {
	struct daemon *d;
	char name[65];
	enum state state;
	struct bundle bundle; /* owned */
	uint64_t run;	      /* of the present or last start; 0: never started */
	int64_t started_ns;
	pid_t pid;
	int pidfd;	/* of the first process while it runs; -1 where nobody has it */
	struct oom oom; /* of the present or last run */
	bool ended;	/* exit is the end of a run */
	struct exit_status exit;
	unsigned attempts,
		decided; /* starts begun by this daemon, and the last of them whose outcome is known */
	char *trace; /* of the start that is about to be announced: "spec=123456;…", nanoseconds; owned, or
			NULL */
	struct error *start_error; /* why that one failed; owned, NULL where it did not */
	struct error *work_error;  /* why the last removal or pause failed; owned, NULL where it did not */
	struct caller asked;	   /* who last asked for a change */
	bool was_asked;

	struct shim *shim; /* NULL once nothing of the last run is left */
	bool pausing;	   /* a worker freezes it, or lets it go on */
	unsigned working;  /* workers that change it on disk: nothing else may meanwhile */
	unsigned copies;   /* workers that copy files; while it does not run, one at a time */
	bool is_new;	   /* its first start makes its folder; a failure leaves none */
	enum state before_start;
	bool hidden;   /* being created: holds its id and name, and nobody sees it */
	bool adopting; /* the daemon does not yet know how it is: calls wait */
	bool rebooted; /* its last run was before the machine's start */
	bool gone;     /* no longer in the registry */

	TAILQ_HEAD(session_list, session) sessions; /* exec: session.h */
	TAILQ_HEAD(watch_list, watch) watches;
	unsigned round;
	bool notifying; /* in the list of those whose watches are to be called */
	TAILQ_ENTRY(container) pending;
};

/* Takes bundle. Not in the registry yet. */
struct container *container_new(struct daemon *d, struct bundle *bundle, const char *name);
/* Only while nobody can know it. */
void container_free(struct container *c);

const char *state_name(enum state state);
int state_parse(const char *name, enum state *ret_state);
bool state_allowed(enum state from, enum state to);

/* The one way to change c->state. What is no transition is logged and not done. */
void container_set_state(struct container *c, enum state state);
/* Some of its processes were killed for want of memory: an event says so. */
void container_oom(struct container *c, const struct oom *oom);
/* The event of the end that is known of its last run, if it has not been told yet: for one that no daemon
 * saw. */
void container_tell_exit(struct container *c);
/* A run is over: exit record, state, waiters; a --rm container goes. */
void container_ended(struct container *c, const struct exit_status *exit);
/* Begins a start (state CREATED or EXITED, idle); is_new: the first one, which also makes its folder. The
 * outcome shows in c->decided and c->start_error. -1: not even begun, and nothing has changed. */
int container_start(struct container *c, bool is_new, const struct shim_console *console, struct error *err);
/* The program has been executed. Takes pidfd. */
void container_started(struct container *c, pid_t pid, int pidfd, int64_t started_ns);
/* A start has failed, as why says: if nothing was kept of it the container is as before, or, with its first
 * start, gone. */
void container_start_failed(
	struct container *c, const struct error *why, const struct exit_status *exit, bool kept);
/* Out of the registry; its name is free. */
void container_gone(struct container *c);
/* Something else of it has changed (shim gone, worker done, adopted): who waits looks again. */
void container_changed(struct container *c);

static inline const char *container_id(const struct container *c)
{
	return c->bundle.id;
}
/* Processes of it live. */
static inline bool container_runs(const struct container *c)
{
	return !c->gone &&
	       (c->state == STATE_RUNNING || c->state == STATE_PAUSED || c->state == STATE_STOPPING);
}
/* A start in progress is waited for; a shim that died meanwhile has its burial to wait for. */
static inline bool container_undecided(const struct container *c)
{
	return !c->gone && (c->state == STATE_STARTING || (container_runs(c) && !c->shim));
}
/* Neither shim nor worker has anything of it in hand. */
static inline bool container_idle(const struct container *c)
{
	return !c->shim && c->working == 0 && c->copies == 0;
}
/* Whether the run with this number, or a later one, is over. */
static inline bool container_run_over(const struct container *c, uint64_t run)
{
	return c->ended && c->exit.run >= run;
}

void container_watch(struct container *c, struct watch *watch);
void watch_stop(struct watch *watch); /* also if not watching */

/* Who asks for what happens to it next; the events name him. */
void container_asked(struct container *c, const struct caller *caller);

/* Whether limits can be where its cgroup is, before or while it is there; path as in bundle_limits_check. */
int container_check_limits(
	const struct container *c, const struct limits *limits, const char *path, struct error *err);
/* Its cgroup's path, whether it is there or not; for people and for reading. */
void container_cgroup_path(const struct container *c, char *buf, size_t size);
/* What was asked for, and defaults as far as they can be. */
int container_limits(
	const struct container *c, const struct limits *asked, struct limits *ret_limits, struct error *err);
/* The same of its own, as a text for the shim. NULL with err. Caller frees. */
char *container_limits_text(struct container *c, struct error *err);
/* For Inspect: of each file what is wanted, whether somebody asked for it and, where it runs, what is in it.
 * Caller puts. */
struct json_object *container_limits_json(struct container *c);

/* As the wire's Summary. Caller puts. */
struct json_object *container_summary(const struct container *c);
/* state.json's text (caller frees). */
char *container_state_text(const char *name);

/* Tells those who wait, now: for the event loop and tests. */
void containers_notify(struct daemon *d);
void containers_done(void); /* before the event base goes */
