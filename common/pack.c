#include "common/pack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"

#define DEPTH_MAX   400	  /* each takes two descriptors */
#define LINKS_MAX   65536 /* of more only copies are made */
#define SMALL_MAX   16384
#define UNSIZED_MAX (4 * 1024 * 1024)

struct pack_link {
	dev_t dev;
	ino_t ino;
	char *name; /* owned */
};

/* ---- bytes ---- */

static int flush(struct pack *p, struct error *err)
{
	size_t size = p->used;
	p->used = 0;
	return size == 0 ? 0 : p->put(p->arg, p->buffer, size, err);
}

/* data NULL: zeros */
static int emit(struct pack *p, const void *data, size_t size, struct error *err)
{
	while (size > 0) {
		size_t room = sizeof p->buffer - p->used, part = size < room ? size : room;
		if (data != NULL)
			memcpy(p->buffer + p->used, data, part);
		else
			memset(p->buffer + p->used, 0, part);
		data = data != NULL ? (const uint8_t *) data + part : NULL;
		p->used += part;
		size -= part;
		if (p->used == sizeof p->buffer && flush(p, err) < 0)
			return -1;
	}
	return 0;
}

static int emit_header(struct pack *p, struct error *err)
{
	uint8_t header[TAR_HEADER_MAX];
	p->entries++;
	p->bytes += p->entry.size;
	return emit(p, header, tar_header(&p->entry, header), err);
}

/* The path as the user would write it. */
static int failed(const struct pack *p, int errnum, const char *what, struct error *err)
{
	char text[2 * PATH_MAX];
	size_t n = strlen(p->shown);
	const char *below = strncmp(p->path, "./", 2) == 0 ? p->path + 2 : p->path;
	snprintf(text, sizeof text, "%s%s%s", p->shown, n == 0 || p->shown[n - 1] == '/' ? "" : "/", below);
	error_errnum(err, errnum, "%s '%s'", what, text);
	err->kind = ERROR_COPY_FAILED;
	return error_path(err, text);
}

/* ---- one entry ---- */

static void describe(struct pack *p, enum tar_type type, const struct stat *st)
{
	struct tar_entry *e = &p->entry;
	e->type = type;
	memcpy(e->name, p->path, sizeof e->name);
	e->link[0] = '\0';
	e->mode = st->st_mode & 07777;
	e->uid = st->st_uid;
	e->gid = st->st_gid;
	e->size = 0;
	e->mtime = st->st_mtim;
	e->major = major(st->st_rdev);
	e->minor = minor(st->st_rdev);
}

static int compare_links(const void *a, const void *b)
{
	const struct pack_link *x = a, *y = b;
	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino == y->ino ? 0 : x->ino < y->ino ? -1 : 1;
}

static void free_link(void *arg)
{
	struct pack_link *link = arg;
	free(link->name);
	free(link);
}

/* The first of several names; NULL: this is it. */
static const char *known_link(struct pack *p, const struct stat *st)
{
	struct pack_link key = { .dev = st->st_dev, .ino = st->st_ino }, **known, *link;
	known = tfind(&key, &p->links, compare_links);
	if (known != NULL)
		return (*known)->name;
	if (p->n_links == LINKS_MAX)
		return NULL;
	link = malloc(sizeof *link);
	if (link == NULL)
		abort();
	*link = key;
	link->name = strdup(p->path);
	if (link->name == NULL || tsearch(link, &p->links, compare_links) == NULL)
		abort();
	p->n_links++;
	return NULL;
}

static int reopen(const struct pack *p, int fd, int flags)
{
	char name[16];
	snprintf(name, sizeof name, "%d", fd);
	return openat(p->self_fd, name, flags | O_RDONLY | O_CLOEXEC);
}

/* In one piece: so the size is right even if the file changes. One of no size may be one that the kernel
 * makes up, which tells none: it is read to its end. */
static int pack_small(struct pack *p, int fd, struct error *err)
{
	bool unsized = p->entry.size == 0;
	size_t room = unsized ? UNSIZED_MAX : (size_t) p->entry.size;
	_cleanup_free_ uint8_t *data = malloc(room);
	if (data == NULL)
		abort();
	ssize_t n = fd_read_all(fd, data, room);
	if (n < 0)
		return failed(p, errno, "read", err);
	if (unsized && (size_t) n == room)
		return failed(p, EFBIG, "it does not tell its size: read", err);
	p->entry.size = (uint64_t) n;
	return emit_header(p, err) < 0 || emit(p, data, (size_t) n, err) < 0 ||
			       emit(p, NULL, tar_padding((uint64_t) n), err) < 0
		       ? -1
		       : 0;
}

