/* explain.c - explain: of a container, or of a command line of run, as a shell script. */
#include "client/explain.h"

#include <json-c/json.h>
#include <stdint.h>
#include <string.h>

#include "client/command.h"
#include "client/config.h"
#include "client/connection.h"
#include "client/format.h"
#include "client/help.h"
#include "client/report.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"

/* What the engine does besides. Fields of shim.json and config.json with something in them, and what is to be
 * said then. */
static const struct {
	const char *path, *what;
} unexpressed[] = {
	{ "process.terminal", "a terminal of its own (the caller's is used)" },
	{ "linux.seccomp", "the system calls that are refused (seccomp)" },
	{ "linux.resources.blockIO", "linux.resources.blockIO" },
	{ "linux.resources.hugepageLimits", "linux.resources.hugepageLimits" },
	{ "linux.resources.rdma", "linux.resources.rdma" },
	{ "linux.uidMappings", "a user namespace" },
	{ "linux.rootfsPropagation", "linux.rootfsPropagation" },
	{ "hooks", "hooks" },
};

static struct json_object *find(struct json_object *obj, const char *path)
{
	char key[64];
	for (; obj != NULL; path += strcspn(path, ".") + 1) {
		size_t n = strcspn(path, ".");
		snprintf(key, sizeof key, "%.*s", (int) n, path);
		obj = json_get(obj, key);
		if (path[n] == '\0')
			break;
	}
	return obj;
}

static bool has_content(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null: return false;
	case json_type_boolean: return json_object_get_boolean(value);
	case json_type_array: return json_length(value) > 0;
	case json_type_object: return json_object_object_length(value) > 0;
	default: return true;
	}
}

bool explain_is_own(const struct explanation *x, const char *type)
{
	const char *whose = json_string(x->namespaces, type, "shareable");
	return strcmp(whose, "shareable") == 0;
}

static const char *const joinable[] = { "pid", "ipc", "network" };

/* The id of the container whose namespace it shares; NULL: none. */
static const char *other_of(struct json_object *namespaces, const char *type)
{
	static const char container[] = "container:";
	const char *whose = json_string(namespaces, type, "");
	return strncmp(whose, container, sizeof container - 1) == 0 ? whose + sizeof container - 1 : NULL;
}

static void put_unexpressed(const struct explanation *x)
{
	explain_note(x->out,
		"Not expressed: the log, a session keyring of its own, which devices may be used at all (a "
		"BPF program of the cgroup), that pipes on its standard descriptors are its user's.");
	if (other_of(x->namespaces, "ipc") != NULL)
		explain_note(x->out, "Not expressed: /dev/shm is the other container's.");
	for (size_t i = 0; i < sizeof unexpressed / sizeof *unexpressed; i++)
		if (has_content(find(x->config, unexpressed[i].path)))
			explain_note(x->out, "Not expressed: %s.", unexpressed[i].what);
}

static void put_begin(const struct explanation *x)
{
	struct json_object *args = json_get(json_get(x->config, "process"), "args");
	_cleanup_free_ char *command = format_command(args, 100);
	_cleanup_free_ char *image = explain_quote(json_string(json_get(x->config, "root"), "path", ""));
	FILE *out = x->out;
	fputs("#!/bin/sh\n", out);
	explain_note(out,
		"The container '%s', which runs %s, by hand: what containerd-lite does, in the words of "
		"unshare, mount, pivot_root, capsh and nsenter.",
		x->name, command);
	explain_note(out,
		"Save it and run it as root: it needs util-linux, libcap2-bin, iproute2 and cgroup v2 "
		"mounted somewhere. Nothing of it is left on the host afterwards.");
	put_unexpressed(x);
	if (x->pid > 0)
		explain_note(out,
			"The container runs. This enters the real one: nsenter --target %jd --all sh",
			(intmax_t) x->pid);
	fputs("set -eu\numask 022\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n\n", out);
	explain_line(out, "the root file system", "image=%s", image);
	explain_line(out, "not on an overlay; TMPDIR says where", "dir=$(realpath \"$(mktemp -d)\")");
	fputs("above=$(findmnt --noheadings --first-only --types cgroup2 --output TARGET)\n", out);
	fprintf(out, "cgroup=$above/%s-by-hand-$$\n", x->name);
	fputs("finish() { # whatever happens\n"
	      "\texec 9>&-\n",
		out);
	if (!explain_is_own(x, "pid"))
		explain_line(out, "the end of its first process ends all of it",
			"\techo 1 2>/dev/null >\"$cgroup/cgroup.kill\" || true");
	fputs("\twait\n"
	      "\tfor _ in 1 2 3 4 5 6 7 8; do\n"
	      "\t\tfind \"$cgroup\" -depth -type d -exec rmdir {} + 2>/dev/null || true\n"
	      "\t\t[ -d \"$cgroup\" ] || break\n"
	      "\t\tsleep 0.2\n"
	      "\tdone\n"
	      "\trm -rf --one-file-system \"$dir\"\n"
	      "}\n"
	      "trap finish EXIT\n"
	      "trap 'exit 130' HUP INT TERM\n",
		out);
}

