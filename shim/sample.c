#include "shim/sample.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/parse.h"
#include "shim/place.h"
#include "shim/process.h"
#include "shim/shim.h"

/* ---- texts of the kernel's ---- */

/* The number that text begins with; -1: none. */
static int64_t number_at(const char *text)
{
	char digits[24];
	uint64_t value;
	snprintf(digits, sizeof digits, "%.*s", (int) strspn(text, "0123456789"), text);
	return parse_u64(digits, INT64_MAX, &value) == 0 ? (int64_t) value : -1;
}

static const char *find_line(const char *text, const char *key)
{
	size_t n = strlen(key);
	for (const char *line = text; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, n) == 0 && line[n] == ' ')
			return line + n + 1;
	}
	return NULL;
}

int64_t sample_key(const char *text, const char *key)
{
	const char *at = text == NULL ? NULL : find_line(text, key);
	return at == NULL ? -1 : number_at(at);
}

static int64_t read_number(int dir, const char *name)
{
	_cleanup_free_ char *text = place_read(dir, name);
	return text == NULL ? -1 : number_at(text);
}

/* With two digits behind the point, as the kernel has them: more would be noise. */
static void add_fraction(struct json_object *obj, const char *key, double value)
{
	char text[40];
	snprintf(text, sizeof text, "%.2f", value);
	json_add(obj, key, json_object_new_double_s(value, text));
}

/* Where the kernel says nothing there is no field. */
static void add_number(struct json_object *obj, const char *key, int64_t value)
{
	if (value >= 0)
		json_add_int(obj, key, value);
}

struct key {
	const char *key, *field;
};

static void add_keys(struct json_object *obj, const char *text, const struct key *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add_number(obj, keys[i].field, sample_key(text, keys[i].key));
}
#define KEYS(table) table, sizeof table / sizeof *table

/* An object without a field is none. */
static void add_object(struct json_object *obj, const char *key, struct json_object *part)
{
	if (part != NULL && json_object_object_length(part) > 0)
		json_add(obj, key, part);
	else
		json_put(&part);
}

/* ---- processor ---- */

static struct json_object *sample_cpu_all(const struct place *place)
{
	static const struct key keys[] = { { "usage_usec", "usage_us" }, { "user_usec", "user_us" },
		{ "system_usec", "system_us" }, { "nr_periods", "periods" },
		{ "nr_throttled", "throttled_periods" }, { "throttled_usec", "throttled_us" } };
	_cleanup_free_ char *text = place_read(place->cgroup, "cpu.stat");
	struct json_object *cpu = json_object_new_object();
	add_keys(cpu, text, KEYS(keys));
	return cpu;
}

int sample_cpu(const struct place *place, int64_t *ret_usage_us, int64_t *ret_at_ns)
{
	_cleanup_free_ char *text = place_read(place->cgroup, "cpu.stat");
	int64_t usage = sample_key(text, "usage_usec");
	if (usage < 0)
		return -1;
	*ret_usage_us = usage;
	*ret_at_ns = clock_monotonic_ns();
	return 0;
}

void sample_add_percent(
	struct json_object *sample, int64_t from_us, int64_t from_ns, int64_t to_us, int64_t to_ns)
{
	struct json_object *cpu = json_get(sample, "cpu");
	if (cpu == NULL || to_ns <= from_ns || to_us < from_us)
		return;
	add_fraction(cpu, "percent", (double) (to_us - from_us) * 1e5 / (double) (to_ns - from_ns));
}

/* ---- memory ---- */

/* The least of what it and all cgroups above may have, and of what there is. */
static int64_t memory_limit(const struct place *place)
{
	_cleanup_free_ char *meminfo = place_read(AT_FDCWD, "/proc/meminfo");
	const char *total = meminfo == NULL ? NULL : find_line(meminfo, "MemTotal:");
	int64_t limit = total == NULL ? -1 : number_at(total + strspn(total, " ")) * 1024;
	char name[16 * 3 + sizeof "memory.max"] = "memory.max";
	for (int i = 0; i < place->depth && i < 16; i++) {
		int64_t own = read_number(place->cgroup, name);
		if (own >= 0 && (limit < 0 || own < limit))
			limit = own;
		memmove(name + 3, name, strlen(name) + 1);
		memcpy(name, "../", 3);
	}
	return limit;
}

static struct json_object *sample_memory(const struct place *place)
{
	static const struct key keys[] = { { "anon", "anon" }, { "file", "file" },
		{ "inactive_file", "inactive_file" }, { "shmem", "shmem" }, { "kernel", "kernel" } };
	int64_t current = read_number(place->cgroup, "memory.current");
	if (current < 0)
		return NULL;
	struct json_object *memory = json_object_new_object();
	_cleanup_free_ char *text = place_read(place->cgroup, "memory.stat");
	int64_t inactive = sample_key(text, "inactive_file"), limit = memory_limit(place);
	/* What the kernel would give back for the asking is not in use. */
	int64_t usage = inactive > current ? 0 : inactive > 0 ? current - inactive : current;
	add_number(memory, "usage", usage);
	add_number(memory, "limit", limit);
	if (limit > 0)
		add_fraction(memory, "percent", (double) usage * 100 / (double) limit);
	add_number(memory, "current", current);
	add_keys(memory, text, KEYS(keys));
	add_number(memory, "peak", read_number(place->cgroup, "memory.peak"));
	add_number(memory, "swap", read_number(place->cgroup, "memory.swap.current"));
	return memory;
}

/* ---- processes, disks, network ---- */

static struct json_object *sample_pids(const struct place *place)
{
	struct json_object *pids = json_object_new_object();
	add_number(pids, "current", read_number(place->cgroup, "pids.current"));
	add_number(pids, "limit", read_number(place->cgroup, "pids.max"));
	add_number(pids, "peak", read_number(place->cgroup, "pids.peak"));
	return pids;
}

