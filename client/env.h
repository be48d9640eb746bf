/* env.h - environments and labels as the command line and its files give them. */
#pragma once

struct error;
struct json_object;

/* "NAME=VALUE", or "NAME" for the caller's own value (nothing if it has none), replacing what array holds
 * under that name. */
int env_set(struct json_object *array, const char *text, struct error *err);
/* Lines of a file: empty ones and those that begin with # count for nothing. */
int env_set_file(struct json_object *array, const char *path, struct error *err);

/* "KEY=VALUE" or "KEY". */
int label_set(struct json_object *map, const char *text, struct error *err);
int label_set_file(struct json_object *map, const char *path, struct error *err);
