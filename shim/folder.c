#include "shim/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/fd.h"
#include "shim/tree.h"

#define EXIT_FILE  "exit.json"
#define EXIT_SPACE "exit.json.tmp" /* an allocated file, so that a full disk cannot lose a status */

#define HOLDERS_MS     4000 /* a copy ends so long after its container or daemon at most */
#define HALF_MADE_SIZE (sizeof FOLDER_NEW + ID_TEXT_SIZE)

static char *read_text(int texts_fd, const struct control_text *text)
{
	_cleanup_free_ char *copy = malloc(text->size + 1);
	if (copy == NULL || pread(texts_fd, copy, text->size, text->offset) != (ssize_t) text->size)
		return NULL;
	return steal_pointer(&copy);
}

int folder_save_text(int dir_fd, const char *name, int texts_fd, const struct control_text *text,
	bool durable, struct error *err)
{
	_cleanup_free_ char *copy = read_text(texts_fd, text);
	if (copy == NULL)
		return error_errno(err, "read the text of '%s'", name);
	return fd_write_file(dir_fd, name, copy, text->size, durable, err);
}

static int fill(int dir_fd, int texts_fd, const struct control_text *config, const struct control_text *shim,
	const struct control_text *state, bool durable, struct error *err)
{
	const struct {
		const char *name;
		const struct control_text *text;
	} files[] = { { "config.json", config }, { "shim.json", shim }, { "state.json", state } };
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		_cleanup_fd_ int fd = openat(
			dir_fd, files[i].name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		_cleanup_free_ char *copy = read_text(texts_fd, files[i].text);
		if (copy == NULL)
			return error_errno(err, "read the text of '%s'", files[i].name);
		if (fd < 0 || fd_write_all(fd, copy, files[i].text->size) < 0 || (durable && fsync(fd) < 0))
			return error_errno(err, "write '%s'", files[i].name);
	}
	if (durable && fsync(dir_fd) < 0)
		return error_errno(err, "sync the container's folder");
	return 0;
}

static void half_made_name(const char *id, char buf[HALF_MADE_SIZE])
{
	snprintf(buf, HALF_MADE_SIZE, FOLDER_NEW "%s", id);
}

void folder_remove_half_made(int parent_fd, const char *id)
{
	char name[HALF_MADE_SIZE];
	struct error ignored;
	half_made_name(id, name);
	tree_remove(parent_fd, name, &ignored);
}

int folder_create(int parent_fd, const char *id, int texts_fd, const struct control_text *config,
	const struct control_text *shim, const struct control_text *state, bool durable, struct error *err)
{
	char half_made[HALF_MADE_SIZE];
	half_made_name(id, half_made);
	if (mkdirat(parent_fd, half_made, 0700) < 0)
		return error_errno(err, "make the container's folder");
	_cleanup_fd_ int dir = openat(parent_fd, half_made, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0) {
		error_errno(err, "open the container's folder");
		goto fail;
	}
	if (fill(dir, texts_fd, config, shim, state, durable, err) < 0)
		goto fail;
	if (renameat2(parent_fd, half_made, parent_fd, id, RENAME_NOREPLACE) < 0) {
		error_errno(err, "name the container's folder");
		goto fail;
	}
	if (durable && fsync(parent_fd) < 0) {
		struct error ignored;
		error_errno(err, "sync the containers' folder");
		tree_remove(parent_fd, id, &ignored);
		return -1;
	}
	return 0;
fail:;
	struct error ignored;
	tree_remove(parent_fd, half_made, &ignored);
	return -1;
}

int folder_open(int parent_fd, const char *id, int *ret_fd, struct error *err)
{
	int fd = openat(parent_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "open the container's folder");
	*ret_fd = fd;
	return 0;
}

int folder_hold(int dir_fd, struct error *err)
{
	return flock(dir_fd, LOCK_SH) < 0 ? error_errno(err, "lock the container's folder") : 0;
}

