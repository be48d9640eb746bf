/*
 * command.h - ctl's verbs as rows of data: name, arguments, options, help and the function that does it.
 */
#pragma once

#include <stdbool.h>

#include "client/option.h"

struct command {
	const char *name;
	const char *aliases;   /* separated by spaces, or NULL */
	const char *arguments; /* "CONTAINER…" in the usage line */
	const char *summary;   /* a line in `ctl help`, and the beginning of --help */
	int min, max;	       /* positional arguments; max -1: any number */
	bool program; /* the first positional argument ends the options: what follows is a program's */
	const struct option *sets[OPTION_SETS];
	int (*run)(struct arguments *args); /* returns ctl's exit code */
	enum complete completes;	    /* what its arguments are */
	/* What the summary leaves open, for the manual: paragraphs, with newlines between them. */
	const char *about;
	const char *heading; /* of the rows from this one on, in `ctl help` */
};

/* Exit codes of ctl's own (features.md): a usage error or an unreachable daemon; one of several failed; the
 * program's status is not known. */
#define CTL_FAILED  1
#define CTL_ENGINE  125
#define CTL_UNKNOWN 255

extern const struct command commands[];	  /* name NULL at the end */
extern const struct command root_command; /* `ctl` itself: the options before the verb */

bool command_hidden(const struct command *command);   /* for scripts, not for people */
const struct command *command_find(const char *name); /* by name or alias, or NULL */
/* The same; with NULL comes an error that says what may have been meant. */
const struct command *command_resolve(const char *name, struct error *err);
/* The option that somebody may have meant, or NULL. */
const char *option_guess(const struct command *command, const char *name);

/* The verbs. */
int verb_create(struct arguments *args);
int verb_run(struct arguments *args);
int verb_start(struct arguments *args);
int verb_attach(struct arguments *args);
int verb_stop(struct arguments *args);
int verb_restart(struct arguments *args);
int verb_pause(struct arguments *args);
int verb_unpause(struct arguments *args);
int verb_update(struct arguments *args);
int verb_exec(struct arguments *args);
int verb_sh(struct arguments *args);
int verb_cp(struct arguments *args);
int verb_sessions(struct arguments *args);
int verb_kill(struct arguments *args);
int verb_wait(struct arguments *args);
int verb_rm(struct arguments *args);
int verb_rename(struct arguments *args);
int verb_ps(struct arguments *args);
int verb_inspect(struct arguments *args);
int verb_logs(struct arguments *args);
int verb_stats(struct arguments *args);
int verb_top(struct arguments *args);
int verb_diff_limits(struct arguments *args);
int verb_explain(struct arguments *args);
int verb_events(struct arguments *args);
int verb_info(struct arguments *args);
int verb_version(struct arguments *args);
int verb_why(struct arguments *args);
int verb_doctor(struct arguments *args);
int verb_help(struct arguments *args);
int verb_completion(struct arguments *args);
int verb_manual(struct arguments *args);
int verb_complete(struct arguments *args);
