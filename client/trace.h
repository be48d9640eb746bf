/* trace.h - run --trace: how long each step of a start took, on stderr. */
#pragma once

#include <stdint.h>

struct arguments;

/* Of the start of this container that the daemon has told since then; asks on a connection of its own, since
 * the other one is a console by now. */
/* Or of one that has failed: as far as it came, and last what failed. Silent where nothing was told. */
void trace_print_failed(const struct arguments *args, const char *id, int64_t since_ns);
void trace_print(const struct arguments *args, const char *id, int64_t since_ns);
