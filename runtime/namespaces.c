#include "runtime/namespaces.h"

#include <errno.h>
#include <sched.h>

#include "common/error.h"
#include "runtime/child.h"
#include "runtime/start.h"

const struct namespace_kind namespace_kinds[NAMESPACES] = {
	[NAMESPACE_PID] = { "pid", CLONE_NEWPID },
	[NAMESPACE_IPC] = { "ipc", CLONE_NEWIPC },
	[NAMESPACE_NETWORK] = { "network", CLONE_NEWNET },
	[NAMESPACE_UTS] = { "uts", CLONE_NEWUTS },
	[NAMESPACE_CGROUP] = { "cgroup", CLONE_NEWCGROUP },
	[NAMESPACE_MOUNT] = { "mount", CLONE_NEWNS },
};

int namespace_join(int pidfd, enum namespace kind, struct error *err)
{
	if (setns(pidfd, (int) namespace_kinds[kind].flag) == 0)
		return 0;
	if (errno == ESRCH)
		return error_set(err, ERROR_INVALID_STATE,
			"the container whose %s namespace it is to share has ended",
			namespace_kinds[kind].type);
	return error_errno(err, "enter another container's %s namespace", namespace_kinds[kind].type);
}

/* Before anything is made that belongs to one of them. That of pids the caller has entered: only a new
 * process can be in another one. */
int step_namespaces(struct child *c, struct error *err)
{
	for (int i = NAMESPACE_IPC; i < NAMESPACES_JOINED; i++)
		if (c->start->joined & namespace_kinds[i].flag &&
			namespace_join(c->start->joined_pidfds[i], (enum namespace) i, err) < 0)
			return -1;
	return 0;
}
