/*
 * events.h - what happened: numbered from 1 on, over restarts and reboots; the last some thousand are in
 * memory, all go to the events file by way of a worker. A number is never given twice.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct caller;
struct container;
struct daemon;
struct error;
struct events;
struct json_object;

/* Reads what the daemon before this one wrote. */
struct events *events_new(struct daemon *d, struct error *err);
void events_free(struct events *ev);

/* Whether the end of this session of exec's was among what the daemon before this one wrote. */
bool events_session_known(const struct events *ev, const char *session);

/* Takes attributes (texts only, or NULL). c and caller may be NULL. ev NULL: unit tests. */
void events_add(struct events *ev, const char *kind, const struct container *c,
	struct json_object *attributes, const struct caller *caller);
int64_t events_last(const struct events *ev);

/* Whether it is in what was read that the container's run has ended, and whether that would be in it. So the
 * end of a run that no daemon saw is found, and told once, whoever dies in between. */
bool events_exit_known(const struct events *ev, const char *id, uint64_t run);
bool events_reach_back_to(const struct events *ev, int64_t realtime_ns);
/* The containers of what was read that were not removed (id → name), borrowed. */
struct json_object *events_left(const struct events *ev);
/* Whether such a container was started, and has no exit. */
bool events_exit_missing(const struct events *ev, const char *id);
/* Of such a container that is not there any more. */
void events_add_gone(struct events *ev, const char *kind, const char *id, const char *name);
