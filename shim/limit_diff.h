/* limit_diff.h - a limit as it was wanted, as its file has it, and as it counts below the cgroups above. */
#pragma once

#include <stdbool.h>

struct json_object;
struct place;

/* The interface's LimitDiff of a file of the place's cgroup; wanted NULL: nobody wants anything of it. NULL
 * if there is nothing to tell: such a file that is as the kernel makes it. Caller puts. */
struct json_object *limit_diff(const struct place *place, const char *file, const char *wanted, bool asked);

/* Whether what is present is what was wanted, line by line. Sizes may have been cut to whole pages. */
bool limit_same(const char *file, const char *wanted, const char *present);

/* Whether a limits more than b (both of this file, one line): less, or less time in each period. */
bool limit_less(const char *file, const char *a, const char *b);
