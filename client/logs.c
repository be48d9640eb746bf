/* logs.c - logs: what a container has written, byte for byte, each stream to its own. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/base64.h"
#include "client/command.h"
#include "client/connection.h"
#include "client/report.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"

struct logs {
	struct arguments *args;
	bool timestamps;
	bool inside[2];	      /* stdout, stderr: the line goes on in the stream's next record */
	FILE *last;	      /* where the last record went */
	char time[TIME_TEXT]; /* of the last record printed; empty: none */
	uint64_t at_time;     /* how many records of exactly this time have been printed */
	uint64_t skip;	      /* after a loss: so many of these come once more */
};

/* Records of one time come in one order: a position is a time and how many there were of it. */
static bool seen_before(struct logs *l, const char *time)
{
	if (strcmp(time, l->time) == 0) {
		if (l->skip > 0) {
			l->skip--;
			return true;
		}
		l->at_time++;
		return false;
	}
	snprintf(l->time, sizeof l->time, "%s", time);
	l->at_time = 1;
	l->skip = 0;
	return false;
}

/* False: what has gone to the other stream could not be written. */
static bool print_record(struct logs *l, struct json_object *record)
{
	const char *time = json_string(record, "time", ""), *text = json_string(record, "text", NULL);
	const char *coded = json_string(record, "base64", NULL);
	bool is_stderr = strcmp(json_string(record, "stream", ""), "stderr") == 0;
	FILE *out = is_stderr ? stderr : stdout;
	if (seen_before(l, time))
		return true;
	/* On one terminal the two must stay in order. */
	if (l->last != NULL && l->last != out && fflush(l->last) != 0)
		return false;
	l->last = out;
	if (l->timestamps && !l->inside[is_stderr])
		fprintf(out, "%s ", time);
	if (text != NULL)
		fputs(text, out);
	else if (coded != NULL) {
		size_t size = strlen(coded);
		_cleanup_free_ char *bytes = malloc(size + 1);
		if (bytes == NULL)
			abort();
		ssize_t n = base64_decode(coded, bytes);
		if (n > 0)
			fwrite(bytes, 1, (size_t) n, out);
	}
	l->inside[is_stderr] = json_flag(record, "partial", false);
	if (!l->inside[is_stderr])
		fputc('\n', out);
	return true;
}

/* After a loss: from the last record on. */
static void set_position(struct logs *l)
{
	if (l->time[0] == '\0')
		return;
	json_add_string(l->args->request, "since", l->time);
	json_object_object_del(l->args->request, "tail");
	l->skip = l->at_time;
}

static int read_log(struct logs *l, struct connection *conn, struct error *err)
{
	if (connection_send(conn, "container.Logs", l->args->request, CALL_MORE, err) < 0)
		return -1;
	for (;;) {
		struct reply reply;
		if (connection_receive(conn, true, &reply, err) < 0)
			return -1;
		struct json_object *records = json_get(reply.parameters, "records");
		bool written = true;
		for (size_t i = 0; i < json_length(records) && written; i++)
			written = print_record(l, json_object_array_get_idx(records, i));
		bool more = reply.continues;
		json_put(&reply.root);
		if (!written || fflush(stdout) != 0 || fflush(stderr) != 0 || !more)
			return 0;
	}
}

/* One of them alone is "only this one"; both are the same as none. */
static void choose_streams(struct json_object *request)
{
	bool out = json_flag(request, "stdout", false), err = json_flag(request, "stderr", false);
	json_add_bool(request, "stdout", out || !err);
	json_add_bool(request, "stderr", err || !out);
}

int verb_logs(struct arguments *args)
{
	static char buffer[65536];
	struct connection conn;
	struct error err;
	struct logs l = { .args = args, .timestamps = json_flag(args->local, "timestamps", false) };
	int code = 0;
	setvbuf(stderr, buffer, _IOFBF, sizeof buffer);
	choose_streams(args->request);
	json_add_string(args->request, "container", args->positional[0]);
	if (connection_open(&conn, args, &err) < 0)
		return report_code(NULL, &err, CTL_ENGINE);
	while (read_log(&l, &conn, &err) < 0) {
		if (err.kind != ERROR_DISCONNECTED || connection_reopen(&conn, &err) < 0) {
			fflush(stderr);
			code = report_code(args->positional[0], &err, CTL_FAILED);
			break;
		}
		set_position(&l);
	}
	connection_done(&conn);
	/* Nowhere is left to say it. */
	if (ferror(stderr))
		code = CTL_FAILED;
	/* A log may end within a line. */
	return finish_output(code);
}
