/* info.c - info and version: the daemon itself. */
#include <json-c/json.h>
#include <stdio.h>

#include "client/command.h"
#include "client/connection.h"
#include "client/format.h"
#include "client/output.h"
#include "client/report.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"

static void print_value(const char *key, struct json_object *value, int indent);

static void print_fields(struct json_object *obj, int indent)
{
	json_object_object_foreach (obj, key, value)
		print_value(key, value, indent);
}

/* "key: value"; objects and arrays below their key. */
static void print_value(const char *key, struct json_object *value, int indent)
{
	_cleanup_free_ char *clean_key = format_clean(key);
	if (json_object_is_type(value, json_type_object)) {
		printf("%*s%s:\n", indent, "", clean_key);
		print_fields(value, indent + 2);
		return;
	}
	printf("%*s%s:", indent, "", clean_key);
	bool list = json_object_is_type(value, json_type_array);
	for (size_t i = 0; i < (list ? json_length(value) : 1); i++) {
		struct json_object *v = list ? json_object_array_get_idx(value, i) : value;
		_cleanup_free_ char *clean = format_clean(v != NULL ? json_object_get_string(v) : "-");
		printf(" %s", clean);
	}
	putchar('\n');
}

static int ask_info(struct arguments *args, struct json_object **ret_info, struct error *err)
{
	struct connection conn;
	if (connection_open(&conn, args, err) < 0)
		return -1;
	int result = connection_ask(&conn, "system.Info", args->request, ret_info, err);
	connection_done(&conn);
	return result;
}

int verb_info(struct arguments *args)
{
	struct error err;
	_cleanup_json_ struct json_object *info = NULL;
	if (ask_info(args, &info, &err) < 0)
		return report_code(NULL, &err, CTL_FAILED);
	enum format format = output_format(args, FORMAT_TABLE);
	if (format == FORMAT_JSON)
		output_json(info);
	else if (format == FORMAT_JSONL)
		output_jsonl(info);
	else
		print_fields(info, 0);
	return finish_output(0);
}

int verb_version(struct arguments *args)
{
	struct error err;
	_cleanup_json_ struct json_object *info = NULL, *versions = json_object_new_object();
	enum format format = output_format(args, FORMAT_TABLE);
	int code = 0;
	json_add_string(versions, "ctl", VERSION);
	/* ctl's own is worth printing even without a daemon. */
	if (ask_info(args, &info, &err) == 0)
		json_add_string(versions, "daemon", json_string(info, "version", ""));
	else
		code = report_code(NULL, &err, CTL_FAILED);
	if (format == FORMAT_JSON)
		output_json(versions);
	else if (format == FORMAT_JSONL)
		output_jsonl(versions);
	else
		print_fields(versions, 0);
	return finish_output(code);
}
