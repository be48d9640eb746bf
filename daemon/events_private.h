/* events_private.h - between events.c, which keeps the events, and watch_events.c, which serves them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct events;
struct json_object;

/* The number of the oldest that is known; that of the next one where none is. */
int64_t events_oldest(const struct events *ev);
/* Where those that are known begin to have numbers above seq, counted from the oldest. */
size_t events_after(const struct events *ev, int64_t seq);
/* The i-th oldest's JSON text, NULL behind the last. */
const char *events_text(const struct events *ev, size_t i);

/* Called by events_add for each new event. */
void watch_events_tell(struct events *ev, struct json_object *event);
