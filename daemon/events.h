/*
 * events.h - what happened: numbered from 1 on, over restarts and reboots; the last some thousand are in
 * memory, all go to the events file by way of a worker. A number is never given twice.
 */
#pragma once

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

/* Takes attributes (texts only, or NULL). c and caller may be NULL. ev NULL: unit tests. */
void events_add(struct events *ev, const char *kind, const struct container *c,
	struct json_object *attributes, const struct caller *caller);
int64_t events_last(const struct events *ev);
