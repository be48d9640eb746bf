#include "daemon/launch.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/wire.h"
#include "daemon/attach.h"
#include "daemon/container.h"
#include "daemon/not_granted.h"
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

/* With the client's connection, which nobody here reads any more from now on. */
static int start_with_console(struct launch *launch, struct container *c, bool is_new, struct error *err)
{
	struct conn *conn = launch->rq->conn;
	struct attach_target target = { c->bundle.terminal, c->bundle.open_stdin,
		c->bundle.terminal ? FLOW_DROP : FLOW_BLOCK };
	struct shim_console console = { 0 };
	_cleanup_free_ char *text = NULL;

	if (attach_wants(json_get(launch->rq->parameters, "console"), &target, &console.wants, err) < 0)
		return -1;
	launch->reply = attach_reply(c, c->bundle.terminal, &console.wants);
	not_granted_tell(launch->reply, json_get(launch->rq->parameters, "config"), c);
	text = reply_format(launch->reply, false, conn_terminator(conn), &console.reply_size);
	console.reply = text;
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
		launch->reply = attach_reply(c, c->bundle.terminal, &(struct control_console) { 0 });
		not_granted_tell(launch->reply, json_get(rq->parameters, "config"), c);
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
