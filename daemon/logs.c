/* logs.c - Logs: a worker answers, on the client's own connection. */
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/json.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/handlers.h"
#include "daemon/request.h"
#include "daemon/work.h"

static void on_answered(void *arg, const struct error *err, int fd, size_t size)
{
	struct request *rq = arg;

	(void) fd;
	(void) size;
	if (rq->d->ending) {
		request_given_away(rq); /* the worker goes on without us */
		return;
	}
	if (!err) {
		request_answered_elsewhere(rq);
		return;
	}
	if (rq->conn)
		conn_take_back(rq->conn);
	request_error(rq, err);
}

static int make_order(struct request *rq, struct work_order *order, struct error *err)
{
	const struct container *c = rq->target;
	bool follow = json_flag(rq->parameters, "follow", false);
	bool live = c->state == STATE_STARTING || container_runs(c);
	bool out = json_flag(rq->parameters, "stdout", false),
	     errs = json_flag(rq->parameters, "stderr", false);

	*order = (struct work_order) { .op = WORK_LOGS,
		.id = container_id(c),
		.transient = c->bundle.transient,
		.log_tail = json_int(rq->parameters, "tail", -1) };
	if (follow && !rq->more) {
		error_set(err, ERROR_INVALID_PARAMETER, "follow needs a call with more");
		snprintf(err->field, sizeof(err->field), "follow");
		return -1;
	}
	if (order->log_tail < -1) {
		error_set(err, ERROR_INVALID_PARAMETER, "tail must be -1 or a number of records");
		snprintf(err->field, sizeof(err->field), "tail");
		return -1;
	}
	if (!c->bundle.log) {
		error_set(err, ERROR_NOT_SUPPORTED, "container '%s' keeps no log", c->name);
		snprintf(err->field, sizeof(err->field), "log");
		return -1;
	}
	if (request_time(rq, "since", &order->log_since_ns, err) < 0 ||
		request_time(rq, "until", &order->log_until_ns, err) < 0)
		return -1;
	/* Asking for none of the two is asking for both. */
	order->log_flags = (out || !errs ? LOGS_STDOUT : 0) | (errs || !out ? LOGS_STDERR : 0) |
			   (follow ? LOGS_FOLLOW : 0) | (rq->more ? LOGS_MORE : 0) |
			   (live ? LOGS_RUNNING : 0) | (conn_terminator(rq->conn) == '\n' ? LOGS_NEWLINE : 0);
	return 0;
}

void handle_logs(struct request *rq)
{
	struct work_order order;
	struct error err;

	if (rq->oneway) {
		request_reply(rq, NULL); /* nobody wants them */
		return;
	}
	if (make_order(rq, &order, &err) < 0) {
		request_error(rq, &err);
		return;
	}
	order.client = conn_lend(rq->conn);
	if (work_start(rq->d, &order, on_answered, rq, &err) < 0) {
		conn_take_back(rq->conn);
		request_error(rq, &err);
	}
}
