#include "runtime/delegate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "runtime/cgroup.h"
#include "runtime/child.h"
#include "runtime/start.h"

#define CONTROLLERS_MAX 4096

/* What its owner may write (cgroups(7), "Cgroups v2 delegation"): what limits the branch itself is not among
 * it. */
static const char *const delegated_files[] = { "cgroup.procs", "cgroup.threads", "cgroup.subtree_control",
	"memory.oom.group", "memory.reclaim" };

/* One after the other: a controller that cannot be had takes no other with it. */
static void pass_controllers(int cgroup_fd)
{
	_cleanup_free_ char *words = NULL;
	struct error ignored;
	char word[64], *save = NULL;
	_cleanup_fd_ int fd = openat(cgroup_fd, "cgroup.subtree_control", O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 ||
		fd_read_file(cgroup_fd, "cgroup.controllers", CONTROLLERS_MAX, &words, NULL, &ignored) < 0)
		return;
	for (char *name = strtok_r(words, " \n", &save); name != NULL; name = strtok_r(NULL, " \n", &save)) {
		int size = snprintf(word, sizeof word, "+%s", name);
		if (size < (int) sizeof word && write(fd, word, (size_t) size) < 0)
			continue;
	}
}

int delegate_make(int cgroup_fd, int *ret_inner_fd, int *ret_exec_fd, struct error *err)
{
	_cleanup_fd_ int inner = -1, exec = -1;
	if (cgroup_make(cgroup_fd, "container", &inner, err) < 0 ||
		cgroup_make(cgroup_fd, "exec", &exec, err) < 0)
		return -1;
	pass_controllers(cgroup_fd);
	*ret_inner_fd = steal_fd(&inner);
	*ret_exec_fd = steal_fd(&exec);
	return 0;
}

/* To the user that the container runs as. */
int step_delegate(struct child *c, struct error *err)
{
	int fd = c->start->inner_cgroup_fd;
	if (!c->start->delegated || (c->uid == 0 && c->gid == 0))
		return 0;
	if (fchown(fd, c->uid, c->gid) < 0)
		return error_errno(err, "give the cgroup to user %u", (unsigned) c->uid);
	for (size_t i = 0; i < sizeof delegated_files / sizeof *delegated_files; i++)
		if (fchownat(fd, delegated_files[i], c->uid, c->gid, AT_SYMLINK_NOFOLLOW) < 0 &&
			errno != ENOENT)
			return error_errno(
				err, "give '%s' to user %u", delegated_files[i], (unsigned) c->uid);
	return 0;
}
