/* namespaces.h - the kinds of namespaces that a container has of its own, in one table: what OCI and the
 * kernel call them. A set of them is a mask of the kernel's flags. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum namespace {
	/* Those that can also be another container's: its first process's pidfd comes along, in this order.
	 */
	NAMESPACE_PID,
	NAMESPACE_IPC,
	NAMESPACE_NETWORK,
	NAMESPACES_JOINED,

	NAMESPACE_UTS = NAMESPACES_JOINED,
	NAMESPACE_CGROUP,
	NAMESPACE_MOUNT, /* always its own */
	NAMESPACES,
};

struct namespace_kind {
	const char *type; /* of config.json's linux.namespaces */
	uint32_t flag;	  /* CLONE_NEW* */
};
extern const struct namespace_kind namespace_kinds[NAMESPACES];

/* All of the table. */
#define NAMESPACE_FLAGS \
	(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP)

/* How a config.json names the other container, behind which its id stands: as the path of a namespace, and in
 * a mount's source before the path there. No other runtime takes it for a path. */
#define NAMESPACE_OF_CONTAINER "container:"

struct error;

/* Enters that of the process; with NAMESPACE_PID only processes made later are in it. */
int namespace_join(int pidfd, enum namespace kind, struct error *err);
