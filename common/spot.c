#include "common/spot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/openat2.h"

#define LINKS_MAX 40 /* as the kernel's */

struct search {
	int base;
	uint64_t resolve;
	const char *path; /* as it was asked for */
	char left[PATH_MAX];
	bool follow;
	struct spot *spot;
};

void spot_done(struct spot *spot)
{
	fd_close(&spot->parent_fd);
}

static int failed(const struct search *s, int errnum, struct error *err)
{
	error_errnum(err, errnum, "find '%s'", s->path);
	err->kind = ERROR_COPY_FAILED;
	return error_path(err, s->path);
}

/* Slashes and "/." at the end are taken off, and noted. */
static void trim(char *path, bool *slash, bool *contents)
{
	for (size_t n = strlen(path); n > 1; n = strlen(path)) {
		if (path[n - 1] == '/')
			*slash = true;
		else if (path[n - 1] == '.' && path[n - 2] == '/')
			*contents = true;
		else
			return;
		path[n - 1] = '\0';
	}
}

static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash == NULL ? path : slash + 1;
}

/* "/", "." and, before contents, "..": a folder that has no name in another. */
static int take_folder(struct search *s, struct error *err)
{
	struct spot *spot = s->spot;
	spot->parent_fd = openat2_retry(s->base, s->left, O_PATH | O_DIRECTORY | O_CLOEXEC, s->resolve);
	if (spot->parent_fd < 0 || fstat(spot->parent_fd, &spot->st) < 0)
		return failed(s, errno, err);
	memcpy(spot->folder, s->left, sizeof spot->folder);
	memcpy(spot->name, ".", 2);
	spot->exists = true;
	return 0;
}

static int split(struct search *s, struct error *err)
{
	struct spot *spot = s->spot;
	const char *name = last_name(s->left);
	if (strlen(name) > NAME_MAX)
		return failed(s, ENAMETOOLONG, err);
	memcpy(spot->name, name, strlen(name) + 1);
	int n = (int) (name - s->left);
	snprintf(spot->folder, sizeof spot->folder, "%.*s", n > 1 ? n - 1 : n, s->left);
	fd_close(&spot->parent_fd);
	spot->parent_fd = openat2_retry(
		s->base, n == 0 ? "." : spot->folder, O_PATH | O_DIRECTORY | O_CLOEXEC, s->resolve);
	return spot->parent_fd < 0 ? failed(s, errno, err) : 0;
}

/* The link's text in its place. */
static int expand(struct search *s, struct error *err)
{
	char link[PATH_MAX], whole[2 * PATH_MAX];
	struct spot *spot = s->spot;
	ssize_t n = readlinkat(spot->parent_fd, spot->name, link, sizeof link - 1);
	if (n <= 0)
		return failed(s, n < 0 ? errno : ENOENT, err);
	link[n] = '\0';
	bool absolute = link[0] == '/' || spot->folder[0] == '\0';
	int size = snprintf(
		whole, sizeof whole, "%s%s%s", absolute ? "" : spot->folder, absolute ? "" : "/", link);
	if (size >= PATH_MAX)
		return failed(s, ENAMETOOLONG, err);
	memcpy(s->left, whole, (size_t) size + 1);
	return 0;
}

static bool has_no_name(const char *path)
{
	const char *name = last_name(path);
	return name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int search(struct search *s, struct error *err)
{
	struct spot *spot = s->spot;
	for (int links = 0; links <= LINKS_MAX; links++) {
		bool ignored;
		trim(s->left, &ignored, &ignored);
		if (has_no_name(s->left))
			return take_folder(s, err);
		if (split(s, err) < 0)
			return -1;
		spot->exists = fstatat(spot->parent_fd, spot->name, &spot->st, AT_SYMLINK_NOFOLLOW) == 0;
		if (!spot->exists)
			return errno == ENOENT ? 0 : failed(s, errno, err);
		if (!S_ISLNK(spot->st.st_mode) || !s->follow)
			return 0;
		if (expand(s, err) < 0)
			return -1;
	}
	return failed(s, ELOOP, err);
}

/* Which folder that is, by its own name. */
static int resolve_up(struct search *s, int self_fd, struct error *err)
{
	char number[16];
	_cleanup_fd_ int fd = openat2_retry(s->base, s->left, O_PATH | O_DIRECTORY | O_CLOEXEC, s->resolve);
	if (fd < 0)
		return failed(s, errno, err);
	snprintf(number, sizeof number, "%d", fd);
	ssize_t n = readlinkat(self_fd, number, s->left, sizeof s->left - 1);
	if (n < 0)
		return failed(s, errno, err);
	s->left[n] = '\0';
	return 0;
}

int spot_find(int base, uint64_t resolve, int self_fd, const char *path, bool follow, struct spot *ret_spot,
	struct error *err)
{
	struct spot spot = { .parent_fd = -1 };
	struct search s = { .base = base, .resolve = resolve, .path = path, .spot = &spot };
	if (path[0] == '\0')
		return error_set(err, ERROR_COPY_FAILED, "the path is empty");
	if (snprintf(s.left, sizeof s.left, "%s", path) >= (int) sizeof s.left)
		return failed(&s, ENAMETOOLONG, err);
	trim(s.left, &spot.slash, &spot.contents);
	if (!spot.contents && strcmp(last_name(s.left), "..") == 0 && resolve_up(&s, self_fd, err) < 0)
		return -1;
	spot.contents = spot.contents || has_no_name(s.left);
	s.follow = follow || spot.slash || spot.contents;
	const char *asked = spot.contents ? "." : last_name(s.left);
	if (strlen(asked) > NAME_MAX)
		return failed(&s, ENAMETOOLONG, err);
	memcpy(spot.asked, asked, strlen(asked) + 1);
	int result = search(&s, err);
	bool folder = spot.exists && S_ISDIR(spot.st.st_mode);
	if (result == 0 && (spot.slash || spot.contents) && spot.exists && !folder)
		result = failed(&s, ENOTDIR, err);
	if (result < 0)
		spot_done(&spot);
	else
		*ret_spot = spot;
	return result;
}
