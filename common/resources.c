#include "common/resources.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/parse.h"

#define QUOTA_MOST ((INT64_C(1) << 44) - 1) /* max_bw of kernel/sched/core.c */
#define PIDS_MOST  (4 * 1024 * 1024)	    /* PID_MAX_LIMIT */

const struct resource resources[] = {
	{ "hugetlb", "hugetlb.", RESOURCE_PAGES, 0, INT64_MAX, true, "max" },
	{ "cpuset_mems", "cpuset.mems", RESOURCE_SET, 0, 0, false, "" },
	{ "cpuset_cpus", "cpuset.cpus", RESOURCE_SET, 0, 0, false, "" },
	/* A weight cannot be written while it is idle. */
	{ "cpu_idle", "cpu.idle", RESOURCE_FLAG, 0, 1, false, "0" },
	{ "cpu_weight", "cpu.weight", RESOURCE_NUMBER, 1, 10000, false, "100" },
	{ "cpu_quota_us", "cpu.max", RESOURCE_QUOTA, 1000, QUOTA_MOST, true, "max 100000" },
	{ "cpu_period_us", "cpu.max", RESOURCE_PERIOD, 1000, 1000000, false, "max 100000" },
	{ "memory_oom_group", "memory.oom.group", RESOURCE_FLAG, 0, 1, false, "0" },
	{ "memory_high", "memory.high", RESOURCE_BYTES, MEMORY_LEAST, INT64_MAX, true, "max" },
	{ "memory_max", "memory.max", RESOURCE_BYTES, MEMORY_LEAST, INT64_MAX, true, "max" },
	{ "memory_swap_max", "memory.swap.max", RESOURCE_BYTES, 0, INT64_MAX, true, "max" },
	{ "memory_low", "memory.low", RESOURCE_BYTES, 0, INT64_MAX, true, "0" },
	{ "memory_min", "memory.min", RESOURCE_BYTES, 0, INT64_MAX, true, "0" },
	{ "pids_max", "pids.max", RESOURCE_NUMBER, 1, PIDS_MOST, true, "max" },
	{ "io_weight", "io.weight", RESOURCE_WEIGHT, 1, 10000, false, "default" },
	{ "io_weights", "io.weight", RESOURCE_WEIGHTS, 1, 10000, false, "default" },
	{ "io_max", "io.max", RESOURCE_RATES, 1, INT64_MAX, true, "rbps=max wbps=max riops=max wiops=max" },
	{ "cgroup", "", RESOURCE_VERBATIM, 0, 0, false, NULL },
	{ 0 },
};

const struct resource *resource_find(const char *field)
{
	for (const struct resource *r = resources; r->field != NULL; r++)
		if (strcmp(r->field, field) == 0)
			return r;
	return NULL;
}

const struct resource *resource_of_file(const char *file)
{
	size_t n = strlen(file);
	for (const struct resource *r = resources; r->field != NULL; r++) {
		if (r->kind == RESOURCE_PAGES && strncmp(file, r->file, strlen(r->file)) == 0 && n > 4 &&
			strcmp(file + n - 4, ".max") == 0 && strstr(file, ".rsvd.") == NULL)
			return r;
		if (strcmp(r->file, file) == 0)
			return r;
	}
	return NULL;
}

size_t resource_order(const char *file)
{
	const struct resource *r = resource_of_file(file);
	return r != NULL ? (size_t) (r - resources) : sizeof resources / sizeof *resources;
}

bool resource_of_lines(const char *file, const char *line)
{
	const struct resource *r = resource_of_file(file);
	if (r == NULL)
		return strchr(line, ' ') != NULL;
	return r->kind == RESOURCE_WEIGHT || r->kind == RESOURCE_RATES;
}

