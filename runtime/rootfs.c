/* The root: an overlay over the folder that was named, or a clone of the folder itself, attached over it in
 * our own mount namespace and pivoted into. Nothing of this is ever visible on the host. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "runtime/child.h"
#include "runtime/start.h"
#include "runtime/sys.h"

static int open_rootfs(struct child *c, struct error *err)
{
	const char *rootfs = c->start->rootfs;
	c->rootfs_fd = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (c->rootfs_fd < 0) {
		error_errno(err, "open the root file system '%s'", rootfs);
		return error_path(err, rootfs);
	}
	return 0;
}

/* Device nodes that somebody's tree brings along are dead: the container's are on the tmpfs that is mounted
 * on /dev. Where none is, the root's own have to do. */
static uint64_t root_attributes(const struct child *c)
{
	for (size_t i = 0; i < c->spec.n_mounts; i++)
		if (strcmp(c->spec.mounts[i].target, "/dev") == 0)
			return MOUNT_ATTR_NODEV;
	return 0;
}

int step_root_source(struct child *c, struct error *err)
{
	if (open_rootfs(c, err) < 0)
		return -1;
	if (!c->start->direct)
		return 0;
	struct mount_attr attr = { .attr_set = root_attributes(c), .propagation = c->spec.root_propagation };
	c->root_fd = open_tree(
		c->rootfs_fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH);
	if (c->root_fd < 0 ||
		mount_setattr(c->root_fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr) < 0)
		return error_errno(err, "clone the root file system '%s'", c->start->rootfs);
	return 0;
}

int step_propagation(struct child *c, struct error *err)
{
	(void) c;
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return error_errno(err, "cut the propagation of mounts to the host");
	return 0;
}

/* The layer's own folder gives the root folder its owner and mode. A root that not everybody may enter is
 * never meant: it comes from a tree that mktemp -d has made. */
static int make_upper(struct child *c, struct error *err)
{
	struct stat st;
	int layers = c->start->layers_fd;
	if (mkdirat(layers, "work", 0700) < 0 && errno != EEXIST)
		return error_errno(err, "make the overlay's folder 'work'");
	if (mkdirat(layers, "upper", 0755) < 0) {
		if (errno == EEXIST)
			return 0;
		return error_errno(err, "make the overlay's folder 'upper'");
	}
	if (fstat(c->rootfs_fd, &st) < 0 || fchownat(layers, "upper", st.st_uid, st.st_gid, 0) < 0 ||
		fchmodat(layers, "upper", (st.st_mode & 07777) | 0555, 0) < 0)
		return error_errno(err, "make the overlay's folder 'upper'");
	return 0;
}

/* The caller's descriptor of the layers belongs to a mount of the caller's namespace, on which the kernel
 * lets us build nothing. The same folder, by its name, as our own namespace has it; *fd is replaced. */
static int reopen_layers(int *fd, struct error *err)
{
	char link[40], path[PATH_MAX];
	struct stat theirs, ours;
	snprintf(link, sizeof link, "/proc/self/fd/%d", *fd);
	ssize_t n = readlink(link, path, sizeof path);
	if (n == sizeof path)
		errno = ENAMETOOLONG;
	if (n < 0 || n == sizeof path)
		return error_errno(err, "find the name of the overlay's folder");
	path[n] = '\0';
	_cleanup_fd_ int own = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (own < 0 || fstat(*fd, &theirs) < 0 || fstat(own, &ours) < 0)
		return error_errno(err, "open the overlay's folder '%s'", path);
	if (theirs.st_dev != ours.st_dev || theirs.st_ino != ours.st_ino)
		return error_errnum(err, ESTALE, "open the overlay's folder '%s'", path);
	*fd = steal_fd(&own);
	return 0;
}

/* Only short names of ours appear in the options: a path of the user's may be longer than fsconfig(2) takes,
 * and ':' ',' '\' mean something there. upper and work are relative to our working directory. */
static int make_overlay(struct child *c, struct error *err)
{
	char lower[40];
	struct statfs st;
	_cleanup_fd_ int fs = fsopen("overlay", FSOPEN_CLOEXEC);
	int layers = c->start->layers_fd;
	snprintf(lower, sizeof lower, "/proc/self/fd/%d", c->rootfs_fd);
	if (reopen_layers(&layers, err) < 0)
		return -1;
	if (fchdir(layers) < 0)
		return error_errno(err, "enter the overlay's folder");
	close(layers);
	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "source", "overlay", 0) < 0 ||
		fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir", lower, 0) < 0 ||
		fsconfig(fs, FSCONFIG_SET_STRING, "upperdir", "upper", 0) < 0 ||
		fsconfig(fs, FSCONFIG_SET_STRING, "workdir", "work", 0) < 0 ||
		(c->start->is_volatile && fsconfig(fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0) < 0) ||
		fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
		int errnum = errno;
		error_errno(err, "make an overlay over '%s'", c->start->rootfs);
		error_path(err, c->start->rootfs);
		if (errnum == EINVAL)
			error_hint(err, "upper layers cannot lie on every file system (not on overlayfs, NFS "
					"or FAT)");
		return -1;
	}
	c->root_fd = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned) root_attributes(c));
	if (c->root_fd < 0 || fstatfs(c->root_fd, &st) < 0)
		return error_errno(err, "mount the overlay over '%s'", c->start->rootfs);
	/* overlayfs does not fail where it cannot write: it becomes read-only and says nothing. */
	if (st.f_flags & ST_RDONLY) {
		error_errnum(err, EROFS, "make an overlay over '%s'", c->start->rootfs);
		return error_hint(err, "the file system of the upper layer cannot hold one");
	}
	return 0;
}

int step_rootfs(struct child *c, struct error *err)
{
	if (!c->start->direct && (make_upper(c, err) < 0 || make_overlay(c, err) < 0))
		return -1;
	if (move_mount(c->root_fd, "", c->rootfs_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) <
		0)
		return error_errno(err, "attach the root file system '%s'", c->start->rootfs);
	return 0;
}

int step_pivot(struct child *c, struct error *err)
{
	if (fchdir(c->root_fd) < 0)
		return error_errno(err, "enter the root file system");
	/* With both names the same the old root lies on top of the new one, and umount(".") finds it first
	 * (pivot_root(2)): no folder for it is needed. */
	if (sys_pivot_root(".", ".") < 0) {
		int errnum = errno;
		error_errno(err, "make '%s' the root", c->start->rootfs);
		if (errnum == EINVAL)
			error_hint(err, "pivot_root(2) fails in a chroot and on an initramfs");
		return -1;
	}
	if (umount2(".", MNT_DETACH) < 0)
		return error_errno(err, "let go of the host's root");
	if (chdir("/") < 0)
		return error_errno(err, "enter the new root");
	return 0;
}

static int set_readonly(int mount_fd)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	return mount_setattr(mount_fd, "", AT_EMPTY_PATH, &attr, sizeof attr);
}

/* After everything that makes folders inside. */
int step_readonly(struct child *c, struct error *err)
{
	for (size_t i = 0; i < c->spec.n_mounts; i++)
		if (c->late_ro_fds[i] >= 0 && set_readonly(c->late_ro_fds[i]) < 0)
			return error_errno(err, "make '%s' read-only", c->spec.mounts[i].destination);
	if (c->spec.root_readonly && set_readonly(c->root_fd) < 0)
		return error_errno(err, "make the root read-only");
	return 0;
}
