/*
 * sink.h - one of ctl's own outputs, written without ever waiting for its reader. O_NONBLOCK is not for
 * descriptors 0 to 2: it is shared with whoever gave them to us, and breaks them.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

enum sink_kind { SINK_UNKNOWN, SINK_PLAIN, SINK_PIPE, SINK_SOCKET, SINK_BOUNDED };

struct sink {
	int fd;
	enum sink_kind kind;
};

/* Some of it: bytes, or -1 with errno; EAGAIN: poll for POLLOUT first. */
ssize_t sink_write(struct sink *s, const void *data, size_t size);
