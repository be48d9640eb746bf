/* stats.c - stats: what containers use, as a live table, as JSON or for a metrics collector. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/command.h"
#include "client/connection.h"
#include "client/format.h"
#include "client/openmetrics.h"
#include "client/output.h"
#include "client/report.h"
#include "client/table.h"
#include "client/value.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"

/* In place of what the kernel does not count. */
#define UNKNOWN "--"

/* ---- cells ---- */

static void add_size(struct table *t, struct json_object *obj, const char *key)
{
	char text[FORMAT_TEXT];
	bool known = json_get(obj, key) != NULL;
	table_add(t, known ? format_size((uint64_t) json_int(obj, key, 0), text) : UNKNOWN);
}

/* "1.5MiB / 64MiB"; nothing of it known: "--". */
static void add_pair(struct table *t, struct json_object *obj, const char *first, const char *second)
{
	char a[FORMAT_TEXT] = UNKNOWN, b[FORMAT_TEXT] = UNKNOWN, both[2 * FORMAT_TEXT + 4];
	if (json_get(obj, first) != NULL)
		format_size((uint64_t) json_int(obj, first, 0), a);
	if (json_get(obj, second) != NULL)
		format_size((uint64_t) json_int(obj, second, 0), b);
	snprintf(both, sizeof both, "%s / %s", a, b);
	table_add(t, obj != NULL ? both : UNKNOWN);
}

static void add_percent(struct table *t, struct json_object *obj, const char *key)
{
	char text[FORMAT_TEXT];
	struct json_object *value = json_get(obj, key);
	snprintf(text, sizeof text, "%.2f%%", json_object_get_double(value));
	table_add(t, value != NULL ? text : UNKNOWN);
}

static void add_count(struct table *t, struct json_object *obj, const char *key)
{
	char text[FORMAT_TEXT];
	snprintf(text, sizeof text, "%jd", (intmax_t) json_int(obj, key, 0));
	table_add(t, json_get(obj, key) != NULL ? text : UNKNOWN);
}

/* The part of the last ten seconds in which something waited: for processors, memory, disks. */
static void add_pressure(struct table *t, struct json_object *pressure)
{
	static const char *const kinds[] = { "cpu", "memory", "io" };
	char text[3][FORMAT_TEXT], all[3 * FORMAT_TEXT + 8];
	for (size_t i = 0; i < 3; i++) {
		struct json_object *average =
			json_get(json_get(json_get(pressure, kinds[i]), "some"), "avg10");
		if (average != NULL)
			snprintf(text[i], sizeof text[i], "%.1f", json_object_get_double(average));
		else
			snprintf(text[i], sizeof text[i], UNKNOWN);
	}
	snprintf(all, sizeof all, "%s / %s / %s", text[0], text[1], text[2]);
	table_add(t, pressure != NULL ? all : UNKNOWN);
}

/* ---- the table ---- */

static const char *const columns[] = { "CONTAINER ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %",
	"NET I/O", "BLOCK I/O", "PIDS", "PRESSURE (CPU / MEM / IO)", "SHIM MEM", "SHIM CPU" };
#define COLUMNS	 (sizeof columns / sizeof *columns)
#define OVERHEAD 2 /* of the columns, at the end */

static void add_row(struct table *t, struct json_object *stat, bool whole, bool overhead)
{
	char short_id[13], seconds[FORMAT_TEXT];
	const char *id = json_string(stat, "id", "");
	struct json_object *memory = json_get(stat, "memory"), *shim = json_get(stat, "overhead");
	table_add(t, whole ? id : format_short_id(id, short_id));
	table_add(t, json_string(stat, "name", ""));
	add_percent(t, json_get(stat, "cpu"), "percent");
	add_pair(t, memory, "usage", "limit");
	add_percent(t, memory, "percent");
	add_pair(t, json_get(stat, "network"), "received_bytes", "sent_bytes");
	add_pair(t, json_get(stat, "io"), "read_bytes", "written_bytes");
	add_count(t, json_get(stat, "pids"), "current");
	add_pressure(t, json_get(stat, "pressure"));
	if (!overhead)
		return;
	add_size(t, shim, "memory");
	snprintf(seconds, sizeof seconds, "%.2fs", (double) json_int(shim, "cpu_us", 0) / 1e6);
	table_add(t, shim != NULL ? seconds : UNKNOWN);
}

