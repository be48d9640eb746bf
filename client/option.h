/*
 * option.h - command-line options as rows of data. One row feeds the parser, the usage errors, --help and
 * completion. A parsed command line is JSON: the call's parameters, and beside them what only ctl wants to
 * know.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct command;
struct error;
struct json_object;

/* What a value is; value.c has a setter for each. */
enum value_kind {
	VALUE_END,	  /* no row: the end of a table */
	VALUE_FLAG,	  /* none, or =true, =false */
	VALUE_TEXT,	  /* the last one counts */
	VALUE_WORD,	  /* a list of one: --entrypoint */
	VALUE_LIST,	  /* each is one more element */
	VALUE_CAPABILITY, /* likewise */
	VALUE_CHOICES,	  /* a list whose elements are metavar's words */
	VALUE_KEYS,	  /* detach keys */
	VALUE_FILTER,  /* likewise, KEY=VALUE; the help begins with the keys, which ', ' parts and ';' ends */
	VALUE_CHOICE,  /* one of metavar's words, which | parts */
	VALUE_COUNT,   /* 0 to 2^31 - 1 */
	VALUE_NUMBER,  /* an event's: 0 to 2^63 - 1 */
	VALUE_INTEGER, /* also negative */
	VALUE_SIZE,    /* bytes */
	VALUE_TAIL,    /* a count, or "all" */
	VALUE_DURATION,
	VALUE_TIMEOUT, /* a duration, or -1: for ever */
	VALUE_TIME,    /* RFC 3339 on the wire */
	VALUE_SIGNAL,
	VALUE_FILE,	 /* as it is written */
	VALUE_PATH,	 /* made absolute */
	VALUE_ROOTFS_RW, /* a path, unless --rootfs names it */
	VALUE_ENV,
	VALUE_ENV_FILE,
	VALUE_LABEL,
	VALUE_LABEL_FILE,
	VALUE_VOLUME,
	VALUE_MOUNT,
	VALUE_TMPFS,
	VALUE_DEVICE,
	VALUE_LOG_OPT,
	VALUE_PAIR,  /* NAME=VALUE into an object */
	VALUE_LIMIT, /* client/resources.h */
	VALUE_SECURITY_OPT,
	VALUE_NAMESPACE, /* one of metavar's words, the first of which is what is so anyway; or container:NAME
			  */
	VALUE_LATER_FLAG, /* not supported yet: refused, but for the value (field) that is what happens anyway
			   */
	VALUE_LATER,	  /* likewise, with a value */
	VALUE_KINDS,
};

/* What a shell offers in the place of a value or of an argument; complete.c finds it. */
enum complete {
	COMPLETE_NONE,
	COMPLETE_FILE, /* the shell's own business */
	COMPLETE_FOLDER,
	COMPLETE_CHOICE,    /* metavar's words */
	COMPLETE_NAMESPACE, /* likewise, and running containers behind container: */
	COMPLETE_SIGNAL,
	COMPLETE_VARIABLE,
	COMPLETE_CAPABILITY,
	COMPLETE_FILTER,
	COMPLETE_SHELL,	  /* the command's arguments, which | parts */
	COMPLETE_COMMAND, /* ctl's verbs */
	COMPLETE_IMAGE,
	COMPLETE_CONTAINER, /* of any state */
	COMPLETE_RUNNING,
	COMPLETE_STARTABLE,
	COMPLETE_PAUSED,
	COMPLETE_COPY, /* CONTAINER: of any state, or a file */
};

/* The headings of --help, in their order. */
enum option_group {
	GROUP_COMMAND,
	GROUP_CONSOLE,
	GROUP_ROOT,
	GROUP_PROCESS,
	GROUP_MOUNTS,
	GROUP_LIMITS,
	GROUP_DEVICES,
	GROUP_NAMESPACES,
	GROUP_SECURITY,
	GROUP_LOG,
	GROUP_OUTPUT,
	GROUP_COMMON,
	GROUP_LATER,
	OPTION_GROUPS,
};

struct option {
	const char *name; /* long, without dashes */
	char letter;	  /* 0: none */
	enum value_kind value;
	enum option_group group;
	/* The parameter that it sets; ".x" is ctl's own x. VALUE_LATER: the value that is no change. */
	const char *field;
	const char *metavar; /* "DIR"; NULL for flags */
	const char *help;    /* VALUE_LATER: the hint, or NULL */
};

#define OPTION_SETS 5

struct arguments {
	const struct command *command;
	struct json_object *request; /* the call's parameters, or the Config of create and run */
	struct json_object *local;   /* ctl's own */
	struct json_object
		*mounts;   /* for each of the request's mounts the option as it was written; or NULL */
	char **positional; /* borrowed from argv, NULL at the end */
	int count;
};

/* Permutes argv: positional arguments go to its end in their order. Errors are USAGE. Whatever happens, the
 * caller calls arguments_done. */
int arguments_parse(
	const struct command *command, int argc, char **argv, struct arguments *ret_args, struct error *err);
void arguments_done(struct arguments *args);

/* The same as if the option had been given. value NULL: a flag that is true. */
int arguments_set(struct arguments *args, const struct option *o, const char *value, struct error *err);

/* By long name or letter, among the command's; NULL if there is none. */
const struct option *option_find(const struct command *command, const char *name, size_t length);
const struct option *option_find_letter(const struct command *command, char letter);
