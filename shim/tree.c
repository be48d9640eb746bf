#include "shim/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"

#define DEPTH_MAX 32
#define TRIES_MAX 100

/* A removal under way. Folders deeper than DEPTH_MAX are moved up to the top and taken in a later round, so
 * that the descriptors held at once are bounded. */
struct removal {
	int top_fd;
	dev_t dev;
	unsigned moved, round;
	bool failed;
	struct error *err;
};

static void note(struct removal *r, const char *what, const char *name)
{
	if (!r->failed)
		error_errno(r->err, "%s '%s'", what, name);
	r->failed = true;
}

static void remove_below(struct removal *r, int dir_fd, int depth);

static void remove_folder(struct removal *r, int dir_fd, const char *name, int depth)
{
	if (unlinkat(dir_fd, name, AT_REMOVEDIR) == 0)
		return;
	if (errno != ENOTEMPTY && errno != EEXIST) {
		note(r, "remove", name);
		return;
	}
	if (depth >= DEPTH_MAX) {
		char deep[32];
		snprintf(deep, sizeof deep, ".deep-%u-%u", r->round, r->moved);
		if (renameat(dir_fd, name, r->top_fd, deep) == 0)
			r->moved++;
		else
			note(r, "move", name);
		return;
	}
	_cleanup_fd_ int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0) {
		note(r, "open", name);
		return;
	}
	if (st.st_dev != r->dev) {
		errno = EXDEV;
		note(r, "remove", name);
		return;
	}
	remove_below(r, fd, depth + 1);
	if (unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		note(r, "remove", name);
}

static void remove_below(struct removal *r, int dir_fd, int depth)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir == NULL) {
		note(r, "read", "a folder");
		fd_close(&fd);
		return;
	}
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		const char *name = entry->d_name;
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		if (entry->d_type != DT_DIR && unlinkat(dir_fd, name, 0) == 0)
			continue;
		if (entry->d_type != DT_DIR && errno != EISDIR && errno != EPERM) {
			if (errno != ENOENT)
				note(r, "remove", name);
			continue;
		}
		remove_folder(r, dir_fd, name, depth);
	}
	closedir(dir);
}

int tree_remove(int parent_fd, const char *name, struct error *err)
{
	_cleanup_fd_ int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP) && unlinkat(parent_fd, name, 0) == 0)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_errno(err, "open '%s'", name);

	struct removal r = { .top_fd = fd, .dev = st.st_dev, .err = err };
	/* Somebody who had the folder open may still put a file into it (a rename's state.json): then once
	 * more. */
	for (int tries = 0; tries < TRIES_MAX && !r.failed; tries += r.moved == 0) {
		r.moved = 0;
		r.round++;
		remove_below(&r, fd, 0);
		if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return r.failed ? -1 : 0;
		if (errno != ENOTEMPTY && errno != EEXIST)
			break;
	}
	note(&r, "remove", name);
	return -1;
}
