#include "shim/limit_diff.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/parse.h"
#include "common/resources.h"
#include "shim/place.h"

#define LEVELS_MAX 16
#define NAME_SIZE  (3 * LEVELS_MAX + LIMIT_FILE_MAX)

/* How a file counts below those of the cgroups above it. */
enum rule {
	RULE_OWN,   /* they have no say */
	RULE_LEAST, /* the least of all: a number, or "max" */
	RULE_TIME,  /* the least part of the time: cpu.max */
	RULE_FILE,  /* another file says it */
};

static enum rule rule_of(const char *file)
{
	static const struct {
		const char *file;
		enum rule rule;
	} rules[] = { { "memory.max", RULE_LEAST }, { "memory.high", RULE_LEAST },
		{ "memory.swap.max", RULE_LEAST }, { "memory.low", RULE_LEAST }, { "memory.min", RULE_LEAST },
		{ "pids.max", RULE_LEAST }, { "cpu.max", RULE_TIME }, { "cpuset.cpus", RULE_FILE },
		{ "cpuset.mems", RULE_FILE } };
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (strcmp(rules[i].file, file) == 0)
			return rules[i].rule;
	return strncmp(file, "hugetlb.", 8) == 0 ? RULE_LEAST : RULE_OWN;
}

/* ---- lines ---- */

/* "max" is UINT64_MAX. False: it is no number. */
static bool number_of(const char *text, size_t size, uint64_t *ret_number)
{
	char digits[24];
	if (size == 3 && strncmp(text, "max", 3) == 0) {
		*ret_number = UINT64_MAX;
		return true;
	}
	if (size >= sizeof digits)
		return false;
	snprintf(digits, sizeof digits, "%.*s", (int) size, text);
	return parse_u64(digits, UINT64_MAX - 1, ret_number) == 0;
}

static bool line_same(const char *a, size_t a_size, const char *b, size_t b_size)
{
	uint64_t wanted, present, page = (uint64_t) sysconf(_SC_PAGESIZE);
	if (a_size == b_size && strncmp(a, b, a_size) == 0)
		return true;
	return number_of(a, a_size, &wanted) && number_of(b, b_size, &present) && wanted != UINT64_MAX &&
	       wanted / page * page == present;
}

/* Is a line like this, or for a device that has none the kernel's default, among the lines? */
static bool has_line(const char *file, const char *line, size_t size, const char *lines)
{
	char copy[LIMIT_VALUE_MAX], reset[LIMIT_VALUE_MAX];
	size_t key = strcspn(line, " \n");
	bool of_lines = key < size, found = false;
	for (const char *p = lines; *p != '\0';) {
		size_t n = strcspn(p, "\n");
		if (line_same(line, size, p, n))
			return true;
		found |= of_lines && n > key && strncmp(p, line, key + 1) == 0;
		p += n + (p[n] == '\n');
	}
	snprintf(copy, sizeof copy, "%.*s", (int) size, line);
	return !found && of_lines && resource_of_lines(file, copy) &&
	       resource_reset(file, copy, reset) >= 0 && strcmp(copy, reset) == 0;
}

bool limit_same(const char *file, const char *wanted, const char *present)
{
	if (wanted[0] == '\0')
		return present[0] == '\0';
	for (const char *p = wanted; *p != '\0';) {
		size_t n = strcspn(p, "\n");
		if (!has_line(file, p, n, present))
			return false;
		p += n + (p[n] == '\n');
	}
	return true;
}

bool limit_less(const char *file, const char *a, const char *b)
{
	uint64_t a_number, b_number, a_period = 1, b_period = 1;
	size_t a_size = strcspn(a, " "), b_size = strcspn(b, " ");
	if (!number_of(a, a_size, &a_number) || !number_of(b, b_size, &b_number))
		return false;
	if (rule_of(file) != RULE_TIME || a_number == UINT64_MAX || b_number == UINT64_MAX)
		return a_number < b_number;
	if (a[a_size] == ' ')
		number_of(a + a_size + 1, strlen(a + a_size + 1), &a_period);
	if (b[b_size] == ' ')
		number_of(b + b_size + 1, strlen(b + b_size + 1), &b_period);
	return (double) a_number / (double) a_period < (double) b_number / (double) b_period;
}

/* ---- files ---- */

/* Without its last newline; NULL: it is not there. Caller frees. */
static char *read_value(const struct place *place, const char *file, unsigned levels)
{
	char name[NAME_SIZE];
	size_t at = 0;
	for (; levels > 0; levels--, at += 3)
		memcpy(name + at, "../", 3);
	snprintf(name + at, sizeof name - at, "%s", file);
	char *text = place_read(place->cgroup, name);
	size_t size = text == NULL ? 0 : strlen(text);
	while (size > 0 && text[size - 1] == '\n')
		text[--size] = '\0';
	return text;
}

/* What counts, and how many levels above its own that is. Caller frees. */
static char *find_effective(
	const struct place *place, const char *file, const char *present, unsigned *ret_levels)
{
	enum rule rule = rule_of(file);
	char name[LIMIT_FILE_MAX + 16];
	char *least = strdup(present);
	*ret_levels = 0;
	if (rule == RULE_FILE) {
		free(least);
		snprintf(name, sizeof name, "%s.effective", file);
		return read_value(place, name, 0);
	}
	for (unsigned i = 1; rule != RULE_OWN && i < LEVELS_MAX && (int) i < place->depth; i++) {
		_cleanup_free_ char *above = read_value(place, file, i);
		if (above == NULL)
			break;
		if (!limit_less(file, above, least))
			continue;
		free(least);
		least = steal_pointer(&above);
		*ret_levels = i;
	}
	return least;
}

static bool is_default(const char *file, const char *present)
{
	char reset[LIMIT_VALUE_MAX];
	if (resource_reset(file, "", reset) < 0 || resource_of_lines(file, present))
		return present[0] == '\0' || strcmp(present, "default 100") == 0;
	return strcmp(present, reset) == 0;
}

struct json_object *limit_diff(const struct place *place, const char *file, const char *wanted, bool asked)
{
	unsigned levels = 0;
	_cleanup_free_ char *present = read_value(place, file, 0);
	_cleanup_free_ char *effective =
		present == NULL ? NULL : find_effective(place, file, present, &levels);
	bool drift;
	if (wanted == NULL && (present == NULL || is_default(file, present)))
		return NULL;
	if (wanted == NULL)
		drift = true;
	else
		drift = present == NULL ? asked : !limit_same(file, wanted, present);
	struct json_object *obj = json_object_new_object();
	json_add_string(obj, "file", file);
	json_add_string(obj, "wanted", wanted);
	json_add_bool(obj, "asked", asked);
	json_add_string(obj, "present", present);
	json_add_string(obj, "effective", effective);
	if (levels > 0)
		json_add_int(obj, "levels", levels);
	json_add_bool(obj, "drift", drift);
	return obj;
}
