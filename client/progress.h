/* progress.h - how far a big job is: a line on the terminal that stderr is, written anew in place. What it
 * writes is gone at its end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
	bool wanted, shown;
	uint64_t bytes, total; /* total 0: not known */
	int64_t next_ns;       /* when to write it again, CLOCK_MONOTONIC */
};

/* Without wanted, or where stderr is no terminal, nothing is ever written. A job whose total is large is
 * shown at once, any other after half a second. */
void progress_begin(struct progress *p, bool wanted, uint64_t total);
void progress_add(struct progress *p, size_t bytes);
void progress_end(struct progress *p);
