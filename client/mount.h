/* mount.h - -v, --mount and --tmpfs as the interface's Mount. The paths' existence is the runtime's affair.
 */
#pragma once

struct error;
struct json_object;

/* Each appends to array. */
int mount_from_volume(const char *text, struct json_object *array, struct error *err);
int mount_from_mount(const char *text, struct json_object *array, struct error *err);
int mount_from_tmpfs(const char *text, struct json_object *array, struct error *err);
