/* Masked and read-only paths: after all mounts and sysctls, before anything is given up. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "common/error.h"
#include "common/fd.h"
#include "runtime/child.h"
#include "runtime/sys.h"

static bool is_absent(int errnum)
{
	return errnum == ENOENT || errnum == ENOTDIR || errnum == EACCES;
}

static int open_path(struct child *c, const char *path)
{
	return sys_openat2(c->root_fd, path, O_PATH | O_CLOEXEC, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

static int clone_mount(int fd, unsigned flags)
{
	return open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | flags);
}

static int put_over(int mount_fd, int target_fd)
{
	return move_mount(mount_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

static int make_readonly(struct child *c, const char *path, struct error *err)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	_cleanup_fd_ int target = open_path(c, path), clone = -1;
	if (target < 0)
		return is_absent(errno) ? 0 : error_errno(err, "make '%s' read-only", path);
	clone = clone_mount(target, AT_RECURSIVE);
	if (clone < 0 || mount_setattr(clone, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr) < 0 ||
		put_over(clone, target) < 0)
		return error_errno(err, "make '%s' read-only", path);
	return 0;
}

/* An empty folder that stays so. */
static int make_void(void)
{
	_cleanup_fd_ int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "nr_blocks", "1", 0) < 0 ||
		fsconfig(fs, FSCONFIG_SET_STRING, "nr_inodes", "2", 0) < 0 ||
		fsconfig(fs, FSCONFIG_SET_STRING, "mode", "755", 0) < 0 ||
		fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return fsmount(fs, FSMOUNT_CLOEXEC,
		MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

/* A file is covered by the verified /dev/null, a folder by one empty tmpfs that all of them share: the first
 * use attaches it, the others clone what is attached. */
static int mask(struct child *c, const char *path, int *void_fd, struct error *err)
{
	struct stat st;
	_cleanup_fd_ int target = open_path(c, path), cover = -1;
	if (target < 0)
		return is_absent(errno) ? 0 : error_errno(err, "mask '%s'", path);
	if (fstat(target, &st) < 0)
		return error_errno(err, "mask '%s'", path);
	bool first = S_ISDIR(st.st_mode) && *void_fd < 0;
	if (first)
		cover = make_void();
	else
		cover = clone_mount(S_ISDIR(st.st_mode) ? *void_fd : c->null_fd, 0);
	if (cover < 0 || put_over(cover, target) < 0)
		return error_errno(err, "mask '%s'", path);
	if (first)
		*void_fd = steal_fd(&cover);
	return 0;
}

int step_paths(struct child *c, struct error *err)
{
	_cleanup_fd_ int void_fd = -1;
	for (size_t i = 0; i < c->spec.readonly_paths.n; i++)
		if (make_readonly(c, c->spec.readonly_paths.v[i], err) < 0)
			return -1;
	for (size_t i = 0; i < c->spec.masked_paths.n; i++)
		if (mask(c, c->spec.masked_paths.v[i], &void_fd, err) < 0)
			return -1;
	return 0;
}
