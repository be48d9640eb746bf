/*
 * explain.h - ctl explain: a container as a shell script of unshare, mount, pivot_root, capsh and nsenter,
 * each line with what it is for. Made out of the two files that are executed, config.json and shim.json; what
 * the script does not express, one of its comments says.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_object;

struct explanation {
	FILE *out;
	const char *name;
	struct json_object *config, *shim; /* borrowed */
	int64_t pid;			   /* of its first process; 0: it does not run */
	bool direct, terminal, init, cgroup_rw;
	struct json_object *namespaces; /* shim.json's: those that are not its own; borrowed, or NULL */
	int64_t others[3]; /* first processes of the containers whose pid, ipc, network it shares; 0: none */
};

/* explain_text.c: how the script is written. */

/* One command, and what it is for beside it or, where it is long, above it. */
void explain_line(FILE *out, const char *why, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A comment of its own, escaped and wrapped. */
void explain_note(FILE *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* An empty line and a comment: what follows belongs together. */
void explain_head(FILE *out, const char *text);
/* A word for a shell, which gives exactly this text and nothing to a terminal that it would obey. Caller
 * frees. */
char *explain_quote(const char *text);

/* Is this namespace (by OCI's name of its type) its own? */
bool explain_is_own(const struct explanation *x, const char *type);

/* The parts of the script, in their order. */
void explain_limits(const struct explanation *x);  /* explain_limits.c: the cgroup, and what is not in it */
void explain_program(const struct explanation *x); /* explain_program.c: namespaces, user, capabilities */
void explain_root(const struct explanation *x);	   /* explain_root.c: mounts, devices, pivot_root */
void explain_rlimits(const struct explanation *x);
