/* limits_oci.c - OCI's linux.resources, which speak of cgroup v1, as limits of cgroup v2. */
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/resources.h"
#include "runtime/fields.h"
#include "runtime/limits.h"

#define ROWS(table) table, sizeof table / sizeof *table

/* A number of the bundle's: "max" for -1, and for 0 where zero says so, too. */
static int number(const struct field *f, bool zero_is_max, char buf[32], struct error *err)
{
	int64_t value = json_object_get_int64(f->value);
	if (value < -1)
		return field_invalid(f, err, "is negative");
	if (value == -1 || (value == 0 && zero_is_max))
		snprintf(buf, 32, "max");
	else
		snprintf(buf, 32, "%jd", (intmax_t) value);
	return 0;
}

/* The sentence of the table, about this field. */
static int set(
	struct limits *limits, const char *file, const char *value, const struct field *f, struct error *err)
{
	if (limits_set(limits, file, value, true, err) == 0)
		return 0;
	snprintf(err->field, sizeof err->field, "%s", f->path);
	return error_wrap(err, "config.json: %s", f->path);
}

/* ---- memory ---- */

static int take_memory_limit(void *target, const struct field *f, struct error *err)
{
	char text[32];
	return number(f, true, text, err) < 0 ? -1 : set(target, "memory.max", text, f, err);
}

static int take_memory_reservation(void *target, const struct field *f, struct error *err)
{
	char text[32];
	return number(f, false, text, err) < 0 ? -1 : set(target, "memory.low", text, f, err);
}

/* OCI's is the sum of both. */
static int take_swap(struct limits *limits, const struct field *memory, struct error *err)
{
	struct field f, limit;
	char text[32];
	if (field_member(memory, "swap", &f) < 0)
		return 0;
	if (!json_object_is_type(f.value, json_type_int))
		return field_invalid(&f, err, "must be a whole number");
	int64_t sum = json_object_get_int64(f.value), max = 0;
	if (sum == 0)
		return 0;
	if (number(&f, false, text, err) < 0)
		return -1;
	if (sum > 0) {
		if (field_member(memory, "limit", &limit) == 0)
			max = json_object_get_int64(limit.value);
		if (max <= 0)
			return field_invalid(&f, err, "needs linux.resources.memory.limit, too");
		if (sum < max)
			return field_invalid(
				&f, err, "is memory and swap together: it cannot be less than limit");
		snprintf(text, sizeof text, "%jd", (intmax_t) (sum - max));
	}
	return set(limits, "memory.swap.max", text, &f, err);
}

static int take_memory(void *target, const struct field *f, struct error *err)
{
	static const struct field_row rows[] = {
		{ "limit", FIELD_TAKE, json_type_int, take_memory_limit },
		{ "reservation", FIELD_TAKE, json_type_int, take_memory_reservation },
		{ "swap", FIELD_IGNORE },	       /* below: it needs limit */
		{ "useHierarchy", FIELD_IGNORE },      /* always so in v2 */
		{ "checkBeforeUpdate", FIELD_IGNORE }, /* always done */
		{ "kernel", FIELD_REFUSE },
		{ "kernelTCP", FIELD_REFUSE },
		{ "swappiness", FIELD_REFUSE },
		{ "disableOOMKiller", FIELD_REFUSE },
	};
	return fields_read(target, f, ROWS(rows), err) < 0 ? -1 : take_swap(target, f, err);
}

/* ---- cpu ---- */

static int take_shares(void *target, const struct field *f, struct error *err)
{
	char text[32];
	uint64_t shares;
	if (field_u64(f, INT64_MAX, &shares, err) < 0)
		return -1;
	if (shares == 0)
		return 0;
	snprintf(text, sizeof text, "%ju", (uintmax_t) weight_from_shares(shares));
	return set(target, "cpu.weight", text, f, err);
}

static int take_plain(struct limits *limits, const char *file, const struct field *f, struct error *err)
{
	char text[32];
	return number(f, false, text, err) < 0 ? -1 : set(limits, file, text, f, err);
}

static int take_idle(void *target, const struct field *f, struct error *err)
{
	return take_plain(target, "cpu.idle", f, err);
}

static int take_burst(void *target, const struct field *f, struct error *err)
{
	return take_plain(target, "cpu.max.burst", f, err);
}

static int take_cpus(void *target, const struct field *f, struct error *err)
{
	const char *list = json_object_get_string(f->value);
	return list[0] == '\0' ? 0 : set(target, "cpuset.cpus", list, f, err);
}

static int take_mems(void *target, const struct field *f, struct error *err)
{
	const char *list = json_object_get_string(f->value);
	return list[0] == '\0' ? 0 : set(target, "cpuset.mems", list, f, err);
}

