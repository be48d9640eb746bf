#include "client/openmetrics.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"

enum kind { COUNTER, GAUGE };

/* A family of metrics each; path leads to the figure in a Stat, scale makes the unit of it. */
static const struct {
	const char *name;
	enum kind kind;
	const char *unit, *path, *help;
	double scale;
} metrics[] = {
	{ "cpu_usage_seconds", COUNTER, "seconds", "cpu.usage_us", "CPU time", 1e-6 },
	{ "cpu_user_seconds", COUNTER, "seconds", "cpu.user_us", "CPU time in programs", 1e-6 },
	{ "cpu_system_seconds", COUNTER, "seconds", "cpu.system_us", "CPU time in the kernel", 1e-6 },
	{ "cpu_throttled_seconds", COUNTER, "seconds", "cpu.throttled_us", "time held up by the CPU quota",
		1e-6 },
	{ "memory_usage_bytes", GAUGE, "bytes", "memory.usage", "memory without inactive file pages", 1 },
	{ "memory_limit_bytes", GAUGE, "bytes", "memory.limit", "the least limit that holds for it", 1 },
	{ "memory_anon_bytes", GAUGE, "bytes", "memory.anon", "anonymous memory", 1 },
	{ "memory_file_bytes", GAUGE, "bytes", "memory.file", "cached files", 1 },
	{ "memory_shmem_bytes", GAUGE, "bytes", "memory.shmem", "shared memory and tmpfs", 1 },
	{ "memory_peak_bytes", GAUGE, "bytes", "memory.peak", "the most that it ever had", 1 },
	{ "memory_swap_bytes", GAUGE, "bytes", "memory.swap", "swapped out", 1 },
	{ "pids", GAUGE, NULL, "pids.current", "tasks", 1 },
	{ "io_read_bytes", COUNTER, "bytes", "io.read_bytes", "read from block devices", 1 },
	{ "io_written_bytes", COUNTER, "bytes", "io.written_bytes", "written to block devices", 1 },
	{ "network_received_bytes", COUNTER, "bytes", "network.received_bytes", "received", 1 },
	{ "network_sent_bytes", COUNTER, "bytes", "network.sent_bytes", "sent", 1 },
	{ "pressure_cpu_waiting_seconds", COUNTER, "seconds", "pressure.cpu.some.total_us",
		"time in which something waited for a processor", 1e-6 },
	{ "pressure_memory_waiting_seconds", COUNTER, "seconds", "pressure.memory.some.total_us",
		"time in which something waited for memory", 1e-6 },
	{ "pressure_io_waiting_seconds", COUNTER, "seconds", "pressure.io.some.total_us",
		"time in which something waited for a disk", 1e-6 },
	{ "shim_cpu_seconds", COUNTER, "seconds", "overhead.cpu_us", "CPU time of its supervisor", 1e-6 },
	{ "shim_memory_bytes", GAUGE, "bytes", "overhead.memory", "memory of its supervisor", 1 },
};

static struct json_object *follow(struct json_object *obj, const char *path)
{
	char key[40];
	while (obj != NULL && *path != '\0') {
		size_t n = strcspn(path, ".");
		snprintf(key, sizeof key, "%.*s", (int) n, path);
		obj = json_get(obj, key);
		path += n + (path[n] == '.');
	}
	return obj;
}

/* Ids and names are of letters that need no escape. */
void openmetrics_print(struct json_object *stats)
{
	for (size_t m = 0; m < sizeof metrics / sizeof *metrics; m++) {
		bool any = false;
		for (size_t i = 0; i < json_length(stats); i++) {
			struct json_object *stat = json_object_array_get_idx(stats, i);
			struct json_object *value = follow(stat, metrics[m].path);
			if (value == NULL)
				continue;
			if (!any) {
				printf("# TYPE container_%s %s\n", metrics[m].name,
					metrics[m].kind == COUNTER ? "counter" : "gauge");
				if (metrics[m].unit != NULL)
					printf("# UNIT container_%s %s\n", metrics[m].name, metrics[m].unit);
				printf("# HELP container_%s %s\n", metrics[m].name, metrics[m].help);
			}
			any = true;
			printf("container_%s%s{id=\"%s\",name=\"%s\"} %.15g\n", metrics[m].name,
				metrics[m].kind == COUNTER ? "_total" : "", json_string(stat, "id", ""),
				json_string(stat, "name", ""),
				json_object_get_double(value) * metrics[m].scale);
		}
	}
	puts("# EOF");
}
