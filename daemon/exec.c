/* exec.c - Exec: one more program in a running container. The shim does it; here the call is checked, handed
 * over, and answered if it fails or has no console. */
#include "daemon/exec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/parse.h"
#include "common/wire.h"
#include "daemon/attach.h"
#include "daemon/batch.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/events.h"
#include "daemon/handlers.h"
#include "daemon/registry.h"
#include "daemon/request.h"
#include "daemon/session.h"
#include "daemon/shim_link.h"
#include "daemon/texts.h"

#define STRINGS_MAX 65536 /* arguments, or variables */

/* ---- the call ---- */

static const char *item(struct json_object *array, size_t i)
{
	return json_object_get_string(json_object_array_get_idx(array, i));
}

static int check_strings(struct json_object *list, const char *field, struct error *err)
{
	if (json_length(list) > STRINGS_MAX)
		return error_config(err, field, "%s has more than %d entries", field, STRINGS_MAX);
	return 0;
}

static int check_env(struct json_object *env, struct error *err)
{
	char field[32], shown[100];

	for (size_t i = 0; i < json_length(env); i++) {
		const char *text = item(env, i);

		if (text[0] != '=' && strchr(text, '='))
			continue;
		snprintf(field, sizeof(field), "env[%zu]", i);
		return error_config(err, field, "%s: '%s' is not KEY=value", field,
			escape_text(text, shown, sizeof(shown)));
	}
	return check_strings(env, "env", err);
}

static int check_call(struct request *rq, struct error *err)
{
	struct json_object *args = json_get(rq->parameters, "args");
	const char *cwd = json_string(rq->parameters, "cwd", "/"),
		   *user = json_string(rq->parameters, "user", "0");
	char shown[200];

	if (json_get(rq->parameters, "console") && !rq->upgrade)
		return error_set(err, ERROR_UPGRADE_REQUIRED, "a console needs a call with upgrade");
	if (json_length(args) == 0 || item(args, 0)[0] == 0)
		return error_config(err, "args", "args must begin with the program's name");
	if (cwd[0] != '/')
		return error_config(err, "cwd", "cwd: '%s' is not an absolute path",
			escape_text(cwd, shown, sizeof(shown)));
	if (user[0] == 0)
		return error_config(err, "user", "user is empty");
	if (check_strings(args, "args", err) < 0)
		return -1;
	return check_env(json_get(rq->parameters, "env"), err);
}

/* ---- the order ---- */

static struct control_text add_list(struct texts *texts, struct json_object *list)
{
	struct control_text all = { 0 };

	for (size_t i = 0; i < json_length(list); i++) {
		const char *text = item(list, i);
		struct control_text one = texts_add(texts, text, strlen(text) + 1);

		if (i == 0)
			all.offset = one.offset;
		all.size += one.size;
	}
	return all;
}

static struct control_text add_string(struct texts *texts, const char *text)
{
	return text ? texts_add(texts, text, strlen(text) + 1) : (struct control_text) { 0 };
}

/* The command line as far as there is room, never cut inside of a character. */
static void join_command(struct json_object *args, char command[EXEC_COMMAND_SIZE])
{
	size_t used = 0;

	command[0] = 0;
	for (size_t i = 0; i < json_length(args) && used < EXEC_COMMAND_SIZE - 1; i++)
		used += (size_t) snprintf(
			command + used, EXEC_COMMAND_SIZE - used, "%s%s", i > 0 ? " " : "", item(args, i));
	for (used = strlen(command); used > 0 && !utf8_valid(command, used); used--)
		command[used - 1] = 0;
}

/* One call, from its arrival to its answer. */
struct starting {
	struct watch watch;
	struct request *rq;
	uint64_t session; /* 0: not yet, the container is not ready */
	bool lent;	  /* the connection is with the shim */
	struct json_object *reply;
};

static struct json_object *make_reply(const struct starting *s, const struct request *rq, bool in)
{
	struct json_object *reply = json_object_new_object();
	char text[SESSION_TEXT];

	json_add_string(reply, "session", session_format(s->session, text));
	json_add_bool(reply, "terminal", json_flag(rq->parameters, "terminal", false));
	json_add_bool(reply, "stdin", in);
	return reply;
}

static uint32_t exec_flags(const struct request *rq)
{
	const char *gone = json_string(json_get(rq->parameters, "console"), "on_disconnect", "hangup");

	return (json_flag(rq->parameters, "terminal", false) ? EXEC_TERMINAL : 0) |
	       (json_flag(rq->parameters, "open_stdin", false) ? EXEC_STDIN : 0) |
	       (json_flag(rq->parameters, "privileged", false) ? EXEC_PRIVILEGED : 0) |
	       (strcmp(gone, "hangup") == 0 ? EXEC_HANGUP : 0);
}

