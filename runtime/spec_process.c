#include "runtime/spec_process.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "common/error.h"
#include "common/parse.h"
#include "runtime/spec.h"

#define ROWS(table) table, sizeof table / sizeof *table
#define ID_MAX	    (UINT32_MAX - 1) /* 4294967295 means "leave it" to setresuid(2) */

static const struct {
	const char *name;
	int resource;
} rlimits[] = {
	{ "RLIMIT_AS", RLIMIT_AS },
	{ "RLIMIT_CORE", RLIMIT_CORE },
	{ "RLIMIT_CPU", RLIMIT_CPU },
	{ "RLIMIT_DATA", RLIMIT_DATA },
	{ "RLIMIT_FSIZE", RLIMIT_FSIZE },
	{ "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
	{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_NOFILE", RLIMIT_NOFILE },
	{ "RLIMIT_NPROC", RLIMIT_NPROC },
	{ "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
	{ "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_STACK", RLIMIT_STACK },
};

int rlimit_parse(const char *name)
{
	for (size_t i = 0; i < sizeof rlimits / sizeof *rlimits; i++)
		if (strcmp(rlimits[i].name, name) == 0)
			return rlimits[i].resource;
	return -1;
}

static int take_terminal(void *target, const struct field *f, struct error *err)
{
	(void) err;
	((struct spec *) target)->terminal = json_object_get_boolean(f->value);
	return 0;
}

static int take_height(void *target, const struct field *f, struct error *err)
{
	uint64_t rows;
	if (field_u64(f, UINT16_MAX, &rows, err) < 0)
		return -1;
	((struct spec *) target)->console_rows = (uint16_t) rows;
	return 0;
}

static int take_width(void *target, const struct field *f, struct error *err)
{
	uint64_t columns;
	if (field_u64(f, UINT16_MAX, &columns, err) < 0)
		return -1;
	((struct spec *) target)->console_columns = (uint16_t) columns;
	return 0;
}

static int take_console_size(void *target, const struct field *f, struct error *err)
{
	static const struct field_row rows[] = {
		{ "height", FIELD_TAKE, json_type_int, take_height },
		{ "width", FIELD_TAKE, json_type_int, take_width },
	};
	return fields_read(target, f, ROWS(rows), err);
}

static int take_uid(void *target, const struct field *f, struct error *err)
{
	uint64_t id;
	if (field_u64(f, ID_MAX, &id, err) < 0)
		return -1;
	((struct spec *) target)->uid = (uint32_t) id;
	return 0;
}

static int take_gid(void *target, const struct field *f, struct error *err)
{
	uint64_t id;
	if (field_u64(f, ID_MAX, &id, err) < 0)
		return -1;
	((struct spec *) target)->gid = (uint32_t) id;
	return 0;
}

static int take_umask(void *target, const struct field *f, struct error *err)
{
	uint64_t mask;
	if (field_u64(f, 0777, &mask, err) < 0)
		return -1;
	((struct spec *) target)->umask = (uint32_t) mask;
	return 0;
}

static int take_additional_gid(void *target, const struct field *f, struct error *err)
{
	struct spec *spec = target;
	uint64_t id;
	if (field_u64(f, ID_MAX, &id, err) < 0)
		return -1;
	if (spec->n_gids == SPEC_GROUPS_MAX)
		return field_invalid(f, err, "is one group too many");
	spec->gids[spec->n_gids++] = (uint32_t) id;
	return 0;
}

static int take_additional_gids(void *target, const struct field *f, struct error *err)
{
	return fields_each(target, f, json_type_int, take_additional_gid, err);
}

static int take_user(void *target, const struct field *f, struct error *err)
{
	static const struct field_row rows[] = {
		{ "uid", FIELD_TAKE, json_type_int, take_uid },
		{ "gid", FIELD_TAKE, json_type_int, take_gid },
		{ "umask", FIELD_TAKE, json_type_int, take_umask },
		{ "additionalGids", FIELD_TAKE, json_type_array, take_additional_gids },
		{ "username", FIELD_REFUSE }, /* Windows */
	};
	return fields_read(target, f, ROWS(rows), err);
}

static int take_args(void *target, const struct field *f, struct error *err)
{
	struct spec *spec = target;
	if (field_strings(f, &spec->args, err) < 0)
		return -1;
	if (spec->args.n == 0 || spec->args.v[0][0] == '\0')
		return field_invalid(f, err, "must begin with the program's name");
	return 0;
}

static int take_env(void *target, const struct field *f, struct error *err)
{
	struct spec *spec = target;
	if (field_strings(f, &spec->env, err) < 0)
		return -1;
	for (size_t i = 0; i < spec->env.n; i++)
		if (strchr(spec->env.v[i], '=') == NULL || spec->env.v[i][0] == '=')
			return error_config(
				err, f->path, "config.json: %s[%zu] must be NAME=VALUE", f->path, i);
	return 0;
}

static int take_cwd(void *target, const struct field *f, struct error *err)
{
	return field_path(f, &((struct spec *) target)->cwd, err);
}

/* Names that no kernel of ours knows are refused; those that this kernel or this machine does not grant are
 * dropped later, by capabilities.c. */
static int read_capabilities(uint64_t *ret_mask, const struct field *f, struct error *err)
{
	struct strings names = { 0 };
	uint64_t mask = 0;
	if (field_strings(f, &names, err) < 0)
		return -1;
	int result = 0, number;
	for (size_t i = 0; i < names.n && result == 0; i++) {
		if (capability_parse(names.v[i], &number) < 0)
			result = error_config(err, f->path, "config.json: %s: unknown capability '%s'",
				f->path, names.v[i]);
		else
			mask |= UINT64_C(1) << number;
	}
	strings_free(&names);
	if (result == 0)
		*ret_mask = mask;
	return result;
}

static int take_capabilities(void *target, const struct field *f, struct error *err)
{
	static const char *const sets[CAPABILITY_SETS] = {
		[CAPABILITIES_BOUNDING] = "bounding",
		[CAPABILITIES_EFFECTIVE] = "effective",
		[CAPABILITIES_INHERITABLE] = "inheritable",
		[CAPABILITIES_PERMITTED] = "permitted",
		[CAPABILITIES_AMBIENT] = "ambient",
	};
	_Static_assert(sizeof sets / sizeof *sets == CAPABILITY_SETS, "every set has its name");
	struct spec *spec = target;
	json_object_object_foreach (f->value, key, value) {
		struct field set;
		int i = 0;
		(void) value;
		while (i < CAPABILITY_SETS && strcmp(sets[i], key) != 0)
			i++;
		if (field_member(f, key, &set) < 0)
			continue;
		if (i == CAPABILITY_SETS)
			return field_unsupported(set.path, err);
		if (read_capabilities(&spec->capabilities[i], &set, err) < 0)
			return -1;
	}
	return 0;
}

static int take_rlimit(void *target, const struct field *f, struct error *err)
{
	struct spec *spec = target;
	struct spec_rlimit limit;
	struct field type, soft, hard;
	const char *name;
	if (field_member(f, "type", &type) < 0 || field_member(f, "soft", &soft) < 0 ||
		field_member(f, "hard", &hard) < 0)
		return field_invalid(f, err, "must have type, soft and hard");
	if (field_string(&type, &name, err) < 0 || field_u64(&soft, UINT64_MAX, &limit.soft, err) < 0 ||
		field_u64(&hard, UINT64_MAX, &limit.hard, err) < 0)
		return -1;
	limit.resource = rlimit_parse(name);
	if (limit.resource < 0)
		return error_config(err, type.path, "config.json: %s: unknown limit '%s'", type.path, name);
	if (limit.soft > limit.hard)
		return field_invalid(f, err, "has a soft limit above its hard limit");
	for (size_t i = 0; i < spec->n_rlimits; i++)
		if (spec->rlimits[i].resource == limit.resource)
			return error_config(
				err, type.path, "config.json: %s: '%s' is there twice", type.path, name);
	if (spec->n_rlimits == SPEC_RLIMITS_MAX)
		return field_invalid(f, err, "is one limit too many");
	spec->rlimits[spec->n_rlimits++] = limit;
	return 0;
}

static int take_rlimits(void *target, const struct field *f, struct error *err)
{
	return fields_each(target, f, json_type_object, take_rlimit, err);
}

static int take_no_new_privileges(void *target, const struct field *f, struct error *err)
{
	(void) err;
	((struct spec *) target)->no_new_privileges = json_object_get_boolean(f->value);
	return 0;
}

static int take_oom_score_adj(void *target, const struct field *f, struct error *err)
{
	struct spec *spec = target;
	int64_t value = json_object_get_int64(f->value);
	if (value < -1000 || value > 1000)
		return field_invalid(f, err, "must be from -1000 to 1000");
	spec->oom_score_adj = (int) value;
	spec->has_oom_score_adj = true;
	return 0;
}

int spec_take_process(void *spec, const struct field *f, struct error *err)
{
	static const struct field_row rows[] = {
		{ "terminal", FIELD_TAKE, json_type_boolean, take_terminal },
		{ "consoleSize", FIELD_TAKE, json_type_object, take_console_size },
		{ "user", FIELD_TAKE, json_type_object, take_user },
		{ "args", FIELD_TAKE, json_type_array, take_args },
		{ "env", FIELD_TAKE, json_type_array, take_env },
		{ "cwd", FIELD_TAKE, json_type_string, take_cwd },
		{ "capabilities", FIELD_TAKE, json_type_object, take_capabilities },
		{ "rlimits", FIELD_TAKE, json_type_array, take_rlimits },
		{ "noNewPrivileges", FIELD_TAKE, json_type_boolean, take_no_new_privileges },
		{ "oomScoreAdj", FIELD_TAKE, json_type_int, take_oom_score_adj },
		{ "apparmorProfile", FIELD_REFUSE }, { "selinuxLabel", FIELD_REFUSE },
		{ "scheduler", FIELD_REFUSE }, { "ioPriority", FIELD_REFUSE },
		{ "execCPUAffinity", FIELD_REFUSE }, { "commandLine", FIELD_REFUSE }, /* Windows */
	};
	return fields_read(spec, f, ROWS(rows), err);
}
