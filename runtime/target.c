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

#define LINKS_MAX 16

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
	/* The one name that leads up, maybe out of a root that somebody empties meanwhile. */
	if (strcmp(name, "..") == 0) {
		errno = ENOENT;
		return -1;
	}
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

/* A link that leads nowhere, yet: replaces the component from begin to end of path by what it says. */
static int expand_link(int parent, const char *name, char path[PATH_MAX], const char *begin, const char *end)
{
	char link[PATH_MAX], longer[2 * PATH_MAX];
	ssize_t n = readlinkat(parent, name, link, sizeof link - 1);
	if (n < 0)
		return -1;
	link[n] = '\0';
	int kept = link[0] == '/' ? 0 : (int) (begin - path);
	int size = snprintf(longer, sizeof longer, "%.*s%s%s", kept, path, link, end);
	if (size >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(path, longer, (size_t) size + 1);
	return 0;
}

static bool is_link(int parent, const char *name)
{
	struct stat st;
	return fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

/* Component by component: the part that exists is looked up anew from the root each time, so that absolute
 * links in it mean the container's root. -1 with EAGAIN: path was changed, and begins anew. */
static int make_all(int root_fd, char path[PATH_MAX], bool is_file, bool strict)
{
	char part[PATH_MAX], name[NAME_MAX + 1];
	_cleanup_fd_ int parent = fcntl(root_fd, F_DUPFD_CLOEXEC, 3);
	if (parent < 0)
		return -1;
	for (const char *p = path; *p != '\0';) {
		const char *begin = p + strspn(p, "/"), *end = begin + strcspn(begin, "/");
		if (end - begin > NAME_MAX) {
			errno = ENAMETOOLONG;
			return -1;
		}
		snprintf(part, sizeof part, "%.*s", (int) (end - path), path);
		snprintf(name, sizeof name, "%.*s", (int) (end - begin), begin);
		int next = lookup(root_fd, part, strict);
		if (next < 0 && errno == ENOENT) {
			if (!strict && is_link(parent, name)) {
				if (expand_link(parent, name, path, begin, end) == 0)
					errno = EAGAIN;
				return -1;
			}
			next = make_component(parent, name, is_file && end[strspn(end, "/")] == '\0');
		}
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
	char copy[PATH_MAX];
	_cleanup_fd_ int fd = lookup(root_fd, path, strict);
	if (fd < 0 && errno == ENOENT) {
		if (snprintf(copy, sizeof copy, "%s", path) >= (int) sizeof copy) {
			errno = ENAMETOOLONG;
			return -1;
		}
		errno = EAGAIN;
		for (int links = 0; fd < 0 && errno == EAGAIN && links < LINKS_MAX; links++)
			fd = make_all(root_fd, copy, is_file, strict);
		if (fd < 0 && errno == EAGAIN)
			errno = ELOOP;
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (S_ISLNK(st.st_mode)) {
		errno = ELOOP;
		return -1;
	}
	if (S_ISDIR(st.st_mode) == is_file) {
		errno = is_file ? EISDIR : ENOTDIR;
		return -1;
	}
	return steal_fd(&fd);
}
