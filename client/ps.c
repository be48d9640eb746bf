/* ps.c - ps and inspect: what there is. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/command.h"
#include "client/connection.h"
#include "client/format.h"
#include "client/output.h"
#include "client/report.h"
#include "client/table.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/json.h"

#define COMMAND_WIDTH 20

static const char *const columns[] = { "CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS",
	"NAMES" };
#define COLUMNS (sizeof columns / sizeof *columns)

static void add_row(struct table *t, struct json_object *summary, bool whole, int64_t now_ns)
{
	char ago[FORMAT_TEXT], status[4 * FORMAT_TEXT], short_id[13];
	const char *id = json_string(summary, "id", "");
	table_add(t, whole ? id : format_short_id(id, short_id));
	table_add(t, json_string(summary, "image", ""));
	table_take(t, format_command(json_get(summary, "command"), whole ? 0 : COMMAND_WIDTH));
	table_add(t, format_ago(json_string(summary, "created_at", NULL), now_ns, ago));
	table_add(t, format_status(summary, now_ns, status, sizeof status));
	table_add(t, "");
	table_add(t, json_string(summary, "name", ""));
}

static void print_table(struct json_object *list, bool whole)
{
	struct table t;
	int64_t now_ns = clock_realtime_ns();
	table_init(&t, COLUMNS);
	for (size_t i = 0; i < COLUMNS; i++)
		table_add(&t, columns[i]);
	for (size_t i = 0; i < json_length(list); i++)
		add_row(&t, json_object_array_get_idx(list, i), whole, now_ns);
	table_print(&t, stdout);
	table_done(&t);
}

static void print_ids(struct json_object *list, bool whole)
{
	for (size_t i = 0; i < json_length(list); i++) {
		char short_id[13];
		const char *id = json_string(json_object_array_get_idx(list, i), "id", "");
		puts(whole ? id : format_short_id(id, short_id));
	}
}

/* --last and --latest: how many at most; -1: all. */
static int64_t limit_of(const struct arguments *args)
{
	int64_t last = json_int(args->local, "last", -1);
	if (json_flag(args->local, "latest", false))
		last = 1;
	if (last >= 0)
		json_add_bool(args->request, "all", true);
	return last;
}

/* The newest comes first. */
static void cut(struct json_object *list, int64_t limit)
{
	size_t n = json_length(list);
	if (limit >= 0 && (size_t) limit < n)
		json_object_array_del_idx(list, (size_t) limit, n - (size_t) limit);
}

int verb_ps(struct arguments *args)
{
	struct connection conn;
	struct error err;
	_cleanup_json_ struct json_object *answer = NULL;
	int64_t limit = limit_of(args);
	if (connection_open(&conn, args, &err) < 0)
		return report_code(NULL, &err, CTL_ENGINE);
	int result = connection_ask(&conn, "container.List", args->request, &answer, &err);
	connection_done(&conn);
	if (result < 0)
		return report_code(args->command->name, &err, CTL_FAILED);
	struct json_object *list = json_get(answer, "containers");
	cut(list, limit);
	bool whole = json_flag(args->local, "no_trunc", false);
	enum format format = output_format(args, FORMAT_TABLE);
	if (json_flag(args->local, "quiet", false))
		print_ids(list, whole);
	else if (format == FORMAT_TABLE)
		print_table(list, whole);
	else
		output_list(list, format);
	return finish_output(0);
}

int verb_inspect(struct arguments *args)
{
	struct connection conn;
	struct error err;
	_cleanup_json_ struct json_object *found = json_object_new_array();
	int code = 0;
	if (connection_open(&conn, args, &err) < 0)
		return report_code(NULL, &err, CTL_ENGINE);
	for (int i = 0; i < args->count; i++) {
		_cleanup_json_ struct json_object *answer = NULL;
		json_add_string(args->request, "container", args->positional[i]);
		if (connection_ask(&conn, "container.Inspect", args->request, &answer, &err) == 0)
			json_object_array_add(found, json_object_get(json_get(answer, "container")));
		else
			code = report_code(args->positional[i], &err, CTL_FAILED);
		if (conn.fd < 0)
			break;
	}
	connection_done(&conn);
	output_list(found, output_format(args, FORMAT_JSON));
	return finish_output(code);
}
