/* What the first process is to its caller and to the terminal world: its session, its standard descriptors,
 * its working directory. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "runtime/child.h"
#include "runtime/console.h"
#include "runtime/start.h"
#include "runtime/target.h"

/* Whatever is opened from now on lies above the standard descriptors, even if the caller has none. */
static int fill_stdio(struct child *c, struct error *err)
{
	int fd;
	if (c->sync < 3)
		c->sync = fcntl(c->sync, F_DUPFD_CLOEXEC, 3);
	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd < 3);
	if (fd < 0 || c->sync < 0)
		return error_errno(err, "open '/dev/null'");
	close(fd);
	return 0;
}

int session_keyring(const char *id, struct error *err)
{
	char keyring[64];
	snprintf(keyring, sizeof keyring, "_ses.%.40s", id);
	/* The caller's session keyring would be ours too; ENOSYS: a kernel without keys. */
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, keyring) < 0 && errno != ENOSYS)
		return error_errno(err, "join a session keyring of its own");
	return 0;
}

int step_session(struct child *c, struct error *err)
{
	/* First of all: from now on nobody inside could look into us, nor take a descriptor out of us. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return error_errno(err, "become undumpable");
	/* A dead caller leaves no half-made container. If it died before this, step_ready finds out. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return error_errno(err, "tie our life to the caller's");
	if (setsid() < 0)
		return error_errno(err, "make a session");
	umask(0);
	/* An exec's caller has both, for all of them. */
	if (c->enter != NULL)
		return 0;
	return session_keyring(c->start->id, err) < 0 ? -1 : fill_stdio(c, err);
}

/* Made where it is missing, in the root that is ours by now. Root goes there while it may go everywhere;
 * where even it may not (NFS), the user tries itself. */
int step_cwd(struct child *c, struct error *err)
{
	const char *cwd = c->spec.cwd;
	if (chdir(cwd) < 0) {
		_cleanup_fd_ int made = -1;
		c->late_cwd = errno == EACCES;
		if (errno == ENOENT)
			made = target_open(c->root_fd, cwd, false, false);
		if (!c->late_cwd && (made < 0 || chdir(cwd) < 0)) {
			error_errno(err, "enter the working directory '%s'", cwd);
			return error_path(err, cwd);
		}
	}
	umask(c->spec.umask);
	return 0;
}

int step_cwd_check(struct child *c, struct error *err)
{
	char path[PATH_MAX];
	if (c->late_cwd && chdir(c->spec.cwd) < 0) {
		error_errno(err, "enter the working directory '%s'", c->spec.cwd);
		return error_path(err, c->spec.cwd);
	}
	/* The system call itself: for what lies outside the root it answers "(unreachable)/…", which a libc
	 * would hide. A working directory of /proc/self/fd/N leads there. */
	if (syscall(SYS_getcwd, path, sizeof path) < 0)
		return error_errno(err, "find the working directory '%s' again", c->spec.cwd);
	if (path[0] != '/')
		return error_set(
			err, ERROR_FAILED, "the working directory '%s' is outside the root", c->spec.cwd);
	return 0;
}

/* The host's /dev/null as a standard descriptor would be a way to the host's file system: the container's own
 * takes its place. */
static int replace_host_null(struct child *c, int fd, struct error *err)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return error_errno(err, "look at descriptor %d", fd);
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return 0;
	_cleanup_fd_ int own = openat(c->dev_fd, "null", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (own < 0 || fstat(own, &st) < 0)
		return error_errno(err, "open '/dev/null'");
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return error_set(err, ERROR_FAILED, "'/dev/null' is not the device of that name");
	if (dup2(own, fd) < 0)
		return error_errno(err, "replace descriptor %d", fd);
	return 0;
}

int stdio_place(const struct child *c, struct error *err)
{
	int from[3];
	for (int i = 0; i < 3; i++) {
		from[i] = c->start->terminal ? c->peer_fd : c->start->stdio[i];
		/* One that lies where another one goes has to make room. */
		if (from[i] < 3 && from[i] != i)
			from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 3);
		if (from[i] < 0)
			return error_errno(err, "move descriptor %d", i);
	}
	for (int i = 0; i < 3; i++)
		if (from[i] == i ? fcntl(i, F_SETFD, 0) < 0 : dup2(from[i], i) < 0)
			return error_errno(err, "set up descriptor %d", i);
	return 0;
}

/* Afterwards: 0, 1, 2, the sync socket (START_SYNC_FD) and, with --init, our executable. Everything was born
 * close-on-exec; closing it here does not rely on that. */
int step_descriptors(struct child *c, struct error *err)
{
	/* An exec's program is the leader of another session. */
	if (c->start->terminal && c->enter == NULL && console_enter(c->peer_fd, err) < 0)
		return -1;
	if (c->start->terminal && console_give(c->peer_fd, c->uid, err) < 0)
		return -1;
	if (stdio_place(c, err) < 0)
		return -1;
	for (int i = 0; i < 3; i++)
		if (replace_host_null(c, i, err) < 0)
			return -1;
	unsigned first_closed = START_SYNC_FD + 1;
	if (c->exe_fd == START_SYNC_FD) {
		c->exe_fd = fcntl(c->exe_fd, F_DUPFD_CLOEXEC, START_SYNC_FD + 2);
		if (c->exe_fd < 0)
			return error_errno(err, "move the descriptor of our executable");
	}
	if (c->sync != START_SYNC_FD) {
		if (dup3(c->sync, START_SYNC_FD, O_CLOEXEC) < 0)
			return error_errno(err, "move the sync socket");
		c->sync = START_SYNC_FD;
	}
	if (c->exe_fd >= 0) {
		if (c->exe_fd != START_EXE_FD && dup3(c->exe_fd, START_EXE_FD, O_CLOEXEC) < 0)
			return error_errno(err, "move the descriptor of our executable");
		c->exe_fd = START_EXE_FD;
		first_closed = START_EXE_FD + 1;
	}
	if (close_range(first_closed, ~0U, 0) < 0)
		return error_errno(err, "close all other descriptors");
	c->peer_fd = c->root_fd = c->proc_fd = c->dev_fd = c->null_fd = c->rootfs_fd = -1;
	return 0;
}
