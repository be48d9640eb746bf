/*
 * namespaces.h - which namespaces a container has not of its own: the host's, or another container's. A
 * Config names them by pid, ipc, uts, cgroupns and network; shim.json keeps them in one object, the other
 * container by its id; that one is looked for anew at each start.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/control.h"
#include "runtime/namespaces.h"

struct container;
struct error;
struct json_object;
struct registry;

struct namespaces {
	uint32_t shared;			      /* CLONE_NEW*: not its own */
	char joined[NAMESPACES_JOINED][ID_TEXT_SIZE]; /* whose they are; empty: its own, or the host's */
	bool shareable;				      /* others may join its ipc namespace */
};

/* Names of containers in a Config become ids. */
int namespaces_find(struct registry *registry, struct json_object *config, struct error *err);

/* From a Config in which containers have ids, and what must hold of it. */
int namespaces_read(struct json_object *config, struct namespaces *ret_ns, struct error *err);
/* Of a foreign bundle: from its config.json. */
void namespaces_of_bundle(struct json_object *config, struct namespaces *ret_ns);

/* config.json's linux.namespaces. Caller puts. */
struct json_object *namespaces_oci(const struct namespaces *ns);
/* shim.json's namespaces, from and to; NULL: all are its own. Caller puts. */
struct json_object *namespaces_format(const struct namespaces *ns);
int namespaces_load(struct json_object *obj, struct namespaces *ret_ns, struct error *err);

/* For a start of c: the pidfds of the others' first processes (borrowed), in the order of enum namespace;
 * ret_n of them. */
int namespaces_open(const struct container *c, int pidfds[NAMESPACES_JOINED], unsigned *ret_n,
	uint32_t *ret_joined, struct error *err);
