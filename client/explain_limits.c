/* explain_limits.c - the cgroup that limits a container as a whole, and the limits of its processes. */
#include <ctype.h>
#include <json-c/json.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/explain.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/resources.h"

/* What the files of a cgroup are for (the kernel's Documentation/admin-guide/cgroup-v2.rst). */
static const struct {
	const char *file, *why;
} purposes[] = {
	{ "memory.max", "more memory than this: something in it is killed" },
	{ "memory.high", "from here on it is slowed down, and memory is taken back" },
	{ "memory.low", "so much is taken back only if there is nothing else" },
	{ "memory.min", "so much is never taken back" },
	{ "memory.swap.max", "so much may be swapped out" },
	{ "memory.oom.group", "out of memory, all of it is killed, not one process" },
	{ "cpu.max", "microseconds of cpu time in each period of so many" },
	{ "cpu.weight", "its share of the cpus where others want them, too" },
	{ "cpuset.cpus", "the cpus it may run on" },
	{ "cpuset.mems", "the memory nodes it may use" },
	{ "pids.max", "so many processes and threads" },
	{ "io.weight", "its share of the disks where others want them, too" },
	{ "io.max", "bytes and operations a second, by disk" },
};

static const char *purpose(const char *file)
{
	for (size_t i = 0; i < sizeof purposes / sizeof *purposes; i++)
		if (strcmp(purposes[i].file, file) == 0)
			return purposes[i].why;
	return "as asked for";
}

static void add_number(struct json_object *files, const char *file, struct json_object *number)
{
	if (number != NULL && json_object_get_int64(number) < 0)
		json_add_string(files, file, "max");
	else if (number != NULL)
		json_add_string(files, file, json_object_get_string(number));
}

/* cgroup v2's files as the configuration names them, and those of OCI's older names that mean just one. */
static struct json_object *read_files(struct json_object *wanted)
{
	struct json_object *files = json_object_new_object(), *unified = json_get(wanted, "unified");
	struct json_object *cpu = json_get(wanted, "cpu"), *quota = json_get(cpu, "quota");
	if (quota != NULL && json_object_get_int64(quota) > 0) {
		char line[64];
		snprintf(line, sizeof line, "%jd %jd", (intmax_t) json_object_get_int64(quota),
			(intmax_t) json_int(cpu, "period", 100000));
		json_add_string(files, "cpu.max", line);
	}
	json_add_string(files, "cpuset.cpus", json_string(cpu, "cpus", NULL));
	json_add_string(files, "cpuset.mems", json_string(cpu, "mems", NULL));
	add_number(files, "memory.max", json_get(json_get(wanted, "memory"), "limit"));
	add_number(files, "memory.low", json_get(json_get(wanted, "memory"), "reservation"));
	add_number(files, "pids.max", json_get(json_get(wanted, "pids"), "limit"));
	if (unified == NULL)
		return files;
	json_object_object_foreach (unified, file, value)
		json_add_string(files, file, json_object_get_string(value));
	return files;
}

/* Each controller that a file belongs to is handed down by the cgroup above. */
static void enable_controllers(FILE *out, struct json_object *files)
{
	_cleanup_json_ struct json_object *seen = json_object_new_object();
	json_object_object_foreach (files, file, value) {
		(void) value;
		_cleanup_free_ char *controller = strndup(file, strcspn(file, "."));
		if (controller == NULL)
			abort();
		if (json_get(seen, controller) != NULL)
			continue;
		json_add_bool(seen, controller, true);
		_cleanup_free_ char *word = explain_quote(controller);
		explain_line(out, "handed down by the cgroup above",
			"echo +%s >\"$above/cgroup.subtree_control\"", word);
	}
}

/* A file that takes several lines gets each by a write of its own. */
static void write_file(FILE *out, const char *file, const char *lines)
{
	_cleanup_free_ char *name = explain_quote(file);
	for (const char *p = lines; *p != '\0'; p += strspn(p, "\n")) {
		_cleanup_free_ char *line = strndup(p, strcspn(p, "\n"));
		_cleanup_free_ char *word = explain_quote(line != NULL ? line : "");
		explain_line(out, purpose(file), "echo %s >\"$cgroup\"/%s", word, name);
		p += strcspn(p, "\n");
	}
}

