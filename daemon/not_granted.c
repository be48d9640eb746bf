#include "daemon/not_granted.h"

#include <ctype.h>
#include <json-c/json.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "common/error.h"
#include "common/json.h"
#include "common/parse.h"
#include "daemon/container.h"
#include "daemon/ulimits.h"
#include "runtime/capabilities.h"
#include "runtime/spec.h"
#include "runtime/spec_process.h"

#define BIT(capability) (UINT64_C(1) << (capability))
#define LIMIT_TEXT	64

static uint64_t bounding_of(struct json_object *config)
{
	struct json_object *names =
		json_get(json_get(json_get(config, "process"), "capabilities"), "bounding");
	uint64_t mask = 0;
	int capability;

	for (size_t i = 0; i < json_length(names); i++) {
		/* NULL: a disk may hold anything. */
		const char *name = json_object_get_string(json_object_array_get_idx(names, i));

		if (name && capability_parse(name, &capability) == 0)
			mask |= BIT(capability);
	}
	return mask;
}

/* What we have is what a container can be given. */
static void grantable(uint64_t wanted, uint64_t *ret_granted)
{
	uint64_t sets[CAPABILITY_SETS] = { 0 }, granted[CAPABILITY_SETS], held;
	struct error ignored;

	for (int i = 0; i < CAPABILITY_SETS; i++)
		sets[i] = wanted;
	bool known = capabilities_held(&held, &ignored) == 0 &&
		     capabilities_grant(sets, held, granted, &ignored) == 0;
	*ret_granted = known ? granted[CAPABILITIES_PERMITTED] : wanted;
}

static void add_capabilities(struct json_object *missing, struct json_object *config)
{
	uint64_t wanted = bounding_of(config), granted;

	grantable(wanted, &granted);
	for (int i = 0; i <= CAP_LAST_CAP; i++)
		if ((wanted & ~granted) & BIT(i) && capability_name(i))
			json_object_array_add(missing, json_object_new_string(capability_name(i)));
}

static const char *limit_text(rlim_t soft, rlim_t hard, char buf[LIMIT_TEXT])
{
	char texts[2][24] = { "unlimited", "unlimited" };

	if (soft != RLIM_INFINITY)
		snprintf(texts[0], sizeof(texts[0]), "%ju", (uintmax_t) soft);
	if (hard != RLIM_INFINITY)
		snprintf(texts[1], sizeof(texts[1]), "%ju", (uintmax_t) hard);
	snprintf(buf, LIMIT_TEXT, "%s:%s", texts[0], texts[1]);
	return buf;
}

/* As step_rlimits will cut it; it says nothing of what only the kernel's own limits forbid. */
static void add_limit(struct json_object *missing, struct json_object *limit)
{
	const char *type = json_string(limit, "type", "");
	int resource = rlimit_parse(type);
	struct rlimit present;
	rlim_t soft = json_object_get_uint64(json_get(limit, "soft"));
	rlim_t hard = json_object_get_uint64(json_get(limit, "hard"));
	char wanted[LIMIT_TEXT], given[LIMIT_TEXT], text[2 * LIMIT_TEXT + 32];

	if (resource < 0 || getrlimit((unsigned) resource, &present) < 0 || hard <= present.rlim_max)
		return;
	int n = snprintf(text, sizeof(text), "%s=%s (%s)", type + strlen("RLIMIT_"),
		limit_text(soft, hard, wanted),
		limit_text(soft < present.rlim_max ? soft : present.rlim_max, present.rlim_max, given));

	for (char *p = text; *p && *p != '='; p++)
		*p = (char) tolower((unsigned char) *p);
	json_object_array_add(missing, json_object_new_string_len(text, n));
}

static void add_limits(struct json_object *missing, struct json_object *config, struct json_object *only)
{
	struct json_object *limits = json_get(json_get(config, "process"), "rlimits");
	uint64_t can_raise;

	grantable(BIT(CAP_SYS_RESOURCE), &can_raise);
	for (size_t i = 0; !can_raise && i < json_length(limits); i++) {
		struct json_object *limit = json_object_array_get_idx(limits, i);

		if (!only || ulimits_wanted(only, json_string(limit, "type", "")))
			add_limit(missing, limit);
	}
}

/* NULL where it is empty. */
static struct json_object *unless_empty(struct json_object *array)
{
	if (json_length(array) == 0)
		json_put(&array);
	return array;
}

struct json_object *not_granted(struct json_object *config)
{
	struct json_object *missing = json_object_new_array();

	add_capabilities(missing, config);
	add_limits(missing, config, NULL);
	return unless_empty(missing);
}

void not_granted_tell(struct json_object *reply, struct json_object *asked, const struct container *c)
{
	struct json_object *ulimits = json_get(asked, "ulimits"), *missing;
	bool foreign = json_get(asked, "bundle");
	bool capabilities =
		foreign || json_get(asked, "capabilities_add") || json_flag(asked, "privileged", false);
	_cleanup_json_ struct json_object *config = NULL;
	struct error ignored;

	if ((!capabilities && !ulimits) ||
		json_parse(c->bundle.config, c->bundle.config_size, &config, &ignored) < 0)
		return;
	missing = json_object_new_array();
	if (capabilities)
		add_capabilities(missing, config);
	if (foreign || ulimits)
		add_limits(missing, config, foreign ? NULL : ulimits);
	missing = unless_empty(missing);
	if (missing)
		json_add(reply, "not_granted", missing);
}
