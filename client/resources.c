#include "client/resources.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/value.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/parse.h"
#include "common/resources.h"

#define CPU_PERIOD_US 100000
#define CPUS_MOST     65536

/* Until resources_finish, beside the fields of Resources; no field has such a name. */
#define CPUS  "#cpus"
#define SWAP  "#memory_swap"
#define GIVEN "#given" /* field → the option that set it */

#define LIMIT(name, letter, field, metavar, help)                             \
	{                                                                     \
		name, letter, VALUE_LIMIT, GROUP_LIMITS, field, metavar, help \
	}

const struct option resource_options[] = {
	LIMIT("memory", 'm', "memory_max", "SIZE", "memory.max: what needs more is killed"),
	LIMIT("memory-high", 0, "memory_high", "SIZE", "memory.high: what needs more is slowed down"),
	LIMIT("memory-low", 0, "memory_low", "SIZE", "memory.low: not reclaimed while others have more"),
	LIMIT("memory-min", 0, "memory_min", "SIZE", "memory.min: never reclaimed"),
	LIMIT("memory-reservation", 0, "memory_low", "SIZE", "docker's name for --memory-low"),
	LIMIT("memory-swap", 0, SWAP, "SIZE", "memory and swap together (twice --memory; -1: any swap)"),
	LIMIT("cpus", 0, CPUS, "N", "cpu.max: time of so many CPUs (0.5)"),
	LIMIT("cpu-quota", 0, "cpu_quota_us", "US", "cpu.max: time in each period, in microseconds"),
	LIMIT("cpu-period", 0, "cpu_period_us", "US", "… of this length (100000)"),
	LIMIT("cpu-weight", 0, "cpu_weight", "N", "cpu.weight: 1 to 10000; 100 is what others have"),
	LIMIT("cpu-shares", 'c', "cpu_weight", "N", "docker's scale for it: 2 to 262144"),
	LIMIT("cpu-idle", 0, "cpu_idle", "BOOL", "cpu.idle: true: runs only when nothing else does"),
	LIMIT("cpuset-cpus", 0, "cpuset_cpus", "LIST", "cpuset.cpus: on these CPUs only (0-3,7)"),
	LIMIT("cpuset-mems", 0, "cpuset_mems", "LIST", "cpuset.mems: memory of these nodes only"),
	LIMIT("pids-limit", 0, "pids_max", "N", "pids.max: processes and threads (2048; -1: no limit)"),
	LIMIT("io-max", 0, "io_max", "DEVICE:KEY=RATE,…",
		"io.max: rbps=, wbps=, riops=, wiops=; /dev/… or 8:0"),
	LIMIT("io-weight", 0, "io_weight", "[DEVICE:]N", "io.weight: 1 to 10000 (100)"),
	LIMIT("blkio-weight", 0, "io_weight", "N", "docker's scale for it: 10 to 1000"),
	LIMIT("blkio-weight-device", 0, "io_weights", "DEVICE:N", "likewise, of one device"),
	LIMIT("device-read-bps", 0, "io_max", "DEVICE:RATE", "bytes a second (1M)"),
	LIMIT("device-write-bps", 0, "io_max", "DEVICE:RATE", "likewise"),
	LIMIT("device-read-iops", 0, "io_max", "DEVICE:RATE", "operations a second"),
	LIMIT("device-write-iops", 0, "io_max", "DEVICE:RATE", "likewise"),
	LIMIT("hugetlb", 0, "hugetlb", "PAGESIZE=SIZE", "hugetlb.2MB.max and its kind"),
	LIMIT("cgroup-conf", 0, "cgroup", "FILE=VALUE", "any other file of the cgroup (memory.oom.group=0)"),
	{ 0 },
};

/* ---- values ---- */

/* Checked as the daemon will, but for what only it can know; the sentence goes on after "--option 'value': ".
 */
static int add_checked(struct json_object *obj, const char *field, struct json_object *value,
	const char *line, struct error *err)
{
	const struct resource *r = resource_find(field);
	char checked[LIMIT_VALUE_MAX];
	struct error why;
	if (resource_check(r->file, line, checked, &why) < 0) {
		json_object_put(value);
		error_set(err, ERROR_USAGE, "%s", why.msg);
		return why.hint[0] != '\0' ? error_hint(err, "%s", why.hint) : -1;
	}
	json_add(obj, field, value);
	return 0;
}

static bool is_none(const char *text)
{
	return strcmp(text, "-1") == 0 || strcmp(text, "max") == 0 || strcmp(text, "unlimited") == 0;
}

