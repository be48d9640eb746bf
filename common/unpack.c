#include "common/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/openat2.h"
#include "common/parse.h"

#define BENEATH	  (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)
#define TEMP_SIZE 32

/* A folder gets its time and mode when all that is in it has been made. */
struct folder {
	struct folder *above;
	char *path; /* owned */
	uint32_t mode, uid, gid;
	struct timespec mtime;
};

struct state {
	struct unpack *u;
	struct tar_reader *reader;
	struct tar_entry entry;
	char path[PATH_MAX]; /* of the entry, below the folder; "": the folder itself */
	int parent_fd;	     /* the last one's, kept for its neighbours */
	char parent[PATH_MAX];
	const char *name; /* behind the last slash of path */
	struct folder *folders;
	uint8_t buffer[65536];
};

/* ---- messages ---- */

static const char *show(const struct state *s, const char *path, char *text, size_t size)
{
	size_t n = strlen(s->u->shown);
	snprintf(text, size, "%s%s%s", s->u->shown,
		n == 0 || s->u->shown[n - 1] == '/' || path[0] == '\0' ? "" : "/", path);
	return text;
}

static int failed_at(const struct state *s, const char *path, int errnum, const char *what, struct error *err)
{
	char text[2 * PATH_MAX];
	error_errnum(err, errnum, "%s '%s'", what, show(s, path, text, sizeof text));
	err->kind = ERROR_COPY_FAILED;
	return error_path(err, text);
}

static int failed(const struct state *s, const char *what, struct error *err)
{
	return failed_at(s, s->path, errno, what, err);
}

static int refused(const struct state *s, const char *why, struct error *err)
{
	char text[2 * PATH_MAX];
	return error_set(err, ERROR_COPY_FAILED, "'%s' %s", show(s, s->path, text, sizeof text), why);
}

static int bad_name(const struct state *s, const char *name, const char *why, struct error *err)
{
	char text[256];
	(void) s;
	return error_set(err, ERROR_COPY_FAILED, "the archive has the name '%s', which %s",
		escape_text(name, text, sizeof text), why);
}

/* ---- names ---- */

/* Without doubled slashes and "."; "" is the folder itself. */
static int clean(const struct state *s, const char *name, char path[PATH_MAX], struct error *err)
{
	size_t used = 0;
	if (name[0] == '/')
		return bad_name(s, name, "is absolute", err);
	for (const char *p = name; *p != '\0'; p += *p == '/') {
		size_t n = strcspn(p, "/");
		if (n == 2 && p[0] == '.' && p[1] == '.')
			return bad_name(s, name, "has '..' in it", err);
		if (n > 0 && !(n == 1 && p[0] == '.')) {
			if (used > 0)
				path[used++] = '/';
			memcpy(path + used, p, n);
			used += n;
		}
		p += n;
	}
	path[used] = '\0';
	return 0;
}

static int map(const struct state *s, const char *name, char path[PATH_MAX], struct error *err)
{
	char whole[PATH_MAX] = "", mapped[2 * PATH_MAX];
	const struct unpack *u = s->u;
	if (clean(s, name, whole, err) < 0)
		return -1;
	const char *rest = whole;
	if (u->from != NULL && strcmp(u->from, ".") != 0) {
		size_t n = strlen(u->from);
		if (strncmp(whole, u->from, n) != 0 || (whole[n] != '\0' && whole[n] != '/'))
			return bad_name(s, name, "does not belong to what is copied", err);
		rest = whole + n + (whole[n] == '/');
	}
	const char *to = u->from != NULL ? u->to : "";
	bool both = to[0] != '\0' && rest[0] != '\0';
	if (snprintf(mapped, sizeof mapped, "%s%s%s", to, both ? "/" : "", rest) >= PATH_MAX)
		return failed_at(s, name, ENAMETOOLONG, "make", err);
	memcpy(path, mapped, PATH_MAX);
	return 0;
}

/* ---- folders on the way ---- */

static int explain(const struct state *s, const char *path, const char *what, struct error *err)
{
	int errnum = errno;
	failed_at(s, path, errnum, what, err);
	if (errnum == ELOOP)
		error_hint(err, "a symbolic link is on the way, and nothing is written through it");
	return -1;
}

/* path is taken apart and put together again. */
static int make_folders(const struct state *s, char *path)
{
	for (char *slash = path;; slash++) {
		slash = strchr(slash, '/');
		if (slash != NULL)
			*slash = '\0';
		const char *name = strrchr(path, '/');
		_cleanup_fd_ int above = -1;
		if (name != NULL) {
			size_t n = (size_t) (name - path);
			path[n] = '\0';
			above = openat2_retry(
				s->u->folder_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC, BENEATH);
			path[n] = '/';
		}
		int made = name != NULL && above < 0 ? -1
						     : mkdirat(name != NULL ? above : s->u->folder_fd,
							       name != NULL ? name + 1 : path, 0755);
		int errnum = errno;
		if (slash != NULL)
			*slash = '/';
		errno = errnum;
		if (made < 0 && errno != EEXIST)
			return -1;
		if (slash == NULL)
			return 0;
	}
}

