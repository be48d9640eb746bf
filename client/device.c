#include "client/device.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "client/value.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"

/* HOST[:TARGET][:ACCESS]: what begins with a slash is the target. */
int device_from_text(const char *text, struct json_object *array, struct error *err)
{
	_cleanup_free_ char *copy = strdup(text), *path = NULL, *target_path = NULL;
	if (copy == NULL)
		abort();
	char *rest = copy;
	const char *source = strsep(&rest, ":"), *target = NULL, *access = NULL;
	if (rest != NULL && rest[0] == '/')
		target = strsep(&rest, ":");
	if (rest != NULL)
		access = strsep(&rest, ":");
	if (source[0] == '\0' || rest != NULL)
		return error_set(err, ERROR_USAGE, "not DEVICE[:TARGET][:ACCESS]");
	if (access != NULL && (access[0] == '\0' || strspn(access, "rwm") != strlen(access)))
		return error_set(err, ERROR_USAGE, "the access is not made of r, w and m");
	if (value_absolute_path(source, &path, err) < 0 ||
		(target != NULL && value_absolute_path(target, &target_path, err) < 0))
		return -1;
	struct json_object *device = json_object_new_object();
	json_add_string(device, "path", path);
	json_add_string(device, "target", target_path);
	json_add_string(device, "access", access);
	json_object_array_add(array, device);
	return 0;
}
