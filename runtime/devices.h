/* devices.h - the container's /dev: its nodes and links, made through one descriptor, so that no link in the
 * root can lead any of it elsewhere. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/spec_devices.h"

struct child;
struct error;

/* A device of the host's, as it is at this start. */
struct host_node {
	struct spec_device node;
	uint32_t access;
	bool from_folder; /* nobody named it: what is at its place already stays */
};

/* In the folder dev_fd (takes it). */
int devices_make(struct child *c, int dev_fd, struct error *err);
/* Only finds what the rest of the start needs there: /dev is a folder of the user's. */
int devices_find(struct child *c, int dev_fd, struct error *err);
