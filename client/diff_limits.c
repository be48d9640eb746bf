/* diff_limits.c - diff-limits: what was wanted of a container's limits, and what came of it. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "client/command.h"
#include "client/output.h"
#include "client/report.h"
#include "client/table.h"
#include "client/targets.h"
#include "common/json.h"

#define VALUE_MAX_SIZE 256

static const char *const columns[] = { "FILE", "WANTED", "PRESENT", "EFFECTIVE", "DRIFT" };
#define COLUMNS (sizeof columns / sizeof *columns)

/* A file of several lines is told in one. */
static void add_value(struct table *t, const char *value, const char *more)
{
	char text[VALUE_MAX_SIZE];
	snprintf(text, sizeof text, "%s%s", value, more);
	for (char *p = text; (p = strchr(p, '\n')) != NULL; p++)
		*p = ';';
	table_add(t, text);
}

static void add_row(struct table *t, struct json_object *limit)
{
	char above[40] = "";
	const char *wanted = json_string(limit, "wanted", NULL),
		   *present = json_string(limit, "present", NULL);
	int64_t levels = json_int(limit, "levels", 0);
	if (levels > 0)
		snprintf(above, sizeof above, " (%jd above)", (intmax_t) levels);
	table_add(t, json_string(limit, "file", ""));
	add_value(t, wanted != NULL ? wanted : "--",
		wanted != NULL && !json_flag(limit, "asked", false) ? " (default)" : "");
	add_value(t, present != NULL ? present : "--", "");
	add_value(t, json_string(limit, "effective", "--"), above);
	table_add(t, json_flag(limit, "drift", false) ? "yes" : "no");
}

static void print_table(struct json_object *list)
{
	struct table t;
	table_init(&t, COLUMNS);
	for (size_t i = 0; i < COLUMNS; i++)
		table_add(&t, columns[i]);
	for (size_t i = 0; i < json_length(list); i++)
		add_row(&t, json_object_array_get_idx(list, i));
	table_print(&t, stdout);
	table_done(&t);
}

int verb_diff_limits(struct arguments *args)
{
	_cleanup_json_ struct json_object *answer = NULL;
	int code = targets_ask(args, "container.DiffLimits", args->positional[0], &answer);
	if (code != 0)
		return code;
	struct json_object *list = json_get(answer, "limits");
	enum format format = output_format(args, FORMAT_TABLE);
	if (format == FORMAT_TABLE)
		print_table(list);
	else
		output_list(list, format);
	return finish_output(0);
}
