/* bundle_devices.h - a request's devices: what shim.json says of them, and the rules of config.json. */
#pragma once

struct error;
struct json_object;

/* shim.json's list; the start looks up what they are. Caller puts. */
int bundle_read_devices(struct json_object *config, struct json_object **ret_devices, struct error *err);
/* linux.resources.devices: all is denied but what the runtime adds, or, with privileged, nothing. */
int bundle_add_device_rules(struct json_object *resources, struct json_object *config, struct error *err);