/* What nobody asked for: left out where the controller is missing, as the engine does. */
static void put_default(FILE *out, struct json_object *files, const char *file, const char *value)
{
	if (json_get(files, file) == NULL)
		explain_line(out, purpose(file), "[ ! -e \"$cgroup\"/%s ] || echo %s >\"$cgroup\"/%s", file,
			value, file);
}

static void put_defaults(const struct explanation *x, struct json_object *files)
{
	const char *max = json_string(files, "memory.max", NULL);
	char pids[16];
	snprintf(pids, sizeof pids, "%d", PIDS_DEFAULT);
	put_default(x->out, files, "memory.oom.group", "1");
	if (max != NULL)
		put_default(x->out, files, "memory.swap.max", max);
	put_default(x->out, files, "pids.max", pids);
}

/* --cgroup-rw: what it makes itself lies below a cgroup that it cannot change. */
static void put_delegation(FILE *out)
{
	explain_line(out, "its own; the one above has its limits", "mkdir \"$cgroup/container\"");
	fputs("for name in $(cat \"$cgroup/cgroup.controllers\"); do\n"
	      "\techo \"+$name\" >\"$cgroup/cgroup.subtree_control\" || true\n"
	      "done 2>/dev/null\n",
		out);
}

void explain_limits(const struct explanation *x)
{
	struct json_object *wanted = json_get(json_get(x->config, "linux"), "resources");
	_cleanup_json_ struct json_object *files = read_files(wanted);
	explain_head(x->out, "a cgroup: what runs in it is counted, limited and ended together");
	enable_controllers(x->out, files);
	fputs("for name in memory pids; do # for the defaults, where this host has them\n"
	      "\t! grep -qw \"$name\" \"$above/cgroup.controllers\" || echo \"+$name\" "
	      ">\"$above/cgroup.subtree_control\"\n"
	      "done\n",
		x->out);
	explain_line(x->out, NULL, "mkdir \"$cgroup\"");
	json_object_object_foreach (files, file, value)
		write_file(x->out, file, json_object_get_string(value));
	put_defaults(x, files);
	if (x->cgroup_rw)
		put_delegation(x->out);
	if (json_get(x->shim, "cgroup_parent") != NULL)
		explain_note(x->out, "(Not expressed: the cgroup that it is to lie in, --cgroup-parent.)");
}

/* "unlimited" is the largest number, on the wire. */
static const char *rlimit_text(struct json_object *value, char buf[24])
{
	uint64_t number = json_object_get_uint64(value);
	if (number == UINT64_MAX)
		snprintf(buf, 24, "unlimited");
	else
		snprintf(buf, 24, "%ju", (uintmax_t) number);
	return buf;
}

/* "RLIMIT_NOFILE" is prlimit(1)'s --nofile. */
static void put_rlimit(const struct explanation *x, struct json_object *limit)
{
	static const char prefix[] = "RLIMIT_";
	const char *type = json_string(limit, "type", "");
	char name[32] = "";
	if (strncmp(type, prefix, sizeof prefix - 1) != 0 || strlen(type) >= sizeof name)
		return;
	for (size_t i = 0; type[i + sizeof prefix - 1] != '\0'; i++)
		name[i] = (char) tolower((unsigned char) type[i + sizeof prefix - 1]);
	char soft[24], hard[24];
	explain_line(x->out, NULL, "\tlimit %s %s %s", name, rlimit_text(json_get(limit, "soft"), soft),
		rlimit_text(json_get(limit, "hard"), hard));
}

void explain_rlimits(const struct explanation *x)
{
	struct json_object *limits = json_get(json_get(x->config, "process"), "rlimits");
	for (size_t i = 0; i < json_length(limits); i++)
		put_rlimit(x, json_object_array_get_idx(limits, i));
}
