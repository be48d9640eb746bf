#include "daemon/attach.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/wire.h"
#include "daemon/batch.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/handlers.h"
#include "daemon/request.h"
#include "daemon/session.h"
#include "daemon/shim_link.h"

#define REPLAY_ALL (64 * 1024)

/* ---- what a call asks for ---- */

static int read_size(struct json_object *console, struct control_console *wants, struct error *err)
{
	static const struct {
		const char *key, *field;
	} sides[] = { { "rows", "console.rows" }, { "columns", "console.columns" } };
	uint16_t *values[] = { &wants->rows, &wants->columns };

	for (int i = 0; i < 2; i++) {
		int64_t value = json_int(console, sides[i].key, 0);

		if (value < 0 || value > UINT16_MAX)
			return error_config(
				err, sides[i].field, "%s must be 0 to %d", sides[i].field, UINT16_MAX);
		*values[i] = (uint16_t) value;
		if (json_get(console, sides[i].key))
			wants->flags |= CONSOLE_SIZE;
	}
	return 0;
}

static int read_detach_keys(struct json_object *console, struct control_console *wants, struct error *err)
{
	static const char field[] = "console.detach_keys";
	int n = detach_parse(json_string(console, "detach_keys", "none"), wants->detach_keys, err);

	if (n < 0) {
		error_wrap(err, "%s", field);
		snprintf(err->field, sizeof(err->field), "%s", field);
		return -1;
	}
	wants->n_detach_keys = (uint32_t) n;
	return 0;
}

int attach_wants(struct json_object *console, const struct attach_target *target,
	struct control_console *ret_wants, struct error *err)
{
	const char *flow = json_string(console, "flow", target->flow == FLOW_DROP ? "drop" : "block");
	bool raw = strcmp(json_string(console, "framing", "frames"), "raw") == 0;
	int64_t replay = json_int(console, "replay", REPLAY_ALL);
	struct control_console wants = { .flow = strcmp(flow, "drop") == 0 ? FLOW_DROP : FLOW_BLOCK,
		.flags = (target->open_stdin && json_flag(console, "stdin", true) ? CONSOLE_STDIN : 0) |
			 (json_flag(console, "stdout", true) ? CONSOLE_STDOUT : 0) |
			 (json_flag(console, "stderr", true) ? CONSOLE_STDERR : 0) |
			 (raw ? CONSOLE_RAW : 0) };

	if (raw && !target->terminal)
		return error_config(err, "console.framing",
			"console.framing: raw needs a terminal; without one there are two streams to tell "
			"apart");
	if (replay < 0)
		return error_config(err, "console.replay", "console.replay must be 0 or a number of bytes");
	wants.replay = replay < REPLAY_ALL ? (uint32_t) replay : REPLAY_ALL;
	if (read_size(console, &wants, err) < 0 || read_detach_keys(console, &wants, err) < 0)
		return -1;
	*ret_wants = wants;
	return 0;
}

struct json_object *attach_reply(
	const struct container *c, bool terminal, const struct control_console *wants)
{
	struct json_object *reply = json_object_new_object();

	json_add_string(reply, "id", container_id(c));
	json_add_string(reply, "name", c->name);
	json_add_bool(reply, "terminal", terminal);
	json_add_bool(reply, "stdin", wants->flags & CONSOLE_STDIN);
	return reply;
}

/* ---- Attach ---- */

struct attach {
	struct watch watch; /* until it is decided */
	struct request *rq;
	int answer; /* what the shim says */
	struct event *event;
};

static void attach_free(struct attach *attach)
{
	watch_stop(&attach->watch);
	if (attach->event)
		event_free(attach->event);
	fd_close(&attach->answer);
	free(attach);
}

/* End of file instead of an answer. A living shim answers whatever it could take. */
static void no_answer(const struct attach *attach, struct error *err)
{
	const struct container *c = attach->watch.c;

	if (!c || !container_runs(c) || !c->shim || !shim_lives(c->shim)) {
		error_set(err, ERROR_INVALID_STATE, "the container has ended meanwhile");
		return;
	}
	error_set(
		err, ERROR_LIMIT_EXCEEDED, "the container's shim has no descriptor left for one more client");
	snprintf(err->field, sizeof(err->field), "descriptors");
	error_hint(err, "one is free when another client or session of this container has gone");
}

