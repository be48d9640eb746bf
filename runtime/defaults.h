/*
 * defaults.h - what a container gets when nobody says otherwise: capabilities, paths masked and read-only,
 * mounts, environment, rlimits. The daemon writes them into config.json; the runtime executes only what it
 * finds there. The devices alone are the runtime's to add, as the OCI runtime-spec has it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runtime/device_filter.h"

extern const uint64_t default_capabilities;	   /* as a mask of 1 << CAP_… */
extern const char *const default_masked_paths[];   /* NULL at the end */
extern const char *const default_readonly_paths[]; /* NULL at the end */
extern const char *const default_env[];		   /* NULL at the end; PATH */

/* In the order in which they are mounted; destination NULL at the end. options: comma-separated. */
struct default_mount {
	const char *destination, *type, *source, *options;
};
extern const struct default_mount default_mounts[];
extern const struct default_mount systemd_mounts[]; /* what a container that systemd runs in has besides */

struct default_rlimit {
	const char *type; /* "RLIMIT_NOFILE" */
	uint64_t soft, hard;
};
extern const struct default_rlimit default_rlimits[]; /* type NULL at the end */

/* Nodes of /dev that every container has. */
struct default_device {
	const char *name;
	unsigned major, minor;
};
extern const struct default_device default_devices[]; /* name NULL at the end */

/* What may be opened and made beside them: they open no way to anything of the machine. */
extern const struct device_rule default_device_rules[];
extern const size_t default_device_rules_count;
