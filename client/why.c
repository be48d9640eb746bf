/* why.c - ctl why: how a container's last run ended, who asked for it, and what it said before; on one
 * screen, or as one JSON object. All of it is known elsewhere (inspect, events, logs): here it is put
 * together. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/base64.h"
#include "client/command.h"
#include "client/connection.h"
#include "client/format.h"
#include "client/output.h"
#include "client/report.h"
#include "client/value.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/parse.h"

#define LAST_LINES 20
#define COLUMN	   12
#define CAUSE_TEXT 640

struct why {
	struct json_object *container; /* as Inspect has it */
	struct json_object *exit;      /* of its last run; NULL: none is over */
	struct json_object *asked;     /* the events of that run that somebody asked for */
	struct json_object *log;       /* its last records */
	char cause[CAUSE_TEXT];
};

/* ---- what there is to know ---- */

/* What comes after an end, or with a start, belongs to the next run. */
static void keep_last_run(struct why *w, struct json_object *events)
{
	bool over = true;
	for (size_t i = 0; i < json_length(events); i++) {
		struct json_object *event = json_object_array_get_idx(events, i);
		const char *kind = json_string(event, "kind", "");
		if (over || strcmp(kind, "start") == 0) {
			json_put(&w->asked);
			w->asked = json_object_new_array();
		}
		over = strcmp(kind, "exit") == 0;
		if (!over)
			json_object_array_add(w->asked, json_object_get(event));
	}
	if (w->asked == NULL)
		w->asked = json_object_new_array();
}

static int ask_asked(struct connection *conn, struct why *w, struct error *err)
{
	static const char *const kinds[] = { "kind=start", "kind=stop", "kind=kill", "kind=pause",
		"kind=exit" };
	_cleanup_json_ struct json_object *request = json_object_new_object(), *answer = NULL;
	struct json_object *filters = value_array(request, "filters");
	_cleanup_free_ char *filter = NULL;
	if (asprintf(&filter, "container=%s", json_string(w->container, "id", "")) < 0)
		abort();
	json_object_array_add(filters, json_object_new_string(filter));
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		json_object_array_add(filters, json_object_new_string(kinds[i]));
	if (connection_ask(conn, "system.Events", request, &answer, err) < 0)
		return -1;
	keep_last_run(w, json_get(answer, "events"));
	return 0;
}

/* A container without a log has said nothing that is known. */
static void ask_log(struct connection *conn, struct why *w)
{
	struct error ignored;
	_cleanup_json_ struct json_object *request = json_object_new_object(), *answer = NULL;
	json_add_string(request, "container", json_string(w->container, "id", ""));
	json_add_int(request, "tail", LAST_LINES);
	json_add_string(request, "since", json_string(w->exit, "started_at", NULL));
	json_add_bool(request, "stdout", true);
	json_add_bool(request, "stderr", true);
	if (connection_ask_once(conn, "container.Logs", request, &answer, &ignored) == 0)
		w->log = json_object_get(json_get(answer, "records"));
}

static int ask(struct connection *conn, const char *name, struct why *w, struct error *err)
{
	_cleanup_json_ struct json_object *request = json_object_new_object(), *answer = NULL;
	json_add_string(request, "container", name);
	if (connection_ask(conn, "container.Inspect", request, &answer, err) < 0)
		return -1;
	w->container = json_object_get(json_get(answer, "container"));
	w->exit = json_get(w->container, "exit");
	if (ask_asked(conn, w, err) < 0)
		return -1;
	ask_log(conn, w);
	return 0;
}

/* The last event of this kind in the run; NULL: there is none. */
static struct json_object *find_asked(const struct why *w, const char *kind, const char *sig)
{
	for (size_t i = json_length(w->asked); i-- > 0;) {
		struct json_object *event = json_object_array_get_idx(w->asked, i);
		struct json_object *attributes = json_get(event, "attributes");
		if (strcmp(json_string(event, "kind", ""), kind) == 0 &&
			(sig == NULL || strcmp(json_string(attributes, "signal", ""), sig) == 0))
			return event;
	}
	return NULL;
}

/* ---- the cause, in a sentence ---- */

/* Signals that a program brings upon itself. */
static bool is_crash(const char *sig)
{
	static const char *const crashes[] = { "SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGSYS",
		"SIGTRAP", "SIGXCPU", "SIGXFSZ" };
	for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
		if (strcmp(crashes[i], sig) == 0)
			return true;
	return false;
}