/* The descriptor is the caller's. */
static int open_folder(const struct state *s, const char *path, bool make)
{
	char copy[PATH_MAX];
	if (path[0] == '\0')
		return fcntl(s->u->folder_fd, F_DUPFD_CLOEXEC, 3);
	int fd = openat2_retry(s->u->folder_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC, BENEATH);
	if (fd >= 0 || errno != ENOENT || !make)
		return fd;
	snprintf(copy, sizeof copy, "%s", path);
	if (make_folders(s, copy) < 0)
		return -1;
	return openat2_retry(s->u->folder_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC, BENEATH);
}

/* Of s->path; most entries have the last one's. */
static int enter_parent(struct state *s, struct error *err)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(s->path, '/');
	snprintf(parent, sizeof parent, "%.*s", slash == NULL ? 0 : (int) (slash - s->path), s->path);
	s->name = slash == NULL ? s->path : slash + 1;
	if (strlen(s->name) > NAME_MAX)
		return failed_at(s, s->path, ENAMETOOLONG, "make", err);
	if (s->parent_fd >= 0 && strcmp(parent, s->parent) == 0)
		return 0;
	fd_close(&s->parent_fd);
	s->parent_fd = open_folder(s, parent, true);
	if (s->parent_fd < 0)
		return explain(s, parent, "open", err);
	memcpy(s->parent, parent, sizeof parent);
	return 0;
}

/* ---- attributes ---- */

static uint32_t kept_mode(const struct state *s, uint32_t mode)
{
	return s->u->keep_owner ? mode & 07777 : mode & 01777;
}

static int set_attributes(const struct state *s, int fd, const char *path, uint32_t mode, uint32_t uid,
	uint32_t gid, const struct timespec *mtime, struct error *err)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_NOW }, *mtime };
	/* A change of the owner takes bits of the mode away. */
	if (s->u->keep_owner && fchown(fd, uid, gid) < 0) {
		bool may_not = errno == EPERM;
		failed_at(s, path, errno, "change the owner of", err);
		return may_not ? error_hint(err, "only root can give files away: leave -a out") : -1;
	}
	if (fchmod(fd, kept_mode(s, mode)) < 0)
		return failed_at(s, path, errno, "change the mode of", err);
	return futimens(fd, times) < 0 ? failed_at(s, path, errno, "change the time of", err) : 0;
}

static int leave_folder(struct state *s, struct error *err)
{
	struct folder *f = s->folders;
	_cleanup_fd_ int fd =
		openat2_retry(s->u->folder_fd, f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, BENEATH);
	int result = fd < 0 ? explain(s, f->path, "open", err)
			    : set_attributes(s, fd, f->path, f->mode, f->uid, f->gid, &f->mtime, err);
	s->folders = f->above;
	free(f->path);
	free(f);
	return result;
}

static bool is_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);
	return strncmp(path, folder, n) == 0 && path[n] == '/';
}

static void note_folder(struct state *s)
{
	struct folder *f = malloc(sizeof *f);
	char *path = strdup(s->path);
	if (f == NULL || path == NULL)
		abort();
	*f = (struct folder) { .above = s->folders,
		.path = path,
		.mode = s->entry.mode,
		.uid = s->entry.uid,
		.gid = s->entry.gid,
		.mtime = s->entry.mtime };
	s->folders = f;
}

/* ---- entries ---- */

static void temp_name(char name[TEMP_SIZE])
{
	uint64_t number = 0;
	if (getrandom(&number, sizeof number, 0) < 0)
		abort();
	snprintf(name, TEMP_SIZE, ".ctl-cp-%016jx", (uintmax_t) number);
}

