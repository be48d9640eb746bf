/* exec.c - exec, sh and sessions: further programs in a running container. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/attach.h"
#include "client/command.h"
#include "client/config.h"
#include "client/connection.h"
#include "client/console.h"
#include "client/format.h"
#include "client/output.h"
#include "client/report.h"
#include "client/table.h"
#include "client/targets.h"
#include "client/value.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/json.h"

/* ---- exec ---- */

/* A lost call may have been done: that is all that can be said. */
static int failed(const struct arguments *args, struct error *err, int unknown)
{
	const char *subject = args->positional[0];
	if (err->kind == ERROR_DISCONNECTED) {
		error_wrap(err, "whether it was started is not known");
		error_hint(err, "ctl sessions %s shows it if it was", subject);
		report(subject, err);
		return unknown;
	}
	if (config_explain_exec(args, err))
		subject = args->command->name;
	config_explain_order(args->command, err);
	int code = err->kind == ERROR_EXEC_FAILED && err->exit_code != 0 ? err->exit_code : CTL_ENGINE;
	report(subject, err);
	return code;
}

static int exec_detached(struct arguments *args, struct connection *conn)
{
	struct error err;
	struct reply reply;
	if (connection_send(conn, "container.Exec", args->request, 0, &err) < 0 ||
		connection_receive(conn, true, &reply, &err) < 0)
		return failed(args, &err, CTL_ENGINE);
	puts(json_string(reply.parameters, "session", ""));
	json_put(&reply.root);
	return finish_output(0);
}

static int add_console(struct arguments *args, bool send_stdin, struct error *err)
{
	if (attach_console(args->request, args, send_stdin, err) < 0)
		return -1;
	json_add_string(json_get(args->request, "console"), "on_disconnect",
		json_string(args->local, "on_disconnect", NULL));
	return 0;
}

/* The call, and where it succeeds the console until its end. With ret_missing a program that is not there is
 * no error: it is set, and the connection is still good for another one. */
static int exec_attached(struct arguments *args, struct connection *conn, bool *ret_missing)
{
	static struct console console;
	const char *subject = args->positional[0];
	bool send_stdin = json_flag(args->request, "open_stdin", false);
	char session[40];
	struct error err;
	struct reply reply;
	int code;
	if (console_init(&console, conn, subject, json_flag(args->local, "sig_proxy", true), &err) < 0)
		return report_code(subject, &err, CTL_ENGINE);
	if (console_call(&console, "container.Exec", args->request, &reply, &err) < 0) {
		if (console.over)
			code = console.code;
		else if (ret_missing != NULL && err.kind == ERROR_EXEC_FAILED && err.exit_code == 127) {
			*ret_missing = true;
			code = 127;
		} else
			code = failed(args, &err, CTL_UNKNOWN);
		console_done(&console);
		return code;
	}
	snprintf(session, sizeof session, "%s", json_string(reply.parameters, "session", ""));
	bool terminal = json_flag(reply.parameters, "terminal", false);
	json_put(&reply.root);
	console.session = session;
	code = console_serve(&console, subject, send_stdin, terminal);
	console_done(&console);
	return code;
}

static int list_sessions(struct arguments *args, const char *container);

int verb_exec(struct arguments *args)
{
	struct connection conn;
	struct error err;
	int code;
	/* A container of that name has an id, too. */
	if (args->count == 2 && strcmp(args->positional[0], "ls") == 0)
		return list_sessions(args, args->positional[1]);
	if (config_merge_env(args, &err) < 0)
		return report_code(args->command->name, &err, CTL_ENGINE);
	json_add_string(args->request, "container", args->positional[0]);
	for (int i = 1; i < args->count; i++)
		json_object_array_add(
			value_array(args->request, "args"), json_object_new_string(args->positional[i]));
	bool detached = json_flag(args->local, "detach", false);
	bool send_stdin = json_flag(args->request, "open_stdin", false);
	if (!detached && add_console(args, send_stdin, &err) < 0)
		return report_code(args->command->name, &err, CTL_ENGINE);
	if (connection_open(&conn, args, &err) < 0)
		return report_code(NULL, &err, CTL_ENGINE);
	if (!detached)
		attach_warn(args, json_flag(args->request, "terminal", false));
	code = detached ? exec_detached(args, &conn) : exec_attached(args, &conn, NULL);
	connection_done(&conn);
	return code;
}

/* ---- sh ---- */

int verb_sh(struct arguments *args)
{
	static const char *const shells[] = { "/bin/bash", "/usr/bin/bash", "/bin/ash", "/bin/sh" };
	const size_t last = sizeof shells / sizeof *shells - 1;
	struct connection conn;
	struct error err;
	bool missing = true;
	int code = 127;
	json_add_string(args->request, "container", args->positional[0]);
	json_add_bool(args->request, "open_stdin", true);
	json_add_bool(args->request, "terminal", isatty(STDIN_FILENO));
	if (add_console(args, true, &err) < 0)
		return report_code(args->command->name, &err, CTL_ENGINE);
	if (connection_open(&conn, args, &err) < 0)
		return report_code(NULL, &err, CTL_ENGINE);
	for (size_t i = 0; i <= last && missing; i++) {
		struct json_object *list = json_object_new_array();
		json_object_array_add(list, json_object_new_string(shells[i]));
		json_add(args->request, "args", list);
		missing = false;
		code = exec_attached(args, &conn, i < last ? &missing : NULL);
	}
	connection_done(&conn);
	return code;
}

/* ---- sessions ---- */

static const char *const columns[] = { "SESSION", "COMMAND", "STARTED", "STATUS" };
#define COLUMNS (sizeof columns / sizeof *columns)

static void add_row(struct table *t, struct json_object *session, int64_t now_ns)
{
	struct json_object *exit = json_get(session, "exit");
	char ago[FORMAT_TEXT], status[FORMAT_TEXT];
	int64_t code = json_int(exit, "code", -1);
	table_add(t, json_string(session, "session", ""));
	table_add(t, json_string(session, "command", ""));
	table_add(t, format_ago(json_string(session, "started_at", NULL), now_ns, ago));
	if (exit == NULL)
		snprintf(status, sizeof status, "%s", json_string(session, "state", ""));
	else if (code < 0)
		snprintf(status, sizeof status, "exited (unknown)");
	else
		snprintf(status, sizeof status, "exited (%jd)", (intmax_t) code);
	table_add(t, status);
}

static void print_table(struct json_object *list)
{
	struct table t;
	int64_t now_ns = clock_realtime_ns();
	table_init(&t, COLUMNS);
	for (size_t i = 0; i < COLUMNS; i++)
		table_add(&t, columns[i]);
	for (size_t i = 0; i < json_length(list); i++)
		add_row(&t, json_object_array_get_idx(list, i), now_ns);
	table_print(&t, stdout);
	table_done(&t);
}

static int list_sessions(struct arguments *args, const char *container)
{
	_cleanup_json_ struct json_object *answer = NULL;
	int code = targets_ask(args, "container.ListSessions", container, &answer);
	if (code != 0)
		return code;
	struct json_object *list = json_get(answer, "sessions");
	enum format format = output_format(args, FORMAT_TABLE);
	if (json_flag(args->local, "quiet", false))
		for (size_t i = 0; i < json_length(list); i++)
			puts(json_string(json_object_array_get_idx(list, i), "session", ""));
	else if (format == FORMAT_TABLE)
		print_table(list);
	else
		output_list(list, format);
	return finish_output(0);
}

int verb_sessions(struct arguments *args)
{
	return list_sessions(args, args->positional[0]);
}
