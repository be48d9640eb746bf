#include "client/targets.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/aftermath.h"
#include "client/command.h"
#include "client/connection.h"
#include "client/report.h"
#include "client/value.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"

const struct targets_verb targets_start = { "container.Start", "started", false };
static const struct targets_verb targets_stop = { "container.Stop", "stopped", false };
static const struct targets_verb targets_restart = { "container.Restart", "restarted", false };
static const struct targets_verb targets_pause = { "container.Pause", "paused", false };
static const struct targets_verb targets_unpause = { "container.Unpause", "unpaused", false };
static const struct targets_verb targets_kill = { "container.Kill", "signalled", false };
static const struct targets_verb targets_remove = { "container.Remove", "removed", false };
static const struct targets_verb targets_wait = { "container.Wait", NULL, true };

struct targets {
	struct arguments *args;
	const struct targets_verb *verb;
	struct target {
		bool done, silent; /* silent: it failed, nothing is to be printed for it */
		int code;	   /* -1: none, its name is printed */
	} * targets;		   /* as args->positional */
	int printed;		   /* how many of them, from the first */
	int result;
};

/* The first one of this name without an answer; -1 if there is none. */
static int find(const struct targets *t, const char *name)
{
	for (int i = 0; i < t->args->count; i++)
		if (!t->targets[i].done && strcmp(t->args->positional[i], name) == 0)
			return i;
	return -1;
}

static void print(const struct targets *t, int i)
{
	if (t->targets[i].silent)
		return;
	if (t->targets[i].code >= 0)
		printf("%d\n", t->targets[i].code);
	else
		puts(t->args->positional[i]);
}

/* In the arguments' order, as with every other program: a code does not even say whose it is. all: those
 * behind one that has no answer, too. */
static void print_done(struct targets *t, bool all)
{
	for (; t->printed < t->args->count && (all || t->targets[t->printed].done); t->printed++)
		if (t->targets[t->printed].done)
			print(t, t->printed);
	fflush(stdout);
}

/* Done, and there is something to be said about it. */
static void remark(const char *name, struct json_object *outcome)
{
	struct error err;
	error_set(&err, ERROR_FAILED, "%s", json_string(outcome, "message", ""));
	if (json_get(outcome, "hint") != NULL)
		error_hint(&err, "%s", json_string(outcome, "hint", ""));
	report(name, &err);
}

static void take_outcome(struct targets *t, struct json_object *outcome)
{
	const char *name = json_string(outcome, "container", ""),
		   *error = json_string(outcome, "error", NULL);
	int i = find(t, name);
	if (i < 0)
		return;
	struct target *target = &t->targets[i];
	struct json_object *exit = json_get(outcome, "exit");
	target->done = true;
	target->silent = error != NULL;
	target->code = t->verb->codes && error == NULL && exit != NULL ? aftermath_code(name, exit) : -1;
	if (error == NULL && json_get(outcome, "message") != NULL)
		remark(name, outcome);
	if (error != NULL) {
		struct error err;
		error_from_json(error, outcome, &err);
		report(name, &err);
		t->result = CTL_FAILED;
	}
	print_done(t, false);
}

/* The last reply came, and these were not in it. */
static void miss_rest(struct targets *t)
{
	for (int i = 0; i < t->args->count; i++)
		if (!t->targets[i].done) {
			report_text(t->args->positional[i], "the daemon did not answer for it");
			t->result = CTL_FAILED;
		}
}