struct json_object *sample_io(const char *text)
{
	static const struct key keys[] = { { " rbytes=", "read_bytes" }, { " wbytes=", "written_bytes" },
		{ " rios=", "reads" }, { " wios=", "writes" }, { " dbytes=", "discarded_bytes" } };
	struct json_object *io = json_object_new_object();
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		int64_t sum = 0;
		for (const char *p = text; (p = strstr(p, keys[i].key)) != NULL;) {
			p += strlen(keys[i].key);
			int64_t value = number_at(p);
			sum += value > 0 ? value : 0;
		}
		json_add_int(io, keys[i].field, sum);
	}
	return io;
}

/* The counters of an interface, in the order of the file's columns; NULL: of no interest. */
static const char *const net_columns[] = { "received_bytes", "received_packets", "receive_errors",
	"receive_drops", NULL, NULL, NULL, NULL, "sent_bytes", "sent_packets", "send_errors", "send_drops" };
#define NET_COLUMNS (sizeof net_columns / sizeof *net_columns)

struct json_object *sample_network(const char *text)
{
	int64_t sums[NET_COLUMNS] = { 0 };
	struct json_object *network = json_object_new_object();
	for (const char *line = strchr(text, '\n'); line != NULL; line = strchr(line + 1, '\n')) {
		const char *name = line + 1 + strspn(line + 1, " "), *p = name + strcspn(name, ":\n");
		if (*p != ':' || strncmp(name, "lo:", 3) == 0)
			continue;
		p++;
		for (size_t i = 0; i < NET_COLUMNS; i++) {
			p += strspn(p, " ");
			int64_t value = number_at(p);
			sums[i] += value > 0 ? value : 0;
			p += strcspn(p, " \n");
		}
	}
	for (size_t i = 0; i < NET_COLUMNS; i++)
		if (net_columns[i] != NULL)
			json_add_int(network, net_columns[i], sums[i]);
	return network;
}

/* ---- pressure ---- */

/* "avg10=1.25" of a line; -1: not there. */
static double average_at(const char *line, size_t size, const char *key)
{
	const char *at = strstr(line, key);
	if (at == NULL || (size_t) (at - line) >= size)
		return -1;
	at += strlen(key);
	int64_t whole = number_at(at);
	at += strspn(at, "0123456789");
	int64_t hundredths = at[0] == '.' ? number_at(at + 1) : 0;
	return whole < 0 || hundredths < 0 ? -1 : (double) whole + (double) hundredths / 100;
}

static struct json_object *pressure_of(const char *line)
{
	static const struct key keys[] = { { " avg10=", "avg10" }, { " avg60=", "avg60" },
		{ " avg300=", "avg300" } };
	size_t size = strcspn(line, "\n");
	struct json_object *obj = json_object_new_object();
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		double average = average_at(line, size, keys[i].key);
		if (average >= 0)
			add_fraction(obj, keys[i].field, average);
	}
	const char *total = strstr(line, " total=");
	if (total != NULL && (size_t) (total - line) < size)
		add_number(obj, "total_us", number_at(total + strlen(" total=")));
	return obj;
}

struct json_object *sample_pressure(const char *text)
{
	static const char *const kinds[] = { "some", "full" };
	struct json_object *pressure = json_object_new_object();
	for (size_t i = 0; i < 2; i++) {
		const char *line = find_line(text, kinds[i]);
		if (line != NULL)
			add_object(pressure, kinds[i], pressure_of(line - 1));
	}
	return pressure;
}

static struct json_object *sample_pressures(const struct place *place)
{
	static const struct key files[] = { { "cpu.pressure", "cpu" }, { "memory.pressure", "memory" },
		{ "io.pressure", "io" } };
	struct json_object *pressures = json_object_new_object();
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		_cleanup_free_ char *text = place_read(place->cgroup, files[i].key);
		if (text != NULL)
			add_object(pressures, files[i].field, sample_pressure(text));
	}
	return pressures;
}

/* ---- the whole ---- */

struct json_object *sample_take(const struct place *place)
{
	struct json_object *sample = json_object_new_object();
	_cleanup_free_ char *io = place_read(place->cgroup, "io.stat"),
			    *network = place_read(place->proc, "net/dev");
	add_object(sample, "cpu", sample_cpu_all(place));
	add_object(sample, "memory", sample_memory(place));
	add_object(sample, "pids", sample_pids(place));
	if (io != NULL)
		add_object(sample, "io", sample_io(io));
	if (network != NULL)
		add_object(sample, "network", sample_network(network));
	add_object(sample, "pressure", sample_pressures(place));
	return sample;
}

struct json_object *sample_overhead(const struct place *place)
{
	struct process first, shim;
	char name[32];
	if (process_read(place->proc, &first) < 0)
		return NULL;
	snprintf(name, sizeof name, "/proc/%d", (int) first.ppid);
	_cleanup_fd_ int proc = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* A dead shim's container belongs to somebody else by now. */
	if (proc < 0 || process_read(proc, &shim) < 0 || strcmp(shim.comm, SHIM_COMM) != 0)
		return NULL;
	struct json_object *overhead = json_object_new_object();
	_cleanup_free_ char *rollup = place_read(proc, "smaps_rollup");
	const char *pss = rollup == NULL ? NULL : find_line(rollup, "Pss:");
	json_add_int(overhead, "pid", first.ppid);
	json_add_int(overhead, "cpu_us", shim.cpu_us);
	if (pss != NULL)
		add_number(overhead, "memory", number_at(pss + strspn(pss, " ")) * 1024);
	return overhead;
}
