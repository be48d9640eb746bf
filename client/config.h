/* config.h - the interface's Config from the command line of create and run. */
#pragma once

#include <stdbool.h>

struct arguments;
struct command;
struct error;
struct json_object;

#define CONFIG_SUBJECT 65

/* Adds to what the options have put into args->request: the id that ctl chooses, image and arguments. The
 * object is the request itself, borrowed. */
int config_make(struct arguments *args, struct json_object **ret_config, struct error *err);

/* --env-file, then -e, so that -e counts wherever it stands. */
int config_merge_env(struct arguments *args, struct error *err);

/* What messages call this container: its name, or the short id that becomes it. Returns buf. */
const char *config_subject(struct json_object *config, char buf[CONFIG_SUBJECT]);

/* "run busybox -it", of which -it was not found: what is to be done about it becomes the error's hint. */
void config_explain_order(const struct command *command, struct error *err);

/* Is this an error of the command line's, which the daemon has found? Then its message names the option
 * instead of the Config's field, where there is one option for it. */
bool config_explain(const struct arguments *args, struct error *err);

/* Likewise of exec, whose fields are the call's own. */
bool config_explain_exec(const struct arguments *args, struct error *err);