static int parse_bytes(const char *text, uint64_t *ret_bytes, struct error *err)
{
	if (text[0] == '-' && strspn(text + 1, "0123456789.") > 0)
		return error_set(err, ERROR_USAGE, "negative (no limit is -1)");
	if (parse_size(text, ret_bytes) == 0 && *ret_bytes <= INT64_MAX)
		return 0;
	if (text[0] != '\0' && text[strspn(text, "0123456789")] == '\0')
		return error_set(err, ERROR_USAGE, "too large");
	return error_set(err, ERROR_USAGE, "not a size (such as 4096, 64k, 1.5G)");
}

static int set_bytes(struct json_object *obj, const char *field, const char *text, struct error *err)
{
	uint64_t bytes;
	char line[32];
	if (is_none(text)) {
		json_add_int(obj, field, -1);
		return 0;
	}
	if (parse_bytes(text, &bytes, err) < 0)
		return -1;
	snprintf(line, sizeof line, "%ju", (uintmax_t) bytes);
	return add_checked(obj, field, json_object_new_int64((int64_t) bytes), line, err);
}

/* quota alone stands for cpu.max's whole line. */
static int set_number(struct json_object *obj, const struct resource *r, const char *text, struct error *err)
{
	uint64_t number = 0;
	char line[64];
	if (r->has_max && is_none(text)) {
		json_add_int(obj, r->field, -1);
		return 0;
	}
	if (parse_u64(text, INT64_MAX, &number) < 0)
		snprintf(line, sizeof line, "%.60s", text); /* the table says what is wrong with it */
	else
		snprintf(line, sizeof line, r->kind == RESOURCE_PERIOD ? "max %ju" : "%ju",
			(uintmax_t) number);
	return add_checked(obj, r->field, json_object_new_int64((int64_t) number), line, err);
}

static int set_typed(struct json_object *obj, const struct option *o, const char *text, struct error *err)
{
	const struct resource *r = resource_find(o->field);
	bool flag;
	switch (r->kind) {
	case RESOURCE_BYTES: return set_bytes(obj, r->field, text, err);
	case RESOURCE_SET: return add_checked(obj, r->field, json_object_new_string(text), text, err);
	case RESOURCE_FLAG:
		if (value_parse_flag(text, &flag) < 0)
			return error_set(err, ERROR_USAGE, "not true or false");
		json_add_bool(obj, r->field, flag);
		return 0;
	default: return set_number(obj, r, text, err);
	}
}

/* ---- docker's units ---- */

static int set_cpus(struct json_object *obj, const struct option *o, const char *text, struct error *err)
{
	uint64_t thousandths;
	char number[40] = "";
	(void) o;
	if (text[0] == '.' && strlen(text) < sizeof number - 1) {
		/* As docker's pages have it: .5 */
		snprintf(number, sizeof number, "0%s", text);
		text = number;
	}
	if (parse_decimal(text, 1000, &thousandths) < 0)
		return error_set(err, ERROR_USAGE, "not a number of CPUs (such as 0.5, 2)");
	if (thousandths < 10 || thousandths > CPUS_MOST * UINT64_C(1000))
		return error_set(err, ERROR_USAGE, "out of range: 0.01 to %d", CPUS_MOST);
	json_add_int(obj, CPUS, (int64_t) thousandths);
	return 0;
}

static int set_swap(struct json_object *obj, const struct option *o, const char *text, struct error *err)
{
	uint64_t bytes;
	(void) o;
	json_object_object_del(obj, SWAP);
	if (is_none(text)) {
		json_add_int(obj, "memory_swap_max", -1);
		return 0;
	}
	if (parse_bytes(text, &bytes, err) < 0)
		return -1;
	json_add_int(obj, SWAP, (int64_t) bytes);
	return 0;
}

static int set_scaled(struct json_object *obj, const char *text, uint64_t least, uint64_t most,
	uint64_t (*scale)(uint64_t), const char *field, struct error *err)
{
	uint64_t number;
	if (parse_u64(text, UINT64_MAX, &number) < 0)
		return error_set(err, ERROR_USAGE, "not a number from %ju to %ju", (uintmax_t) least,
			(uintmax_t) most);
	if (number < least || number > most)
		return error_set(
			err, ERROR_USAGE, "out of range: %ju to %ju", (uintmax_t) least, (uintmax_t) most);
	json_add_int(obj, field, (int64_t) scale(number));
	return 0;
}

static int set_shares(struct json_object *obj, const struct option *o, const char *text, struct error *err)
{
	return set_scaled(obj, text, 2, 262144, weight_from_shares, o->field, err);
}

static int set_blkio_weight(
	struct json_object *obj, const struct option *o, const char *text, struct error *err)
{
	return set_scaled(obj, text, 10, 1000, weight_from_blkio, o->field, err);
}

/* ---- of a device ---- */

/* "/dev/vda:REST" and "8:0:REST" (the kernel's own "8:0 REST", too): the end of the device's name; NULL:
 * none. */
