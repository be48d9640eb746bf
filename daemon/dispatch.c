#include "daemon/dispatch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/idl.h"
#include "common/json.h"
#include "common/parse.h"
#include "common/wire.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/handlers.h"
#include "daemon/interface.h"
#include "daemon/registry.h"
#include "daemon/request.h"

#define CONTAINER "io.containerdlite.container"
#define SYSTEM	  "io.containerdlite.system"
#define SERVICE	  "org.varlink.service"

enum {
	METHOD_TARGET = 1 << 0, /* the parameter `container` is found, and adopted, before the handler runs */
	METHOD_UPGRADE = 1 << 1, /* can be called with upgrade */
};

static const struct method {
	const char *interface, *name;
	void (*handle)(struct request *rq);
	unsigned flags;
} methods[] = {
	{ SERVICE, "GetInfo", handle_get_info, 0 },
	{ SERVICE, "GetInterfaceDescription", handle_get_interface_description, 0 },
	{ CONTAINER, "Create", handle_create, 0 },
	{ CONTAINER, "Explain", handle_explain, 0 },
	{ CONTAINER, "Run", handle_run, METHOD_UPGRADE },
	{ CONTAINER, "Start", handle_start, METHOD_UPGRADE },
	{ CONTAINER, "Attach", handle_attach, METHOD_TARGET | METHOD_UPGRADE },
	{ CONTAINER, "Resize", handle_resize, METHOD_TARGET },
	{ CONTAINER, "Exec", handle_exec, METHOD_TARGET | METHOD_UPGRADE },
	{ CONTAINER, "CopyOut", handle_copy_out, METHOD_TARGET | METHOD_UPGRADE },
	{ CONTAINER, "CopyIn", handle_copy_in, METHOD_TARGET | METHOD_UPGRADE },
	{ CONTAINER, "ListSessions", handle_list_sessions, METHOD_TARGET },
	{ CONTAINER, "Kill", handle_kill, 0 },
	{ CONTAINER, "Stop", handle_stop, 0 },
	{ CONTAINER, "Restart", handle_restart, 0 },
	{ CONTAINER, "Pause", handle_pause, 0 },
	{ CONTAINER, "Unpause", handle_unpause, 0 },
	{ CONTAINER, "Update", handle_update, METHOD_TARGET },
	{ CONTAINER, "Wait", handle_wait, 0 },
	{ CONTAINER, "Remove", handle_remove, 0 },
	{ CONTAINER, "Rename", handle_rename, METHOD_TARGET },
	{ CONTAINER, "List", handle_list, 0 },
	{ CONTAINER, "Inspect", handle_inspect, METHOD_TARGET },
	{ CONTAINER, "Logs", handle_logs, METHOD_TARGET },
	{ CONTAINER, "Stats", handle_stats, 0 },
	{ CONTAINER, "Top", handle_top, METHOD_TARGET },
	{ CONTAINER, "DiffLimits", handle_diff_limits, METHOD_TARGET },
	{ SYSTEM, "Info", handle_info, 0 },
	{ SYSTEM, "Events", handle_events, 0 },
};
#define N_METHODS (sizeof(methods) / sizeof(methods[0]))

int dispatch_check(struct error *err)
{
	const struct idl *idl;
	size_t n = 0;

	for (unsigned i = 0; (idl = interface_at(i)); i++)
		for (const struct idl_method *m = NULL; (m = idl_method_next(idl, m));)
			n++;
	for (size_t i = 0; i < N_METHODS; i++) {
		idl = interface_find(methods[i].interface);
		if (!idl || !idl_method_find(idl, methods[i].name))
			return error_set(err, ERROR_FAILED, "no interface describes %s.%s",
				methods[i].interface, methods[i].name);
	}
	return n == N_METHODS ? 0
			      : error_set(err, ERROR_FAILED, "an interface has a method without a handler");
}