/* With another container, whose end is its own. */
static bool shares_pids(const struct why *w)
{
	struct json_object *namespaces = json_get(json_get(w->container, "shim"), "namespaces");
	static const char container[] = "container:";
	return strncmp(json_string(namespaces, "pid", ""), container, sizeof container - 1) == 0;
}

static void tell_signal(struct why *w, const char *sig)
{
	const char *core = json_flag(w->exit, "core_dumped", false) ? ", core dumped" : "";
	if (find_asked(w, "kill", sig) != NULL)
		snprintf(w->cause, sizeof w->cause, "%s, which was sent by ctl kill or its like", sig);
	else if (find_asked(w, "stop", NULL) != NULL && strcmp(sig, "SIGKILL") == 0)
		snprintf(w->cause, sizeof w->cause, "it was stopped, did not end in time and was killed");
	else if (find_asked(w, "stop", NULL) != NULL)
		snprintf(w->cause, sizeof w->cause, "it was stopped by %s", sig);
	else if (is_crash(sig))
		snprintf(w->cause, sizeof w->cause, "it crashed: %s%s", sig, core);
	else if (strcmp(sig, "SIGKILL") == 0 && shares_pids(w))
		snprintf(w->cause, sizeof w->cause,
			"SIGKILL: the container whose pid namespace it shares has ended, or from outside of "
			"this "
			"engine");
	else
		snprintf(w->cause, sizeof w->cause, "%s, from outside of this engine", sig);
}

static void tell_code(struct why *w)
{
	int code = (int) json_int(w->exit, "code", 0);
	bool stopped = find_asked(w, "stop", NULL) != NULL;
	snprintf(w->cause, sizeof w->cause, "%s code %d",
		stopped ? "it was stopped, and ended with" : "it ended by itself with", code);
}

/* An end of a kind that says all itself. */
static const struct {
	const char *reason, *text;
} others[] = {
	{ "timeout", "the time that it had (--timeout) was over" },
	{ "shim died", "its shim, the process that watches it, died" },
	{ "reboot", "the machine went down while it ran" },
};

static void tell_exit(struct why *w)
{
	const char *reason = json_string(w->exit, "reason", ""), *sig = json_string(w->exit, "signal", NULL);
	char oom[FORMAT_TEXT];
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (strcmp(others[i].reason, reason) == 0) {
			snprintf(w->cause, sizeof w->cause, "%s", others[i].text);
			return;
		}
	if (strcmp(reason, "start failed") == 0)
		snprintf(w->cause, sizeof w->cause, "its start failed: %s",
			json_string(w->exit, "error", "?"));
	else if (json_flag(w->exit, "oom_killed", false))
		snprintf(w->cause, sizeof w->cause, "lack of memory (%s)",
			format_oom(json_get(w->exit, "oom"), oom));
	else if (sig != NULL)
		tell_signal(w, sig);
	else
		tell_code(w);
}

static void tell(struct why *w)
{
	const char *state = json_string(w->container, "state", "");
	if (strcmp(state, "exited") == 0 && w->exit != NULL)
		tell_exit(w);
	else if (strcmp(state, "created") == 0)
		snprintf(w->cause, sizeof w->cause, "it has never been started");
	else
		snprintf(w->cause, sizeof w->cause, "it is %s", state);
}

/* ---- on one screen ---- */

static void print_fact(const char *name, const char *text)
{
	_cleanup_free_ char *clean = format_clean(text);
	printf("%-*s%s\n", COLUMN, name, clean);
}

static void print_time(const char *name, const char *time, int64_t now_ns)
{
	char ago[FORMAT_TEXT], text[FORMAT_TEXT + TIME_TEXT + 4];
	if (time == NULL)
		return;
	snprintf(text, sizeof text, "%s (%s)", time, format_ago(time, now_ns, ago));
	print_fact(name, text);
}

/* "stop: ctl, pid 21549, uid 0, 2 minutes ago" */
static void print_asked(struct json_object *event, int64_t now_ns)
{
	struct json_object *caller = json_get(event, "caller");
	const char *kind = json_string(event, "kind", "");
	const char *sig = json_string(json_get(event, "attributes"), "signal", NULL);
	char ago[FORMAT_TEXT], text[512];
	if (caller == NULL)
		return;
	snprintf(text, sizeof text, "%s%s%s: %.128s, pid %d, uid %d, %s", kind, sig != NULL ? " " : "",
		sig != NULL ? sig : "", json_string(caller, "command", "?"), (int) json_int(caller, "pid", 0),
		(int) json_int(caller, "uid", 0), format_ago(json_string(event, "time", NULL), now_ns, ago));
	print_fact("asked by", text);
}

