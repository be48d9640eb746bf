/* top.c - top: what runs in a container. */
#include <json-c/json.h>
#include <stdio.h>

#include "client/command.h"
#include "client/format.h"
#include "client/output.h"
#include "client/report.h"
#include "client/table.h"
#include "client/targets.h"
#include "common/json.h"

#define COMMAND_WIDTH 60

static const char *const columns[] = { "PID", "INSIDE", "USER", "CPU %", "TIME", "RSS", "COMMAND" };
#define COLUMNS (sizeof columns / sizeof *columns)

/* As ps writes it: hours and minutes of work, then seconds. */
static const char *format_time(int64_t us, char text[FORMAT_TEXT])
{
	int64_t s = us / 1000000;
	snprintf(text, FORMAT_TEXT, "%02jd:%02jd:%02jd", (intmax_t) (s / 3600), (intmax_t) (s / 60 % 60),
		(intmax_t) (s % 60));
	return text;
}

static void add_row(struct table *t, struct json_object *process, bool whole)
{
	char text[FORMAT_TEXT];
	snprintf(text, sizeof text, "%jd", (intmax_t) json_int(process, "pid", 0));
	table_add(t, text);
	snprintf(text, sizeof text, "%jd", (intmax_t) json_int(process, "pid_inside", 0));
	table_add(t, text);
	snprintf(text, sizeof text, "%jd", (intmax_t) json_int(process, "uid", 0));
	table_add(t, json_string(process, "user", text));
	snprintf(text, sizeof text, "%.1f", json_object_get_double(json_get(process, "cpu_percent")));
	table_add(t, text);
	table_add(t, format_time(json_int(process, "cpu_us", 0), text));
	table_add(t, format_size((uint64_t) json_int(process, "rss", 0), text));
	table_take(t, format_words(json_get(process, "command"), whole ? 0 : COMMAND_WIDTH));
}

static void print_table(struct json_object *list, bool whole)
{
	struct table t;
	table_init(&t, COLUMNS);
	for (size_t i = 0; i < COLUMNS; i++)
		table_add(&t, columns[i]);
	for (size_t i = 0; i < json_length(list); i++)
		add_row(&t, json_object_array_get_idx(list, i), whole);
	table_print(&t, stdout);
	table_done(&t);
}

int verb_top(struct arguments *args)
{
	_cleanup_json_ struct json_object *answer = NULL;
	int code = targets_ask(args, "container.Top", args->positional[0], &answer);
	if (code != 0)
		return code;
	struct json_object *list = json_get(answer, "processes");
	enum format format = output_format(args, FORMAT_TABLE);
	if (format == FORMAT_TABLE)
		print_table(list, json_flag(args->local, "no_trunc", false));
	else
		output_list(list, format);
	return finish_output(0);
}