static int take_quota(struct limits *limits, const struct field *cpu, struct error *err)
{
	struct field f, period;
	char text[80], quota[32] = "max";
	uint64_t period_us = 0;
	bool has_quota = field_member(cpu, "quota", &f) == 0;
	if (has_quota && !json_object_is_type(f.value, json_type_int))
		return field_invalid(&f, err, "must be a whole number");
	if (has_quota && json_object_get_int64(f.value) > 0)
		snprintf(quota, sizeof quota, "%jd", (intmax_t) json_object_get_int64(f.value));
	if (field_member(cpu, "period", &period) == 0 && field_u64(&period, INT64_MAX, &period_us, err) < 0)
		return -1;
	if (!has_quota && period_us == 0)
		return 0;
	snprintf(text, sizeof text, "%s %ju", quota, (uintmax_t) (period_us != 0 ? period_us : 100000));
	return set(limits, "cpu.max", text, has_quota ? &f : &period, err);
}

static int take_cpu(void *target, const struct field *f, struct error *err)
{
	static const struct field_row rows[] = {
		{ "shares", FIELD_TAKE, json_type_int, take_shares },
		{ "quota", FIELD_IGNORE }, /* below: one line for both */
		{ "period", FIELD_IGNORE },
		{ "burst", FIELD_TAKE, json_type_int, take_burst },
		{ "idle", FIELD_TAKE, json_type_int, take_idle },
		{ "cpus", FIELD_TAKE, json_type_string, take_cpus },
		{ "mems", FIELD_TAKE, json_type_string, take_mems },
		{ "realtimeRuntime", FIELD_REFUSE },
		{ "realtimePeriod", FIELD_REFUSE },
	};
	return fields_read(target, f, ROWS(rows), err) < 0 ? -1 : take_quota(target, f, err);
}

/* ---- pids ---- */

static int take_pids_limit(void *target, const struct field *f, struct error *err)
{
	char text[32];
	return number(f, true, text, err) < 0 ? -1 : set(target, "pids.max", text, f, err);
}

static int take_pids(void *target, const struct field *f, struct error *err)
{
	static const struct field_row rows[] = {
		{ "limit", FIELD_TAKE, json_type_int, take_pids_limit },
	};
	return fields_read(target, f, ROWS(rows), err);
}

/* ---- devices ---- */

static int take_blkio_weight(void *target, const struct field *f, struct error *err)
{
	char text[32];
	uint64_t weight;
	if (field_u64(f, 1000, &weight, err) < 0)
		return -1;
	if (weight == 0)
		return 0;
	snprintf(text, sizeof text, "default %ju", (uintmax_t) weight_from_blkio(weight));
	return set(target, "io.weight", text, f, err);
}

/* What an element of a list about devices says: its number, and `key`. 1; 0: it has no such key. */
static int read_device(
	const struct field *f, const char *key, char ret_device[32], uint64_t *ret_value, struct error *err)
{
	struct field major, minor, value;
	uint64_t numbers[2];
	if (field_member(f, "major", &major) < 0 || field_member(f, "minor", &minor) < 0)
		return field_invalid(f, err, "must have major and minor");
	if (field_u64(&major, UINT32_MAX, &numbers[0], err) < 0 ||
		field_u64(&minor, UINT32_MAX, &numbers[1], err) < 0)
		return -1;
	snprintf(ret_device, 32, "%ju:%ju", (uintmax_t) numbers[0], (uintmax_t) numbers[1]);
	if (field_member(f, key, &value) < 0)
		return 0;
	return field_u64(&value, INT64_MAX, ret_value, err) < 0 ? -1 : 1;
}

static int take_weight_device(void *target, const struct field *f, struct error *err)
{
	char device[32], text[64];
	uint64_t weight;
	int got = read_device(f, "weight", device, &weight, err);
	if (got <= 0)
		return got;
	snprintf(text, sizeof text, "%s %ju", device, (uintmax_t) weight_from_blkio(weight));
	return set(target, "io.weight", text, f, err);
}

static int take_weight_devices(void *target, const struct field *f, struct error *err)
{
	return fields_each(target, f, json_type_object, take_weight_device, err);
}

struct throttle {
	struct limits *limits;
	const char *key;
};

static int take_throttle(void *target, const struct field *f, struct error *err)
{
	const struct throttle *t = target;
	char device[32], text[80], rate[32] = "max";
	uint64_t value = 0;
	if (read_device(f, "rate", device, &value, err) < 0)
		return -1;
	if (value != 0)
		snprintf(rate, sizeof rate, "%ju", (uintmax_t) value);
	snprintf(text, sizeof text, "%s %s=%s", device, t->key, rate);
	return set(t->limits, "io.max", text, f, err);
}

static int take_throttles(struct limits *limits, const char *key, const struct field *f, struct error *err)
{
	struct throttle t = { limits, key };
	return fields_each(&t, f, json_type_object, take_throttle, err);
}

static int take_read_bps(void *target, const struct field *f, struct error *err)
{
	return take_throttles(target, "rbps", f, err);
}

static int take_write_bps(void *target, const struct field *f, struct error *err)
{
	return take_throttles(target, "wbps", f, err);
}

static int take_read_iops(void *target, const struct field *f, struct error *err)
{
	return take_throttles(target, "riops", f, err);
}

