/* fuzz_mount.c - what users write after -v, --mount, --tmpfs, -e and --log-opt. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "client/env.h"
#include "client/mount.h"
#include "client/value.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A mount that was accepted has the paths that the daemon wants. */
static void check(struct json_object *mounts)
{
	for (size_t i = 0; i < json_length(mounts); i++) {
		struct json_object *mount = json_object_array_get_idx(mounts, i);
		const char *source = json_string(mount, "source", NULL);
		bool bind = strcmp(json_string(mount, "kind", ""), "bind") == 0;
		if (bind != (source != NULL) || json_string(mount, "target", "")[0] != '/' ||
			(source != NULL && !path_clean(source)))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = malloc(size + 1);
	_cleanup_json_ struct json_object *mounts = json_object_new_array(), *env = json_object_new_array();
	_cleanup_json_ struct json_object *labels = json_object_new_object(),
					  *request = json_object_new_object();
	struct error err;
	if (text == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	/* As the parser of the command line has it. */
	if (!utf8_valid(text, strlen(text)))
		return 0;
	mount_from_volume(text, mounts, &err);
	mount_from_mount(text, mounts, &err);
	mount_from_tmpfs(text, mounts, &err);
	check(mounts);
	env_set(env, text, &err);
	env_set(env, text, &err);
	if (json_length(env) > 1)
		abort();
	label_set(labels, text, &err);
	for (enum value_kind kind = VALUE_COUNT; kind <= VALUE_SIGNAL; kind++)
		value_types[kind].set(request, "field", NULL, text, &err);
	value_types[VALUE_LOG_OPT].set(request, "", NULL, text, &err);
	return 0;
}
