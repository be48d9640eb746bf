#include "client/trace.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/connection.h"
#include "client/format.h"
#include "client/option.h"
#include "client/report.h"
#include "client/value.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/parse.h"

#define ANSWER_TIMEOUT_S 10

static void print_step(FILE *out, const char *name, uint64_t ns)
{
	fprintf(out, "%-16s %8ju.%03ju ms\n", name, (uintmax_t) (ns / 1000000),
		(uintmax_t) (ns / 1000 % 1000));
}

/* "spec=123456;…": a line each, and their sum. */
static void print_steps(const char *trace)
{
	_cleanup_free_ char *copy = format_clean(trace), *text = NULL;
	size_t size;
	uint64_t sum = 0, ns;
	FILE *out = open_memstream(&text, &size);
	if (out == NULL)
		abort();
	char *rest = copy;
	for (char *step; (step = strsep(&rest, ";")) != NULL;) {
		char *value = strchr(step, '=');
		if (value == NULL || parse_u64(value + 1, INT64_MAX, &ns) < 0)
			continue;
		*value = '\0';
		print_step(out, step, ns);
		sum += ns;
	}
	print_step(out, "all", sum);
	fclose(out);
	fd_write_all(STDERR_FILENO, text, size);
}

/* The first event of the start, or of what became of it. */
static int find_event(struct connection *conn, struct json_object *request, struct error *err)
{
	if (connection_send(conn, "system.Events", request, CALL_MORE, err) < 0)
		return -1;
	for (;;) {
		struct reply reply;
		if (connection_receive(conn, true, &reply, err) < 0)
			return -1;
		struct json_object *event =
			json_object_array_get_idx(json_get(reply.parameters, "events"), 0);
		if (event != NULL)
			print_steps(json_string(json_get(event, "attributes"), "trace", ""));
		json_put(&reply.root);
		if (event != NULL)
			return 0;
	}
}

/* Of events. Caller puts. */
static struct json_object *make_request(const char *id, const char *kind, int64_t since_ns)
{
	char since[TIME_TEXT];
	struct json_object *request = json_object_new_object();
	_cleanup_free_ char *filter = NULL;
	if (asprintf(&filter, "container=%s", id) < 0)
		abort();
	json_add_string(request, "since", time_format(since_ns, since));
	json_object_array_add(value_array(request, "filters"), json_object_new_string(filter));
	json_object_array_add(value_array(request, "filters"), json_object_new_string(kind));
	return request;
}

void trace_print_failed(const struct arguments *args, const char *id, int64_t since_ns)
{
	struct connection conn;
	struct error ignored;
	_cleanup_json_ struct json_object *request = make_request(id, "kind=exit", since_ns), *answer = NULL;
	if (connection_open(&conn, args, &ignored) == 0) {
		connection_limit(&conn, ANSWER_TIMEOUT_S);
		connection_ask_once(&conn, "system.Events", request, &answer, &ignored);
	}
	connection_done(&conn);
	struct json_object *events = json_get(answer, "events"),
			   *event = json_length(events) > 0 ? json_object_array_get_idx(events, 0) : NULL;
	const char *trace = json_string(json_get(event, "attributes"), "trace", NULL);
	if (trace != NULL)
		print_steps(trace);
}

void trace_print(const struct arguments *args, const char *id, int64_t since_ns)
{
	struct connection conn;
	struct error err;
	_cleanup_json_ struct json_object *request = make_request(id, "kind=start", since_ns);
	json_add_bool(request, "follow", true);
	int result = connection_open(&conn, args, &err);
	if (result == 0) {
		connection_limit(&conn, ANSWER_TIMEOUT_S);
		result = find_event(&conn, request, &err);
	}
	connection_done(&conn);
	if (result < 0) {
		error_wrap(&err, "--trace");
		report(NULL, &err);
	}
}
