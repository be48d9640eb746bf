/* targets.h - the verbs that do one thing to several containers: all are tried, successes on stdout and
 * errors on stderr, one a line. And a question about one of them. */
#pragma once

#include <stdbool.h>

struct arguments;
struct json_object;

struct targets_verb {
	const char *method;
	const char *done; /* "whether it was … is not known"; NULL: the call only asks, and is made again */
	bool codes;	  /* prints exit codes instead of names */
};

extern const struct targets_verb targets_start;

int targets_call(struct arguments *args, const struct targets_verb *verb);

/* One call that only asks about a container. 0 and the reply, the caller's; or ctl's exit code, with the
 * reason on stderr. */
int targets_ask(
	struct arguments *args, const char *method, const char *container, struct json_object **ret_answer);