/* What is there must be replaceable. */
static int check_place(struct state *s, struct error *err)
{
	struct stat st;
	if (fstatat(s->parent_fd, s->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (S_ISDIR(st.st_mode))
		return refused(s, "is a folder: no file can be copied over it", err);
	/* /dev/null as the target: nobody means that it should become a file. */
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		return refused(s, "is a device: nothing is copied over it", err);
	return 0;
}

static int put_in_place(struct state *s, const char *temp, struct error *err)
{
	int result = renameat(s->parent_fd, temp, s->parent_fd, s->name);
	int errnum = errno;
	/* Two names of one file are left as they are by rename(2). */
	unlinkat(s->parent_fd, temp, 0);
	errno = errnum;
	if (result == 0)
		return 0;
	failed(s, "replace", err);
	return errnum == EBUSY ? error_hint(err, "something is mounted there") : -1;
}

static int write_data(struct state *s, int fd, struct error *err)
{
	for (;;) {
		ssize_t n = tar_data(s->reader, s->buffer, sizeof s->buffer, err);
		if (n <= 0)
			return (int) n;
		if (fd_write_all(fd, s->buffer, (size_t) n) < 0)
			return failed(s, "write", err);
		s->u->bytes += (uint64_t) n;
	}
}

/* Without a name, so that nothing is left of it if we are killed; or, where that cannot be, with this one. */
static int open_file(const struct state *s, char temp[TEMP_SIZE])
{
	temp[0] = '\0';
	int fd = openat(s->parent_fd, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	temp_name(temp);
	return openat(s->parent_fd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static int fill_file(struct state *s, int fd, struct error *err)
{
	const struct tar_entry *e = &s->entry;
	if (write_data(s, fd, err) < 0 ||
		set_attributes(s, fd, s->path, e->mode, e->uid, e->gid, &e->mtime, err) < 0)
		return -1;
	/* Some file systems say only when it is closed that there is no space. */
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return copy < 0 || close(copy) < 0 ? failed(s, "write", err) : 0;
}

/* linkat(2) replaces nothing: what is there already needs a name beside it for a moment. */
static int name_file(struct state *s, int fd, struct error *err)
{
	char number[16], temp[TEMP_SIZE];
	snprintf(number, sizeof number, "%d", fd);
	if (linkat(s->u->self_fd, number, s->parent_fd, s->name, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	temp_name(temp);
	if (errno != EEXIST || linkat(s->u->self_fd, number, s->parent_fd, temp, AT_SYMLINK_FOLLOW) < 0)
		return failed(s, "make", err);
	return put_in_place(s, temp, err);
}

static int make_file(struct state *s, struct error *err)
{
	char temp[TEMP_SIZE];
	_cleanup_fd_ int fd = open_file(s, temp);
	if (fd < 0)
		return failed(s, "make", err);
	int result = fill_file(s, fd, err);
	if (temp[0] == '\0')
		return result < 0 ? -1 : name_file(s, fd, err);
	if (result == 0)
		return put_in_place(s, temp, err);
	unlinkat(s->parent_fd, temp, 0);
	return -1;
}

/* Of a link or a fifo that has been made under another name. By descriptor, and only if it still is one:
 * whoever may write in this folder could have put a file there. */
static int set_node_attributes(struct state *s, const char *temp, mode_t kind, struct error *err)
{
	struct stat st;
	const struct tar_entry *e = &s->entry;
	struct timespec times[2] = { { .tv_nsec = UTIME_NOW }, e->mtime };
	_cleanup_fd_ int fd = openat(s->parent_fd, temp, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return failed(s, "open", err);
	if ((st.st_mode & S_IFMT) != kind)
		return refused(s, "was exchanged while it was made", err);
	if (s->u->keep_owner && fchownat(fd, "", e->uid, e->gid, AT_EMPTY_PATH) < 0)
		return failed(s, "change the owner of", err);
	return utimensat(fd, "", times, AT_EMPTY_PATH) < 0 ? failed(s, "change the time of", err) : 0;
}

static int finish_node(struct state *s, const char *temp, mode_t kind, struct error *err)
{
	if (set_node_attributes(s, temp, kind, err) == 0)
		return put_in_place(s, temp, err);
	unlinkat(s->parent_fd, temp, 0);
	return -1;
}

static int make_symlink(struct state *s, struct error *err)
{
	char temp[TEMP_SIZE];
	temp_name(temp);
	if (symlinkat(s->entry.link, s->parent_fd, temp) < 0)
		return failed(s, "make", err);
	return finish_node(s, temp, S_IFLNK, err);
}

static int make_fifo(struct state *s, struct error *err)
{
	char temp[TEMP_SIZE];
	temp_name(temp);
	if (mkfifoat(s->parent_fd, temp, kept_mode(s, s->entry.mode)) < 0)
		return failed(s, "make", err);
	return finish_node(s, temp, S_IFIFO, err);
}

/* To a file below the folder only; a link that is there is itself what gets one more name. */
static int make_hardlink(struct state *s, struct error *err)
{
	char temp[TEMP_SIZE], target[PATH_MAX], parent[PATH_MAX];
	if (map(s, s->entry.link, target, err) < 0)
		return -1;
	const char *slash = strrchr(target, '/'), *name = slash == NULL ? target : slash + 1;
	snprintf(parent, sizeof parent, "%.*s", slash == NULL ? 0 : (int) (slash - target), target);
	_cleanup_fd_ int fd = open_folder(s, parent, false);
	if (fd < 0)
		return explain(s, target, "find", err);
	temp_name(temp);
	if (linkat(fd, name, s->parent_fd, temp, 0) < 0)
		return failed(s, "make the hard link", err);
	return put_in_place(s, temp, err);
}

static int make_folder(struct state *s, struct error *err)
{
	struct stat st;
	if (mkdirat(s->parent_fd, s->name, 0700) < 0) {
		if (errno != EEXIST)
			return failed(s, "make", err);
		if (fstatat(s->parent_fd, s->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return failed(s, "look at", err);
		if (S_ISLNK(st.st_mode))
			return refused(s, "is a symbolic link: nothing is written through it", err);
		if (!S_ISDIR(st.st_mode))
			return refused(s, "is no folder: no folder can be copied over it", err);
	}
	note_folder(s);
	return 0;
}

static int make_device(struct state *s, struct error *err)
{
	refused(s, "is a device, which is not copied", err);
	return error_hint(err, "run's --device gives a container a device");
}

static int (*const makers[TAR_TYPES])(struct state *s, struct error *err) = {
	[TAR_FILE] = make_file,
	[TAR_FOLDER] = make_folder,
	[TAR_SYMLINK] = make_symlink,
	[TAR_HARDLINK] = make_hardlink,
	[TAR_FIFO] = make_fifo,
	[TAR_CHARACTER] = make_device,
	[TAR_BLOCK_DEVICE] = make_device,
};

static int take_entry(struct state *s, struct error *err)
{
	if (map(s, s->entry.name, s->path, err) < 0)
		return -1;
	while (s->folders != NULL && !is_below(s->path, s->folders->path))
		if (leave_folder(s, err) < 0)
			return -1;
	/* The folder itself stays as it is. */
	if (s->path[0] == '\0')
		return s->entry.type == TAR_FOLDER
			       ? 0
			       : refused(s, "is a folder: no file can be copied over it", err);
	if (enter_parent(s, err) < 0 || (s->entry.type != TAR_FOLDER && check_place(s, err) < 0))
		return -1;
	s->u->entries++;
	return makers[s->entry.type](s, err);
}

int unpack_all(struct unpack *u, struct tar_reader *reader, struct error *err)
{
	struct state *s = calloc(1, sizeof *s);
	struct error ignored;
	int result;
	if (s == NULL)
		abort();
	s->u = u;
	s->reader = reader;
	s->parent_fd = -1;
	while ((result = tar_next(reader, &s->entry, err)) == 1)
		if ((result = take_entry(s, err)) < 0)
			break;
	/* Also after a failure: what is there then has its modes. */
	while (s->folders != NULL)
		if (leave_folder(s, result < 0 ? &ignored : err) < 0)
			result = -1;
	fd_close(&s->parent_fd);
	free(s);
	return result;
}

void unpack_done(struct unpack *u)
{
	fd_close(&u->folder_fd);
}

/* ---- the target ---- */

static const char *spot_path(const struct spot *spot, char *path, size_t size)
{
	size_t n = strlen(spot->folder);
	bool itself = strcmp(spot->name, ".") == 0;
	snprintf(path, size, "%s%s%s", spot->folder,
		itself || n == 0 || spot->folder[n - 1] == '/' ? "" : "/", itself ? "" : spot->name);
	return path;
}

static int check_target(const struct spot *to, const char *name, bool is_folder, struct error *err)
{
	char path[PATH_MAX + NAME_MAX + 2];
	bool folder = to->exists && S_ISDIR(to->st.st_mode);
	spot_path(to, path, sizeof path);
	if (name == NULL && !folder)
		return error_set(err, ERROR_COPY_FAILED, "'%s' is %s: an archive needs a folder", path,
			to->exists ? "no folder" : "not there");
	if (to->exists && !folder && is_folder)
		return error_set(
			err, ERROR_COPY_FAILED, "'%s' is no folder: no folder can be copied over it", path);
	if (!to->exists && !is_folder && (to->slash || to->contents))
		return error_set(err, ERROR_COPY_FAILED, "there is no folder '%s'", path);
	return 0;
}

int unpack_target(
	struct unpack *u, const struct spot *to, const char *name, bool is_folder, struct error *err)
{
	char path[PATH_MAX + NAME_MAX + 2];
	bool folder = to->exists && S_ISDIR(to->st.st_mode);
	if (check_target(to, name, is_folder, err) < 0)
		return -1;
	snprintf(u->shown, sizeof u->shown, "%s", folder ? spot_path(to, path, sizeof path) : to->folder);
	u->from = name;
	u->to = !folder ? to->name : name != NULL && strcmp(name, ".") != 0 ? name : "";
	u->folder_fd =
		openat(to->parent_fd, folder ? to->name : ".", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (u->folder_fd >= 0)
		return 0;
	error_errno(err, "open '%s'", u->shown);
	err->kind = ERROR_COPY_FAILED;
	return -1;
}
