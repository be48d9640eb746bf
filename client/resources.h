/* resources.h - the options of limits, for create, run and update: common/resources.h's table from the
 * command line, and docker's older scales and units onto it. */
#pragma once

#include "client/option.h"

struct error;
struct json_object;

extern const struct option resource_options[];

/* Puts the value of one of them into `resources` of the request. */
int resources_set(struct json_object *request, const struct option *o, const char *text, struct error *err);
/* What needs more than one of them: --cpus and its period, --memory-swap and --memory. */
int resources_finish(struct arguments *args, struct error *err);

/* A daemon's sentence about "PATH.field: …" speaks of the option that was given instead. False: it is about
 * no limit. */
bool resources_explain(const struct arguments *args, struct error *err, const char *path);