/* With the client's connection, which nobody here reads any more from now on. */
static int add_console(struct starting *s, struct control_exec *order, struct texts *texts, int *ret_client,
	struct error *err)
{
	struct request *rq = s->rq;
	struct json_object *wanted = json_get(rq->parameters, "console");
	_cleanup_free_ char *text = NULL;
	const char *early;
	size_t size;

	bool terminal = order->flags & EXEC_TERMINAL;
	struct attach_target target = { .terminal = terminal,
		.open_stdin = order->flags & EXEC_STDIN,
		.flow = terminal ? FLOW_DROP : FLOW_BLOCK };

	if (attach_wants(wanted, &target, &order->console, err) < 0)
		return -1;
	order->flags |= EXEC_CONSOLE;
	s->reply = make_reply(s, rq, order->console.flags & CONSOLE_STDIN);
	text = reply_format(s->reply, false, conn_terminator(rq->conn), &size);
	order->reply = texts_add(texts, text, size);
	early = conn_early(rq->conn, &size);
	order->early = texts_add(texts, early, size);
	*ret_client = conn_lend(rq->conn);
	s->lent = true;
	return 0;
}

static int send_order(struct starting *s, struct container *c, struct error *err)
{
	struct request *rq = s->rq;
	struct json_object *args = json_get(rq->parameters, "args");
	struct control_exec order = { .session = s->session, .flags = exec_flags(rq) };
	struct texts texts = { 0 };
	int fds[2] = { -1, -1 };

	join_command(args, order.command);
	order.args = add_list(&texts, args);
	order.env = add_list(&texts, json_get(rq->parameters, "env"));
	order.cwd = add_string(&texts, json_string(rq->parameters, "cwd", NULL));
	order.user = add_string(&texts, json_string(rq->parameters, "user", NULL));
	snprintf(session_by_id(c, s->session)->status.command, EXEC_COMMAND_SIZE, "%s", order.command);
	int result = 0;
	if (rq->upgrade && rq->conn)
		result = add_console(s, &order, &texts, &fds[1], err);
	else
		s->reply = make_reply(s, rq, order.flags & EXEC_STDIN);
	_cleanup_fd_ int memfd = texts_memfd(&texts);
	fds[0] = memfd;
	if (result == 0 && memfd < 0)
		result = error_errno(err, "make a file in memory for the shim");
	if (result < 0)
		return -1;
	return shim_tell(c->shim, &order, CONTROL_EXEC, sizeof(order), fds, s->lent ? 2 : 1, err);
}

/* ---- its life ---- */

static void starting_free(struct starting *s)
{
	watch_stop(&s->watch);
	json_put(&s->reply);
	free(s);
}

static void fail(struct starting *s, struct container *c, const struct error *why)
{
	struct request *rq = s->rq;
	struct session *session = c ? session_by_id(c, s->session) : NULL;
	struct error err = *why;

	if (err.kind == ERROR_INVALID_STATE && s->session)
		step_invalid(c, &err, "container '%s' is not running", c->name);
	if (session)
		session_free(c, session);
	if (s->lent && rq->conn)
		conn_take_back(rq->conn);
	starting_free(s);
	request_error(rq, &err);
}

static void succeed(struct starting *s, struct session *session)
{
	struct request *rq = s->rq;
	struct json_object *reply = steal_pointer(&s->reply);
	bool lent = s->lent;

	session->awaited = false;
	starting_free(s);
	if (lent) {
		json_put(&reply);
		request_given_away(rq);
		return;
	}
	json_add_int(reply, "pid", session->status.pid);
	request_reply(rq, reply);
}

/* 0: it is ready; 1: wait for it. */
static int look(struct container *c, struct error *err)
{
	bool runs = c->state == STATE_RUNNING || c->state == STATE_STOPPING;

	if (!c->gone && (c->state == STATE_STARTING || (runs && !c->shim)))
		return 1;
	if (!c->gone && c->state == STATE_PAUSED) {
		step_invalid(c, err, "container '%s' is paused", c->name);
		return error_hint(err, "unpause lets it go on");
	}
	if (c->gone || !runs) {
		step_invalid(c, err, "container '%s' is not running", c->name);
		return -1;
	}
	return 0;
}

static void begin(struct starting *s, struct container *c)
{
	struct error err;
	struct session *session = NULL;
	int state = look(c, &err);

	if (state > 0)
		return;
	if (state == 0)
		session = session_new(c, &s->rq->caller, &err);
	if (session)
		s->session = session->id;
	if (!session || send_order(s, c, &err) < 0)
		fail(s, c, &err);
}

