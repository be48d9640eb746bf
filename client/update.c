/* update.c - update: other limits, of one container after the other. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "client/command.h"
#include "client/connection.h"
#include "client/format.h"
#include "client/report.h"
#include "client/resources.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"

/* -1 is what the kernel calls "max". */
static const char *value_text(struct json_object *value)
{
	if (value == NULL)
		return "-";
	if (json_object_is_type(value, json_type_int) && json_object_get_int64(value) == -1)
		return "max";
	return json_object_get_string(value);
}

static void print_change(const char *name, const char *field, const char *key, struct json_object *before,
	struct json_object *after)
{
	_cleanup_free_ char *clean_name = format_clean(name), *clean_key = format_clean(key);
	_cleanup_free_ char *old = format_clean(value_text(before)), *fresh = format_clean(value_text(after));
	printf("%s: %s%s%s: %s -> %s\n", clean_name, field, key[0] != '\0' ? " " : "", clean_key, old, fresh);
}

static void print_changes(const char *name, struct json_object *before, struct json_object *after)
{
	json_object_object_foreach (after, field, value) {
		struct json_object *old = json_get(before, field);
		if (!json_object_is_type(value, json_type_object)) {
			print_change(name, field, "", old, value);
			continue;
		}
		json_object_object_foreach (value, key, member)
			print_change(name, field, key, json_get(old, key), member);
	}
}

static int update_one(struct connection *conn, struct arguments *args, const char *name)
{
	struct error err;
	struct reply reply;
	json_add_string(args->request, "container", name);
	if (connection_send(conn, "container.Update", args->request, 0, &err) < 0 ||
		connection_receive(conn, true, &reply, &err) < 0) {
		resources_explain(args, &err, "resources");
		if (err.kind == ERROR_DISCONNECTED)
			error_wrap(&err, "whether it was updated is not known");
		return report_code(name, &err, CTL_FAILED);
	}
	struct json_object *after = json_get(reply.parameters, "after");
	if (json_object_object_length(after) == 0)
		printf("%s: nothing to change\n", name);
	else
		print_changes(name, json_get(reply.parameters, "before"), after);
	fflush(stdout);
	json_put(&reply.root);
	return 0;
}

int verb_update(struct arguments *args)
{
	struct connection conn;
	struct error err;
	int code = 0;
	if (resources_finish(args, &err) < 0)
		return report_code(args->command->name, &err, CTL_ENGINE);
	if (json_get(args->request, "resources") == NULL) {
		error_set(&err, ERROR_USAGE, "needs a limit");
		return report_code(args->command->name, &err, CTL_ENGINE);
	}
	if (connection_open(&conn, args, &err) < 0)
		return report_code(NULL, &err, CTL_ENGINE);
	for (int i = 0; i < args->count; i++) {
		int one = update_one(&conn, args, args->positional[i]);
		code = one != 0 && code != CTL_ENGINE ? one : code;
	}
	connection_done(&conn);
	return finish_output(code);
}