/* What it has grown by meanwhile is left out. */
static int pack_large(struct pack *p, int fd, struct error *err)
{
	uint64_t left = p->entry.size;
	if (emit_header(p, err) < 0)
		return -1;
	while (left > 0) {
		size_t room = sizeof p->buffer - p->used;
		ssize_t n = read(fd, p->buffer + p->used, room < left ? room : (size_t) left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(p, errno, "read", err);
		if (n == 0)
			return failed(p, 0, "it has become shorter while it was read:", err);
		p->used += (size_t) n;
		left -= (uint64_t) n;
		if (p->used == sizeof p->buffer && flush(p, err) < 0)
			return -1;
	}
	return emit(p, NULL, tar_padding(p->entry.size), err);
}

static int pack_file(struct pack *p, int fd, const struct stat *st, struct error *err)
{
	struct stat now;
	const char *first = st->st_nlink > 1 ? known_link(p, st) : NULL;
	describe(p, first != NULL ? TAR_HARDLINK : TAR_FILE, st);
	if (first != NULL) {
		snprintf(p->entry.link, sizeof p->entry.link, "%s", first);
		return emit_header(p, err);
	}
	_cleanup_fd_ int open_fd = reopen(p, fd, O_NONBLOCK | O_NOCTTY);
	if (open_fd < 0 || fstat(open_fd, &now) < 0)
		return failed(p, errno, "open", err);
	p->entry.size = (uint64_t) now.st_size;
	return p->entry.size <= SMALL_MAX ? pack_small(p, open_fd, err) : pack_large(p, open_fd, err);
}

static int pack_symlink(struct pack *p, int fd, const struct stat *st, struct error *err)
{
	describe(p, TAR_SYMLINK, st);
	ssize_t n = readlinkat(fd, "", p->entry.link, sizeof p->entry.link - 1);
	if (n < 0)
		return failed(p, errno, "read the link", err);
	p->entry.link[n] = '\0';
	return emit_header(p, err);
}

static int pack_any(struct pack *p, int parent_fd, const char *name, const struct stat *parent, int depth,
	struct error *err);

/* Takes fd. */
static int pack_contents(struct pack *p, int fd, const struct stat *st, int depth, struct error *err)
{
	size_t length = strlen(p->path);
	DIR *dir = fdopendir(fd);
	int result = 0;
	if (dir == NULL) {
		failed(p, errno, "read the folder", err);
		close(fd);
		return -1;
	}
	for (struct dirent *e; result == 0;) {
		errno = 0;
		e = readdir(dir);
		if (e == NULL && errno != 0)
			result = failed(p, errno, "read the folder", err);
		if (e == NULL)
			break;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (length + strlen(e->d_name) + 3 > sizeof p->path)
			result = failed(p, ENAMETOOLONG, "read the folder", err);
		else
			snprintf(p->path + length, sizeof p->path - length, "/%s", e->d_name);
		if (result == 0)
			result = pack_any(p, dirfd(dir), e->d_name, st, depth + 1, err);
		p->path[length] = '\0';
	}
	closedir(dir);
	return result;
}

static bool is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* Made since the beginning, perhaps by this very copy: whoever unpacks it may reach the same folders by
 * another mount, or below an overlay, where they have other numbers, but the same time of birth. One in the
 * future is that of a clock that was set back. */
static bool is_new(const struct pack *p, int fd)
{
	struct statx st;
	struct timespec now, born;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &st) < 0 || (st.stx_mask & STATX_BTIME) == 0)
		return false;
	clock_gettime(CLOCK_REALTIME, &now);
	born = (struct timespec) { .tv_sec = st.stx_btime.tv_sec, .tv_nsec = st.stx_btime.tv_nsec };
	return is_later(&born, &p->begun) && !is_later(&born, &now);
}

static int pack_folder(struct pack *p, int fd, const struct stat *st, const struct stat *parent, int depth,
	struct error *err)
{
	if (depth > 0 && is_new(p, fd))
		return 0;
	describe(p, TAR_FOLDER, st);
	if (emit_header(p, err) < 0)
		return -1;
	if (depth > 0 && p->left_out != NULL && p->left_out(p->arg, fd, st, parent))
		return 0;
	if (depth == DEPTH_MAX)
		return failed(p, 0, "too many folders in one another:", err);
	int open_fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return open_fd < 0 ? failed(p, errno, "open", err) : pack_contents(p, open_fd, st, depth, err);
}

static int pack_node(struct pack *p, const struct stat *st, struct error *err)
{
	describe(p,
		S_ISFIFO(st->st_mode)  ? TAR_FIFO
		: S_ISCHR(st->st_mode) ? TAR_CHARACTER
				       : TAR_BLOCK_DEVICE,
		st);
	return emit_header(p, err);
}

static int pack_any(struct pack *p, int parent_fd, const char *name, const struct stat *parent, int depth,
	struct error *err)
{
	struct stat st;
	_cleanup_fd_ int fd = openat(parent_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	/* Removed meanwhile: so it is not there. */
	if (fd < 0 && errno == ENOENT && depth > 0)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return failed(p, errno, "open", err);
	switch (st.st_mode & S_IFMT) {
	case S_IFREG: return pack_file(p, fd, &st, err);
	case S_IFLNK: return pack_symlink(p, fd, &st, err);
	case S_IFDIR: return pack_folder(p, fd, &st, parent, depth, err);
	case S_IFSOCK: return depth > 0 ? 0 : failed(p, 0, "a socket cannot be copied:", err);
	default: return pack_node(p, &st, err);
	}
}

/* File systems take the coarse clock, which may be a few milliseconds behind. */
void pack_begin(struct pack *p)
{
	const struct timespec pause = { .tv_nsec = 500000 };
	struct timespec coarse;
	clock_gettime(CLOCK_REALTIME, &p->begun);
	while (clock_gettime(CLOCK_REALTIME_COARSE, &coarse) == 0 && coarse.tv_sec == p->begun.tv_sec &&
		!is_later(&coarse, &p->begun))
		nanosleep(&pause, NULL);
}

int pack_all(struct pack *p, int parent_fd, const char *name, const char *as, struct error *err)
{
	snprintf(p->path, sizeof p->path, "%s", as);
	int result = pack_any(p, parent_fd, name, NULL, 0, err);
	if (result == 0)
		result = emit(p, NULL, TAR_END_SIZE, err) < 0 ? -1 : flush(p, err);
	tdestroy(p->links, free_link);
	p->links = NULL;
	p->n_links = 0;
	return result;
}
