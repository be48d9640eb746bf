/*
 * attach.h - a call whose connection becomes a console, and ctl with it, until the program ends or is let go.
 */
#pragma once

#include <stdbool.h>

struct arguments;
struct connection;
struct error;
struct json_object;

struct attach {
	const struct arguments *args; /* with the console options */
	const char *method;
	const char *subject;		/* what messages call the container */
	struct json_object *parameters; /* the console is added */
	bool send_stdin;
	bool terminal;	  /* -t was given: without one on standard input that is worth a word */
	const char *done; /* "started": what is not known after a lost call */
	int failed;	  /* ctl's exit code where the daemon has said no, and nothing better */
	/* Once the call has succeeded; may be NULL. */
	void (*on_reply)(void *arg, const char *subject, struct json_object *reply);
	void *arg;
};

/* The wire's Console that the options and our terminal make, into parameters. */
int attach_console(
	struct json_object *parameters, const struct arguments *args, bool send_stdin, struct error *err);
/* -t where nobody types: said once. */
void attach_warn(const struct arguments *args, bool terminal);

/* ctl's exit code. */
int attach(struct connection *conn, const struct attach *a);
/* Why a call that makes or starts something failed, and ctl's exit code for it: unknown if it was lost. */
int attach_failed(const struct arguments *args, const char *subject, struct error *err, const char *done,
	int unknown, int otherwise);