static int invalid(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int invalid(struct error *err, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return error_set(err, ERROR_INVALID_CONFIG, "%s", text);
}

uint64_t weight_from_shares(uint64_t shares)
{
	shares = shares < 2 ? 2 : shares > 262144 ? 262144 : shares;
	return 1 + (shares - 2) * 9999 / 262142;
}

uint64_t weight_from_blkio(uint64_t weight)
{
	weight = weight < 10 ? 10 : weight > 1000 ? 1000 : weight;
	return 1 + (weight - 10) * 9999 / 990;
}

/* ---- what a line may be ---- */

static const char *size_text(int64_t bytes, char buf[32])
{
	static const char units[] = "KMGTP";
	int unit = -1;
	if (bytes >= 1024 && bytes % 1024 == 0)
		for (; bytes % 1024 == 0 && unit < 4; unit++)
			bytes /= 1024;
	snprintf(buf, 32, "%jd%.*s", (intmax_t) bytes, unit >= 0, unit >= 0 ? units + unit : "");
	return buf;
}

static int check_range(const struct resource *r, bool bytes, uint64_t value, struct error *err)
{
	char least[32], most[32], shown[32];
	if (value >= (uint64_t) r->least && value <= (uint64_t) r->most)
		return 0;
	snprintf(shown, sizeof shown, "%ju", (uintmax_t) value);
	if (bytes && r->least == MEMORY_LEAST && value < MEMORY_LEAST)
		return invalid(err, "%s is less than a start needs: at least %s",
			size_text((int64_t) value, shown), size_text(r->least, least));
	if (r->most == INT64_MAX)
		return invalid(err, "%s is out of range: at least %jd", shown, (intmax_t) r->least);
	if (bytes)
		return invalid(err, "%s is out of range: %s to %s", shown, size_text(r->least, least),
			size_text(r->most, most));
	return invalid(err, "%s is out of range: %jd to %jd", shown, (intmax_t) r->least, (intmax_t) r->most);
}

static bool is_max(const struct resource *r, const char *value)
{
	return r->has_max && strcmp(value, "max") == 0;
}

/* "-5", "1x", "99999999999999999999": what is no number of this kind. */
static int not_a(const char *what, const char *value, struct error *err)
{
	char shown[64];
	escape_text(value, shown, sizeof shown);
	if (value[0] == '-' && isdigit((unsigned char) value[1]))
		return invalid(err, "%s is negative", shown);
	if (value[0] != '\0' && value[strspn(value, "0123456789")] == '\0')
		return invalid(err, "%s is too large", shown);
	return invalid(err, "'%s' is not %s", shown, what);
}

static int check_bytes(const struct resource *r, const char *value, char *ret_line, struct error *err)
{
	uint64_t bytes;
	if (is_max(r, value)) {
		memcpy(ret_line, "max", sizeof "max");
		return 0;
	}
	if (parse_size(value, &bytes) < 0 || bytes > INT64_MAX)
		return not_a("a size (such as 4096, 64k, 1.5G)", value, err);
	if (check_range(r, true, bytes, err) < 0)
		return -1;
	snprintf(ret_line, LIMIT_VALUE_MAX, "%ju", (uintmax_t) bytes);
	return 0;
}

static int check_number(const struct resource *r, const char *value, char *ret_line, struct error *err)
{
	uint64_t number;
	if (is_max(r, value)) {
		memcpy(ret_line, "max", sizeof "max");
		return 0;
	}
	char what[80] = "a number";
	if (r->most != INT64_MAX)
		snprintf(what, sizeof what, "a number from %jd to %jd", (intmax_t) r->least,
			(intmax_t) r->most);
	if (parse_u64(value, INT64_MAX, &number) < 0)
		return not_a(what, value, err);
	if (check_range(r, false, number, err) < 0)
		return -1;
	snprintf(ret_line, LIMIT_VALUE_MAX, "%ju", (uintmax_t) number);
	return 0;
}

static int check_set(const struct resource *r, const char *value, char *ret_line, struct error *err)
{
	char shown[64];
	(void) r;
	size_t n = strlen(value);
	if (n == 0)
		return invalid(err, "the list is empty");
	if (n >= LIMIT_VALUE_MAX)
		return invalid(err, "the list is too long");
	if (value[strspn(value, "0123456789,-")] != '\0')
		return invalid(err, "'%s' is not a list of numbers (such as 0-3,7)",
			escape_text(value, shown, sizeof shown));
	memcpy(ret_line, value, n + 1);
	return 0;
}

/* "QUOTA PERIOD", "max PERIOD", "QUOTA". */
static int check_quota(const struct resource *r, const char *value, char *ret_line, struct error *err)
{
	char first[32], second[32] = "100000", quota[LIMIT_VALUE_MAX], period[LIMIT_VALUE_MAX];
	const struct resource *p = resource_find("cpu_period_us");
	size_t n = strcspn(value, " ");
	if (n >= sizeof first || strlen(value + n) >= sizeof second)
		return invalid(err, "not 'QUOTA PERIOD' in microseconds");
	snprintf(first, sizeof first, "%.*s", (int) n, value);
	if (value[n] != '\0')
		snprintf(second, sizeof second, "%s", value + n + 1);
	if (check_number(r, first, quota, err) < 0 || check_number(p, second, period, err) < 0)
		return -1;
	snprintf(ret_line, LIMIT_VALUE_MAX, "%.31s %.31s", quota, period);
	return 0;
}

/* "N" and "default N"; "DEVICE N". */
static int check_weight(const struct resource *r, const char *value, char *ret_line, struct error *err)
{
	char name[LIMIT_VALUE_MAX], weight[LIMIT_VALUE_MAX], number[24] = "default";
	const char *blank = strrchr(value, ' ');
	snprintf(name, sizeof name, "%.*s", blank != NULL ? (int) (blank - value) : 0, value);
	if (name[0] != '\0' && strcmp(name, "default") != 0 && device_number(name, number, err) < 0)
		return -1;
	if (check_number(r, blank != NULL ? blank + 1 : value, weight, err) < 0)
		return -1;
	snprintf(ret_line, LIMIT_VALUE_MAX, "%s %.31s", number, weight);
	return 0;
}

static const char *const rate_keys[] = { "rbps", "wbps", "riops", "wiops" };
#define RATE_KEYS (sizeof rate_keys / sizeof *rate_keys)

static int check_rate(
	const struct resource *r, const char *word, char rates[RATE_KEYS][32], struct error *err)
{
	char line[LIMIT_VALUE_MAX], shown[64];
	for (size_t i = 0; i < RATE_KEYS; i++) {
		size_t n = strlen(rate_keys[i]);
		if (strncmp(word, rate_keys[i], n) != 0 || word[n] != '=')
			continue;
		bool bytes = strcmp(rate_keys[i] + 1, "bps") == 0;
		if ((bytes ? check_bytes : check_number)(r, word + n + 1, line, err) < 0)
			return error_wrap(err, "%s", rate_keys[i]);
		snprintf(rates[i], sizeof rates[i], "%.31s", line);
		return 0;
	}
	return invalid(err, "'%s' is not rbps=, wbps=, riops= or wiops= with a rate",
		escape_text(word, shown, sizeof shown));
}

/* "DEVICE rbps=N wbps=N riops=N wiops=N", in any order, also with some of them only. */
static int check_rates(const struct resource *r, const char *value, char *ret_line, struct error *err)
{
	char copy[LIMIT_VALUE_MAX], number[24], rates[RATE_KEYS][32] = { { 0 } }, *save = NULL;
	snprintf(copy, sizeof copy, "%s", value);
	char *name = strtok_r(copy, " ", &save), *word = strtok_r(NULL, " ", &save);
	if (name == NULL || word == NULL)
		return invalid(err, "not 'DEVICE rbps=… wbps=… riops=… wiops=…'");
	if (device_number(name, number, err) < 0)
		return -1;
	for (; word != NULL; word = strtok_r(NULL, " ", &save))
		if (check_rate(r, word, rates, err) < 0)
			return -1;
	int at = snprintf(ret_line, LIMIT_VALUE_MAX, "%s", number);
	for (size_t i = 0; i < RATE_KEYS; i++)
		if (rates[i][0] != '\0')
			at += snprintf(ret_line + at, (size_t) (LIMIT_VALUE_MAX - at), " %s=%s", rate_keys[i],
				rates[i]);
	return 0;
}

static int check_verbatim(const struct resource *r, const char *value, char *ret_line, struct error *err)
{
	(void) r, (void) err;
	memcpy(ret_line, value, strlen(value) + 1);
	return 0;
}

static int (*const checks[RESOURCE_KINDS])(
	const struct resource *r, const char *value, char *ret_line, struct error *err) = {
	[RESOURCE_BYTES] = check_bytes,
	[RESOURCE_NUMBER] = check_number,
	[RESOURCE_FLAG] = check_number,
	[RESOURCE_SET] = check_set,
	[RESOURCE_QUOTA] = check_quota,
	[RESOURCE_PERIOD] = check_number,
	[RESOURCE_WEIGHT] = check_weight,
	[RESOURCE_WEIGHTS] = check_weight,
	[RESOURCE_RATES] = check_rates,
	[RESOURCE_PAGES] = check_bytes,
	[RESOURCE_VERBATIM] = check_verbatim,
};

/* Those of cgroup.* that limit something; the others are how the engine steers. */
static const char *const free_files[] = { "cgroup.max.depth", "cgroup.max.descendants", "cgroup.pressure" };

static int check_file(const char *file, struct error *err)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
	size_t n = limit_controller(file);
	char shown[80];
	escape_text(file, shown, sizeof shown);
	if (n == 0 || strlen(file) >= LIMIT_FILE_MAX || file[strspn(file, letters)] != '\0' ||
		strstr(file, "..") != NULL || file[strlen(file) - 1] == '.')
		return invalid(err, "'%s' is not a file of a cgroup (such as memory.max)", shown);
	if (strncmp(file, "cgroup.", 7) != 0)
		return 0;
	for (size_t i = 0; i < sizeof free_files / sizeof *free_files; i++)
		if (strcmp(file, free_files[i]) == 0)
			return 0;
	return invalid(err, "it is no limit");
}

