#include "daemon/bundle_devices.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/parse.h"
#include "runtime/spec_devices.h"

#define LIST_MAX 256

static int check_length(struct json_object *list, const char *field, struct error *err)
{
	return json_length(list) <= LIST_MAX
		       ? 0
		       : error_config(err, field, "%s has more than %d entries", field, LIST_MAX);
}

/* ---- the host's devices ---- */

static struct json_object *device_new(const char *path, const char *target, const char *access)
{
	struct json_object *device = json_object_new_object();

	json_add_string(device, "path", path);
	json_add_string(device, "target", target);
	json_add_string(device, "access", access);
	return device;
}

static int refuse(size_t i, const char *key, const char *value, const char *why, struct error *err)
{
	char field[64], shown[128];

	snprintf(field, sizeof(field), "config.devices[%zu].%s", i, key);
	return error_config(err, field, "%s: '%s' %s", field, escape_text(value, shown, sizeof(shown)), why);
}

static int read_device(
	struct json_object *wanted, size_t i, struct json_object **ret_device, struct error *err)
{
	const char *path = json_string(wanted, "path", ""), *target = json_string(wanted, "target", path);
	const char *access = json_string(wanted, "access", "rwm");
	uint32_t ignored;

	if (path[0] != '/' || strlen(path) >= PATH_MAX)
		return refuse(i, "path", path, "is not an absolute path", err);
	if (strlen(target) >= PATH_MAX || (strcmp(target, "/dev") != 0 && !device_place(target))) {
		refuse(i, "target", target, "is not a place below /dev", err);
		return error_hint(
			err, "devices work nowhere else; the place in the container comes behind a colon");
	}
	if (device_access_parse(access, &ignored) < 0)
		return refuse(i, "access", access, "is not made of r, w and m", err);
	*ret_device = device_new(path, target, access);
	return 0;
}

int bundle_read_devices(struct json_object *config, struct json_object **ret_devices, struct error *err)
{
	struct json_object *wanted = json_get(config, "devices"), *device = NULL;
	_cleanup_json_ struct json_object *list = json_object_new_array();

	if (check_length(wanted, "config.devices", err) < 0)
		return -1;
	for (size_t i = 0; i < json_length(wanted); i++) {
		if (read_device(json_object_array_get_idx(wanted, i), i, &device, err) < 0)
			return -1;
		json_object_array_add(list, device);
	}
	if (json_flag(config, "privileged", false))
		json_object_array_add(list, device_new("/dev", "/dev", "rwm"));
	*ret_devices = steal_pointer(&list);
	return 0;
}

/* ---- rules ---- */

static struct json_object *rule_new(bool allow, const char *access)
{
	struct json_object *rule = json_object_new_object();

	json_add_bool(rule, "allow", allow);
	json_add_string(rule, "access", access);
	return rule;
}

/* A number or '*', up to stop; NULL: it is neither. */
static const char *add_number(struct json_object *rule, const char *key, const char *text, char stop)
{
	char number[16];
	uint64_t value;
	size_t size = strcspn(text, (const char[]) { stop, 0 });

	if (text[size] != stop || size >= sizeof(number))
		return NULL;
	snprintf(number, sizeof(number), "%.*s", (int) size, text);
	if (strcmp(number, "*") == 0)
		return text + size + 1;
	if (parse_u64(number, UINT32_MAX, &value) < 0)
		return NULL;
	json_add_int(rule, key, (int64_t) value);
	return text + size + 1;
}

/* "c 1:3 rwm", "b 8:* r", "a *:* m", as docker writes them. */
static struct json_object *parse_rule(const char *text)
{
	const char type[] = { text[0], 0 }, *p;
	_cleanup_json_ struct json_object *rule = NULL;
	uint32_t access;

	if (!text[0] || !strchr("abc", text[0]) || text[1] != ' ')
		return NULL;
	rule = rule_new(true, NULL);
	json_add_string(rule, "type", type);
	p = add_number(rule, "major", text + 2, ':');
	p = p ? add_number(rule, "minor", p, ' ') : NULL;
	if (!p || device_access_parse(p, &access) < 0)
		return NULL;
	json_add_string(rule, "access", p);
	return steal_pointer(&rule);
}

int bundle_add_device_rules(struct json_object *resources, struct json_object *config, struct error *err)
{
	struct json_object *wanted = json_get(config, "device_rules"), *rules = json_object_new_array(),
			   *rule;
	char field[64], shown[80];

	json_add(resources, "devices", rules);
	json_object_array_add(rules, rule_new(json_flag(config, "privileged", false), "rwm"));
	if (check_length(wanted, "config.device_rules", err) < 0)
		return -1;
	for (size_t i = 0; i < json_length(wanted); i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(wanted, i));

		rule = parse_rule(text);
		if (!rule) {
			snprintf(field, sizeof(field), "config.device_rules[%zu]", i);
			error_config(err, field, "%s: '%s' is not a rule", field,
				escape_text(text, shown, sizeof(shown)));
			return error_hint(err, "a rule is like 'c 1:3 rwm' or 'b 8:* r'");
		}
		json_object_array_add(rules, rule);
	}
	return 0;
}
