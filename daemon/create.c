/* create.c - Create and Run: from a Config to a container. A name is taken at once, before anything slow
 * begins, so that of many who want the same one gets it; the container is seen by others only when it is
 * there. */
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/log.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/events.h"
#include "daemon/handlers.h"
#include "daemon/launch.h"
#include "daemon/not_granted.h"
#include "daemon/recover.h"
#include "daemon/registry.h"
#include "daemon/request.h"
#include "daemon/work.h"

struct creation {
	struct request *rq;
	struct container *c;
	bool run; /* and start it */
};

/* rq->data of a Run, until there is a container. */
static const char run_mark;

static void on_cleared(void *arg, const struct error *err, int fd, size_t size)
{
	struct container *c = arg;

	(void) fd;
	(void) size;
	if (err)
		log_warning("container %s: what was made of it may be left", container_id(c));
	c->working--;
	container_changed(c);
}

/* A worker that was killed has left what it had made. */
static void clear_up(struct container *c)
{
	struct work_order order = {
		.op = WORK_REMOVE, .id = container_id(c), .transient = c->bundle.transient
	};
	struct error err;

	c->working++;
	if (work_start(c->d, &order, on_cleared, c, &err) < 0)
		on_cleared(c, &err, -1, 0);
}

static void fail(struct creation *creation, const struct error *err)
{
	struct request *rq = creation->rq;

	container_gone(creation->c);
	free(creation);
	request_error(rq, err);
}

static void announce(struct creation *creation)
{
	struct container *c = creation->c;
	struct json_object *attributes = json_object_new_object();

	c->hidden = false;
	json_add_string(attributes, "image", bundle_image(&c->bundle));
	events_add(c->d->events, "create", c, attributes, &creation->rq->caller);
	container_changed(c);
}

static void on_created(void *arg, const struct error *err, int fd, size_t size)
{
	struct creation *creation = arg;
	struct request *rq = creation->rq;
	struct container *c = creation->c;
	struct json_object *reply;

	(void) fd;
	(void) size;
	c->working--;
	if (err) {
		clear_up(c);
		fail(creation, err);
		return;
	}
	announce(creation);
	free(creation);
	reply = json_object_new_object();
	json_add_string(reply, "id", container_id(c));
	json_add_string(reply, "name", c->name);
	not_granted_tell(reply, json_get(rq->parameters, "config"), c);
	request_reply(rq, reply);
}

/* A limit that cannot be is told before anything is made. */
static int check_limits(struct container *c, struct error *err)
{
	struct bundle *b = &c->bundle;

	return container_check_limits(c, &b->limits, b->folder ? "linux.resources" : "config.resources", err);
}

/* All that is needed is there: a worker writes it down, or the shim does in the course of its start. */
static void make(struct creation *creation)
{
	struct container *c = creation->c;
	struct bundle *b = &c->bundle;
	struct request *rq = creation->rq;
	struct error err;

	if (check_limits(c, &err) < 0) {
		fail(creation, &err);
		return;
	}
	if (creation->run) {
		announce(creation);
		free(creation);
		launch(rq, c, true);
		return;
	}
	_cleanup_free_ char *state = container_state_text(c->name);
	struct work_order order = {
		.op = WORK_CREATE,
		.id = b->id,
		.transient = b->transient,
		.config = { b->config, b->config_size },
		.shim = { b->shim, b->shim_size },
		.state = { state, strlen(state) },
		.path = b->rootfs,
	};

	if (work_start(c->d, &order, on_created, creation, &err) < 0)
		fail(creation, &err);
	else
		c->working++;
}

static void on_bundle(void *arg, const struct error *err, int fd, size_t size)
{
	struct creation *creation = arg;
	struct error own;

	creation->c->working--;
	if (!err && bundle_read_config(&creation->c->bundle, fd, size, &own) < 0)
		err = &own;
	/* Whoever wanted to be at its console has gone before there was one. */
	if (!err && creation->run && creation->rq->upgrade && !creation->rq->conn) {
		error_set(&own, ERROR_FAILED, "the client has left");
		err = &own;
	}
	if (err)
		fail(creation, err);
	else
		make(creation);
}

static void begin(struct request *rq);

static void on_recovered(void *arg)
{
	begin(arg);
}

static void begin(struct request *rq)
{
	struct json_object *config = json_get(rq->parameters, "config");
	struct bundle bundle;
	struct container *c;
	struct creation *creation;
	struct error err;
	char name[65];

	if (!recover_done(on_recovered, rq))
		return;
	if (!rq->conn || rq->d->ending) {
		request_drop(rq);
		return;
	}
	if (namespaces_find(rq->d->registry, config, &err) < 0 ||
		bundle_build(config, rq->d->config, &bundle, name, &err) < 0) {
		request_error(rq, &err);
		return;
	}
	c = container_new(rq->d, &bundle, name);
	c->hidden = true;
	if (registry_add(rq->d->registry, c, &err) < 0) {
		container_free(c);
		request_error(rq, &err);
		return;
	}
	creation = malloc(sizeof(*creation));
	if (!creation)
		abort();
	*creation = (struct creation) { .rq = rq, .c = c, .run = rq->data == &run_mark };
	if (c->bundle.config) {
		make(creation);
		return;
	}
	struct work_order order = { .op = WORK_READ_BUNDLE, .path = c->bundle.folder };

	if (work_start(rq->d, &order, on_bundle, creation, &err) < 0)
		fail(creation, &err);
	else
		c->working++;
}

void handle_create(struct request *rq)
{
	begin(rq);
}

void handle_run(struct request *rq)
{
	struct error err;

	if (json_get(rq->parameters, "console") && !rq->upgrade) {
		error_set(&err, ERROR_UPGRADE_REQUIRED, "a console needs a call with upgrade");
		request_error(rq, &err);
		return;
	}
	rq->data = (void *) &run_mark;
	begin(rq);
}
