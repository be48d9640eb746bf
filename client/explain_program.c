/* explain_program.c - who the program is, and how it comes into namespaces of its own. It gives up what it
 * may not have before its root is there, with the host's tools: of the container's own root nothing is
 * needed. */
#include <json-c/json.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/explain.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/parse.h"

static const char *text_at(struct json_object *array, size_t i)
{
	const char *text = json_object_get_string(json_object_array_get_idx(array, i));
	return text != NULL ? text : "";
}

static bool has_variable(struct json_object *env, const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 0; i < json_length(env); i++)
		if (strncmp(text_at(env, i), name, n) == 0 && text_at(env, i)[n] == '=')
			return true;
	return false;
}

/* ---- who ---- */

/* Only inside the container can names be looked up: the script does it, as the start does. */
static void put_lookup(const struct explanation *x)
{
	const char *user = json_string(x->shim, "user", "0"), *colon = strchr(user, ':');
	struct json_object *groups = json_get(x->shim, "groups");
	FILE *out = x->out;
	_cleanup_free_ char *name = strndup(user, strcspn(user, ":"));
	_cleanup_free_ char *user_word = explain_quote(name != NULL ? name : "");
	_cleanup_free_ char *group_word = explain_quote(colon != NULL ? colon + 1 : "");
	fputs("number() { # FILE NAME: of a user or group; a number is itself\n"
	      "\tcase $2 in\n"
	      "\t*[!0-9]*) line \"$1\" \"$2\" | cut -d: -f3 | grep . || { echo \"no $2 in the container's "
	      "/etc/$1\" >&2; exit 125; } ;;\n"
	      "\t*) echo \"$2\" ;;\n"
	      "\tesac\n"
	      "}\n",
		out);
	fprintf(out, "user=%s group=%s\n", user_word, group_word);
	fputs("uid=$(number passwd \"$user\")\n"
	      "name=$(line passwd \"$user\" | cut -d: -f1)\n",
		out);
	if (colon != NULL) {
		explain_line(out, "the group that was named, and no other", "gid=$(number group \"$group\")");
		fputs("gids=$gid\n", out);
	} else {
		explain_line(out, NULL, "gid=$(line passwd \"$user\" | cut -d: -f4)");
		fputs("gid=${gid:-0}\n", out);
		explain_line(out, "and the groups that have it as a member",
			"gids=$gid$([ ! -f \"$image/etc/group\" ] || awk -F: -v name=\"$name\" 'name != \"\" "
			"&& "
			"index(\",\" $4 \",\", \",\" name \",\") { printf \",%%s\", $3 }' "
			"\"$image/etc/group\")");
	}
	for (size_t i = 0; i < json_length(groups); i++) {
		_cleanup_free_ char *word = explain_quote(text_at(groups, i));
		fprintf(out, "gids=$gids,$(number group %s)\n", word);
	}
}

static void put_numbers(const struct explanation *x)
{
	struct json_object *user = json_get(json_get(x->config, "process"), "user");
	struct json_object *more = json_get(user, "additionalGids");
	int64_t gid = json_int(user, "gid", 0);
	fprintf(x->out, "uid=%jd gid=%jd gids=%jd", (intmax_t) json_int(user, "uid", 0), (intmax_t) gid,
		(intmax_t) gid);
	for (size_t i = 0; i < json_length(more); i++)
		fprintf(x->out, ",%s", text_at(more, i));
	putc('\n', x->out);
}

/* Does a mount lie over the files in which users are looked up? */
static bool is_covered(const struct explanation *x)
{
	static const char *const places[] = { "/", "/etc", "/etc/passwd", "/etc/group" };
	struct json_object *mounts = json_get(x->config, "mounts");
	for (size_t i = 0; i < json_length(mounts); i++)
		for (size_t k = 0; k < sizeof places / sizeof *places; k++)
			if (strcmp(json_string(json_object_array_get_idx(mounts, i), "destination", ""),
				    places[k]) == 0)
				return true;
	return false;
}

