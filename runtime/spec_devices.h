/* spec_devices.h - what config.json and shim.json say of devices: the nodes that a bundle wants, the rules of
 * who may open what, and the host's devices that a user named (found only at the start: their numbers change
 * with a reboot). */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "runtime/device_filter.h"

#define SPEC_DEVICES_MAX 1024

struct error;
struct field;
struct json_object;
struct spec;

struct spec_device {
	const char *path; /* below /dev, without it ("dri/card0"); borrowed from the JSON objects */
	mode_t mode;	  /* S_IFCHR, S_IFBLK or S_IFIFO, and permissions */
	dev_t device;
	uid_t uid;
	gid_t gid;
};

struct spec_host_device {
	const char *path, *target; /* absolute; a folder stands for the devices in it */
	uint32_t access;
};

/* linux.devices, linux.resources.devices */
int spec_take_devices(void *spec, const struct field *f, struct error *err);
int spec_take_device_rules(void *spec, const struct field *f, struct error *err);
/* shim.json's devices */
int spec_read_host_devices(struct spec *spec, struct json_object *shim, struct error *err);

/* "dri/card0" of "/dev/dri/card0", or NULL: not a place below /dev, in its plainest form. */
const char *device_place(const char *path);