/* Over the one before, line by line, so that nothing flickers. */
static void redraw(const char *text)
{
	fputs("\033[H", stdout);
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			fputs("\033[K", stdout);
		putchar(*text);
	}
	fputs("\033[J", stdout);
}

static void print_table(struct json_object *stats, struct arguments *args, bool live)
{
	struct table t;
	_cleanup_free_ char *text = NULL;
	size_t size;
	bool whole = json_flag(args->local, "no_trunc", false);
	bool overhead = json_flag(args->request, "overhead", false);
	unsigned n = COLUMNS - (overhead ? 0 : OVERHEAD);
	table_init(&t, n);
	for (unsigned i = 0; i < n; i++)
		table_add(&t, columns[i]);
	for (size_t i = 0; i < json_length(stats); i++)
		add_row(&t, json_object_array_get_idx(stats, i), whole, overhead);
	FILE *stream = live ? open_memstream(&text, &size) : stdout;
	if (stream == NULL)
		abort();
	table_print(&t, stream);
	table_done(&t);
	if (live) {
		fclose(stream);
		redraw(text);
	}
}

/* ---- the verb ---- */

struct watch {
	struct arguments *args;
	const char *format;
	bool stream, live;
	bool any; /* something has been printed */
};

static void print_stats(struct watch *w, struct json_object *stats)
{
	if (strcmp(w->format, "json") == 0)
		output_json(stats);
	else if (strcmp(w->format, "jsonl") == 0)
		output_list(stats, FORMAT_JSONL);
	else if (strcmp(w->format, "openmetrics") == 0)
		openmetrics_print(stats);
	else
		print_table(stats, w->args, w->live);
	w->any = true;
}

static int watch(struct watch *w, struct connection *conn, struct error *err)
{
	if (connection_send(conn, "container.Stats", w->args->request, w->stream ? CALL_MORE : 0, err) < 0)
		return -1;
	for (;;) {
		struct reply reply;
		if (connection_receive(conn, true, &reply, err) < 0)
			return -1;
		bool more = reply.continues;
		struct json_object *stats = json_get(reply.parameters, "stats");
		/* The last reply of a stream only says that nothing is left. */
		if (more || !w->any || json_length(stats) > 0)
			print_stats(w, stats);
		json_put(&reply.root);
		if (fflush(stdout) != 0 || !more)
			return 0;
	}
}

int verb_stats(struct arguments *args)
{
	struct connection conn;
	struct error err;
	struct watch w = { .args = args, .format = json_string(args->local, "format", "table") };
	int code = 0;
	bool one = strcmp(w.format, "json") == 0 || strcmp(w.format, "openmetrics") == 0;
	w.stream = !one && !json_flag(args->local, "no_stream", false);
	w.live = w.stream && strcmp(w.format, "table") == 0 && isatty(STDOUT_FILENO);
	for (int i = 0; i < args->count; i++)
		json_object_array_add(value_array(args->request, "containers"),
			json_object_new_string(args->positional[i]));
	if (connection_open(&conn, args, &err) < 0)
		return report_code(NULL, &err, CTL_ENGINE);
	if (w.live)
		fputs("\033[2J", stdout);
	while (watch(&w, &conn, &err) < 0)
		if (err.kind != ERROR_DISCONNECTED || connection_reopen(&conn, &err) < 0) {
			code = report_code(args->command->name, &err, CTL_FAILED);
			break;
		}
	connection_done(&conn);
	return finish_output(code);
}