static void put_identity(const struct explanation *x)
{
	explain_head(x->out, "who the program is: the container's own files say it");
	fputs("line() { # FILE KEY: the line of this name or number in the container's /etc/FILE\n"
	      "\t[ ! -f \"$image/etc/$1\" ] ||\n"
	      "\t\tawk -F: -v key=\"$2\" 'key ~ /^[0-9]+$/ ? $3 == key : $1 == key { print; exit }' "
	      "\"$image/etc/$1\"\n"
	      "}\n",
		x->out);
	if (is_covered(x))
		explain_note(x->out,
			"(Not expressed: what is mounted on /etc is not looked at; the engine does that.)");
	/* A bundle of somebody else's has numbers in its config.json, and no user in ours. */
	if (json_get(x->shim, "user") != NULL || json_get(x->shim, "bundle") == NULL)
		put_lookup(x);
	else
		put_numbers(x);
	explain_line(x->out, "each once", "gids=$(echo \"$gids\" | tr , '\\n' | sort -nu | paste -sd, -)");
	if (has_variable(json_get(json_get(x->config, "process"), "env"), "HOME"))
		return;
	fputs("home=$(line passwd \"$uid\" | cut -d: -f6)\nhome=${home:-/}\n", x->out);
}

/* ---- capabilities ---- */

static uint64_t capability_mask(struct json_object *names)
{
	uint64_t mask = 0;
	int number;
	for (size_t i = 0; i < json_length(names); i++)
		if (capability_parse(text_at(names, i), &number) == 0)
			mask |= UINT64_C(1) << number;
	return mask;
}

/* "cap_chown,cap_kill"; caller frees. */
static char *capability_list(uint64_t mask)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	const char *comma = "";
	if (out == NULL)
		abort();
	for (int i = 0; i <= CAP_LAST_CAP; i++)
		if (mask >> i & 1 && capability_name(i) != NULL) {
			fputs(comma, out);
			for (const char *p = capability_name(i); *p != '\0'; p++)
				putc(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p, out);
			comma = ",";
		}
	if (fclose(out) != 0)
		abort();
	return text;
}

/* ---- the command ---- */

