/* start.c - create, run and start -a: what makes a container or becomes its console. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/attach.h"
#include "client/command.h"
#include "client/config.h"
#include "client/connection.h"
#include "client/report.h"
#include "client/targets.h"
#include "client/trace.h"
#include "client/value.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"

/* --cidfile: made before the container, so that there is none without its file; gone if there is none. */
struct cidfile {
	const char *path; /* NULL: not asked for, or the id is in it */
	int fd;
};

static void cidfile_done(struct cidfile *file)
{
	if (file->path != NULL)
		unlink(file->path);
	fd_close(&file->fd);
}

static int cidfile_make(struct cidfile *file, const char *path, struct error *err)
{
	if (path == NULL)
		return 0;
	file->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (file->fd < 0) {
		error_errno(err, "--cidfile '%s'", path);
		err->kind = ERROR_USAGE;
		return -1;
	}
	file->path = path;
	return 0;
}

/* 0, or the exit code of a command that has nothing else to say. */
static int cidfile_write(struct cidfile *file, const char *subject, const char *id)
{
	int code = 0;
	if (file->path == NULL)
		return 0;
	if (fd_write_all(file->fd, id, strlen(id)) < 0) {
		report_text(subject, "write '%s': %s", file->path, strerror(errno));
		code = CTL_FAILED;
	}
	file->path = NULL;
	return code;
}

/* It runs all the same. */
static void warn_not_granted(const char *subject, struct json_object *reply)
{
	struct json_object *missing = json_get(reply, "not_granted");
	char names[1024] = "";
	size_t used = 0;
	for (size_t i = 0; i < json_length(missing) && used < sizeof names; i++)
		used += (size_t) snprintf(names + used, sizeof names - used, "%s%s", i > 0 ? ", " : "",
			json_object_get_string(json_object_array_get_idx(missing, i)));
	if (used > 0)
		report_text(
			subject, "warning: not granted, since the daemon has not got it itself: %s", names);
}

/* Create, and Run without a console: one call, one id. */
static int make_detached(struct arguments *args, struct connection *conn, const char *method,
	struct json_object *parameters, struct cidfile *file, const char *subject)
{
	struct error err;
	struct reply reply;
	bool create = strcmp(method, "container.Create") == 0;
	int64_t since_ns = clock_realtime_ns();
	if (connection_send(conn, method, parameters, 0, &err) < 0)
		return report_code(args->command->name, &err, CTL_ENGINE);
	if (connection_receive(conn, true, &reply, &err) < 0) {
		/* It may be there: then its id must not be lost as well. */
		if (err.kind == ERROR_DISCONNECTED)
			cidfile_write(file, subject, json_string(args->request, "id", ""));
		if (err.kind == ERROR_START_FAILED && json_flag(args->request, "trace", false))
			trace_print_failed(args, json_string(args->request, "id", ""), since_ns);
		return attach_failed(
			args, subject, &err, create ? "created" : "started", CTL_ENGINE, CTL_ENGINE);
	}
	int code = cidfile_write(file, subject, json_string(reply.parameters, "id", ""));
	puts(json_string(reply.parameters, "id", ""));
	warn_not_granted(subject, reply.parameters);
	code = finish_output(code);
	if (!create && json_flag(args->request, "trace", false))
		trace_print(args, json_string(reply.parameters, "id", ""), since_ns);
	json_put(&reply.root);
	return code;
}

static void take_reply(void *file, const char *subject, struct json_object *reply)
{
	cidfile_write(file, subject, json_string(reply, "id", ""));
	warn_not_granted(subject, reply);
}

static void connection_cleanup(struct connection *conn)
{
	connection_done(conn);
}

#define _cleanup_connection_ __attribute__((cleanup(connection_cleanup)))

/* What create and run have in common: the configuration, where the id is to be written, the daemon. */
struct making {
	struct json_object *config, *parameters;
	struct cidfile file;
	struct connection conn;
	char subject[CONFIG_SUBJECT];
};

static void making_cleanup(struct making *m)
{
	json_put(&m->parameters);
	cidfile_done(&m->file);
	connection_done(&m->conn);
}

#define _cleanup_making_ __attribute__((cleanup(making_cleanup)))
#define MAKING_NONE                                       \
	{                                                 \
		.file = { .fd = -1 }, .conn = {.fd = -1 } \
	}

/* 0, or the exit code of what has been reported. */
static int making_begin(struct making *m, struct arguments *args)
{
	struct error err;
	m->parameters = json_object_new_object();
	if (config_make(args, &m->config, &err) < 0 ||
		cidfile_make(&m->file, json_string(args->local, "cidfile", NULL), &err) < 0)
		return report_code(args->command->name, &err, CTL_ENGINE);
	if (connection_open(&m->conn, args, &err) < 0)
		return report_code(NULL, &err, CTL_ENGINE);
	json_add(m->parameters, "config", json_object_get(m->config));
	config_subject(m->config, m->subject);
	return 0;
}

int verb_create(struct arguments *args)
{
	_cleanup_making_ struct making m = MAKING_NONE;
	int code = making_begin(&m, args);
	if (code != 0)
		return code;
	return make_detached(args, &m.conn, "container.Create", m.parameters, &m.file, m.subject);
}

int verb_run(struct arguments *args)
{
	_cleanup_making_ struct making m = MAKING_NONE;
	struct error err;
	bool detach = json_flag(args->local, "detach", false);
	if (detach && json_get(args->local, "streams") != NULL) {
		error_set(&err, ERROR_USAGE, "--detach and --attach exclude each other");
		return report_code(args->command->name, &err, CTL_ENGINE);
	}
	int code = making_begin(&m, args);
	if (code != 0)
		return code;
	if (detach)
		return make_detached(args, &m.conn, "container.Run", m.parameters, &m.file, m.subject);
	struct attach a = { .args = args,
		.method = "container.Run",
		.subject = m.subject,
		.parameters = m.parameters,
		.send_stdin = json_flag(m.config, "open_stdin", false),
		.terminal = json_flag(m.config, "terminal", false),
		.done = "started",
		.failed = CTL_ENGINE,
		.on_reply = take_reply,
		.arg = &m.file };
	return attach(&m.conn, &a);
}

int verb_start(struct arguments *args)
{
	struct error err;
	struct cidfile none = { .fd = -1 };
	_cleanup_connection_ struct connection conn = { .fd = -1 };
	bool send_stdin = json_flag(args->local, "interactive", false);
	if (!send_stdin && !json_flag(args->local, "attach", false))
		return targets_call(args, &targets_start);
	if (args->count > 1) {
		error_set(&err, ERROR_USAGE, "only one container can be attached");
		return report_code(args->command->name, &err, CTL_ENGINE);
	}
	if (connection_open(&conn, args, &err) < 0)
		return report_code(NULL, &err, CTL_ENGINE);
	json_object_array_add(
		value_array(args->request, "containers"), json_object_new_string(args->positional[0]));
	struct attach a = { .args = args,
		.method = "container.Start",
		.subject = args->positional[0],
		.parameters = args->request,
		.send_stdin = send_stdin,
		.done = "started",
		.failed = CTL_ENGINE,
		.on_reply = take_reply,
		.arg = &none };
	return attach(&conn, &a);
}