static void print_usage(const struct why *w)
{
	struct json_object *usage = json_get(w->container, "usage");
	char text[192], rss[FORMAT_TEXT];
	if (json_int(usage, "max_rss_bytes", 0) == 0)
		return;
	snprintf(text, sizeof text, "%jd ms as user, %jd ms in the kernel; the largest process had %s",
		(intmax_t) json_int(usage, "user_us", 0) / 1000,
		(intmax_t) json_int(usage, "system_us", 0) / 1000,
		format_size((uint64_t) json_int(usage, "max_rss_bytes", 0), rss));
	print_fact("used", text);
	if (json_int(usage, "log_lost_bytes", 0) > 0) {
		snprintf(text, sizeof text, "%jd bytes of output did not fit on the disk",
			(intmax_t) json_int(usage, "log_lost_bytes", 0));
		print_fact("lost", text);
	}
}

static void print_record(struct json_object *record)
{
	const char *text = json_string(record, "text", NULL), *coded = json_string(record, "base64", NULL);
	_cleanup_free_ char *bytes = coded != NULL ? calloc(strlen(coded) + 1, 1) : NULL;
	if (bytes != NULL && base64_decode(coded, bytes) >= 0)
		text = bytes;
	if (text == NULL)
		text = "";
	size_t size = strlen(text);
	/* A terminal ends its lines with two characters. */
	_cleanup_free_ char *line = strndup(text, size - (size > 0 && text[size - 1] == '\r'));
	if (line == NULL)
		abort();
	_cleanup_free_ char *clean = format_clean(line);
	printf("  %s\n", clean);
}

static void print(const struct why *w)
{
	int64_t now_ns = clock_realtime_ns();
	char text[64];
	_cleanup_free_ char *cause = format_clean(w->cause);
	printf("%s: %s\n", json_string(w->container, "name", ""), cause);
	if (w->exit != NULL && json_get(w->exit, "code") != NULL) {
		const char *sig = json_string(w->exit, "signal", NULL);
		snprintf(text, sizeof text, "%d%s%s%s", (int) json_int(w->exit, "code", 0),
			sig != NULL ? " (" : "", sig != NULL ? sig : "", sig != NULL ? ")" : "");
		print_fact("exit code", text);
	} else if (w->exit != NULL) {
		print_fact("exit code", "nobody can know it");
	}
	struct json_object *times = w->exit != NULL ? w->exit : w->container;
	print_time("started", json_string(times, "started_at", NULL), now_ns);
	print_time("ended", json_string(times, "finished_at", NULL), now_ns);
	for (size_t i = 0; i < json_length(w->asked); i++)
		print_asked(json_object_array_get_idx(w->asked, i), now_ns);
	print_usage(w);
	if (json_length(w->log) > 0)
		puts("last output");
	for (size_t i = 0; i < json_length(w->log); i++)
		print_record(json_object_array_get_idx(w->log, i));
}

static struct json_object *to_json(const struct why *w)
{
	static const char *const fields[] = { "id", "name", "state", "run", "exit", "usage" };
	struct json_object *obj = json_object_new_object();
	char clean[2 * CAUSE_TEXT];
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		struct json_object *value = json_get(w->container, fields[i]);
		if (value != NULL)
			json_add(obj, fields[i], json_object_get(value));
	}
	json_add_string(obj, "cause", escape_text(w->cause, clean, sizeof clean));
	json_add(obj, "asked", json_object_get(w->asked));
	json_add(obj, "log", w->log != NULL ? json_object_get(w->log) : json_object_new_array());
	return obj;
}

int verb_why(struct arguments *args)
{
	struct connection conn;
	struct error err;
	struct why w = { 0 };
	enum format format = output_format(args, FORMAT_TABLE);
	int code = 0;
	if (connection_open(&conn, args, &err) < 0)
		return report_code(NULL, &err, CTL_ENGINE);
	if (ask(&conn, args->positional[0], &w, &err) < 0) {
		code = report_code(args->positional[0], &err, CTL_FAILED);
	} else {
		_cleanup_json_ struct json_object *obj = NULL;
		tell(&w);
		if (format == FORMAT_TABLE)
			print(&w);
		else
			obj = to_json(&w);
		if (format == FORMAT_JSON)
			output_json(obj);
		else if (format == FORMAT_JSONL)
			output_jsonl(obj);
	}
	connection_done(&conn);
	json_put(&w.container);
	json_put(&w.asked);
	json_put(&w.log);
	return finish_output(code);
}
