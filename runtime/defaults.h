/*
 * defaults.h - what a container gets when nobody says otherwise: capabilities, paths masked and read-only,
 * mounts, environment, rlimits. The daemon writes them into config.json; the runtime executes only what it
 * finds there.
 */
#pragma once

#include <stdint.h>

extern const uint64_t default_capabilities;	   /* as a mask of 1 << CAP_… */
extern const char *const default_masked_paths[];   /* NULL at the end */
extern const char *const default_readonly_paths[]; /* NULL at the end */
extern const char *const default_env[];		   /* NULL at the end; PATH */

/* In the order in which they are mounted; destination NULL at the end. options: comma-separated. */
struct default_mount {
	const char *destination, *type, *source, *options;
};
extern const struct default_mount default_mounts[];

struct default_rlimit {
	const char *type; /* "RLIMIT_NOFILE" */
	uint64_t soft, hard;
};
extern const struct default_rlimit default_rlimits[]; /* type NULL at the end */
