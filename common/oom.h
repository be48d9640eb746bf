/* oom.h - processes of a container that the kernel killed because memory was short, and whose limit that was.
 */
#pragma once

#include <stdint.h>

struct json_object;

enum oom_whose {
	OOM_NOBODY,   /* nothing was killed, or it is not known */
	OOM_OWN,      /* "own": the container's limit */
	OOM_INSIDE,   /* "inside": that of a cgroup which the container has made */
	OOM_ANCESTOR, /* "ancestor": that of a cgroup above it */
	OOM_HOST,     /* "host": no limit, the machine has no more */
	OOM_WHOSE,
};

/* Part of exit_status, whose size is fixed. */
struct oom {
	uint32_t killed; /* of its processes; the rest is of the last ones */
	uint16_t whose;	 /* enum oom_whose */
	uint16_t levels; /* OOM_ANCESTOR: so many cgroups above its own */
	int64_t limit;	 /* memory.max in bytes; 0: none */
};

/* The wire's word; "" for OOM_NOBODY. */
const char *oom_whose_name(unsigned whose);
unsigned oom_whose_parse(const char *name); /* OOM_NOBODY for an unknown one */

/* The wire's Oom; NULL if nothing was killed. Caller puts. */
struct json_object *oom_to_json(const struct oom *oom);
