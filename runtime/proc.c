#include "runtime/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/parse.h"
#include "runtime/child.h"
#include "runtime/sys.h"

int proc_open(struct child *c, struct error *err)
{
	if (c->proc_fd >= 0)
		return 0;
	_cleanup_fd_ int fs = fsopen("proc", FSOPEN_CLOEXEC);
	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return error_errno(err, "make a procfs");
	c->proc_fd = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return c->proc_fd < 0 ? error_errno(err, "make a procfs") : 0;
}

/* Opens a file of it, and nothing but procfs. */
static int proc_file(struct child *c, const char *file, int flags)
{
	struct statfs fs;
	_cleanup_fd_ int fd = sys_openat2(c->proc_fd, file, (uint64_t) (flags | O_CLOEXEC | O_NOFOLLOW), 0,
		RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS);
	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return -1;
	if (fs.f_type != PROC_SUPER_MAGIC) {
		errno = EXDEV;
		return -1;
	}
	return steal_fd(&fd);
}

int proc_write(struct child *c, const char *file, const char *text)
{
	_cleanup_fd_ int fd = proc_file(c, file, O_WRONLY);
	return fd < 0 ? -1 : fd_write_all(fd, text, strlen(text));
}

/* A negative score is the daemon's and its shims' own, inherited; a container never keeps it unless its
 * config.json says so. */
int step_oom_score(struct child *c, struct error *err)
{
	char text[16] = "0", file[40];
	if (proc_open(c, err) < 0)
		return -1;
	snprintf(file, sizeof file, "%d/oom_score_adj", (int) getpid());
	if (!c->spec.has_oom_score_adj) {
		_cleanup_fd_ int fd = proc_file(c, file, O_RDONLY);
		char present[16];
		ssize_t n = fd < 0 ? -1 : fd_read_all(fd, present, sizeof present);
		if (n < 0)
			return error_errno(err, "read oom_score_adj");
		if (n == 0 || present[0] != '-')
			return 0;
	} else {
		snprintf(text, sizeof text, "%d", c->spec.oom_score_adj);
	}
	if (proc_write(c, file, text) == 0)
		return 0;
	if (errno != EACCES)
		return error_errno(err, "set oom_score_adj to %s", text);
	error_errno(err, "set oom_score_adj to %s", text);
	return error_hint(err, "lowering it takes CAP_SYS_RESOURCE, which the daemon has not");
}