static int refuse_name(enum error_kind kind, const char *what, const char *name, struct error *err)
{
	char shown[100];

	error_set(err, kind, "there is no %s '%s'", what, escape_text(name, shown, sizeof(shown)));
	snprintf(err->field, sizeof(err->field), "%s", shown);
	return -1;
}

static int find_method(const char *full, const struct method **ret_method, const struct idl_method **ret_idl,
	struct error *err)
{
	const char *dot = strrchr(full, '.');
	_cleanup_free_ char *interface = dot ? strndup(full, (size_t) (dot - full)) : NULL;
	const struct idl *idl;

	if (!dot)
		return refuse_name(ERROR_INTERFACE_NOT_FOUND, "interface", full, err);
	idl = interface_find(interface);
	if (!idl)
		return refuse_name(ERROR_INTERFACE_NOT_FOUND, "interface", interface, err);
	for (size_t i = 0; i < N_METHODS; i++)
		if (strcmp(methods[i].interface, interface) == 0 && strcmp(methods[i].name, dot + 1) == 0) {
			*ret_method = &methods[i];
			*ret_idl = idl_method_find(idl, dot + 1);
			return 0;
		}
	return refuse_name(ERROR_METHOD_NOT_FOUND, "method", full, err);
}

/* ---- a target that is not adopted yet ---- */

struct deferred {
	struct watch watch;
	struct request *rq;
	const struct method *method;
};

static void run(struct request *rq, const struct method *method);

static void on_adopted(struct watch *watch)
{
	struct deferred *deferred = (struct deferred *) watch;
	struct request *rq = deferred->rq;
	const struct method *method = deferred->method;

	if (watch->c->adopting && !watch->c->gone)
		return;
	watch_stop(watch);
	free(deferred);
	rq->on_left = NULL;
	run(rq, method); /* looks again: it may be gone, and another have its name */
}

static void on_left(struct request *rq)
{
	struct deferred *deferred = rq->data;

	watch_stop(&deferred->watch);
	free(deferred);
	request_drop(rq);
}

static void defer(struct request *rq, const struct method *method, struct container *c)
{
	struct deferred *deferred = calloc(1, sizeof(*deferred));

	if (!deferred)
		abort();
	*deferred = (struct deferred) { .watch.changed = on_adopted, .rq = rq, .method = method };
	rq->data = deferred;
	rq->on_left = on_left;
	container_watch(c, &deferred->watch);
}

/* ---- a call ---- */

static void run(struct request *rq, const struct method *method)
{
	struct container *c;
	struct error err;

	if (!(method->flags & METHOD_TARGET)) {
		method->handle(rq);
		return;
	}
	c = registry_find(rq->d->registry, json_string(rq->parameters, "container", ""), &err);
	if (!c) {
		request_error(rq, &err);
	} else if (c->adopting) {
		defer(rq, method, c);
	} else {
		rq->target = c;
		method->handle(rq);
	}
}

void request_dispatch(struct conn *conn, const char *text, size_t size, bool *ret_close)
{
	struct call call = { 0 };
	struct error err;
	const struct method *method = NULL;
	struct request *rq = request_new(conn);
	int r = call_parse(text, size, &call, &err);

	rq->root = call.root;
	if (r < 0) {
		*ret_close = true;
		request_error(rq, &err);
		return;
	}
	rq->parameters = call.parameters;
	rq->more = call.more;
	rq->oneway = call.oneway;
	rq->upgrade = call.upgrade;
	r = find_method(call.method, &method, &rq->method, &err);
	if (r == 0)
		r = idl_check_call(rq->method, rq->parameters, &err);
	if (r == 0 && rq->upgrade && !(method->flags & METHOD_UPGRADE)) {
		r = error_set(&err, ERROR_NOT_SUPPORTED, "%s has no upgrade", method->name);
		snprintf(err.field, sizeof(err.field), "upgrade");
	}
	if (r < 0)
		request_error(rq, &err);
	else
		run(rq, method);
}
