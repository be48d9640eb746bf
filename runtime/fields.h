/*
 * fields.h - reading a foreign JSON object by a table of its fields: what is taken, what may be there and
 * changes nothing, and what is known but not implemented, which is refused by name unless it is empty. A
 * field that no table knows is refused too: a restriction that somebody wrote is never silently left out.
 */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

#define FIELD_PATH 128

/* A value and how the user's file calls it ("process.rlimits[0].soft"). */
struct field {
	struct json_object *value; /* borrowed, never NULL */
	char path[FIELD_PATH];
};

enum field_verdict {
	FIELD_TAKE,
	FIELD_IGNORE, /* changes nothing for us */
	FIELD_REFUSE, /* NOT_SUPPORTED, unless empty, false or zero */
};

struct field_row {
	const char *key;
	enum field_verdict verdict;
	json_type type; /* FIELD_TAKE: checked before take is called */
	int (*take)(void *target, const struct field *f, struct error *err);
};

/* Every member of the object f by its row; target goes to take. */
int fields_read(
	void *target, const struct field *f, const struct field_row *rows, size_t n, struct error *err);

/* The elements of the array f, each of this type. */
int fields_each(void *target, const struct field *f, json_type type,
	int (*take)(void *target, const struct field *f, struct error *err), struct error *err);

/* Single values, checked. */
int field_u64(const struct field *f, uint64_t max, uint64_t *ret_value, struct error *err);
int field_string(const struct field *f, const char **ret_text, struct error *err);  /* not empty; borrowed */
int field_path(const struct field *f, const char **ret_path, struct error *err);    /* absolute, no ".." */
int field_member(const struct field *f, const char *key, struct field *ret_member); /* -1: absent or null */

/* NULL-terminated lists of strings: the list is owned, the strings are borrowed from the JSON objects. */
struct strings {
	const char **v; /* NULL: an empty list that nobody asked for */
	size_t n;
};
int field_strings(const struct field *f, struct strings *ret_list, struct error *err);
void strings_free(struct strings *list);

/* A zeroed array of n elements; out of memory ends the process (a child or a worker), as in json.h. */
void *fields_alloc(size_t n, size_t size);

/* "…: <what>", with the field set; returns -1. */
int field_invalid(const struct field *f, struct error *err, const char *what);
int field_unsupported(const char *path, struct error *err);