static void on_answer(evutil_socket_t sock, short what, void *arg)
{
	struct attach *attach = arg;
	struct request *rq = attach->rq;
	union {
		struct control_head head;
		struct control_failed failed;
		char bytes[CONTROL_MESSAGE_MAX];
	} message;
	int fds[FD_MESSAGE_FDS], type;
	unsigned n = 0;
	struct error err;

	(void) what;
	type = control_recv(sock, &message, fds, &n);
	if (type < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
	if (type == CONTROL_FAILED)
		err = message.failed.error;
	else if (type != CONTROL_ATTACHED)
		no_answer(attach, &err);
	attach_free(attach);
	if (type == CONTROL_ATTACHED) {
		request_given_away(rq);
		return;
	}
	if (rq->conn)
		conn_take_back(rq->conn);
	request_error(rq, &err);
}

/* The client's connection goes to the shim, with what has come from it already. */
static int lend(struct attach *attach, struct container *c, const struct session *session,
	const struct control_console *wants, struct error *err)
{
	struct conn *conn = attach->rq->conn;
	struct shim_console console = { .wants = *wants };
	_cleanup_json_ struct json_object *reply =
		attach_reply(c, session ? session_terminal(session) : c->bundle.terminal, wants);
	_cleanup_free_ char *text = NULL;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return error_errno(err, "make a pair of sockets");
	_cleanup_fd_ int theirs = pair[1];
	attach->answer = pair[0];
	json_add_string(reply, "state", state_name(c->state));
	text = reply_format(reply, false, conn_terminator(conn), &console.reply_size);
	console.reply = text;
	console.early = conn_early(conn, &console.early_size);
	console.client = conn_lend(conn);
	r = shim_attach(c->shim, session ? session->id : 0, &console, theirs, err);
	if (r < 0) {
		conn_take_back(conn);
		return -1;
	}
	attach->event = event_new(c->d->base, attach->answer, EV_READ | EV_PERSIST, on_answer, attach);
	event_add(attach->event, NULL);
	container_watch(c, &attach->watch);
	return 0;
}

static void on_left(struct request *rq)
{
	attach_free(rq->data);
	request_drop(rq);
}

/* That of the call's, running; none where it names none. */
static int find_session(
	const struct request *rq, struct container *c, struct session **ret_session, struct error *err)
{
	const char *name = json_string(rq->parameters, "session", NULL);

	if (name && !(*ret_session = session_find(c, name, err)))
		return -1;
	if (!name || (*ret_session)->status.state == EXEC_RUNNING)
		return 0;
	step_invalid(c, err, "session '%s' of container '%s' is not running", name, c->name);
	return -1;
}

/* Once it is decided whether it runs. */
static void on_changed(struct watch *watch)
{
	struct attach *attach = (struct attach *) watch;
	struct request *rq = attach->rq;
	struct container *c = watch->c;
	bool runs = container_runs(c);
	struct attach_target target = { c->bundle.terminal, c->bundle.open_stdin, FLOW_DROP };
	struct session *session = NULL;
	struct control_console wants = { 0 };
	struct error err;

	/* Lent already: the shim answers. */
	if (attach->event)
		return;
	if (!c->gone && (c->state == STATE_STARTING || (runs && !c->shim)))
		return;
	watch_stop(watch);
	if (!runs)
		step_invalid(c, &err, "container '%s' is not running", c->name);
	else if (find_session(rq, c, &session, &err) == 0) {
		if (session)
			target = (struct attach_target) { session_terminal(session), session_stdin(session),
				FLOW_DROP };
		if (attach_wants(json_get(rq->parameters, "console"), &target, &wants, &err) == 0 &&
			lend(attach, c, session, &wants, &err) == 0)
			return;
	}
	attach_free(attach);
	request_error(rq, &err);
}

void handle_attach(struct request *rq)
{
	struct container *c = rq->target;
	struct attach *attach;
	struct error err;

	if (!rq->upgrade || !rq->conn) {
		error_set(&err, ERROR_UPGRADE_REQUIRED, "a console needs a call with upgrade");
		request_error(rq, &err);
		return;
	}
	attach = calloc(1, sizeof(*attach));
	if (!attach)
		abort();
	*attach = (struct attach) { .watch.changed = on_changed, .rq = rq, .answer = -1 };
	rq->data = attach;
	rq->on_left = on_left;
	container_watch(c, &attach->watch);
	on_changed(&attach->watch);
}

/* ---- Resize ---- */

static void no_terminal(const struct container *c, struct error *err)
{
	error_set(err, ERROR_NOT_SUPPORTED, "container '%s' has no terminal", c->name);
	snprintf(err->field, sizeof(err->field), "terminal");
}

void handle_resize(struct request *rq)
{
	struct container *c = rq->target;
	int64_t rows = json_int(rq->parameters, "rows", 0), columns = json_int(rq->parameters, "columns", 0);
	struct session *session = NULL;
	struct error err;

	if (rows < 0 || rows > UINT16_MAX || columns < 0 || columns > UINT16_MAX)
		error_config(&err, rows < 0 || rows > UINT16_MAX ? "rows" : "columns",
			"rows and columns must be 0 to %d", UINT16_MAX);
	else if (!container_runs(c) || !c->shim)
		step_invalid(c, &err, "container '%s' is not running", c->name);
	else if (find_session(rq, c, &session, &err) < 0)
		;
	else if (!(session ? session_terminal(session) : c->bundle.terminal))
		no_terminal(c, &err);
	else if (shim_resize(c->shim, session ? session->id : 0, (uint16_t) rows, (uint16_t) columns, &err) ==
		 0) {
		request_reply(rq, NULL);
		return;
	}
	request_error(rq, &err);
}
