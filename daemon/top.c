/* top.c - Top: a worker reads /proc. */
#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "common/json.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/figures.h"
#include "daemon/handlers.h"
#include "daemon/request.h"
#include "daemon/work.h"

static void on_read(void *arg, const struct error *err, int fd, size_t size)
{
	struct request *rq = arg;
	struct json_object *processes = NULL, *reply;
	struct error error;

	if (err || figures_read(fd, size, &processes, &error) < 0) {
		request_error(rq, err ? err : &error);
		return;
	}
	reply = json_object_new_object();
	json_add(reply, "processes", processes);
	request_reply(rq, reply);
}

void handle_top(struct request *rq)
{
	const struct container *c = rq->target;
	_cleanup_json_ struct json_object *order = json_object_new_object();
	struct work_order work = { .op = WORK_TOP, .id = container_id(c), .transient = c->bundle.transient };
	struct error err;

	if (c->pid <= 0) {
		error_set(&err, ERROR_INVALID_STATE, "container '%s' is not running", c->name);
		snprintf(err.field, sizeof(err.field), "%s", c->name);
		snprintf(err.phase, sizeof(err.phase), "%s", state_name(c->state));
		request_error(rq, &err);
		return;
	}
	json_add_int(order, "pid", c->pid);
	work.config.text = json_text(order, &work.config.size);
	if (work_start(rq->d, &work, on_read, rq, &err) < 0)
		request_error(rq, &err);
}
