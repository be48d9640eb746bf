#include "daemon/launch.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/wire.h"
#include "daemon/container.h"
#include "daemon/request.h"
#include "daemon/shim_link.h"

struct launch {
	struct watch watch;
	struct request *rq;
	unsigned attempt;
	bool lent; /* the connection is with the shim */
	struct json_object *reply;
};

static void launch_free(struct launch *launch)
{
	watch_stop(&launch->watch);
	json_put(&launch->reply);
	free(launch);
}

static void fail(struct launch *launch, const struct error *err)
{
	struct request *rq = launch->rq;

	if (launch->lent && rq->conn)
		conn_take_back(rq->conn);
	launch_free(launch);
	request_error(rq, err);
}

static void on_changed(struct watch *watch)
{
	struct launch *launch = (struct launch *) watch;
	struct container *c = watch->c;
	struct request *rq = launch->rq;

	if (c->decided < launch->attempt)
		return;
	if (c->start_error) {
		struct error err = *c->start_error;

		fail(launch, &err);
	} else if (launch->lent) {
		launch_free(launch);
		request_given_away(rq);
	} else {
		struct json_object *reply = steal_pointer(&launch->reply);

		launch_free(launch);
		request_reply(rq, reply);
	}
}

/* The client left: the container goes on; nobody waits for the answer. */
static void on_left(struct request *rq)
{
	launch_free(rq->data);
	request_drop(rq);
}

static uint32_t console_flags(struct json_object *console, const struct container *c)
{
	bool in = c->bundle.open_stdin && json_flag(console, "stdin", true);

	return (in ? CONSOLE_STDIN : 0) | (json_flag(console, "stdout", true) ? CONSOLE_STDOUT : 0) |
	       (json_flag(console, "stderr", true) ? CONSOLE_STDERR : 0);
}

static struct json_object *make_reply(const struct container *c, bool in)
{
	struct json_object *reply = json_object_new_object();

	json_add_string(reply, "id", container_id(c));
	json_add_string(reply, "name", c->name);
	json_add_bool(reply, "terminal", false);
	json_add_bool(reply, "stdin", in);
	return reply;
}

/* With the client's connection, which nobody here reads any more from now on. */
static int start_with_console(struct launch *launch, struct container *c, bool is_new, struct error *err)
{
	struct conn *conn = launch->rq->conn;
	struct json_object *wanted = json_get(launch->rq->parameters, "console");
	struct shim_console console = { .wants.flags = console_flags(wanted, c) };
	_cleanup_free_ char *text = NULL;

	launch->reply = make_reply(c, console.wants.flags & CONSOLE_STDIN);
	text = reply_format(launch->reply, false, conn_terminator(conn), &console.reply_size);
	console.reply = text;
	console.wants.flow =
		strcmp(json_string(wanted, "flow", "block"), "drop") == 0 ? FLOW_DROP : FLOW_BLOCK;
	console.early = conn_early(conn, &console.early_size);
	console.client = conn_lend(conn);
	launch->lent = true;
	return container_start(c, is_new, &console, err);
}

void launch(struct request *rq, struct container *c, bool is_new)
{
	struct launch *launch = calloc(1, sizeof(*launch));
	struct error err;
	int r;

	if (!launch)
		abort();
	*launch = (struct launch) { .watch.changed = on_changed, .rq = rq };
	rq->data = launch;
	rq->on_left = on_left;
	container_asked(c, &rq->caller);
	if (rq->upgrade && rq->conn) {
		r = start_with_console(launch, c, is_new, &err);
	} else {
		launch->reply = make_reply(c, false);
		r = container_start(c, is_new, NULL, &err);
	}
	if (r < 0) {
		if (is_new) {
			c->state = STATE_REMOVING; /* it has never been anything */
			container_gone(c);
		}
		fail(launch, &err);
		return;
	}
	launch->attempt = c->attempts;
	container_watch(c, &launch->watch);
}
