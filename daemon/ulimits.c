#include "daemon/ulimits.h"

#include <ctype.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/parse.h"
#include "runtime/defaults.h"
#include "runtime/spec_process.h"

#define LIMITS_MAX 4096 /* bytes of /proc/PID/limits */
#define FIELD	   "config.ulimits"
#define TYPE_TEXT  32

static void add(struct json_object *array, const char *type, uint64_t soft, uint64_t hard)
{
	struct json_object *object = json_object_new_object();

	json_add_string(object, "type", type);
	json_add(object, "soft", json_object_new_uint64(soft));
	json_add(object, "hard", json_object_new_uint64(hard));
	json_object_array_add(array, object);
}

/* "nofile" as OCI calls it: RLIMIT_NOFILE. */
static int type_of(const char *name, char ret_type[TYPE_TEXT], struct error *err)
{
	char shown[64];
	int n = snprintf(ret_type, TYPE_TEXT, "RLIMIT_%s", name);

	for (char *p = ret_type; *p; p++)
		*p = (char) toupper((unsigned char) *p);
	if (n < TYPE_TEXT && rlimit_parse(ret_type) >= 0)
		return 0;
	error_config(err, FIELD, FIELD ": there is no limit '%s'", escape_text(name, shown, sizeof(shown)));
	return error_hint(err,
		"they are as, core, cpu, data, fsize, locks, memlock, msgqueue, nice, nofile, nproc, "
		"rss, rtprio, rttime, sigpending and stack");
}

static int read_value(const char *text, size_t size, uint64_t *ret_value)
{
	char number[24];

	if (size >= sizeof(number))
		return -1;
	memcpy(number, text, size);
	number[size] = '\0';
	if (strcmp(number, "unlimited") != 0 && strcmp(number, "-1") != 0)
		return parse_u64(number, UINT64_MAX, ret_value);
	*ret_value = UINT64_MAX;
	return 0;
}

static int read_limit(
	const char *name, const char *text, uint64_t *ret_soft, uint64_t *ret_hard, struct error *err)
{
	size_t size = strcspn(text, ":");
	const char *hard = text[size] ? text + size + 1 : text;
	char shown[64];

	if (read_value(text, size, ret_soft) < 0 || read_value(hard, strlen(hard), ret_hard) < 0)
		return error_config(err, FIELD,
			FIELD ": %s: '%s' is not SOFT or SOFT:HARD, numbers or unlimited", name,
			escape_text(text, shown, sizeof(shown)));
	if (*ret_soft > *ret_hard)
		return error_config(err, FIELD, FIELD ": %s: the soft limit is above the hard one", name);
	return 0;
}

bool ulimits_wanted(struct json_object *wanted, const char *type)
{
	json_object_object_foreach (wanted, name, value) {
		(void) value;
		if (strcasecmp(name, type + strlen("RLIMIT_")) == 0)
			return true;
	}
	return false;
}

/* Names count in either case; one limit may still be named only once. */
static int check_once(struct json_object *array, const char *type, const char *name, struct error *err)
{
	for (size_t i = 0; i < json_length(array); i++)
		if (strcmp(json_string(json_object_array_get_idx(array, i), "type", ""), type) == 0)
			return error_config(err, FIELD, FIELD ": %s is there twice", name);
	return 0;
}

int ulimits_add(struct json_object *process, struct json_object *wanted, struct error *err)
{
	struct json_object *array = json_object_new_array();
	uint64_t soft, hard;
	char type[TYPE_TEXT];

	json_add(process, "rlimits", array);
	for (const struct default_rlimit *limit = default_rlimits; limit->type; limit++)
		if (!wanted || !ulimits_wanted(wanted, limit->type))
			add(array, limit->type, limit->soft, limit->hard);
	if (!wanted)
		return 0;
	json_object_object_foreach (wanted, name, value) {
		if (type_of(name, type, err) < 0 || check_once(array, type, name, err) < 0 ||
			read_limit(name, json_object_get_string(value), &soft, &hard, err) < 0)
			return -1;
		add(array, type, soft, hard);
	}
	return 0;
}

/* ---- what a process has ---- */

/* proc(5) has words of its own for them, at the beginning of a line. */
static const struct {
	const char *type, *words;
} proc_names[] = {
	{ "RLIMIT_AS", "Max address space" },
	{ "RLIMIT_CORE", "Max core file size" },
	{ "RLIMIT_CPU", "Max cpu time" },
	{ "RLIMIT_DATA", "Max data size" },
	{ "RLIMIT_FSIZE", "Max file size" },
	{ "RLIMIT_LOCKS", "Max file locks" },
	{ "RLIMIT_MEMLOCK", "Max locked memory" },
	{ "RLIMIT_MSGQUEUE", "Max msgqueue size" },
	{ "RLIMIT_NICE", "Max nice priority" },
	{ "RLIMIT_NOFILE", "Max open files" },
	{ "RLIMIT_NPROC", "Max processes" },
	{ "RLIMIT_RSS", "Max resident set" },
	{ "RLIMIT_RTPRIO", "Max realtime priority" },
	{ "RLIMIT_RTTIME", "Max realtime timeout" },
	{ "RLIMIT_SIGPENDING", "Max pending signals" },
	{ "RLIMIT_STACK", "Max stack size" },
};

/* "SOFT:HARD" from the line of this limit; -1 if there is none. */
static int find_line(const char *text, const char *type, char *buf, size_t size)
{
	for (size_t i = 0; i < sizeof(proc_names) / sizeof(proc_names[0]); i++) {
		const char *line =
			strcmp(proc_names[i].type, type) ? NULL : strstr(text, proc_names[i].words);

		if (!line)
			continue;
		line += strlen(proc_names[i].words);
		line += strspn(line, " ");
		size_t soft = strcspn(line, " ");
		const char *hard = line + soft + strspn(line + soft, " ");

		snprintf(buf, size, "%.*s:%.*s", (int) soft, line, (int) strcspn(hard, " \n"), hard);
		return 0;
	}
	return -1;
}

struct json_object *ulimits_of(pid_t pid, struct json_object *config)
{
	struct json_object *rlimits = json_get(json_get(config, "process"), "rlimits"), *obj;
	char text[LIMITS_MAX], path[40], value[64], name[TYPE_TEXT];

	snprintf(path, sizeof(path), "/proc/%d/limits", (int) pid);
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : fd_read_all(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return NULL;
	text[n] = '\0';
	obj = json_object_new_object();
	for (size_t i = 0; i < json_length(rlimits); i++) {
		const char *type = json_string(json_object_array_get_idx(rlimits, i), "type", "");

		if (find_line(text, type, value, sizeof(value)) < 0)
			continue;
		snprintf(name, sizeof(name), "%s", type + strlen("RLIMIT_"));
		for (char *p = name; *p; p++)
			*p = (char) tolower((unsigned char) *p);
		json_add_string(obj, name, value);
	}
	return obj;
}