/* One more part of a command of many lines. */
static void put_part(FILE *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put_part(FILE *out, const char *fmt, ...)
{
	va_list ap;
	fputs(" \\\n\t\t", out);
	va_start(ap, fmt);
	vfprintf(out, fmt, ap);
	va_end(ap);
}

/* The long list is of those that go; what stays is worth reading. */
static void put_kept(const struct explanation *x)
{
	struct json_object *sets = json_get(json_get(x->config, "process"), "capabilities");
	_cleanup_free_ char *kept = capability_list(capability_mask(json_get(sets, "bounding")));
	fprintf(x->out, "\t# The capabilities that stay, where the user is root: %s.\n",
		kept[0] != '\0' ? kept : "none");
}

static void put_capabilities(const struct explanation *x)
{
	struct json_object *process = json_get(x->config, "process"),
			   *sets = json_get(process, "capabilities");
	uint64_t bounding = capability_mask(json_get(sets, "bounding"));
	uint64_t inheritable = capability_mask(json_get(sets, "inheritable")) & bounding;
	uint64_t ambient = capability_mask(json_get(sets, "ambient")) & inheritable;
	_cleanup_free_ char *drop = capability_list(~bounding & ((UINT64_C(2) << CAP_LAST_CAP) - 1));
	_cleanup_free_ char *inherit = capability_list(inheritable), *raise = capability_list(ambient);
	put_part(x->out, "capsh --noamb --inh=%s", inherit);
	if (drop[0] != '\0')
		fprintf(x->out, " --drop=%s", drop);
	put_part(x->out, "--gid=\"$gid\" --groups=\"$gids\" --%s=\"$uid\"",
		ambient != 0 ? "cap-uid" : "uid"); /* the former keeps what is to become ambient */
	if (ambient != 0)
		fprintf(x->out, " --addamb=%s", raise);
	if (json_flag(process, "noNewPrivileges", false))
		fputs(" --no-new-privs", x->out);
	fputs(" --shell=/usr/bin/env --", x->out);
}

static void put_environment(const struct explanation *x)
{
	struct json_object *env = json_get(json_get(x->config, "process"), "env");
	put_part(x->out, "-i --default-signal");
	for (size_t i = 0; i < json_length(env); i++) {
		_cleanup_free_ char *word = explain_quote(text_at(env, i));
		fprintf(x->out, " %s", word);
	}
	if (!has_variable(env, "HOME"))
		fputs(" \"HOME=$home\"", x->out);
}

/* What the shell that waits for the root does: nothing but the shell's own commands can be used. */
static void put_last_steps(const struct explanation *x)
{
	struct json_object *process = json_get(x->config, "process"), *args = json_get(process, "args");
	_cleanup_free_ char *cwd = explain_quote(json_string(process, "cwd", "/"));
	if (x->init)
		put_part(x->out, "/bin/sh -euc \"$init\" init /usr/bin/env --default-signal");
	fputs(" /bin/sh -euc \"$steps\" sh", x->out);
	put_part(x->out, "%s", cwd);
	for (size_t i = 0; i < json_length(args); i++) {
		_cleanup_free_ char *word = explain_quote(text_at(args, i));
		fprintf(x->out, " %s", word);
	}
}

/* --init: the program's shell is a child of another one. A child in the background ignores INT and QUIT,
 * which only env(1) undoes: it is started while that is still there. */
static void put_init(FILE *out)
{
	explain_head(out,
		"pid 1 (--init): passes signals on, waits for the program and for whoever is left behind");
	fputs("init='\n"
	      "\t\"$@\" <&0 &\n"
	      "\tchild=$!\n"
	      "\texec 8>&- 9<&-\n"
	      "\tfor signal in HUP INT QUIT USR1 USR2 TERM; do\n"
	      "\t\ttrap \"kill -s $signal $child 2>/dev/null || :; caught=1\" $signal\n"
	      "\tdone\n"
	      "\tcaught=1\n"
	      "\twhile [ \"$caught\" ]; do # a signal ends wait, too\n"
	      "\t\tcaught= code=0\n"
	      "\t\twait $child || code=$?\n"
	      "\t\t[ $code -gt 128 ] || break\n"
	      "\tdone\n"
	      "\texit $code\n"
	      "'\n",
		out);
}

static void put_steps(const struct explanation *x)
{
	struct json_object *process = json_get(x->config, "process"), *env = json_get(process, "env");
	FILE *out = x->out;
	explain_head(out, "its last steps, when it is in its namespaces: only what a shell does by itself, "
			  "since in the end its root is another");
	fputs("steps='\n", out);
	explain_line(out, "its pid, as the host counts", "\tread -r pid _ </proc/self/stat");
	explain_line(out, "tells it", "\techo \"$pid\" >&8");
	explain_line(out, "until its root is there", "\tread -r go <&9");
	explain_line(out, NULL, "\texec 8>&- 9<&-");
	explain_line(out, "the mode of what it makes", "\tumask %04jo",
		(uintmax_t) json_int(json_get(process, "user"), "umask", 022));
	explain_line(out, "the working directory", "\tcd \"$1\"");
	explain_line(out, NULL, "\tshift");
	for (size_t i = 0; i < 2; i++) {
		static const char *const own[] = { "PWD", "OLDPWD" };
		if (!has_variable(env, own[i]))
			explain_line(out, "set by this shell", "\tunset %s", own[i]);
	}
	explain_line(out, "the program, in place of this shell", "\texec \"$@\"");
	fputs("'\n", out);
}

/* What it needs before it is started. */
static void put_preparations(const struct explanation *x)
{
	FILE *out = x->out;
	bool open_stdin = x->terminal || json_flag(x->shim, "open_stdin", false);
	fputs("limit() { # NAME SOFT HARD; who may not raise the hard limit keeps it\n"
	      "\tprlimit --pid \"$self\" \"--$1=$2:$3\" 2>/dev/null || prlimit --pid \"$self\" \"--$1=$2:\"\n"
	      "}\n",
		out);
	explain_line(out, "to tell each other that something is done", "mkfifo \"$dir/pid\" \"$dir/go\"");
	explain_line(out, open_stdin ? "its standard input" : "without -i it reads nothing", "exec 3<%s",
		open_stdin ? "&0" : "/dev/null");
	if (x->cgroup_rw)
		explain_line(out, "its user may make cgroups below it",
			"for name in . cgroup.procs cgroup.threads cgroup.subtree_control memory.oom.group "
			"memory.reclaim; do\n"
			"\t[ ! -e \"$cgroup/container/$name\" ] || chown \"$uid:$gid\" "
			"\"$cgroup/container/$name\"\n"
			"done");
}

/* Others' namespaces are entered first, while the host's /proc is at hand. Into one of pids goes a child. */
static void put_namespaces(const struct explanation *x)
{
	static const char *const joins[] = { "--pid", "--ipc", "--net" };
	static const struct {
		const char *type, *option;
	} news[] = { { "pid", " --pid --fork" }, { "network", " --net" }, { "ipc", " --ipc" },
		{ "uts", " --uts" }, { "cgroup", " --cgroup" } };
	fputs("\texec", x->out);
	for (size_t i = 0; i < sizeof joins / sizeof *joins; i++)
		if (x->others[i] != 0)
			fprintf(x->out, " nsenter --target %jd %s", (intmax_t) x->others[i], joins[i]);
	fputs(" unshare --mount --propagation slave", x->out);
	for (size_t i = 0; i < sizeof news / sizeof *news; i++)
		if (explain_is_own(x, news[i].type))
			fputs(news[i].option, x->out);
}

/* One process, which becomes the container's first by way of many programs. */
static void put_child(const struct explanation *x)
{
	FILE *out = x->out;
	struct json_object *oom = json_get(json_get(x->config, "process"), "oomScoreAdj");
	explain_line(out, "the pid of this part", "\tread -r self _ </proc/self/stat");
	explain_line(out, "before the namespaces: it is the root of what it sees",
		"\techo \"$self\" >\"$cgroup%s/cgroup.procs\"", x->cgroup_rw ? "/container" : "");
	if (oom != NULL)
		explain_line(out, "killed sooner or later than others",
			"\techo %jd >\"/proc/$self/oom_score_adj\"", (intmax_t) json_object_get_int64(oom));
	else
		explain_line(out, "the caller may be spared when memory runs out, a container is not",
			"\tread -r score <\"/proc/$self/oom_score_adj\"\n"
			"\t[ \"$score\" -ge 0 ] || echo 0 >\"/proc/$self/oom_score_adj\"");
	explain_rlimits(x);
	put_kept(x);
	put_namespaces(x);
	/* With a terminal it is the caller's that is used, in the caller's session. */
	if (!x->terminal)
		put_part(out, "setsid");
	put_capabilities(x);
	put_environment(x);
	put_last_steps(x);
	putc('\n', out);
}

void explain_program(const struct explanation *x)
{
	FILE *out = x->out;
	put_identity(x);
	put_steps(x);
	if (x->init)
		put_init(out);
	explain_head(out,
		"the program: it enters its cgroup, gets new namespaces, gives up what it may not have, "
		"and waits for its root");
	put_preparations(x);
	fputs("(\n", out);
	put_child(x);
	fputs(") <&3 3<&- 8>\"$dir/pid\" 9<\"$dir/go\" &\n", out);
	explain_line(out, NULL, "program=$!");
	explain_line(out, "both sides of each pipe wait for the other", "exec 8<\"$dir/pid\" 9>\"$dir/go\"");
	explain_line(out, "of its first process, as the host counts", "read -r pid <&8");
}
