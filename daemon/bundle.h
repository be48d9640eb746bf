/*
 * bundle.h - what a container is: an OCI bundle's config.json and our shim.json (what OCI cannot say), the
 * two texts that are executed, and what the daemon itself needs to know of them. Made from a request's
 * Config, or loaded from the container's folder.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/control.h"
#include "common/limits.h"
#include "daemon/namespaces.h"

struct config;
struct error;
struct json_object;

#define BUNDLE_TEXT_MAX (1024 * 1024)

struct bundle {
	char id[ID_TEXT_SIZE];
	char *config, *shim; /* the texts; config NULL: still to be read from folder */
	size_t config_size, shim_size;
	struct json_object *shim_json;	 /* of the shim text; what ps shows lies in it */
	char *rootfs, *folder;		 /* absolute; folder: of a foreign bundle, else NULL */
	bool direct, lock;		 /* rootfs itself is the root; one container at a time */
	bool transient, open_stdin, log; /* transient: --rm */
	bool terminal;			 /* asked for; or a foreign bundle has it */
	int64_t log_max_size;
	uint32_t log_max_files;
	int stop_signal;
	int64_t stop_timeout_ms;
	int64_t timeout_ms; /* 0: none */
	bool trace;	    /* each start tells how long its steps took */
	int64_t created_ns;
	bool cgroup_rw;
	struct namespaces namespaces;
	char *cgroup_parent;  /* as in cgroup_tree.h; NULL: our own folder */
	struct limits limits; /* those that were asked for; bundle_limits reads them */
	bool has_limits;
};

/* From a Config that fits the interface, in which containers have ids (namespaces_find); what else must hold
 * of it is checked here. ret_name gets the name (65 bytes). With a foreign bundle it is complete only after
 * bundle_read_config. */
int bundle_build(struct json_object *config, const struct config *defaults, struct bundle *ret_bundle,
	char *ret_name, struct error *err);
/* The foreign bundle's config.json, already checked by a worker: its text, or the memfd that it came in. */
int bundle_take_config(struct bundle *bundle, const char *text, size_t size, struct error *err);
int bundle_read_config(struct bundle *bundle, int fd, size_t size, struct error *err);
/* What is larger neither its start nor the next daemon would read. limit: the parameter that the text comes
 * from. */
int bundle_check_size(const char *file, size_t size, const char *limit, struct error *err);
/* From the texts of a container's folder; takes both, also on failure. */
int bundle_load(const char *id, char *config, char *shim, struct bundle *ret_bundle, struct error *err);
void bundle_done(struct bundle *bundle);
#define _cleanup_bundle_ __attribute__((cleanup(bundle_done)))

const char *bundle_image(const struct bundle *bundle);
struct json_object *bundle_command(const struct bundle *bundle); /* borrowed */
struct json_object *bundle_labels(const struct bundle *bundle);	 /* borrowed, may be NULL */

/* START_* of every start of it. */
uint32_t bundle_start_flags(const struct bundle *bundle);

/* What its config.json says of limits. NULL: nothing that can be understood. */
const struct limits *bundle_limits(struct bundle *bundle, struct error *err);
/* A foreign bundle's limits together with those of the call, which count more. */
int bundle_limits_join(struct bundle *bundle, struct json_object *config, struct error *err);
/* config.json with these limits instead. Caller frees. */
char *bundle_limits_text(
	const struct bundle *bundle, const struct limits *limits, size_t *ret_size, struct error *err);
/* They are written down: takes config, and takes limits out of *limits. */
void bundle_limits_replace(struct bundle *bundle, struct limits *limits, char *config, size_t config_size);
/* What a container has in addition to what was asked for; controllers: only what they are there for, NULL:
 * all. */
void bundle_limits_defaults(const struct limits *asked, const char *controllers, struct limits *ret_defaults);
/* Whether this machine has what they need; path: how the caller calls them ("config.resources"). */
int bundle_limits_check(const struct limits *limits, const char *path, const char *controllers,
	const char *cgroup_path, struct error *err);

/* config.json's text for a Config, its root and its command (borrowed); caller frees. */
char *bundle_oci_text(struct json_object *config, const char *rootfs, struct json_object *command,
	const char *hostname, const struct namespaces *ns, const struct limits *limits, struct error *err);
