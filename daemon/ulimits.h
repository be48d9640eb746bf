/* ulimits.h - a Config's ulimits as config.json's rlimits: the defaults, and what the user wants in their
 * place; and what came of them. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct error;
struct json_object;

/* wanted: NAME to "SOFT" or "SOFT:HARD", or NULL. */
int ulimits_add(struct json_object *process, struct json_object *wanted, struct error *err);

/* Whether wanted says something about the limit of this type ("RLIMIT_NOFILE"). */
bool ulimits_wanted(struct json_object *wanted, const char *type);

/* Of the rlimits of config (a config.json) what the process has: NAME to "SOFT:HARD". NULL if it cannot be
 * read. */
struct json_object *ulimits_of(pid_t pid, struct json_object *config);
