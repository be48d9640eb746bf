#include "daemon/filters.h"

#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "common/json.h"
#include "common/parse.h"

#define FILTERS_MAX 100 /* each is held against each container, in one turn of the loop */

static const char *at(struct json_object *filters, size_t i)
{
	return json_object_get_string(json_object_array_get_idx(filters, i));
}

/* What follows "key=", or NULL. */
static const char *value_of(const char *filter, const char *key)
{
	size_t size = strlen(key);

	return strncmp(filter, key, size) == 0 && filter[size] == '=' ? filter + size + 1 : NULL;
}

static int refuse(size_t i, const char *filter, const struct filter_key *keys, size_t n, struct error *err)
{
	char names[256], shown[80];
	size_t used = 0;

	for (size_t k = 0; k < n && used < sizeof(names); k++)
		used += (size_t) snprintf(
			names + used, sizeof(names) - used, "%s%s=", k > 0 ? ", " : "", keys[k].name);
	error_set(err, ERROR_INVALID_PARAMETER, "there is no filter '%s'",
		escape_text(filter, shown, sizeof(shown)));
	snprintf(err->field, sizeof(err->field), "filters[%zu]", i);
	return error_hint(err, "filters are %s", names);
}

int filters_check(struct json_object *filters, const struct filter_key *keys, size_t n, void *context,
	struct error *err)
{
	if (json_length(filters) > FILTERS_MAX) {
		error_set(err, ERROR_LIMIT_EXCEEDED, "more than %d filters in one call", FILTERS_MAX);
		snprintf(err->field, sizeof(err->field), "filters");
		return -1;
	}
	for (size_t i = 0; i < json_length(filters); i++) {
		const char *value = NULL;
		size_t k = 0;

		while (k < n && !(value = value_of(at(filters, i), keys[k].name)))
			k++;
		if (k == n)
			return refuse(i, at(filters, i), keys, n, err);
		if (keys[k].check && keys[k].check(context, value, err) < 0) {
			if (err->kind == ERROR_INVALID_PARAMETER)
				snprintf(err->field, sizeof(err->field), "filters[%zu]", i);
			return -1;
		}
	}
	return 0;
}

bool filters_match(struct json_object *filters, const struct filter_key *keys, size_t n, void *context,
	const void *subject)
{
	for (size_t k = 0; k < n; k++) {
		bool asked = false, held = false;

		for (size_t i = 0; i < json_length(filters) && !held; i++) {
			const char *value = value_of(at(filters, i), keys[k].name);

			asked = asked || value;
			held = value && keys[k].match(context, subject, value);
		}
		if (asked && !held)
			return false;
	}
	return true;
}

bool filters_have(struct json_object *filters, const char *key)
{
	for (size_t i = 0; i < json_length(filters); i++)
		if (value_of(at(filters, i), key))
			return true;
	return false;
}
