#include "daemon/figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "daemon/container.h"
#include "daemon/request.h"
#include "daemon/work.h"

int figures_read(int fd, size_t size, struct json_object **ret_value, struct error *err)
{
	_cleanup_free_ char *text = malloc(size + 1);

	if (!text)
		abort();
	if (fd < 0 || pread(fd, text, size, 0) != (ssize_t) size)
		return error_set(err, ERROR_FAILED, "a worker's answer was cut");
	return json_parse(text, size, ret_value, err);
}

struct question {
	struct request *rq;
	const char *field;
};

static void on_found(void *arg, const struct error *err, int fd, size_t size)
{
	struct question question = *(struct question *) arg;
	struct json_object *found = NULL, *reply;
	struct error error;

	free(arg);
	if (err || figures_read(fd, size, &found, &error) < 0) {
		request_error(question.rq, err ? err : &error);
		return;
	}
	reply = json_object_new_object();
	json_add(reply, question.field, found);
	request_reply(question.rq, reply);
}

void figures_ask(struct request *rq, enum work_op op, struct json_object *order, const char *field)
{
	const struct container *c = rq->target;
	struct work_order work = { .op = op, .id = container_id(c), .transient = c->bundle.transient };
	struct question *question;
	struct error err;

	if (c->pid <= 0) {
		error_set(&err, ERROR_INVALID_STATE, "container '%s' is not running", c->name);
		snprintf(err.field, sizeof(err.field), "%s", c->name);
		snprintf(err.phase, sizeof(err.phase), "%s", state_name(c->state));
		request_error(rq, &err);
		return;
	}
	question = malloc(sizeof(*question));
	if (!question)
		abort();
	*question = (struct question) { rq, field };
	json_add_int(order, "pid", c->pid);
	work.config.text = json_text(order, &work.config.size);
	if (work_start(rq->d, &work, on_found, question, &err) < 0) {
		free(question);
		request_error(rq, &err);
	}
}
