#include "runtime/spec_devices.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "common/error.h"
#include "common/json.h"
#include "common/parse.h"
#include "runtime/spec.h"

#define ID_MAX (UINT32_MAX - 1) /* 4294967295 means "leave it" to chown(2) */

const char *device_place(const char *path)
{
	static const char folder[] = "/dev/";
	return path_clean(path) && strncmp(path, folder, sizeof folder - 1) == 0 ? path + sizeof folder - 1
										 : NULL;
}

/* An optional number; ret_value stays as it is where there is none. */
static int read_number(
	const struct field *f, const char *key, uint64_t max, uint64_t *ret_value, struct error *err)
{
	struct field number;
	return field_member(f, key, &number) < 0 ? 0 : field_u64(&number, max, ret_value, err);
}

/* ---- nodes ---- */

static int read_type(const struct field *f, struct spec_device *device, struct error *err)
{
	static const struct {
		const char *name;
		mode_t type;
	} types[] = { { "c", S_IFCHR }, { "u", S_IFCHR }, { "b", S_IFBLK }, { "p", S_IFIFO } };
	struct field type;
	const char *name;
	if (field_member(f, "type", &type) < 0)
		return field_invalid(f, err, "must have a type");
	if (field_string(&type, &name, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (strcmp(types[i].name, name) == 0) {
			device->mode = types[i].type;
			return 0;
		}
	return field_invalid(&type, err, "must be one of c, u, b, p");
}

static int take_device(void *target, const struct field *f, struct error *err)
{
	static const struct field_row rows[] = {
		{ "type", FIELD_IGNORE }, /* all of them are read below, in their order */
		{ "path", FIELD_IGNORE },
		{ "major", FIELD_IGNORE },
		{ "minor", FIELD_IGNORE },
		{ "fileMode", FIELD_IGNORE },
		{ "uid", FIELD_IGNORE },
		{ "gid", FIELD_IGNORE },
	};
	struct spec *spec = target;
	struct spec_device *device = &spec->devices[spec->n_devices];
	struct field path;
	uint64_t major_number = 0, minor_number = 0, mode = 0666, uid = 0, gid = 0;
	if (fields_read(spec, f, rows, sizeof rows / sizeof *rows, err) < 0 || read_type(f, device, err) < 0)
		return -1;
	if (field_member(f, "path", &path) < 0)
		return field_invalid(f, err, "must have a path");
	if (field_path(&path, &device->path, err) < 0)
		return -1;
	device->path = device_place(device->path);
	if (device->path == NULL)
		return field_invalid(&path, err, "must be below /dev: devices work nowhere else");
	if (read_number(f, "major", UINT32_MAX, &major_number, err) < 0 ||
		read_number(f, "minor", UINT32_MAX, &minor_number, err) < 0 ||
		read_number(f, "fileMode", UINT32_MAX, &mode, err) < 0 ||
		read_number(f, "uid", ID_MAX, &uid, err) < 0 || read_number(f, "gid", ID_MAX, &gid, err) < 0)
		return -1;
	device->mode |= (mode_t) mode & 07777; /* some write the type into it, too */
	device->device = makedev((unsigned) major_number, (unsigned) minor_number);
	device->uid = (uid_t) uid;
	device->gid = (gid_t) gid;
	spec->n_devices++;
	return 0;
}

int spec_take_devices(void *target, const struct field *f, struct error *err)
{
	struct spec *spec = target;
	size_t n = json_length(f->value);
	if (n > SPEC_DEVICES_MAX)
		return field_invalid(f, err, "are too many");
	spec->devices = fields_alloc(n, sizeof *spec->devices);
	return fields_each(spec, f, json_type_object, take_device, err);
}

/* ---- rules ---- */

/* Absent or -1: all of them. */
static int read_device_number(const struct field *f, const char *key, int64_t *ret_number, struct error *err)
{
	struct field member;
	uint64_t number;
	*ret_number = DEVICE_ANY;
	if (field_member(f, key, &member) < 0 || (json_object_is_type(member.value, json_type_int) &&
							 json_object_get_int64(member.value) == -1))
		return 0;
	if (field_u64(&member, UINT32_MAX, &number, err) < 0)
		return -1;
	*ret_number = (int64_t) number;
	return 0;
}

static int take_allow(void *target, const struct field *f, struct error *err)
{
	(void) err;
	((struct device_rule *) target)->allow = json_object_get_boolean(f->value);
	return 0;
}

static int take_rule_type(void *target, const struct field *f, struct error *err)
{
	const char *type = json_object_get_string(f->value);
	if (strlen(type) > 1 || strchr("abc", type[0]) == NULL)
		return field_invalid(f, err, "must be one of a, b, c");
	if (type[0] != '\0')
		((struct device_rule *) target)->type = type[0];
	return 0;
}

static int take_access(void *target, const struct field *f, struct error *err)
{
	const char *access = json_object_get_string(f->value);
	if (access[0] != '\0' && device_access_parse(access, &((struct device_rule *) target)->access) < 0)
		return field_invalid(f, err, "must be made of r, w and m");
	return 0;
}

static int take_rule(void *target, const struct field *f, struct error *err)
{
	static const struct field_row rows[] = {
		{ "allow", FIELD_TAKE, json_type_boolean, take_allow },
		{ "type", FIELD_TAKE, json_type_string, take_rule_type },
		{ "access", FIELD_TAKE, json_type_string, take_access },
		{ "major", FIELD_IGNORE }, /* read below */
		{ "minor", FIELD_IGNORE },
	};
	struct spec *spec = target;
	struct device_rule *rule = &spec->device_rules[spec->n_device_rules];
	*rule = (struct device_rule) { .type = 'a', .access = DEVICE_ALL };
	if (fields_read(rule, f, rows, sizeof rows / sizeof *rows, err) < 0 ||
		read_device_number(f, "major", &rule->major, err) < 0 ||
		read_device_number(f, "minor", &rule->minor, err) < 0)
		return -1;
	spec->n_device_rules++;
	return 0;
}

int spec_take_device_rules(void *target, const struct field *f, struct error *err)
{
	struct spec *spec = target;
	size_t n = json_length(f->value);
	if (n > SPEC_DEVICES_MAX)
		return field_invalid(f, err, "are too many");
	spec->device_rules = fields_alloc(n, sizeof *spec->device_rules);
	return fields_each(spec, f, json_type_object, take_rule, err);
}

/* ---- the host's ---- */

/* The daemon wrote it, and has checked it; a disk may hold anything. */
int spec_read_host_devices(struct spec *spec, struct json_object *shim, struct error *err)
{
	struct json_object *list = json_get(shim, "devices");
	size_t n = json_object_is_type(list, json_type_array) ? json_length(list) : 0;
	if (n > SPEC_DEVICES_MAX)
		return error_config(err, "devices", "shim.json: devices are too many");
	spec->host_devices = fields_alloc(n, sizeof *spec->host_devices);
	for (size_t i = 0; i < n; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		struct spec_host_device *device = &spec->host_devices[spec->n_host_devices];
		device->path = json_string(item, "path", "");
		device->target = json_string(item, "target", device->path);
		if (device->path[0] != '/' || strlen(device->path) >= PATH_MAX ||
			strlen(device->target) >= PATH_MAX ||
			device_access_parse(json_string(item, "access", "rwm"), &device->access) < 0)
			return error_config(err, "devices", "shim.json: devices[%zu] is none", i);
		spec->n_host_devices++;
	}
	return 0;
}
