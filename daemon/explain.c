/* explain.c - Explain: what Create would make of a Config, with nothing made. */
#include <stdlib.h>

#include "common/error.h"
#include "common/json.h"
#include "daemon/bundle.h"
#include "daemon/daemon.h"
#include "daemon/handlers.h"
#include "daemon/request.h"
#include "daemon/work.h"

struct explanation {
	struct request *rq;
	struct bundle bundle;
};

static void explanation_free(struct explanation *x)
{
	bundle_done(&x->bundle);
	free(x);
}

static void fail(struct explanation *x, const struct error *err)
{
	struct request *rq = x->rq;

	explanation_free(x);
	request_error(rq, err);
}

static void answer(struct explanation *x)
{
	struct request *rq = x->rq;
	struct json_object *reply, *config = NULL, *shim = NULL;
	struct error err;

	/* Out of the very texts that would be executed. */
	if (json_parse(x->bundle.config, x->bundle.config_size, &config, &err) < 0 ||
		json_parse(x->bundle.shim, x->bundle.shim_size, &shim, &err) < 0) {
		json_put(&config);
		fail(x, &err);
		return;
	}
	explanation_free(x);
	reply = json_object_new_object();
	json_add(reply, "config", config);
	json_add(reply, "shim", shim);
	request_reply(rq, reply);
}

static void on_bundle(void *arg, const struct error *err, int fd, size_t size)
{
	struct explanation *x = arg;
	struct error own;

	if (!err && bundle_read_config(&x->bundle, fd, size, &own) < 0)
		err = &own;
	if (err)
		fail(x, err);
	else
		answer(x);
}

void handle_explain(struct request *rq)
{
	struct explanation *x = calloc(1, sizeof(*x));
	struct error err;
	char name[65];

	if (!x)
		abort();
	x->rq = rq;
	if (namespaces_find(rq->d->registry, json_get(rq->parameters, "config"), &err) < 0 ||
		bundle_build(json_get(rq->parameters, "config"), rq->d->config, &x->bundle, name, &err) < 0) {
		fail(x, &err);
		return;
	}
	if (x->bundle.config) {
		answer(x);
		return;
	}
	struct work_order order = { .op = WORK_READ_BUNDLE, .path = x->bundle.folder };

	if (work_start(rq->d, &order, on_bundle, x, &err) < 0)
		fail(x, &err);
}