int resource_check(const char *file, const char *value, char *ret_line, struct error *err)
{
	const struct resource *r = resource_of_file(file);
	if (check_file(file, err) < 0)
		return -1;
	if (strlen(value) >= LIMIT_VALUE_MAX)
		return invalid(err, "the value is too long");
	for (const char *p = value; *p != '\0'; p++)
		if ((unsigned char) *p < ' ' || *p == 127)
			return invalid(err, "the value has a control character in it");
	if (value[0] == '\0')
		return invalid(err, "the value is empty");
	return checks[r != NULL ? r->kind : RESOURCE_VERBATIM](r, value, ret_line, err);
}

int resource_reset(const char *file, const char *line, char *ret_line)
{
	const struct resource *r = resource_of_file(file);
	int subject = (int) strcspn(line, " ");
	if (r == NULL)
		return -1;
	if (strncmp(line, "default ", 8) == 0)
		return snprintf(ret_line, LIMIT_VALUE_MAX, "default 100");
	if (resource_of_lines(file, line))
		return snprintf(ret_line, LIMIT_VALUE_MAX, "%.*s %s", subject, line, r->reset);
	return snprintf(ret_line, LIMIT_VALUE_MAX, "%s", r->reset);
}

/* ---- the machine ---- */

static int is_disk(unsigned major, unsigned minor, const char *name, struct error *err)
{
	char path[64], shown[80];
	snprintf(path, sizeof path, "/sys/dev/block/%u:%u", major, minor);
	escape_text(name, shown, sizeof shown);
	if (access(path, F_OK) < 0)
		return invalid(err, "there is no block device '%s'", shown);
	snprintf(path, sizeof path, "/sys/dev/block/%u:%u/partition", major, minor);
	if (access(path, F_OK) == 0) {
		invalid(err, "'%s' is a partition", shown);
		return error_hint(err, "limits are for whole disks: lsblk -s shows which one it is on");
	}
	return 0;
}

