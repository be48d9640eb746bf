/* sample.h - the figures of a container out of the files of its cgroup and of its first process, as the
 * interface's Stat has them. What the kernel does not count (a controller that is not there) is left out. */
#pragma once

#include <stdint.h>

struct json_object;
struct place;

/* All but cpu.percent, which takes two looks. Caller puts. */
struct json_object *sample_take(const struct place *place);

/* Only what cpu.percent needs: microseconds of CPU time and when that was; -1: not to be had. */
int sample_cpu(const struct place *place, int64_t *ret_usage_us, int64_t *ret_at_ns);

/* Adds cpu.percent to a sample: from (usage_us, at_ns) to (usage_us, at_ns) later. 100 is one CPU. */
void sample_add_percent(
	struct json_object *sample, int64_t from_us, int64_t from_ns, int64_t to_us, int64_t to_ns);

/* What supervising it costs: its shim's, which is the first process's parent. NULL: it is gone. */
struct json_object *sample_overhead(const struct place *place);

/* The parts, for tests: text as the file has it. */
int64_t sample_key(const char *text, const char *key); /* of "key 123\n…"; -1: not there */
struct json_object *sample_pressure(const char *text); /* cpu.pressure and its like */
struct json_object *sample_network(const char *text);  /* /proc/PID/net/dev, but for lo */
struct json_object *sample_io(const char *text);       /* io.stat, all devices together */
