/*
 * value.h - what the values of options mean: a setter for each kind of value, which puts it into JSON.
 */
#pragma once

#include <stdbool.h>

#include "client/option.h"

struct json_object;

struct value_type {
	bool flag; /* needs no value */
	/* into: the object that the row's field belongs to; key: the field without ctl's own dot. The
	 * sentence of an error goes on after "--option 'value': ". */
	int (*set)(struct json_object *into, const char *key, const struct option *o, const char *text,
		struct error *err);
	enum complete completes;
};

extern const struct value_type value_types[VALUE_KINDS];

/* The array or object at key, made if it is missing. Borrowed. */
struct json_object *value_array(struct json_object *into, const char *key);
struct json_object *value_object(struct json_object *into, const char *key);

/* "true", "1", "yes" …; -1 if it is neither. */
int value_parse_flag(const char *text, bool *ret_value);

/* path as it is if absolute, else below the working directory, "." and ".." and doubled slashes taken out.
 * Caller frees. */
int value_absolute_path(const char *path, char **ret_path, struct error *err);
