/* watch_events.c - Events: what is known of the past, and then what happens. */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/json.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/events.h"
#include "daemon/events_private.h"
#include "daemon/filters.h"
#include "daemon/handlers.h"
#include "daemon/registry.h"
#include "daemon/request.h"

#define BATCH 100 /* events in one reply */

struct follower {
	TAILQ_ENTRY(follower) link;
	struct request *rq;
	struct event *timer; /* NULL: no until */
};

static TAILQ_HEAD(, follower) followers = TAILQ_HEAD_INITIALIZER(followers);

static bool match_container(void *context, const void *subject, const char *value)
{
	struct json_object *event = (struct json_object *) subject;
	const char *id = json_string(event, "container", ""), *name = json_string(event, "name", "");

	(void) context;
	return value[0] && (strncmp(id, value, strlen(value)) == 0 || strcmp(name, value) == 0);
}

static bool match_name(void *context, const void *subject, const char *value)
{
	(void) context;
	return strcmp(json_string((struct json_object *) subject, "name", ""), value) == 0;
}

static bool match_kind(void *context, const void *subject, const char *value)
{
	(void) context;
	return strcmp(json_string((struct json_object *) subject, "kind", ""), value) == 0;
}

static const struct filter_key keys[] = {
	{ "container", NULL, match_container }, { "name", NULL, match_name }, { "kind", NULL, match_kind },
	{ "event", NULL, match_kind }, /* docker's word for it */
};
#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

static struct json_object *wrap(struct json_object *events)
{
	struct json_object *reply = json_object_new_object();

	json_add(reply, "events", events);
	return reply;
}

static bool wanted(const struct request *rq, struct json_object *event)
{
	return filters_match(json_get(rq->parameters, "filters"), keys, N_KEYS, NULL, event);
}

/* ---- what happens ---- */

static void follower_free(struct follower *follower)
{
	TAILQ_REMOVE(&followers, follower, link);
	if (follower->timer)
		event_free(follower->timer);
	free(follower);
}

void watch_events_tell(struct events *ev, struct json_object *event)
{
	struct follower *follower;

	(void) ev;
	TAILQ_FOREACH (follower, &followers, link)
		if (wanted(follower->rq, event)) {
			struct json_object *list = json_object_new_array();

			json_object_array_add(list, json_object_get(event));
			request_continue(follower->rq, wrap(list));
		}
}

static void on_left(struct request *rq)
{
	follower_free(rq->data);
	request_drop(rq);
}

static void on_until(evutil_socket_t fd, short what, void *arg)
{
	struct follower *follower = arg;
	struct request *rq = follower->rq;

	(void) fd;
	(void) what;
	follower_free(follower);
	rq->on_left = NULL;
	request_reply(rq, wrap(json_object_new_array()));
}

static void follow(struct request *rq, int64_t until_ns)
{
	struct follower *follower = calloc(1, sizeof(*follower));
	int64_t left = until_ns - clock_realtime_ns();
	struct timeval tv = { .tv_sec = left / 1000000000, .tv_usec = left % 1000000000 / 1000 };

	if (!follower)
		abort();
	follower->rq = rq;
	TAILQ_INSERT_TAIL(&followers, follower, link);
	rq->data = follower;
	rq->on_left = on_left;
	if (until_ns == 0)
		return;
	follower->timer = evtimer_new(rq->d->base, on_until, follower);
	evtimer_add(follower->timer, &tv);
}

/* ---- what was ---- */

struct span {
	int64_t since_seq, since_ns, until_ns; /* after this number; times: 0 is none */
};

static bool in_time(const struct span *span, struct json_object *event)
{
	int64_t at;

	if (span->since_ns == 0 && span->until_ns == 0)
		return true;
	return time_parse(json_string(event, "time", ""), &at) == 0 && at >= span->since_ns &&
	       (span->until_ns == 0 || at <= span->until_ns);
}

/* With more in batches, the last of which is returned and not sent yet; else all. */
static struct json_object *collect(struct request *rq, const struct span *span)
{
	const struct events *ev = rq->d->events;
	struct json_object *list = json_object_new_array();
	const char *text;

	for (size_t i = events_after(ev, span->since_seq); (text = events_text(ev, i)); i++) {
		struct json_object *event;
		struct error ignored;

		if (json_parse(text, strlen(text), &event, &ignored) < 0)
			continue;
		if (!in_time(span, event) || !wanted(rq, event)) {
			json_put(&event);
			continue;
		}
		json_object_array_add(list, event);
		if (rq->more && json_length(list) == BATCH) {
			request_continue(rq, wrap(list));
			list = json_object_new_array();
		}
	}
	return list;
}

static int read_span(struct request *rq, bool follows, struct span *ret_span, struct error *err)
{
	const struct events *ev = rq->d->events;
	bool from_now =
		follows && !json_get(rq->parameters, "since_seq") && !json_get(rq->parameters, "since");
	struct span span = { .since_seq =
				     json_int(rq->parameters, "since_seq", from_now ? events_last(ev) : 0) };

	if (span.since_seq < 0) {
		error_set(err, ERROR_INVALID_PARAMETER, "since_seq must be 0 or an event's number");
		snprintf(err->field, sizeof(err->field), "since_seq");
		return -1;
	}
	if (request_time(rq, "since", &span.since_ns, err) < 0 ||
		request_time(rq, "until", &span.until_ns, err) < 0)
		return -1;
	if (json_get(rq->parameters, "since_seq") && span.since_seq < events_oldest(ev) - 1) {
		error_set(err, ERROR_EVENTS_LOST, "events up to number %jd are not known any more",
			(intmax_t) events_oldest(ev) - 1);
		snprintf(err->field, sizeof(err->field), "%jd", (intmax_t) events_oldest(ev));
		return -1;
	}
	*ret_span = span;
	return 0;
}

void handle_events(struct request *rq)
{
	bool follows = json_flag(rq->parameters, "follow", false);
	struct json_object *list;
	struct span span;
	struct error err;

	if (follows && !rq->more) {
		error_set(&err, ERROR_INVALID_PARAMETER, "follow needs a call with more");
		snprintf(err.field, sizeof(err.field), "follow");
		request_error(rq, &err);
		return;
	}
	if (filters_check(json_get(rq->parameters, "filters"), keys, N_KEYS, NULL, &err) < 0 ||
		read_span(rq, follows, &span, &err) < 0) {
		request_error(rq, &err);
		return;
	}
	list = collect(rq, &span);
	if (!follows || (span.until_ns != 0 && span.until_ns <= clock_realtime_ns())) {
		request_reply(rq, wrap(list));
		return;
	}
	if (json_length(list) > 0)
		request_continue(rq, wrap(list));
	else
		json_put(&list);
	follow(rq, span.until_ns);
}
