#include "daemon/shutdown.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/error.h"
#include "common/log.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/registry.h"
#include "daemon/service.h"
#include "daemon/shim_link.h"

#define EXTEND_S 30 /* asked for anew while containers still have time */

struct stopping {
	struct watch watch; /* first: a watch is cast to its stopping */
	struct daemon *d;
};

static bool begun;
static size_t left;
static struct event *extend;

static void end_if_over(struct daemon *d)
{
	if (left == 0)
		event_base_loopbreak(d->base);
}

static bool is_over(const struct container *c)
{
	return c->gone || (!c->shim && c->working == 0) || c->state == STATE_EXITED;
}

static void on_changed(struct watch *watch)
{
	struct stopping *stopping = (struct stopping *) watch;
	struct daemon *d = stopping->d;

	if (!is_over(watch->c))
		return;
	watch_stop(watch);
	free(stopping);
	left--;
	end_if_over(d);
}

static void stop_one(struct daemon *d, struct container *c)
{
	struct stopping *stopping;
	struct error err;
	char text[2048];

	if (!c->shim || is_over(c))
		return;
	if (shim_stop(c->shim, c->bundle.stop_signal, c->bundle.stop_timeout_ms, &err) < 0) {
		log_warning("stop container %s: %s", container_id(c), error_format(&err, text, sizeof(text)));
		return;
	}
	if (c->state == STATE_RUNNING)
		container_set_state(c, STATE_STOPPING);
	stopping = calloc(1, sizeof(*stopping));
	if (!stopping)
		abort();
	stopping->watch.changed = on_changed;
	stopping->d = d;
	left++;
	container_watch(c, &stopping->watch);
}

static void on_extend(evutil_socket_t fd, short what, void *arg)
{
	(void) fd;
	(void) what;
	(void) arg;
	service_extend(2 * EXTEND_S);
}

void shutdown_begin(struct daemon *d)
{
	struct timeval every = { .tv_sec = EXTEND_S };
	struct container *c;

	if (begun)
		return;
	begun = true;
	for (size_t i = 0; (c = registry_at(d->registry, i)); i++)
		stop_one(d, c);
	log_info("the host stops: %zu containers are being stopped", left);
	service_extend(2 * EXTEND_S);
	extend = event_new(d->base, -1, EV_PERSIST, on_extend, NULL);
	event_add(extend, &every);
	end_if_over(d);
}

void shutdown_done(void)
{
	if (extend)
		event_free(extend);
	extend = NULL;
}
