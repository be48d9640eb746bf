#include "runtime/visit.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>

#include "common/error.h"
#include "runtime/capabilities.h"
#include "runtime/child.h"
#include "runtime/start.h"

int visit_running(int first_pidfd, struct error *err)
{
	/* Root and working directory are those of the namespace then. */
	if (setns(first_pidfd, CLONE_NEWNS) == 0)
		return 0;
	return errno == ESRCH ? error_set(err, ERROR_INVALID_STATE, "the container has just ended")
			      : error_errno(err, "enter the container's mount namespace");
}

/* A procfs of ours would show the host's processes; what else the kernel makes up is nothing to copy; and a
 * tmpfs is empty between two runs, or another container's. */
static void keep_bind_mounts(struct spec *spec)
{
	size_t n = 0;
	for (size_t i = 0; i < spec->n_mounts; i++) {
		struct mount m = spec->mounts[i];
		if (m.kind != MOUNT_BIND || strcmp(m.target, "/dev") == 0 || mount_is_joined(&m))
			continue;
		spec->mounts[i] = spec->mounts[n];
		spec->mounts[n++] = m;
	}
	spec->n_mounts = n;
}

int visit_stopped(const struct start *start, struct error *err)
{
	struct child *c = child_new(start, -1);
	if (unshare(CLONE_NEWNS) < 0)
		return error_errno(err, "make a mount namespace");
	if (step_spec(c, err) < 0)
		return -1;
	keep_bind_mounts(&c->spec);
	if (step_root_source(c, err) < 0 || step_mount_sources(c, err) < 0 || step_propagation(c, err) < 0 ||
		step_rootfs(c, err) < 0 || step_mounts(c, err) < 0 || step_pivot(c, err) < 0)
		return -1;
	return step_readonly(c, err);
}

int visit_privileges(struct error *err)
{
	static const uint64_t files =
		1 << CAP_CHOWN | 1 << CAP_DAC_OVERRIDE | 1 << CAP_FOWNER | 1 << CAP_FSETID;
	const uint64_t wanted[CAPABILITY_SETS] = { [CAPABILITIES_BOUNDING] = files,
		[CAPABILITIES_EFFECTIVE] = files,
		[CAPABILITIES_PERMITTED] = files };
	uint64_t held, granted[CAPABILITY_SETS];
	if (capabilities_held(&held, err) < 0 || capabilities_grant(wanted, held, granted, err) < 0 ||
		capabilities_drop(held & ~granted[CAPABILITIES_BOUNDING], err) < 0)
		return -1;
	return capabilities_set(granted, err);
}