/* 0: all that was asked is answered. */
static int round_trip(struct targets *t, struct connection *conn, struct error *err)
{
	struct json_object *list = json_object_new_array();
	for (int i = 0; i < t->args->count; i++)
		if (!t->targets[i].done)
			json_object_array_add(list, json_object_new_string(t->args->positional[i]));
	json_add(t->args->request, "containers", list);
	if (connection_send(conn, t->verb->method, t->args->request, CALL_MORE, err) < 0)
		return -1;
	for (;;) {
		struct reply reply;
		if (connection_receive(conn, true, &reply, err) < 0)
			return -1;
		struct json_object *outcomes = json_get(reply.parameters, "outcomes");
		for (size_t i = 0; i < json_length(outcomes); i++)
			take_outcome(t, json_object_array_get_idx(outcomes, i));
		bool more = reply.continues;
		json_put(&reply.root);
		if (!more) {
			miss_rest(t);
			return 0;
		}
	}
}

static int give_up(const struct targets *t, const struct error *why)
{
	if (why->kind != ERROR_DISCONNECTED)
		return report_code(t->args->count == 1 ? t->args->positional[0] : t->args->command->name, why,
			CTL_FAILED);
	for (int i = 0; i < t->args->count; i++) {
		struct error err = *why;
		if (t->targets[i].done)
			continue;
		if (t->verb->done != NULL)
			error_wrap(&err, "whether it was %s is not known", t->verb->done);
		report(t->args->positional[i], &err);
	}
	return CTL_ENGINE;
}

int targets_call(struct arguments *args, const struct targets_verb *verb)
{
	struct connection conn;
	struct error err;
	if (connection_open(&conn, args, &err) < 0)
		return report_code(NULL, &err, CTL_ENGINE);
	_cleanup_free_ struct target *list = calloc((size_t) args->count, sizeof *list);
	if (list == NULL)
		abort();
	struct targets t = { .args = args, .verb = verb, .targets = list };
	while (round_trip(&t, &conn, &err) < 0)
		if (err.kind != ERROR_DISCONNECTED || verb->done != NULL ||
			connection_reopen(&conn, &err) < 0) {
			t.result = give_up(&t, &err);
			break;
		}
	connection_done(&conn);
	print_done(&t, true);
	return finish_output(t.result);
}

int verb_stop(struct arguments *args)
{
	return targets_call(args, &targets_stop);
}

int verb_restart(struct arguments *args)
{
	return targets_call(args, &targets_restart);
}

int verb_pause(struct arguments *args)
{
	return targets_call(args, &targets_pause);
}

int verb_unpause(struct arguments *args)
{
	return targets_call(args, &targets_unpause);
}

int verb_kill(struct arguments *args)
{
	return targets_call(args, &targets_kill);
}

int verb_rm(struct arguments *args)
{
	return targets_call(args, &targets_remove);
}

int verb_wait(struct arguments *args)
{
	return targets_call(args, &targets_wait);
}

int verb_rename(struct arguments *args)
{
	struct connection conn;
	struct error err;
	struct reply reply;
	int code = 0;
	if (connection_open(&conn, args, &err) < 0)
		return report_code(NULL, &err, CTL_ENGINE);
	json_add_string(args->request, "container", args->positional[0]);
	json_add_string(args->request, "name", args->positional[1]);
	if (connection_send(&conn, "container.Rename", args->request, 0, &err) < 0 ||
		connection_receive(&conn, true, &reply, &err) < 0) {
		if (err.kind == ERROR_DISCONNECTED)
			error_wrap(&err, "whether it was renamed is not known");
		code = report_code(args->positional[0], &err, CTL_FAILED);
	} else {
		json_put(&reply.root);
	}
	connection_done(&conn);
	return code;
}

int targets_ask(
	struct arguments *args, const char *method, const char *container, struct json_object **ret_answer)
{
	struct connection conn;
	struct error err;
	_cleanup_json_ struct json_object *parameters = json_object_new_object();
	json_add_string(parameters, "container", container);
	if (connection_open(&conn, args, &err) < 0)
		return report_code(NULL, &err, CTL_ENGINE);
	int result = connection_ask(&conn, method, parameters, ret_answer, &err);
	connection_done(&conn);
	return result < 0 ? report_code(container, &err, CTL_FAILED) : 0;
}
