/*
 * limits.h - what is to be written into the files of a container's cgroup, in the order in which it is: the
 * one form that options, the interface's Resources and OCI's linux.resources become (resources.h,
 * runtime/limits.h), that a shim or a worker is sent as text, and that is written.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct error;
struct json_object;

#define LIMIT_FILE_MAX	64
#define LIMIT_VALUE_MAX 4096
#define LIMITS_MAX	512
#define LIMITS_TEXT_MAX \
	(128 * 1024) /* of all values together: Inspect tells them three times in one message */

#define CGROUP_PARENT_MAX 256 /* --cgroup-parent, as text */

/* One write: a whole line. Files of many lines (io.max) have a limit for each device. */
struct limit {
	char file[LIMIT_FILE_MAX]; /* "memory.max" */
	char *value;		   /* owned; no control character in it */
	char *before;		   /* owned; what an update replaces, NULL: nothing known */
	bool asked;		   /* somebody asked for it; else a default, which may be left out */
};

struct limits {
	struct limit *v; /* owned */
	size_t n;
};

void limits_done(struct limits *limits);
void limits_copy(const struct limits *limits, struct limits *ret_copy);
#define _cleanup_limits_ __attribute__((cleanup(limits_done)))

/* Checked by the table of resources and set, in the table's order: in place of a limit that it replaces (the
 * same file; for one of many lines, also the same device, whose keys are merged). A value of several lines is
 * several limits. The sentence of an error speaks of the value only. */
int limits_set(struct limits *limits, const char *file, const char *value, bool asked, struct error *err);

/* Each of `from` by limits_set. */
int limits_merge(struct limits *limits, const struct limits *from, struct error *err);

/* The first of this file; NULL: there is none. */
const struct limit *limits_find(const struct limits *limits, const char *file);

/* A file's controller ("memory" of "memory.max"); its length, 0 where the name has none. */
size_t limit_controller(const char *file);

/* Those of after that before has not, or has otherwise, with `before` set (the kernel's default, where
 * nothing was asked before): what an update has to write. */
void limits_diff(const struct limits *before, const struct limits *after, struct limits *ret_diff);

/* As text, a line each, and back. Caller frees. */
char *limits_format(const struct limits *limits);
int limits_parse(const char *text, struct limits *ret_limits, struct error *err);

/* OCI's linux.resources.unified with those that were asked for: file → lines. Caller puts. */
struct json_object *limits_unified(const struct limits *limits);
