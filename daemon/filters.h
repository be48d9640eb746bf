/* filters.h - lists of "key=value": values of the same key are alternatives, different keys must all hold. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct error;
struct json_object;

struct filter_key {
	const char *name;
	/* Checks a value of it beforehand; NULL: any will do. */
	int (*check)(void *context, const char *value, struct error *err);
	bool (*match)(void *context, const void *subject, const char *value);
};

/* INVALID_PARAMETER for an unknown key or a bad value. filters may be NULL. */
int filters_check(struct json_object *filters, const struct filter_key *keys, size_t n, void *context,
	struct error *err);
bool filters_match(struct json_object *filters, const struct filter_key *keys, size_t n, void *context,
	const void *subject);
/* Whether there is one with this key. */
bool filters_have(struct json_object *filters, const char *key);
