#include "client/config.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <uuid/uuid.h>

#include "client/command.h"
#include "client/env.h"
#include "client/option.h"
#include "client/resources.h"
#include "client/value.h"
#include "common/error.h"
#include "common/json.h"
#include "common/parse.h"

static void add_id(struct json_object *config)
{
	static const char digits[] = "0123456789abcdef";
	char id[ID_LENGTH + 1] = "";
	uuid_t uuid;
	uuid_generate_random(uuid);
	for (size_t i = 0; i < sizeof uuid; i++) {
		id[2 * i] = digits[uuid[i] >> 4];
		id[2 * i + 1] = digits[uuid[i] & 15];
	}
	json_add_string(config, "id", id);
}

int config_merge_env(struct arguments *args, struct error *err)
{
	struct json_object *merged = json_get(args->local, "env_file"), *own = json_get(args->request, "env");
	if (merged == NULL)
		return 0;
	for (size_t i = 0; i < json_length(own); i++)
		if (env_set(merged, json_object_get_string(json_object_array_get_idx(own, i)), err) < 0)
			return -1;
	json_add(args->request, "env", json_object_get(merged));
	return 0;
}

int config_make(struct arguments *args, struct json_object **ret_config, struct error *err)
{
	struct json_object *config = args->request;
	bool rootfs = json_get(config, "rootfs") != NULL, bundle = json_get(config, "bundle") != NULL;
	bool image = !rootfs && !bundle;
	if (!rootfs && json_get(config, "rootfs_mode") != NULL)
		return error_set(err, ERROR_USAGE, "--rootfs-rw: needs a value (DIR)");
	if (rootfs && bundle)
		return error_set(err, ERROR_USAGE, "--rootfs and --bundle exclude each other");
	if (image && args->count == 0) {
		error_set(err, ERROR_USAGE, "needs IMAGE, --rootfs, --rootfs-rw or --bundle");
		return error_hint(err, "busybox is built in: ctl run --rm busybox uname -a");
	}
	if (image)
		json_add_string(config, "image", args->positional[0]);
	for (int i = image; i < args->count; i++)
		json_object_array_add(
			value_array(config, "args"), json_object_new_string(args->positional[i]));
	add_id(config);
	if (config_merge_env(args, err) < 0 || resources_finish(args, err) < 0)
		return -1;
	*ret_config = config;
	return 0;
}

const char *config_subject(struct json_object *config, char buf[CONFIG_SUBJECT])
{
	const char *name = json_string(config, "name", NULL);
	if (name != NULL)
		snprintf(buf, CONFIG_SUBJECT, "%s", name);
	else
		snprintf(buf, CONFIG_SUBJECT, "%.12s", json_string(config, "id", ""));
	return buf;
}

/* The only option that sets this field of the request; NULL if there is none, or several. */
static const struct option *option_of(const struct command *command, const char *field, size_t length)
{
	const struct option *found = NULL;
	for (int i = 0; i < OPTION_SETS && command->sets[i] != NULL; i++)
		for (const struct option *o = command->sets[i]; o->name != NULL; o++) {
			if (o->group == GROUP_LATER || strncmp(o->field, field, length) != 0 ||
				o->field[length] != '\0')
				continue;
			if (found != NULL)
				return NULL;
			found = o;
		}
	return found;
}

/* "config.mounts[1].destination is …" as "--volume '/a:/b': the target is …". */
static bool explain_mount(const struct arguments *args, struct error *err)
{
	static const char prefix[] = "config.mounts[";
	char number[24], rest[sizeof err->msg];
	uint64_t i;
	if (strncmp(err->field, prefix, sizeof prefix - 1) != 0)
		return false;
	const char *p = err->field + sizeof prefix - 1;
	snprintf(number, sizeof number, "%.*s", (int) strcspn(p, "]"), p);
	if (parse_u64(number, UINT32_MAX, &i) < 0 || i >= json_length(args->mounts))
		return false;
	const char *subject = strstr(p, "].destination") != NULL || strstr(p, "].target") != NULL
				      ? " the target"
			      : strstr(p, "].source") != NULL ? " the source"
							      : "";
	const char *text = err->msg + strlen(err->field);
	if (text[0] == ':')
		subject = "", text++;
	snprintf(rest, sizeof rest, "%s", text);
	snprintf(err->msg, sizeof err->msg, "%.256s:%s%.*s",
		json_object_get_string(json_object_array_get_idx(args->mounts, i)), subject,
		(int) sizeof rest - 300, rest);
	return true;
}

/* Hints that the daemon words for its callers, for those of a command line. */
static void explain_hint(struct error *err)
{
	static const struct {
		const char *field, *hint;
	} hints[] = {
		{ "config.image", "busybox is built in; --rootfs takes a folder, --bundle an OCI bundle" },
	};
	for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
		if (strcmp(hints[i].field, err->field) == 0)
			error_hint(err, "%s", hints[i].hint);
}

void config_explain_order(const struct command *command, struct error *err)
{
	if (command->program && err->exit_code == 127 && err->path[0] == '-' && err->hint[0] == '\0')
		error_hint(err, "options of ctl %s stand before %.*s", command->name,
			(int) strcspn(command->arguments, " "), command->arguments);
}

/* How the command line calls a field that no single option sets. */
static const char *spelling_of(const struct command *command, const char *field)
{
	static const struct {
		const char *field, *spelling;
	} others[] = {
		{ "log_max_size", "--log-opt max-size" },
		{ "log_max_files", "--log-opt max-file" },
		{ "rootfs", "--rootfs" },
		{ "rootfs_mode", "--rootfs-rw" },
		{ "labels", "--label" },
		{ "mounts", "-v or --mount" },
		{ "network", "--network" },
	};
	static char spelling[64];
	size_t n = strcspn(field, ".[");
	const struct option *o = option_of(command, field, n);
	for (size_t i = 0; i < sizeof others / sizeof *others && o == NULL; i++)
		if (strncmp(others[i].field, field, n) == 0 && others[i].field[n] == '\0')
			return others[i].spelling;
	if (o == NULL)
		return NULL;
	snprintf(spelling, sizeof spelling, "--%s", o->name);
	return spelling;
}

/* Puts the option in the place of err->field, with which the message begins. False: there is none for it. */
static bool spell(const struct command *command, struct error *err, const char *field)
{
	const char *spelling = spelling_of(command, field);
	char rest[sizeof err->msg];
	if (spelling == NULL)
		return false;
	snprintf(rest, sizeof rest, "%s", err->msg + strlen(err->field));
	snprintf(err->msg, sizeof err->msg, "%s%.*s", spelling, (int) sizeof rest - 64, rest);
	return true;
}

bool config_explain(const struct arguments *args, struct error *err)
{
	static const char prefix[] = "config.";
	size_t length = strlen(err->field);
	if (err->kind != ERROR_INVALID_CONFIG && err->kind != ERROR_INVALID_PARAMETER &&
		err->kind != ERROR_NOT_SUPPORTED)
		return false;
	explain_hint(err);
	if (strncmp(err->field, prefix, sizeof prefix - 1) != 0 || strncmp(err->msg, err->field, length) != 0)
		return true;
	if (resources_explain(args, err, "config.resources") || explain_mount(args, err))
		return true;
	spell(args->command, err, err->field + sizeof prefix - 1);
	return true;
}

bool config_explain_exec(const struct arguments *args, struct error *err)
{
	size_t length = strlen(err->field);
	return err->kind == ERROR_INVALID_CONFIG && strncmp(err->msg, err->field, length) == 0 &&
	       spell(args->command, err, err->field);
}