static int take_write_iops(void *target, const struct field *f, struct error *err)
{
	return take_throttles(target, "wiops", f, err);
}

static int take_block_io(void *target, const struct field *f, struct error *err)
{
	static const struct field_row rows[] = {
		{ "weight", FIELD_TAKE, json_type_int, take_blkio_weight },
		{ "weightDevice", FIELD_TAKE, json_type_array, take_weight_devices },
		{ "throttleReadBpsDevice", FIELD_TAKE, json_type_array, take_read_bps },
		{ "throttleWriteBpsDevice", FIELD_TAKE, json_type_array, take_write_bps },
		{ "throttleReadIOPSDevice", FIELD_TAKE, json_type_array, take_read_iops },
		{ "throttleWriteIOPSDevice", FIELD_TAKE, json_type_array, take_write_iops },
		{ "leafWeight", FIELD_REFUSE },
	};
	return fields_read(target, f, ROWS(rows), err);
}

/* ---- the others ---- */

static int take_page_limit(void *target, const struct field *f, struct error *err)
{
	struct field size, limit;
	const char *name;
	char file[LIMIT_FILE_MAX], text[32];
	uint64_t value;
	if (field_member(f, "pageSize", &size) < 0 || field_member(f, "limit", &limit) < 0)
		return field_invalid(f, err, "must have pageSize and limit");
	if (field_string(&size, &name, err) < 0 || field_u64(&limit, UINT64_MAX, &value, err) < 0)
		return -1;
	if (strlen(name) > 32)
		return field_invalid(&size, err, "is not a size of pages (such as 2MB)");
	snprintf(file, sizeof file, "hugetlb.%s.max", name);
	if (value > INT64_MAX)
		snprintf(text, sizeof text, "max");
	else
		snprintf(text, sizeof text, "%ju", (uintmax_t) value);
	return set(target, file, text, f, err);
}

static int take_page_limits(void *target, const struct field *f, struct error *err)
{
	return fields_each(target, f, json_type_object, take_page_limit, err);
}

/* "mlx5_0 hca_handle=2 hca_object=2000" */
static int take_rdma_device(
	struct limits *limits, const struct field *device, const char *name, struct error *err)
{
	static const struct {
		const char *field, *key;
	} keys[] = { { "hcaHandles", "hca_handle" }, { "hcaObjects", "hca_object" } };
	char text[256];
	int at = snprintf(text, sizeof text, "%.64s", name);
	uint64_t value;
	struct field f;
	for (size_t i = 0; i < 2; i++) {
		if (field_member(device, keys[i].field, &f) < 0)
			continue;
		if (field_u64(&f, UINT32_MAX, &value, err) < 0)
			return -1;
		at += snprintf(
			text + at, sizeof text - (size_t) at, " %s=%ju", keys[i].key, (uintmax_t) value);
	}
	return strchr(text, '=') == NULL ? 0 : set(limits, "rdma.max", text, device, err);
}

static int take_rdma(void *target, const struct field *f, struct error *err)
{
	json_object_object_foreach (f->value, name, value) {
		struct field device;
		(void) value;
		if (field_member(f, name, &device) < 0)
			continue;
		if (!json_object_is_type(device.value, json_type_object))
			return field_invalid(&device, err, "must be an object");
		if (take_rdma_device(target, &device, name, err) < 0)
			return -1;
	}
	return 0;
}

static int take_unified(void *target, const struct field *f, struct error *err)
{
	json_object_object_foreach (f->value, file, value) {
		struct field line = *f;
		if (!json_object_is_type(value, json_type_string))
			return field_invalid(f, err, "must be an object of strings");
		snprintf(line.path, sizeof line.path, "%.50s.%.70s", f->path, file);
		if (set(target, file, json_object_get_string(value), &line, err) < 0)
			return -1;
	}
	return 0;
}

int limits_read(const struct field *object, struct limits *limits, struct error *err)
{
	static const struct field_row rows[] = {
		{ "memory", FIELD_TAKE, json_type_object, take_memory },
		{ "cpu", FIELD_TAKE, json_type_object, take_cpu },
		{ "pids", FIELD_TAKE, json_type_object, take_pids },
		{ "blockIO", FIELD_TAKE, json_type_object, take_block_io },
		{ "hugepageLimits", FIELD_TAKE, json_type_array, take_page_limits },
		{ "rdma", FIELD_TAKE, json_type_object, take_rdma },
		{ "network", FIELD_REFUSE }, /* classes and priorities are v1's alone */
		{ "devices", FIELD_IGNORE }, /* no limits */
		{ "unified", FIELD_IGNORE }, /* below: it counts more than the others, wherever it stands */
	};
	struct field unified;
	if (fields_read(limits, object, ROWS(rows), err) < 0)
		return -1;
	if (field_member(object, "unified", &unified) < 0)
		return 0;
	if (!json_object_is_type(unified.value, json_type_object))
		return field_invalid(&unified, err, "must be an object");
	return take_unified(limits, &unified, err);
}
