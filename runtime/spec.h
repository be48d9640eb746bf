/*
 * spec.h - what to run: config.json (OCI runtime-spec) and our shim.json, read strictly and bounded. What the
 * runtime does not implement is refused by its name; what is wrong, with its field. Read by the child, in
 * memory that execve throws away, and by workers and --bundle for a check.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/limits.h"
#include "runtime/fields.h"
#include "runtime/mount_options.h"
#include "runtime/spec_devices.h"

#define SPEC_TEXT_MAX	 (1024 * 1024) /* of each of the files */
#define SPEC_MOUNTS_MAX	 512
#define SPEC_PATHS_MAX	 1024 /* masked or read-only: each is a mount, which the next one walks over */
#define SPEC_GROUPS_MAX	 1024
#define SPEC_RLIMITS_MAX 32
#define SPEC_SYSCTLS_MAX 128

#define SHARED_MEMORY "/dev/shm" /* shm_open(3): goes with the ipc namespace */

enum capability_set {
	CAPABILITIES_BOUNDING,
	CAPABILITIES_EFFECTIVE,
	CAPABILITIES_INHERITABLE,
	CAPABILITIES_PERMITTED,
	CAPABILITIES_AMBIENT,
	CAPABILITY_SETS,
};

struct spec_rlimit {
	int resource;
	uint64_t soft, hard;
};

struct spec_sysctl {
	const char *key, *value;
};

struct spec {
	struct json_object *config, *shim; /* owned; every text below is borrowed from them */

	struct strings args, env;
	const char *cwd;
	uint32_t uid, gid, umask;
	uint32_t gids[SPEC_GROUPS_MAX];
	size_t n_gids;
	uint64_t capabilities[CAPABILITY_SETS]; /* masks of 1 << CAP_… */
	struct spec_rlimit rlimits[SPEC_RLIMITS_MAX];
	size_t n_rlimits;
	bool no_new_privileges;
	bool terminal;
	uint16_t console_rows, console_columns; /* 0 and 0: not told */
	bool has_oom_score_adj;
	int oom_score_adj;

	const char *root_path; /* relative to the bundle's folder, maybe */
	bool root_readonly;
	const char *hostname, *domainname; /* NULL: none */

	struct mount *mounts; /* in their order */
	size_t n_mounts;
	uint64_t root_propagation; /* MS_PRIVATE or MS_SLAVE */
	struct spec_sysctl sysctls[SPEC_SYSCTLS_MAX];
	size_t n_sysctls;
	struct strings masked_paths, readonly_paths;
	struct spec_device *devices; /* linux.devices */
	size_t n_devices;
	struct device_rule *device_rules; /* linux.resources.devices, in their order */
	size_t n_device_rules;
	struct limits limits; /* of linux.resources; the caller's to apply */
	uint32_t namespaces; /* its own, CLONE_NEW*; that of cgroups also where config.json does not say so */
	uint32_t joined;     /* other containers' */

	/* shim.json */
	const char *user; /* "name|uid[:group|gid]", resolved inside; NULL: uid and gid above */
	bool user_is_default;
	struct strings groups;
	bool init;
	struct spec_host_device *host_devices;
	size_t n_host_devices;
};

/* shim: NULL if there is none. spec_done is the caller's, also after a failure. */
int spec_parse(const char *config, size_t config_size, const char *shim, size_t shim_size,
	struct spec *ret_spec, struct error *err);
void spec_done(struct spec *spec);

/* A bind mount of the shared memory of the container whose ipc namespace it joins. */
bool mount_is_joined(const struct mount *m);