int folder_await_holders(int dir_fd, struct error *err)
{
	int64_t end = clock_monotonic_ns() + HOLDERS_MS * INT64_C(1000000);
	while (flock(dir_fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_errno(err, "lock the container's folder");
		if (clock_monotonic_ns() > end) {
			error_set(err, ERROR_INVALID_STATE,
				"a copy of its files that a daemon before this one began is not over");
			return error_hint(err, "it hangs in a file system, and ends when that answers");
		}
		poll(NULL, 0, 2);
	}
	flock(dir_fd, LOCK_UN);
	return 0;
}

static int reserve_exit(int dir_fd, struct error *err)
{
	_cleanup_fd_ int fd =
		openat(dir_fd, EXIT_SPACE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(err, "make the exit record");
	/* Where a file system cannot reserve (EOPNOTSUPP), the record is written without. */
	if (fallocate(fd, 0, 0, EXIT_JSON_MAX) < 0 && errno != EOPNOTSUPP)
		return error_errno(err, "reserve space for the exit record");
	return 0;
}

int folder_begin_run(int dir_fd, uint64_t run, struct error *err)
{
	char text[256], boot_id[64] = "", now[TIME_TEXT];
	_cleanup_fd_ int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : fd_read_all(fd, boot_id, sizeof boot_id - 1);
	if (n < 0)
		return error_errno(err, "read '/proc/sys/kernel/random/boot_id'");
	boot_id[strcspn(boot_id, "\n")] = '\0';
	int size = snprintf(text, sizeof text,
		"{\"version\":1,\"run\":%ju,\"boot_id\":\"%s\",\"started_at\":\"%s\"}\n", (uintmax_t) run,
		boot_id, time_format(clock_realtime_ns(), now));
	if (reserve_exit(dir_fd, err) < 0)
		return -1;
	return fd_write_file(dir_fd, "run.json", text, (size_t) size, true, err);
}

static int save_exit(int dir_fd, const char *text, size_t size, struct error *err)
{
	_cleanup_fd_ int fd = openat(dir_fd, EXIT_SPACE, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	/* Overwritten first and cut then: to cut first would give the reserved space back. */
	if (fd < 0 || pwrite(fd, text, size, 0) != (ssize_t) size || ftruncate(fd, (off_t) size) < 0 ||
		fsync(fd) < 0 || renameat(dir_fd, EXIT_SPACE, dir_fd, EXIT_FILE) < 0 || fsync(dir_fd) < 0)
		return error_errno(err, "write '%s'", EXIT_FILE);
	return 0;
}

int folder_end_run(int dir_fd, const struct exit_status *st, struct error *err)
{
	char text[EXIT_JSON_MAX];
	int size = exit_save_text(st, text);
	return save_exit(dir_fd, text, (size_t) size, err);
}

int folder_save_exit(int dir_fd, int texts_fd, const struct control_text *text, struct error *err)
{
	_cleanup_free_ char *copy = read_text(texts_fd, text);
	if (copy == NULL)
		return error_errno(err, "read the text of '%s'", EXIT_FILE);
	return save_exit(dir_fd, copy, text->size, err);
}

int folder_trash(int parent_fd, int trash_fd, const char *id, struct error *err)
{
	int moved = renameat2(parent_fd, id, trash_fd, id, RENAME_NOREPLACE);
	if (moved < 0 && errno == EEXIST) {
		/* An earlier removal that a crash interrupted has left one of that name. */
		struct error ignored;
		tree_remove(trash_fd, id, &ignored);
		moved = renameat2(parent_fd, id, trash_fd, id, RENAME_NOREPLACE);
	}
	if (moved < 0 && errno != ENOENT)
		return error_errno(err, "remove the container's folder");
	if (fsync(parent_fd) < 0)
		return error_errno(err, "sync the containers' folder");
	return 0;
}
