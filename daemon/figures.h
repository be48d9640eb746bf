/* figures.h - questions about a running container that a worker answers with a JSON text: Top, DiffLimits,
 * Stats. */
#pragma once

#include <stddef.h>

#include "common/control.h"

struct error;
struct json_object;
struct request;

/* The call's whole answer: what the worker finds about its target, as this field. order gets the first
 * process's pid. Ends the request. */
void figures_ask(struct request *rq, enum work_op op, struct json_object *order, const char *field);

/* The JSON in a worker's memfd. Caller puts. */
int figures_read(int fd, size_t size, struct json_object **ret_value, struct error *err);
