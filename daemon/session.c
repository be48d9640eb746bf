#include "daemon/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/exit.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/parse.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/events.h"

#define ID_MASK ((UINT64_C(1) << 48) - 1) /* 12 hex digits */

static const char *const state_names[] = {
	[EXEC_STARTING] = "starting",
	[EXEC_RUNNING] = "running",
	[EXEC_EXITED] = "exited",
};
_Static_assert(sizeof(state_names) / sizeof(state_names[0]) == EXEC_STATES, "every state has its name");

const char *session_format(uint64_t id, char buf[SESSION_TEXT])
{
	snprintf(buf, SESSION_TEXT, "%012jx", (uintmax_t) (id & ID_MASK));
	return buf;
}

static struct session *add(struct container *c, uint64_t id)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session)
		abort();
	session->id = id;
	session->status.session = id;
	TAILQ_INSERT_HEAD(&c->sessions, session, link);
	return session;
}

void session_free(struct container *c, struct session *session)
{
	TAILQ_REMOVE(&c->sessions, session, link);
	free(session->error);
	free(session);
}

/* The oldest one that has ended makes room. */
static void bound(struct container *c)
{
	struct session *session, *oldest = NULL;
	unsigned ended = 0;

	TAILQ_FOREACH (session, &c->sessions, link)
		if (session_over(session) && !session->awaited) {
			oldest = session;
			ended++;
		}
	if (ended > EXEC_SESSIONS_MAX)
		session_free(c, oldest);
}

static uint64_t unused_id(struct container *c)
{
	uint64_t id;

	do {
		if (getrandom(&id, sizeof(id), 0) != sizeof(id))
			abort();
		id &= ID_MASK;
	} while (id == 0 || session_by_id(c, id));
	return id;
}

struct session *session_new(struct container *c, const struct caller *caller, struct error *err)
{
	struct session *session;
	unsigned live = 0;

	TAILQ_FOREACH (session, &c->sessions, link)
		live += !session_over(session);
	if (live >= EXEC_SESSIONS_MAX) {
		error_set(err, ERROR_LIMIT_EXCEEDED,
			"container '%s' has %u sessions already, which is the most", c->name, live);
		snprintf(err->field, sizeof(err->field), "sessions");
		return NULL;
	}
	session = add(c, unused_id(c));
	session->caller = *caller;
	session->awaited = true;
	return session;
}

struct session *session_by_id(struct container *c, uint64_t id)
{
	struct session *session;

	TAILQ_FOREACH (session, &c->sessions, link)
		if (session->id == id)
			return session;
	return NULL;
}

struct session *session_find(struct container *c, const char *text, struct error *err)
{
	struct session *session, *found = NULL;
	char name[SESSION_TEXT], shown[64], candidates[sizeof(err->path)] = "";
	size_t size = strlen(text), used = 0, n = 0;

	TAILQ_FOREACH (session, &c->sessions, link) {
		if (size == 0 || strncmp(session_format(session->id, name), text, size) != 0)
			continue;
		n++;
		found = session;
		/* As many as there is room for; whole ids only. */
		if (used + SESSION_TEXT < sizeof(candidates))
			used += (size_t) snprintf(candidates + used, sizeof(candidates) - used, "%s%s",
				used > 0 ? " " : "", name);
	}
	if (n == 1)
		return found;
	if (n > 1) {
		error_set(err, ERROR_AMBIGUOUS, "several sessions begin with '%s'", text);
		snprintf(err->field, sizeof(err->field), "%s", c->name);
		error_path(err, candidates);
		error_hint(err, "ctl sessions %s lists them", c->name);
		return NULL;
	}
	escape_text(text, shown, sizeof(shown));
	error_set(err, ERROR_NO_SUCH_SESSION, "container '%s' has no session '%s'", c->name, shown);
	snprintf(err->field, sizeof(err->field), "%s", shown);
	return NULL;
}

/* ---- on the wire ---- */

struct json_object *session_exit(const struct session *session)
{
	const struct control_exec_status *status = &session->status;
	struct exit_status exit = { .code = status->code,
		.sig = status->sig,
		.core_dumped = status->core_dumped,
		.started_ns = status->started_ns,
		.finished_ns = status->finished_ns,
		.reason = status->code < 0 ? EXIT_REASON_SHIM_DIED
			  : status->sig	   ? EXIT_REASON_SIGNALED
					   : EXIT_REASON_EXITED };

	return exit_to_json(&exit);
}

struct json_object *session_to_json(const struct session *session)
{
	struct json_object *obj = json_object_new_object();
	char text[SESSION_TEXT];

	json_add_string(obj, "session", session_format(session->id, text));
	json_add_string(obj, "command", session->status.command);
	json_add_string(obj, "state", state_names[session->status.state]);
	json_add_bool(obj, "terminal", session_terminal(session));
	if (session->status.state == EXEC_RUNNING)
		json_add_int(obj, "pid", session->status.pid);
	json_add_time(obj, "started_at", session->status.started_ns);
	if (session_over(session))
		json_add(obj, "exit", session_exit(session));
	return obj;
}

