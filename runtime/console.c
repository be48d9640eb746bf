#include "runtime/console.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "runtime/child.h"
#include "runtime/proc.h"
#include "runtime/start.h"
#include "runtime/sys.h"

#define PTMX_INODE 2 /* in every devpts */

/* Opened only after it has been looked at: an image may have anything in its place. */
static int open_multiplexer(int dev_fd, int proc_fd, struct error *err)
{
	struct statfs fs;
	struct stat st;
	char path[32];
	_cleanup_fd_ int place = sys_openat2(dev_fd, "pts/ptmx", O_PATH | O_NOFOLLOW | O_CLOEXEC, 0,
		RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	if (place < 0 || fstatfs(place, &fs) < 0 || fstat(place, &st) < 0)
		return error_errno(err, "open '/dev/pts/ptmx' for a terminal");
	if (fs.f_type != DEVPTS_SUPER_MAGIC || st.st_ino != PTMX_INODE || !S_ISCHR(st.st_mode) ||
		st.st_rdev != makedev(5, 2))
		return error_set(err, ERROR_FAILED, "'/dev/pts/ptmx' is not the device that makes terminals");
	snprintf(path, sizeof path, "self/fd/%d", place);
	int fd = openat(proc_fd, path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? error_errno(err, "open '/dev/pts/ptmx'") : fd;
}

int console_make(int dev_fd, int proc_fd, uint16_t rows, uint16_t columns, int *ret_master, int *ret_peer,
	struct error *err)
{
	struct winsize size = { .ws_row = rows, .ws_col = columns };
	int unlocked = 0;
	_cleanup_fd_ int master = open_multiplexer(dev_fd, proc_fd, err), peer = -1;
	if (master < 0)
		return -1;
	if (rows == 0 && columns == 0)
		size = (struct winsize) { .ws_row = 24, .ws_col = 80 };
	/* By descriptor: what /dev/pts/N is called for others does not matter. */
	if (ioctl(master, TIOCSPTLCK, &unlocked) < 0 ||
		(peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0)
		return error_errno(err, "open a terminal");
	if (ioctl(peer, TIOCSWINSZ, &size) < 0)
		return error_errno(err, "set a terminal's size");
	*ret_master = steal_fd(&master);
	*ret_peer = steal_fd(&peer);
	return 0;
}

int console_enter(int peer, struct error *err)
{
	if (ioctl(peer, TIOCSCTTY, 0) < 0)
		return error_errno(err, "make the terminal the session's own");
	return 0;
}

int console_give(int peer, uint32_t uid, struct error *err)
{
	/* Its group stays the one that the devpts gives. */
	if (uid != 0 && fchown(peer, uid, (gid_t) -1) < 0)
		return error_errno(err, "give the terminal to user %u", (unsigned) uid);
	return 0;
}

/* /dev/console is the terminal, by its descriptor: the name /dev/pts/N could be exchanged meanwhile. */
static int bind_console(struct child *c, struct error *err)
{
	struct stat st;
	_cleanup_fd_ int target = -1, clone = -1;
	if (!c->foreign_dev && mknodat(c->dev_fd, "console", S_IFREG | 0600, 0) < 0 && errno != EEXIST)
		return error_errno(err, "make '/dev/console'");
	target = openat(c->dev_fd, "console", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0 && errno == ENOENT && c->foreign_dev)
		return 0;
	if (target < 0 || fstat(target, &st) < 0)
		return error_errno(err, "open '/dev/console'");
	if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		return error_set(err, ERROR_FAILED, "'/dev/console' is neither a file nor a device");
	clone = open_tree(c->peer_fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (clone < 0 ||
		move_mount(clone, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return error_errno(err, "bind the terminal on '/dev/console'");
	return 0;
}

int step_console(struct child *c, struct error *err)
{
	const struct start *s = c->start;
	struct start_message message = { .type = START_SYNC_CONSOLE };
	_cleanup_fd_ int master = -1;
	bool told = s->rows != 0 || s->columns != 0;
	if (!s->terminal)
		return 0;
	if (proc_open(c, err) < 0 ||
		console_make(c->dev_fd, c->proc_fd, told ? s->rows : c->spec.console_rows,
			told ? s->columns : c->spec.console_columns, &master, &c->peer_fd, err) < 0)
		return -1;
	/* An exec's is one terminal among others. */
	if (c->enter == NULL && bind_console(c, err) < 0)
		return -1;
	if (fd_send(c->sync, &message, sizeof message, &master, 1) < 0)
		return error_errno(err, "hand the terminal over");
	return 0;
}
