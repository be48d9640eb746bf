/* events.c - events: what happens, as it happens. */
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

static void print_attribute(const char *key, struct json_object *value)
{
	_cleanup_free_ char *k = format_clean(key);
	_cleanup_free_ char *v = format_clean(value != NULL ? json_object_get_string(value) : "");
	printf(" %s=%s", k, v);
}

/* "2026-…Z 17 exit 0123456789ab web code=1", in escaped words. */
static void print_event(struct json_object *event)
{
	char short_id[13];
	const char *container = json_string(event, "container", NULL),
		   *name = json_string(event, "name", NULL);
	_cleanup_free_ char *kind = format_clean(json_string(event, "kind", ""));
	printf("%s %jd %s", json_string(event, "time", ""), (intmax_t) json_int(event, "seq", 0), kind);
	if (container != NULL)
		printf(" %s", format_short_id(container, short_id));
	if (name != NULL) {
		_cleanup_free_ char *clean = format_clean(name);
		printf(" %s", clean);
	}
	struct json_object *attributes = json_get(event, "attributes");
	if (attributes != NULL) {
		json_object_object_foreach (attributes, key, value)
			print_attribute(key, value);
	}
	putchar('\n');
}

struct watch {
	struct arguments *args;
	struct output_stream stream;
};

/* Until the last reply; the request is kept so that it can go on where it stopped. */
static int watch(struct watch *w, struct connection *conn, struct error *err)
{
	if (connection_send(conn, "system.Events", w->args->request, CALL_MORE, err) < 0)
		return -1;
	for (;;) {
		struct reply reply;
		if (connection_receive(conn, true, &reply, err) < 0)
			return -1;
		struct json_object *events = json_get(reply.parameters, "events");
		for (size_t i = 0; i < json_length(events); i++) {
			struct json_object *event = json_object_array_get_idx(events, i);
			if (w->stream.format == FORMAT_TABLE)
				print_event(event);
			else
				output_stream_add(&w->stream, event);
			json_add_int(w->args->request, "since_seq", json_int(event, "seq", 0));
			json_object_object_del(w->args->request, "since");
		}
		bool more = reply.continues;
		json_put(&reply.root);
		if (fflush(stdout) != 0 || !more)
			return 0;
	}
}

int verb_events(struct arguments *args)
{
	struct connection conn;
	struct error err;
	struct watch w = { .args = args, .stream.format = output_format(args, FORMAT_TABLE) };
	int code = 0;
	json_add_bool(args->request, "follow", !json_flag(args->local, "no_follow", false));
	if (connection_open(&conn, args, &err) < 0)
		return report_code(NULL, &err, CTL_ENGINE);
	while (watch(&w, &conn, &err) < 0)
		if (err.kind != ERROR_DISCONNECTED || connection_reopen(&conn, &err) < 0) {
			code = report_code(args->command->name, &err, CTL_FAILED);
			break;
		}
	connection_done(&conn);
	output_stream_end(&w.stream);
	return finish_output(code);
}