struct json_object *sessions_to_json(const struct container *c)
{
	struct json_object *list = json_object_new_array();
	const struct session *session;

	TAILQ_FOREACH (session, &c->sessions, link)
		if (!session->error)
			json_object_array_add(list, session_to_json(session));
	return list;
}

/* ---- what happens ---- */

static void announce(struct container *c, const char *kind, const struct session *session)
{
	struct json_object *attributes = json_object_new_object();
	char text[SESSION_TEXT], code[16];

	json_add_string(attributes, "session", session_format(session->id, text));
	json_add_string(attributes, "command", session->status.command);
	if (session_over(session) && session->status.code >= 0) {
		snprintf(code, sizeof(code), "%d", session->status.code);
		json_add_string(attributes, "code", code);
	}
	events_add(c->d->events, kind, c, attributes, session->caller.pid > 0 ? &session->caller : NULL);
}

/* The daemon before this one may have told it, and died before its shim knew. */
static void announce_exit(struct container *c, const struct session *session)
{
	char text[SESSION_TEXT];

	if (!events_session_known(c->d->events, session_format(session->id, text)))
		announce(c, "exec_exit", session);
}

void sessions_load(struct container *c, struct json_object *saved)
{
	struct json_object *list = json_get(saved, "sessions");

	if (json_int(saved, "run", 0) != (int64_t) c->exit.run || !c->ended)
		return;
	for (size_t i = 0; i < json_length(list) && i < EXEC_SESSIONS_MAX; i++) {
		struct json_object *one = json_object_array_get_idx(list, i);
		struct session *session = add(c, (uint64_t) json_int(one, "session", 0) & ID_MASK);
		struct control_exec_status *status = &session->status;

		status->state = EXEC_EXITED;
		status->flags = (uint32_t) json_int(one, "flags", 0);
		status->code = (int32_t) json_int(one, "code", -1);
		status->sig = (int32_t) json_int(one, "signal", 0);
		status->core_dumped = json_flag(one, "core_dumped", false);
		time_parse(json_string(one, "started_at", ""), &status->started_ns);
		time_parse(json_string(one, "finished_at", ""), &status->finished_ns);
		snprintf(status->command, sizeof(status->command), "%s", json_string(one, "command", ""));
	}
}

void sessions_tell_missed(struct container *c)
{
	struct session *session;

	TAILQ_FOREACH_REVERSE(session, &c->sessions, session_list, link)
	if (session_over(session) && !session->status.told)
		announce_exit(c, session);
}

void session_take_status(struct container *c, const struct control_exec_status *status)
{
	struct session *session = session_by_id(c, status->session);
	bool known = session, begun = known && session->status.state != EXEC_STARTING;

	if (status->state >= EXEC_STATES || (known && (session->error || session_over(session))))
		return;
	if (!session)
		session = add(c, status->session);
	session->status = *status;
	session->status.command[sizeof(session->status.command) - 1] = 0;
	if (status->state == EXEC_RUNNING && known && !begun)
		announce(c, "exec_start", session);
	if (session_over(session) && !status->told)
		announce_exit(c, session);
	if (session_over(session))
		bound(c);
	container_changed(c);
}

void session_failed(struct container *c, uint64_t id, const struct error *why)
{
	struct session *session = session_by_id(c, id);

	if (!session || session->status.state != EXEC_STARTING)
		return;
	session->status.state = EXEC_EXITED;
	if (!session->awaited) {
		session_free(c, session);
		return;
	}
	session->error = malloc(sizeof(*session->error));
	if (!session->error)
		abort();
	*session->error = *why;
	container_changed(c);
}

static struct session *find_live(struct container *c)
{
	struct session *session;

	TAILQ_FOREACH (session, &c->sessions, link)
		if (!session_over(session))
			return session;
	return NULL;
}

/* Looked for anew each time: the end of one may make another one forgotten. */
void sessions_end(struct container *c)
{
	struct session *session;
	struct error err;

	error_set(&err, ERROR_INVALID_STATE, "container '%s' is not running", c->name);
	while ((session = find_live(c))) {
		struct control_exec_status status = session->status;

		if (status.state == EXEC_STARTING) {
			session_failed(c, session->id, &err);
			continue;
		}
		status.state = EXEC_EXITED;
		status.code = -1;
		status.finished_ns = clock_realtime_ns();
		session_take_status(c, &status);
	}
}

void sessions_forget(struct container *c)
{
	struct session *session, *next;

	for (session = TAILQ_FIRST(&c->sessions); session; session = next) {
		next = TAILQ_NEXT(session, link);
		if (!session->awaited)
			session_free(c, session);
	}
}
