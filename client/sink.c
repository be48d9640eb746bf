#include "client/sink.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static enum sink_kind classify(int fd)
{
	struct stat st;
	if (fstat(fd, &st) < 0 || S_ISREG(st.st_mode))
		return SINK_PLAIN;
	if (S_ISFIFO(st.st_mode))
		return SINK_PIPE;
	return S_ISSOCK(st.st_mode) ? SINK_SOCKET : SINK_BOUNDED;
}

/* POLLOUT on a pipe means that a whole page fits: a write no larger than that does not wait. */
static ssize_t write_bounded(int fd, const void *data, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	if (poll(&p, 1, 0) == 0) {
		errno = EAGAIN;
		return -1;
	}
	return write(fd, data, size < PIPE_BUF ? size : PIPE_BUF);
}

ssize_t sink_write(struct sink *s, const void *data, size_t size)
{
	if (s->kind == SINK_UNKNOWN)
		s->kind = classify(s->fd);
	switch (s->kind) {
	case SINK_PIPE: {
		/* Linux before 6.4 cannot do this with a pipe. */
		struct iovec iov = { .iov_base = (void *) (size_t) data, .iov_len = size };
		ssize_t n = pwritev2(s->fd, &iov, 1, -1, RWF_NOWAIT);
		if (n >= 0 || errno != EOPNOTSUPP)
			return n;
		s->kind = SINK_BOUNDED;
		return write_bounded(s->fd, data, size);
	}
	case SINK_SOCKET: return send(s->fd, data, size, MSG_DONTWAIT);
	case SINK_BOUNDED: return write_bounded(s->fd, data, size);
	case SINK_UNKNOWN:
	case SINK_PLAIN: break;
	}
	return write(s->fd, data, size);
}