static void put_end(const struct explanation *x)
{
	FILE *out = x->out;
	explain_head(out, "off it goes: signals are passed on, its exit code is the script's");
	fputs("for signal in HUP INT QUIT TERM USR1 USR2; do\n"
	      "\ttrap \"kill -s $signal $pid 2>/dev/null || :; caught=1\" $signal\n"
	      "done\n"
	      "echo go >&9\n"
	      "exec 9>&- 8<&-\n",
		out);
	explain_line(out, "to look around in it", "# nsenter --target \"$pid\" --all sh");
	fputs("caught=1\n"
	      "while [ \"$caught\" ]; do # a signal ends wait, too\n"
	      "\tcaught='' code=0\n"
	      "\twait \"$program\" 2>/dev/null || code=$?\n"
	      "\t[ $code -gt 128 ] || break\n"
	      "done\n"
	      "exit $code\n",
		out);
}

/* pid: of its first process; 0: it does not run. */
static void put_script(const char *name, struct json_object *config, struct json_object *shim, int64_t pid,
	const int64_t others[3])
{
	struct explanation x = { .out = stdout, .name = name, .config = config, .shim = shim, .pid = pid };
	x.namespaces = json_get(shim, "namespaces");
	memcpy(x.others, others, sizeof x.others);
	x.direct = strcmp(json_string(shim, "rootfs_mode", ""), "direct") == 0;
	x.terminal = json_flag(json_get(config, "process"), "terminal", false);
	x.init = json_flag(shim, "init", false);
	x.cgroup_rw = json_flag(shim, "cgroup_rw", false);
	put_begin(&x);
	explain_limits(&x);
	explain_program(&x);
	explain_root(&x);
	put_end(&x);
}

static int ask(struct arguments *args, const char *method, struct json_object *parameters,
	struct json_object **ret_answer, struct error *err)
{
	struct connection conn;
	if (connection_open(&conn, args, err) < 0)
		return -1;
	int result = connection_ask(&conn, method, parameters, ret_answer, err);
	connection_done(&conn);
	return result;
}

/* The containers whose namespaces it shares must run, for the script as for the engine. */
static int find_others(
	struct arguments *args, struct json_object *shim, int64_t ret_others[3], struct error *err)
{
	for (int i = 0; i < 3; i++) {
		_cleanup_json_ struct json_object *parameters = json_object_new_object(), *answer = NULL;
		const char *id = other_of(json_get(shim, "namespaces"), joinable[i]);
		ret_others[i] = 0;
		if (id == NULL)
			continue;
		json_add_string(parameters, "container", id);
		if (ask(args, "container.Inspect", parameters, &answer, err) < 0)
			return -1;
		ret_others[i] = json_int(json_get(answer, "container"), "pid", 0);
		if (ret_others[i] == 0)
			return error_set(err, ERROR_INVALID_STATE,
				"container '%s', whose %s namespace it shares, does not run",
				json_string(json_get(answer, "container"), "name", ""), joinable[i]);
	}
	return 0;
}

static int explain_container(struct arguments *args)
{
	int64_t others[3];
	struct error err;
	_cleanup_json_ struct json_object *answer = NULL;
	json_add_string(args->request, "container", args->positional[0]);
	if (ask(args, "container.Inspect", args->request, &answer, &err) < 0)
		return report_code(args->positional[0], &err, CTL_FAILED);
	struct json_object *c = json_get(answer, "container");
	if (find_others(args, json_get(c, "shim"), others, &err) < 0)
		return report_code(args->positional[0], &err, CTL_FAILED);
	put_script(json_string(c, "name", ""), json_get(c, "config"), json_get(c, "shim"),
		json_int(c, "pid", 0), others);
	return finish_output(0);
}

/* run's arguments, as run would read them. */
static int explain_run(struct arguments *run)
{
	struct error err;
	struct json_object *config;
	char name[CONFIG_SUBJECT];
	int64_t others[3];
	_cleanup_json_ struct json_object *answer = NULL, *parameters = json_object_new_object();
	if (config_make(run, &config, &err) < 0)
		return report_code("explain run", &err, CTL_ENGINE);
	json_add(parameters, "config", json_object_get(config));
	if (ask(run, "container.Explain", parameters, &answer, &err) < 0) {
		config_explain(run, &err);
		return report_code("explain run", &err, CTL_ENGINE);
	}
	if (find_others(run, json_get(answer, "shim"), others, &err) < 0)
		return report_code("explain run", &err, CTL_ENGINE);
	put_script(config_subject(config, name), json_get(answer, "config"), json_get(answer, "shim"), 0,
		others);
	return finish_output(0);
}

int verb_explain(struct arguments *args)
{
	struct arguments run;
	struct error err;
	int code;
	if (strcmp(args->positional[0], "run") != 0) {
		if (args->count == 1)
			return explain_container(args);
		error_set(&err, ERROR_USAGE, "one container at a time, or run and its arguments");
		return report_code("explain", &err, CTL_ENGINE);
	}
	if (arguments_parse(command_find("run"), args->count - 1, args->positional + 1, &run, &err) < 0) {
		if (err.hint[0] == '\0')
			error_hint(&err, "ctl run --help lists its options");
		code = report_code("explain run", &err, CTL_ENGINE);
	} else if (json_flag(run.local, "help", false)) {
		help_command(run.command);
		code = finish_output(0);
	} else {
		if (json_get(run.local, "socket") == NULL)
			json_add_string(run.local, "socket", json_string(args->local, "socket", NULL));
		code = explain_run(&run);
	}
	arguments_done(&run);
	return code;
}