static int parse_number(const char *name, unsigned *ret_major, unsigned *ret_minor)
{
	char major[16], minor[16];
	const char *colon = strchr(name, ':');
	uint64_t a, b;
	if (colon == NULL || colon - name >= (long) sizeof major || strlen(colon + 1) >= sizeof minor)
		return -1;
	snprintf(major, sizeof major, "%.*s", (int) (colon - name), name);
	snprintf(minor, sizeof minor, "%s", colon + 1);
	if (parse_u64(major, 0xFFF, &a) < 0 || parse_u64(minor, 0xFFFFF, &b) < 0)
		return -1;
	*ret_major = (unsigned) a;
	*ret_minor = (unsigned) b;
	return 0;
}

int device_number(const char *name, char ret_number[24], struct error *err)
{
	unsigned major_number, minor_number;
	struct stat st;
	char shown[80];
	escape_text(name, shown, sizeof shown);
	if (parse_number(name, &major_number, &minor_number) < 0) {
		/* Only there does looking at a path never wait for anything. */
		if (strncmp(name, "/dev/", 5) != 0 || strstr(name, "/..") != NULL)
			return invalid(err, "'%s' is not MAJOR:MINOR nor a block device below /dev", shown);
		_cleanup_fd_ int fd = open(name, O_PATH | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &st) < 0) {
			int errnum = errno;
			invalid(err, "the device '%s'", shown);
			err->errnum = errnum;
			return -1;
		}
		if (!S_ISBLK(st.st_mode))
			return invalid(err, "'%s' is not a block device", shown);
		major_number = major(st.st_rdev);
		minor_number = minor(st.st_rdev);
	}
	if (is_disk(major_number, minor_number, name, err) < 0)
		return -1;
	snprintf(ret_number, 24, "%u:%u", major_number, minor_number);
	return 0;
}

