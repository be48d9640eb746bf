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

#define EXTEND_S	30		      /* asked for anew while containers still have time */
#define KILL_MS		15000		      /* for what has been killed after its timeout */
#define STOP_LONGEST_MS INT64_C(315360000000) /* ten years, which no sum overflows */

struct stopping {
	struct watch watch; /* first: a watch is cast to its stopping */
	struct daemon *d;
};

static bool begun;
static size_t left;
static struct event *extend, *limit;

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

/* How long that may take. */
static int64_t stop_one(struct daemon *d, struct container *c)
{
	int64_t timeout_ms = c->bundle.stop_timeout_ms < 0 ? STOP_FOR_EVER_MS : c->bundle.stop_timeout_ms;
	struct stopping *stopping;
	struct error err;
	char text[2048];

	if (!c->shim || is_over(c))
		return 0;
	if (shim_stop(c->shim, c->bundle.stop_signal, timeout_ms, &err) < 0) {
		log_warning("stop container %s: %s", container_id(c), error_format(&err, text, sizeof(text)));
		return 0;
	}
	if (c->state != STATE_STOPPING)
		container_set_state(c, STATE_STOPPING);
	stopping = calloc(1, sizeof(*stopping));
	if (!stopping)
		abort();
	stopping->watch.changed = on_changed;
	stopping->d = d;
	left++;
	container_watch(c, &stopping->watch);
	return timeout_ms < STOP_LONGEST_MS ? timeout_ms : STOP_LONGEST_MS;
}

static void on_extend(evutil_socket_t fd, short what, void *arg)
{
	(void) fd;
	(void) what;
	(void) arg;
	service_extend(2 * EXTEND_S);
}

/* What cannot even be killed is no reason for the host to stay up. */
static void on_limit(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	(void) fd;
	(void) what;
	log_warning("%zu containers do not end, and are left", left);
	event_base_loopbreak(d->base);
}

void shutdown_begin(struct daemon *d)
{
	struct timeval every = { .tv_sec = EXTEND_S }, longest;
	int64_t longest_ms = 0;
	struct container *c;

	if (begun)
		return;
	begun = true;
	for (size_t i = 0; (c = registry_at(d->registry, i)); i++) {
		int64_t timeout_ms = stop_one(d, c);

		longest_ms = timeout_ms > longest_ms ? timeout_ms : longest_ms;
	}
	log_info("the host stops: %zu containers are being stopped", left);
	service_extend(2 * EXTEND_S);
	extend = event_new(d->base, -1, EV_PERSIST, on_extend, NULL);
	event_add(extend, &every);
	longest = (struct timeval) { .tv_sec = (longest_ms + KILL_MS) / 1000 };
	limit = event_new(d->base, -1, 0, on_limit, d);
	event_add(limit, &longest);
	end_if_over(d);
}

void shutdown_done(void)
{
	if (extend)
		event_free(extend);
	if (limit)
		event_free(limit);
	extend = limit = NULL;
}