static const char *device_end(const char *text, const char *rest_letters)
{
	const char *limit = text + strcspn(text, rest_letters), *end = NULL;
	for (const char *p = text; p < limit; p++)
		if (*p == ':' || *p == ' ')
			end = p;
	return end != NULL && end > text && end[1] != '\0' ? end : NULL;
}

static int split_device(const char *text, const char *end, char **ret_device, struct error *err)
{
	if (end == NULL)
		return error_set(err, ERROR_USAGE, "not DEVICE:VALUE");
	*ret_device = strndup(text, (size_t) (end - text));
	if (*ret_device == NULL)
		abort();
	return 0;
}

static void add_rates(struct json_object *obj, const char *device, const char *rates)
{
	struct json_object *map = value_object(obj, "io_max");
	const char *present = json_string(map, device, NULL);
	_cleanup_free_ char *both = NULL;
	if (present != NULL && asprintf(&both, "%s %s", present, rates) < 0)
		abort();
	json_add_string(map, device, both != NULL ? both : rates);
}

static int set_io_max(struct json_object *obj, const struct option *o, const char *text, struct error *err)
{
	_cleanup_free_ char *device = NULL, *rates = NULL;
	const char *end = device_end(text, "=");
	(void) o;
	if (strchr(text, '=') == NULL || end == NULL)
		return error_set(err, ERROR_USAGE, "not DEVICE:KEY=RATE,… (keys: rbps, wbps, riops, wiops)");
	if (split_device(text, end, &device, err) < 0)
		return -1;
	rates = strdup(end + 1);
	if (rates == NULL)
		abort();
	for (char *p = rates; *p != '\0'; p++)
		if (*p == ',')
			*p = ' ';
	add_rates(obj, device, rates);
	return 0;
}

static int set_rate(struct json_object *obj, const struct option *o, const char *text, struct error *err)
{
	static const struct {
		const char *option, *key;
	} keys[] = { { "device-read-bps", "rbps" }, { "device-write-bps", "wbps" },
		{ "device-read-iops", "riops" }, { "device-write-iops", "wiops" } };
	_cleanup_free_ char *device = NULL, *rates = NULL;
	const char *end = device_end(text, "");
	size_t i = 0;
	if (end == NULL)
		return error_set(err, ERROR_USAGE, "not DEVICE:RATE (such as /dev/sda:1M)");
	while (strcmp(keys[i].option, o->name) != 0)
		i++;
	if (split_device(text, end, &device, err) < 0)
		return -1;
	if (asprintf(&rates, "%s=%s", keys[i].key, end + 1) < 0)
		abort();
	add_rates(obj, device, rates);
	return 0;
}

static int set_device_weight(struct json_object *obj, const char *text, uint64_t least, uint64_t most,
	uint64_t (*scale)(uint64_t), struct error *err)
{
	_cleanup_free_ char *device = NULL;
	const char *end = device_end(text, "");
	if (split_device(text, end, &device, err) < 0)
		return -1;
	return set_scaled(value_object(obj, "io_weights"), end + 1, least, most, scale, device, err);
}

static uint64_t same(uint64_t weight)
{
	return weight;
}

static int set_io_weight(struct json_object *obj, const struct option *o, const char *text, struct error *err)
{
	if (strchr(text, ':') != NULL)
		return set_device_weight(obj, text, 1, 10000, same, err);
	return set_number(obj, resource_find(o->field), text, err);
}

static int set_blkio_device(
	struct json_object *obj, const struct option *o, const char *text, struct error *err)
{
	(void) o;
	return set_device_weight(obj, text, 10, 1000, weight_from_blkio, err);
}

/* ---- maps ---- */

static int split_pair(
	const struct option *o, const char *text, char **ret_key, const char **ret_value, struct error *err)
{
	size_t n = strcspn(text, "=");
	if (n == 0 || text[n] == '\0' || text[n + 1] == '\0')
		return error_set(err, ERROR_USAGE, "not %s", o->metavar);
	*ret_key = strndup(text, n);
	if (*ret_key == NULL)
		abort();
	*ret_value = text + n + 1;
	return 0;
}

static int set_pages(struct json_object *obj, const struct option *o, const char *text, struct error *err)
{
	_cleanup_free_ char *key = NULL;
	const char *value;
	uint64_t bytes;
	if (split_pair(o, text, &key, &value, err) < 0)
		return -1;
	if (!is_none(value) && parse_bytes(value, &bytes, err) < 0)
		return -1;
	json_add_int(value_object(obj, o->field), key, is_none(value) ? -1 : (int64_t) bytes);
	return 0;
}

