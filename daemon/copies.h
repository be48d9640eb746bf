/*
 * copies.h - what waits for the copies of a container's files. While a container does not run, a copy has its
 * root mounted, and two overlays must not have one upper layer: so a start, a removal and another copy wait
 * for it. None waits for ever: the process that copies may hang in a file system.
 */
#pragma once

#include <stdint.h>

#include "daemon/batch.h"

struct container;
struct error;

#define COPIES_WAIT_MS	    10000 /* of a start and of a removal */
#define COPIES_WAIT_TURN_MS 60000 /* of another copy */

/* STEP_DONE: there is none; STEP_WAIT: the container changes once more, before timeout_ms is over;
 * STEP_FAILED: it is over. *until_ns is the caller's, and 0 at first. */
enum step copies_wait(struct container *c, int64_t timeout_ms, int64_t *until_ns, struct error *err);

/* All of this container are to end at once. */
void copies_end(struct container *c);
