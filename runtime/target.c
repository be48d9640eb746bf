#include "runtime/target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "runtime/sys.h"

static int lookup(int root_fd, const char *path, bool strict)
{
	uint64_t resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | (strict ? RESOLVE_NO_SYMLINKS : 0);
	for (int turn = 0;; turn++) {
		int fd = sys_openat2(root_fd, path, O_PATH | O_CLOEXEC, 0, resolve);
		/* EAGAIN: something was renamed meanwhile, and the kernel is not sure that we stayed inside.
		 */
		if (fd >= 0 || errno != EAGAIN || turn == 100)
			return fd;
	}
}

/* One component below a folder that is surely inside. A neighbour who shares the root may have been faster:
 * EEXIST is no failure, but what is there must be of the kind wanted, and no link. */
static int make_component(int parent, const char *name, bool is_file)
{
	if (is_file) {
		_cleanup_fd_ int made =
			openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
		if (made < 0 && errno != EEXIST)
			return -1;
		return openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	}
	if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST)
		return -1;
	return openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Component by component: the part that exists is looked up anew from the root each time, so that absolute
 * links in it mean the container's root. */
static int make_all(int root_fd, const char *path, bool is_file, bool strict)
{
	char part[PATH_MAX], name[NAME_MAX + 1];
	_cleanup_fd_ int parent = -1;
	for (const char *p = path; *p != '\0';) {
		size_t skip = strspn(p, "/"), n = strcspn(p + skip, "/");
		const char *end = p + skip + n;
		bool last = *end == '\0';
		if ((size_t) (end - path) >= sizeof part || n > NAME_MAX) {
			errno = ENAMETOOLONG;
			return -1;
		}
		snprintf(part, sizeof part, "%.*s", (int) (end - path), path);
		snprintf(name, sizeof name, "%.*s", (int) n, p + skip);
		int next = lookup(root_fd, part, strict);
		if (next < 0 && errno == ENOENT)
			next = make_component(parent >= 0 ? parent : root_fd, name, is_file && last);
		if (next < 0)
			return -1;
		fd_close(&parent);
		parent = next;
		p = end;
	}
	return steal_fd(&parent);
}

int target_open(int root_fd, const char *path, bool is_file, bool strict)
{
	struct stat st;
	_cleanup_fd_ int fd = lookup(root_fd, path, strict);
	if (fd < 0 && errno == ENOENT)
		fd = make_all(root_fd, path, is_file, strict);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (S_ISDIR(st.st_mode) == is_file) {
		errno = is_file ? EISDIR : ENOTDIR;
		return -1;
	}
	return steal_fd(&fd);
}
