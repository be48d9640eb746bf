/* figures.h - what a worker's answer is read with: Stats and Top. */
#pragma once

#include <stddef.h>

struct error;
struct json_object;

/* The JSON in a worker's memfd. Caller puts. */
int figures_read(int fd, size_t size, struct json_object **ret_value, struct error *err);
