#include "client/attach.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/command.h"
#include "client/config.h"
#include "client/connection.h"
#include "client/console.h"
#include "client/report.h"
#include "client/settings.h"
#include "client/terminal.h"
#include "client/trace.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/json.h"

int attach_failed(const struct arguments *args, const char *subject, struct error *err, const char *done,
	int unknown, int otherwise)
{
	if (config_explain(args, err))
		subject = args->command->name;
	if (err->kind == ERROR_DISCONNECTED) {
		error_wrap(err, "whether it was %s is not known", done);
		error_hint(err, "ctl ps -a shows it if it was");
		report(subject, err);
		return unknown;
	}
	config_explain_order(args->command, err);
	int code = err->kind == ERROR_START_FAILED && err->exit_code != 0 ? err->exit_code : otherwise;
	return report_code(subject, err, code);
}

/* Which streams -a asks for; all without it. */
static void add_streams(struct json_object *console, const struct arguments *args, bool send_stdin)
{
	static const char *const names[] = { "stdin", "stdout", "stderr" };
	struct json_object *wanted = json_get(args->local, "streams");
	bool on[] = { send_stdin, wanted == NULL, wanted == NULL };
	for (size_t i = 0; i < json_length(wanted); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(wanted, i));
		for (size_t k = 1; k < 3; k++)
			on[k] |= strcmp(names[k], name) == 0;
	}
	for (int i = 0; i < 3; i++)
		json_add_bool(console, names[i], on[i]);
}

/* Keys let go where somebody types them; of bytes that a program writes none is lost, unless it was asked
 * for. */
static int add_detach_keys(
	struct json_object *console, const struct arguments *args, bool send_stdin, struct error *err)
{
	const char *keys = json_string(args->local, "detach_keys", NULL);
	struct settings settings;
	if (keys == NULL && send_stdin && isatty(STDIN_FILENO)) {
		if (settings_read(&settings, err) < 0)
			return -1;
		keys = settings.detach_keys;
	}
	json_add_string(console, "detach_keys", keys);
	return 0;
}

int attach_console(
	struct json_object *parameters, const struct arguments *args, bool send_stdin, struct error *err)
{
	struct json_object *console = json_object_new_object();
	uint16_t rows, columns;
	json_add(parameters, "console", console);
	add_streams(console, args, send_stdin);
	if (add_detach_keys(console, args, send_stdin, err) < 0)
		return -1;
	json_add_string(console, "flow", json_string(args->local, "flow", NULL));
	if (json_flag(args->local, "no_replay", false))
		json_add_int(console, "replay", 0);
	if (terminal_size(&rows, &columns)) {
		json_add_int(console, "rows", rows);
		json_add_int(console, "columns", columns);
	}
	return 0;
}

void attach_warn(const struct arguments *args, bool terminal)
{
	if (terminal && !isatty(STDIN_FILENO))
		report_text(
			args->command->name, "-t: standard input is not a terminal; going on without one");
}

static int serve(struct console *console, struct connection *conn, const struct attach *a)
{
	struct error err;
	struct reply reply;
	char id[40];
	int64_t since_ns = clock_realtime_ns();
	if (console_init(console, conn, a->subject, json_flag(a->args->local, "sig_proxy", true), &err) < 0)
		return report_code(a->subject, &err, CTL_ENGINE);
	int result = console_call(console, a->method, a->parameters, &reply, &err);
	if (result < 0 && !console->over && err.kind == ERROR_START_FAILED &&
		json_flag(a->args->request, "trace", false))
		trace_print_failed(a->args, json_string(a->args->request, "id", ""), since_ns);
	if (result < 0)
		return console->over
			       ? console->code
			       : attach_failed(a->args, a->subject, &err, a->done, CTL_UNKNOWN, a->failed);
	bool terminal = json_flag(reply.parameters, "terminal", false);
	bool send_stdin = a->send_stdin && json_flag(reply.parameters, "stdin", a->send_stdin);
	snprintf(id, sizeof id, "%s", json_string(reply.parameters, "id", a->subject));
	if (a->on_reply != NULL)
		a->on_reply(a->arg, a->subject, reply.parameters);
	json_put(&reply.root);
	if (json_flag(a->args->request, "trace", false))
		trace_print(a->args, id, since_ns);
	console->session = json_string(a->parameters, "session", NULL);
	return console_serve(console, id, send_stdin, terminal);
}

int attach(struct connection *conn, const struct attach *a)
{
	static struct console console;
	struct error err;
	if (attach_console(a->parameters, a->args, a->send_stdin, &err) < 0)
		return report_code(a->args->command->name, &err, CTL_ENGINE);
	attach_warn(a->args, a->terminal);
	int code = serve(&console, conn, a);
	console_done(&console);
	return code;
}

int verb_attach(struct arguments *args)
{
	struct error err;
	struct connection conn;
	struct attach a = { .args = args,
		.method = "container.Attach",
		.subject = args->positional[0],
		.parameters = args->request,
		.send_stdin = !json_flag(args->local, "no_stdin", false),
		.done = "attached",
		.failed = CTL_FAILED };
	if (connection_open(&conn, args, &err) < 0)
		return report_code(NULL, &err, CTL_ENGINE);
	json_add_string(args->request, "container", args->positional[0]);
	int code = attach(&conn, &a);
	connection_done(&conn);
	return code;
}