static void on_changed(struct watch *watch)
{
	struct starting *s = (struct starting *) watch;
	struct container *c = watch->c;
	struct session *session = s->session ? session_by_id(c, s->session) : NULL;
	struct error err;

	if (!s->session) {
		begin(s, c);
	} else if (!session) {
		error_set(&err, ERROR_INVALID_STATE, "it is gone");
		fail(s, c, &err);
	} else if (session->error) {
		err = *session->error;
		fail(s, c, &err);
	} else if (session->status.state != EXEC_STARTING) {
		succeed(s, session);
	}
}

/* The client left: what is under way goes on by itself. */
static void on_left(struct request *rq)
{
	struct starting *s = rq->data;
	struct session *session = s->session ? session_by_id(s->watch.c, s->session) : NULL;

	if (session)
		session->awaited = false;
	if (session && session->error)
		session_free(s->watch.c, session);
	starting_free(s);
	request_drop(rq);
}

void handle_exec(struct request *rq)
{
	struct starting *s;
	struct error err;

	if (check_call(rq, &err) < 0) {
		request_error(rq, &err);
		return;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	*s = (struct starting) { .watch.changed = on_changed, .rq = rq };
	rq->data = s;
	rq->on_left = on_left;
	container_watch(rq->target, &s->watch);
	begin(s, rq->target);
}

void handle_list_sessions(struct request *rq)
{
	struct json_object *reply = json_object_new_object();

	json_add(reply, "sessions", sessions_to_json(rq->target));
	request_reply(rq, reply);
}

/* ---- Wait and Kill with a session ---- */

struct waiting {
	struct watch watch;
	struct request *rq;
	uint64_t session; /* 0: not looked for yet */
};

static struct json_object *make_outcomes(const struct request *rq, const struct session *session)
{
	struct json_object *reply = json_object_new_object(), *outcome = json_object_new_object(),
			   *list = json_object_new_array();

	json_add_string(outcome, "container", item(json_get(rq->parameters, "containers"), 0));
	if (session)
		json_add(outcome, "exit", session_exit(session));
	json_object_array_add(list, outcome);
	json_add(reply, "outcomes", list);
	return reply;
}

/* The one container of the call and its session; NULL is answered. */
static struct container *find_container(struct request *rq, struct error *err)
{
	struct json_object *targets = json_get(rq->parameters, "containers");

	if (json_length(targets) == 1)
		return registry_find(rq->d->registry, item(targets, 0), err);
	error_set(err, ERROR_INVALID_PARAMETER, "with a session there must be one container");
	snprintf(err->field, sizeof(err->field), "containers");
	return NULL;
}

static void on_waiter_left(struct request *rq)
{
	struct waiting *w = rq->data;

	watch_stop(&w->watch);
	free(w);
	request_drop(rq);
}

static void on_session_changed(struct watch *watch)
{
	struct waiting *w = (struct waiting *) watch;
	struct request *rq = w->rq;
	struct container *c = watch->c;
	const char *text = json_string(rq->parameters, "session", "");
	struct session *session;
	struct error err;

	if (c->adopting && !c->gone)
		return;
	session = session_find(c, text, &err);
	if (session && !session_over(session))
		return;
	struct json_object *reply = session ? make_outcomes(rq, session) : NULL;
	watch_stop(watch);
	free(w);
	rq->on_left = NULL;
	if (reply)
		request_reply(rq, reply);
	else
		request_error(rq, &err);
}

void exec_wait(struct request *rq)
{
	struct error err;
	struct container *c = find_container(rq, &err);
	struct waiting *w;

	if (!c) {
		request_error(rq, &err);
		return;
	}
	w = calloc(1, sizeof(*w));
	if (!w)
		abort();
	*w = (struct waiting) { .watch.changed = on_session_changed, .rq = rq };
	rq->data = w;
	rq->on_left = on_waiter_left;
	container_watch(c, &w->watch);
	on_session_changed(&w->watch);
}

void exec_kill(struct request *rq, int sig)
{
	struct control_exec_kill message = { .sig = sig };
	struct json_object *attributes;
	struct error err;
	struct container *c = find_container(rq, &err);
	struct session *session =
		c ? session_find(c, json_string(rq->parameters, "session", ""), &err) : NULL;
	char name[16], text[SESSION_TEXT];

	if (session && (session->status.state != EXEC_RUNNING || !c->shim)) {
		step_invalid(c, &err, "session '%s' of container '%s' is not running",
			session_format(session->id, text), c->name);
		session = NULL;
	}
	if (session)
		message.session = session->id;
	if (!session || shim_tell(c->shim, &message, CONTROL_EXEC_KILL, sizeof(message), NULL, 0, &err) < 0) {
		request_error(rq, &err);
		return;
	}
	attributes = json_object_new_object();
	json_add_string(attributes, "signal", signal_format(sig, name));
	json_add_string(attributes, "session", session_format(session->id, text));
	events_add(rq->d->events, "kill", c, attributes, &rq->caller);
	request_reply(rq, make_outcomes(rq, NULL));
}