/* One "N" or "N-M" at *p, which moves behind it. */
static int parse_range(const char **p, uint64_t *ret_first, uint64_t *ret_last)
{
	char number[24];
	uint64_t bounds[2];
	for (int i = 0; i < 2; i++) {
		size_t n = strspn(*p, "0123456789");
		if (n >= sizeof number)
			return -1;
		snprintf(number, sizeof number, "%.*s", (int) n, *p);
		if (parse_u64(number, UINT64_MAX, &bounds[i]) < 0)
			return -1;
		*p += n;
		if (i == 0 && **p != '-')
			bounds[++i] = bounds[0];
		else if (i == 0)
			(*p)++;
	}
	*ret_first = bounds[0];
	*ret_last = bounds[1];
	return bounds[0] <= bounds[1] ? 0 : -1;
}

/* The end of the allowed range that `first` is in; -1: it is in none. */
static int covered_until(const char *allowed, uint64_t first, uint64_t *ret_last)
{
	uint64_t a, b;
	for (const char *p = allowed; *p != '\0' && parse_range(&p, &a, &b) == 0; p += *p == ',')
		if (first >= a && first <= b) {
			*ret_last = b;
			return 0;
		}
	return -1;
}

int number_set_check(const char *list, const char *allowed, const char *what, struct error *err)
{
	uint64_t first, last, until;
	char shown[64];
	for (const char *p = list; *p != '\0';) {
		if (parse_range(&p, &first, &last) < 0 || (*p != '\0' && *p != ','))
			return invalid(err, "'%s' is not a list of numbers (such as 0-3,7)",
				escape_text(list, shown, sizeof shown));
		for (; first <= last; first = until + 1) {
			/* Ranges of the machine's, not numbers: "0-4294967295" is no more work than "0". */
			if (covered_until(allowed, first, &until) < 0)
				return invalid(err, "there is no %s %ju: this machine has %s", what,
					(uintmax_t) first, allowed);
			if (until >= last)
				break;
		}
		if (*p == ',' && *++p == '\0')
			return invalid(err, "'%s' ends with a comma", escape_text(list, shown, sizeof shown));
	}
	return 0;
}
