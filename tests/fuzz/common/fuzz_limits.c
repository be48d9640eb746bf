/* fuzz_limits.c - a Resources object, a list of numbers and the text that shims get: whatever is taken is
 * within its bounds, and comes out as it went in. */
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/resources.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The same text comes of what was made of the text. */
static void check_text(const struct limits *limits)
{
	_cleanup_limits_ struct limits again = { 0 };
	_cleanup_free_ char *text = limits_format(limits), *text_again = NULL;
	struct error err;

	if (limits->n > LIMITS_MAX || limits_parse(text, &again, &err) < 0)
		abort();
	text_again = limits_format(&again);
	if (strcmp(text, text_again) != 0)
		abort();
}

/* What is shown can be asked for, and is the same then. */
static void check_shown(const struct limits *limits)
{
	_cleanup_limits_ struct limits again = { 0 };
	_cleanup_json_ struct json_object *obj = resources_show(limits);
	_cleanup_free_ char *text = limits_format(limits), *text_again = NULL;
	struct error err;

	if (resources_read(obj, "again", &again, &err) < 0)
		return; /* a device may be gone, what is idle have a weight */
	text_again = limits_format(&again);
	if (strcmp(text, text_again) != 0)
		abort();
}

static void check_object(const char *text, size_t size)
{
	_cleanup_json_ struct json_object *obj = NULL;
	_cleanup_limits_ struct limits limits = { 0 };
	struct error err;

	if (json_parse(text, size, &obj, &err) < 0 || !json_object_is_type(obj, json_type_object))
		return;
	/* The interface's types hold of whatever comes here. */
	json_object_object_foreach (obj, key, value) {
		const struct resource *r = resource_find(key);
		static const json_type types[RESOURCE_KINDS] = {
			[RESOURCE_BYTES] = json_type_int,
			[RESOURCE_NUMBER] = json_type_int,
			[RESOURCE_FLAG] = json_type_boolean,
			[RESOURCE_SET] = json_type_string,
			[RESOURCE_QUOTA] = json_type_int,
			[RESOURCE_PERIOD] = json_type_int,
			[RESOURCE_WEIGHT] = json_type_int,
			[RESOURCE_RATES] = json_type_object,
			[RESOURCE_WEIGHTS] = json_type_object,
			[RESOURCE_PAGES] = json_type_object,
			[RESOURCE_VERBATIM] = json_type_object,
		};
		if (r == NULL || !json_object_is_type(value, types[r->kind]))
			return;
		if (types[r->kind] != json_type_object)
			continue;
		bool texts = r->kind == RESOURCE_RATES || r->kind == RESOURCE_VERBATIM;
		json_object_object_foreach (value, name, member) {
			(void) name;
			if (!json_object_is_type(member, texts ? json_type_string : json_type_int))
				return;
		}
	}
	if (resources_read(obj, "resources", &limits, &err) < 0)
		return;
	check_text(&limits);
	check_shown(&limits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = malloc(size + 1);
	_cleanup_limits_ struct limits limits = { 0 };
	struct error err;

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	check_object(text, size);
	number_set_check(text, "0-3,8-11", "CPU", &err);
	if (limits_parse(text, &limits, &err) == 0)
		check_text(&limits);
	return 0;
}
