/*
 * fd.h - file descriptors: cleanup, whole reads and writes, messages that carry descriptors. Every descriptor
 * made here is close-on-exec. None of these functions retries close(2).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

#define FD_MESSAGE_FDS 8 /* at most as many descriptors in one message */

/* Closes *fd if it is one and sets it to -1; errno is kept. */
void fd_close(int *fd);
void free_pointer(void *pointer_to_pointer);
int steal_fd(int *fd);
void *steal_pointer(void *pointer_to_pointer);

#define _cleanup_fd_   __attribute__((cleanup(fd_close)))
#define _cleanup_free_ __attribute__((cleanup(free_pointer)))

int fd_nonblock(int fd, bool on);

/* All of it or -1 with errno; EINTR is retried. For descriptors that block. */
int fd_write_all(int fd, const void *data, size_t size);
/* Bytes read, fewer than size at end of file only; -1 with errno. */
ssize_t fd_read_all(int fd, void *data, size_t size);

/* Reads a whole regular file below dirfd, at most max bytes, opened without following a last symlink and
 * without blocking; *ret_text is NUL-terminated, caller frees. Larger: EFBIG; not a regular file: EINVAL. */
int fd_read_file(
	int dirfd, const char *name, size_t max, char **ret_text, size_t *ret_size, struct error *err);

/* Replaces dirfd/name by data: a new file, written, renamed over it. durable: fsync of file and folder before
 * it returns, so that success survives a power cut. */
int fd_write_file(
	int dirfd, const char *name, const void *data, size_t size, bool durable, struct error *err);

/* An unnamed file in memory with this content, positioned at 0; -1 with errno. */
int fd_memfd(const char *name, const void *data, size_t size);

/* One message with n descriptors (borrowed). Returns 0, or -1 with errno (EAGAIN on a full non-blocking
 * socket). Never raises SIGPIPE. */
int fd_send(int sock, const void *data, size_t size, const int *fds, size_t n);
/* One message; its descriptors go to fds (close-on-exec), *ret_n of them at most FD_MESSAGE_FDS, caller
 * closes; all of them or, with no room for all in this process, none. Returns bytes, 0 at end of file, -1
 * with errno; EMSGSIZE for a cut message (its descriptors are closed). */
ssize_t fd_recv(int sock, void *data, size_t size, int fds[FD_MESSAGE_FDS], size_t *ret_n);
