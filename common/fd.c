#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.h"

void fd_close(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;
		close(*fd);
		errno = saved;
		*fd = -1;
	}
}

void free_pointer(void *pointer_to_pointer)
{
	void **p = pointer_to_pointer;
	free(*p);
	*p = NULL;
}

int steal_fd(int *fd)
{
	int stolen = *fd;
	*fd = -1;
	return stolen;
}

void *steal_pointer(void *pointer_to_pointer)
{
	void **p = pointer_to_pointer, *stolen = *p;
	*p = NULL;
	return stolen;
}

int fd_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0)
		return -1;
	int wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return wanted == flags ? 0 : fcntl(fd, F_SETFL, wanted);
}

int fd_write_all(int fd, const void *data, size_t size)
{
	const char *p = data;
	while (size > 0) {
		ssize_t n = write(fd, p, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		size -= (size_t) n;
	}
	return 0;
}

ssize_t fd_read_all(int fd, void *data, size_t size)
{
	char *p = data;
	size_t have = 0;
	while (have < size) {
		ssize_t n = read(fd, p + have, size - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		have += (size_t) n;
	}
	return (ssize_t) have;
}

int fd_read_file(
	int dirfd, const char *name, size_t max, char **ret_text, size_t *ret_size, struct error *err)
{
	_cleanup_fd_ int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return error_errno(err, "open '%s'", name);
	struct stat st;
	if (fstat(fd, &st) < 0)
		return error_errno(err, "stat '%s'", name);
	if (!S_ISREG(st.st_mode))
		return error_errnum(err, EINVAL, "read '%s': not a regular file", name);
	if (st.st_size > 0 && (uintmax_t) st.st_size > max)
		return error_errnum(err, EFBIG, "read '%s'", name);

	/* One byte more than the size that it had, to see that it has not grown beyond max. */
	size_t room = (st.st_size > 0 ? (size_t) st.st_size : max) + 1;
	_cleanup_free_ char *text = malloc(room + 1);
	if (text == NULL)
		return error_errnum(err, ENOMEM, "read '%s'", name);
	ssize_t n = fd_read_all(fd, text, room);
	if (n < 0)
		return error_errno(err, "read '%s'", name);
	if ((size_t) n > max)
		return error_errnum(err, EFBIG, "read '%s'", name);
	text[n] = '\0';
	*ret_text = steal_pointer(&text);
	if (ret_size != NULL)
		*ret_size = (size_t) n;
	return 0;
}

int fd_write_file(int dirfd, const char *name, const void *data, size_t size, bool durable, struct error *err)
{
	char tmp[300];
	if (snprintf(tmp, sizeof tmp, "%s.tmp", name) >= (int) sizeof tmp)
		return error_errnum(err, ENAMETOOLONG, "write '%s'", name);
	/* A crash may have left one; whoever writes here holds the folder alone. */
	unlinkat(dirfd, tmp, 0);
	_cleanup_fd_ int fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(err, "create '%s'", tmp);
	if (fd_write_all(fd, data, size) < 0 || (durable && fsync(fd) < 0) ||
		renameat(dirfd, tmp, dirfd, name) < 0) {
		error_errno(err, "write '%s'", name);
		unlinkat(dirfd, tmp, 0);
		return -1;
	}
	if (durable && fsync(dirfd) < 0)
		return error_errno(err, "sync the folder of '%s'", name);
	return 0;
}

int fd_memfd(const char *name, const void *data, size_t size)
{
	_cleanup_fd_ int fd = memfd_create(name, MFD_CLOEXEC);
	if (fd < 0 || fd_write_all(fd, data, size) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return -1;
	return steal_fd(&fd);
}

int fd_send(int sock, const void *data, size_t size, const int *fds, size_t n)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * FD_MESSAGE_FDS)];
	} control;
	struct iovec iov = { .iov_base = (void *) data, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	if (n > FD_MESSAGE_FDS) {
		errno = EINVAL;
		return -1;
	}
	if (n > 0) {
		memset(&control, 0, sizeof control);
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n);
	}
	for (;;) {
		ssize_t sent = sendmsg(sock, &msg, MSG_NOSIGNAL);
		if (sent == (ssize_t) size)
			return 0;
		if (sent >= 0)
			errno = EMSGSIZE;
		if (errno != EINTR)
			return -1;
	}
}

ssize_t fd_recv(int sock, void *data, size_t size, int fds[FD_MESSAGE_FDS], size_t *ret_n)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * FD_MESSAGE_FDS)];
	} control;
	struct iovec iov = { .iov_base = data, .iov_len = size };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
	};
	ssize_t got;
	do
		got = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	*ret_n = 0;
	if (got < 0)
		return -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (*ret_n < FD_MESSAGE_FDS)
				fds[(*ret_n)++] = fd;
			else
				close(fd);
		}
	}
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		for (size_t i = 0; i < *ret_n; i++)
			close(fds[i]);
		*ret_n = 0;
	}
	if (msg.msg_flags & MSG_TRUNC) {
		errno = EMSGSIZE;
		return -1;
	}
	return got;
}