/* The same file twice: two lines of it. */
static int set_conf(struct json_object *obj, const struct option *o, const char *text, struct error *err)
{
	_cleanup_free_ char *key = NULL, *both = NULL;
	const char *value;
	if (split_pair(o, text, &key, &value, err) < 0)
		return -1;
	struct json_object *map = value_object(obj, o->field);
	const char *present = json_string(map, key, NULL);
	if (present != NULL && asprintf(&both, "%s\n%s", present, value) < 0)
		abort();
	json_add_string(map, key, both != NULL ? both : value);
	return 0;
}

/* ---- all of them ---- */

static const struct {
	const char *option;
	int (*set)(struct json_object *obj, const struct option *o, const char *text, struct error *err);
} setters[] = {
	{ "cpus", set_cpus },
	{ "memory-swap", set_swap },
	{ "cpu-shares", set_shares },
	{ "blkio-weight", set_blkio_weight },
	{ "blkio-weight-device", set_blkio_device },
	{ "io-max", set_io_max },
	{ "io-weight", set_io_weight },
	{ "device-read-bps", set_rate },
	{ "device-write-bps", set_rate },
	{ "device-read-iops", set_rate },
	{ "device-write-iops", set_rate },
	{ "hugetlb", set_pages },
	{ "cgroup-conf", set_conf },
};

int resources_set(struct json_object *request, const struct option *o, const char *text, struct error *err)
{
	struct json_object *obj = value_object(request, "resources");
	const char *field = strcmp(o->field, CPUS) == 0	  ? "cpu_quota_us"
			    : strcmp(o->field, SWAP) == 0 ? "memory_swap_max"
							  : o->field;
	json_add_string(value_object(obj, GIVEN), field, o->name);
	for (size_t i = 0; i < sizeof setters / sizeof *setters; i++)
		if (strcmp(setters[i].option, o->name) == 0)
			return setters[i].set(obj, o, text, err);
	return set_typed(obj, o, text, err);
}

static int finish_cpus(struct json_object *obj, struct error *err)
{
	int64_t thousandths = json_int(obj, CPUS, 0), period = json_int(obj, "cpu_period_us", CPU_PERIOD_US);
	if (thousandths == 0)
		return 0;
	if (json_get(obj, "cpu_quota_us") != NULL)
		return error_set(err, ERROR_USAGE, "--cpus and --cpu-quota exclude each other");
	json_add_int(obj, "cpu_quota_us", thousandths * period / 1000);
	/* Also where another one was set before (update). */
	json_add_int(obj, "cpu_period_us", period);
	json_object_object_del(obj, CPUS);
	return 0;
}

/* Docker's is the sum, cgroup v2's is swap alone. */
static int finish_swap(struct json_object *obj, struct error *err)
{
	int64_t sum = json_int(obj, SWAP, -1), memory = json_int(obj, "memory_max", -1);
	if (sum < 0)
		return 0;
	if (memory < 0) {
		error_set(err, ERROR_USAGE, "--memory-swap: needs --memory, too");
		return error_hint(err,
			"it is memory and swap together; --cgroup-conf memory.swap.max=SIZE is swap alone");
	}
	if (sum < memory)
		return error_set(err, ERROR_USAGE,
			"--memory-swap: %jd is less than --memory: it is memory and swap together",
			(intmax_t) sum);
	json_add_int(obj, "memory_swap_max", sum - memory);
	json_object_object_del(obj, SWAP);
	return 0;
}

int resources_finish(struct arguments *args, struct error *err)
{
	struct json_object *obj = json_get(args->request, "resources");
	if (obj == NULL)
		return 0;
	json_add(args->local, "limits", json_object_get(json_get(obj, GIVEN)));
	json_object_object_del(obj, GIVEN);
	return finish_cpus(obj, err) < 0 ? -1 : finish_swap(obj, err);
}

/* The option that has set this field, or another one for the same file, or the file itself. */
static const char *given(struct json_object *options, const char *field)
{
	const struct resource *r = resource_find(field), *other;
	const char *option = json_string(options, field, NULL);
	if (option != NULL || r == NULL || options == NULL)
		return option;
	json_object_object_foreach (options, key, name) {
		other = resource_find(key);
		if (other != NULL && strcmp(other->file, r->file) == 0)
			return json_object_get_string(name);
	}
	return json_string(options, "cgroup", NULL);
}

bool resources_explain(const struct arguments *args, struct error *err, const char *path)
{
	size_t n = strlen(path), length = strlen(err->field);
	char rest[sizeof err->msg];
	if (strncmp(err->field, path, n) != 0 || err->field[n] != '.' ||
		strncmp(err->msg, err->field, length) != 0)
		return false;
	const char *option = given(json_get(args->local, "limits"), err->field + n + 1);
	if (option == NULL)
		return false;
	snprintf(rest, sizeof rest, "%s", err->msg + length);
	snprintf(err->msg, sizeof err->msg, "--%s%.*s", option, (int) sizeof rest - 64, rest);
	return true;
}
