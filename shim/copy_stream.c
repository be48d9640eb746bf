#include "shim/copy_stream.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/error.h"
#include "common/json.h"

#define LAST_MS 1000 /* for a client that does not read its last frame: others wait for us */

int copy_stream_init(struct copy_stream *s, int texts_fd, uint32_t offset, uint32_t size, struct error *err)
{
	if (size > sizeof s->in)
		return error_set(err, ERROR_LIMIT_EXCEEDED,
			"too much was sent with the call: wait for the reply before the first frame");
	if (pread(texts_fd, s->in, size, offset) != (ssize_t) size)
		return error_errno(err, "read what the client has sent already");
	s->size = size;
	return 0;
}

static int client_gone(struct copy_stream *s, struct error *err)
{
	s->gone = true;
	return error_set(err, ERROR_COPY_FAILED, "the client has gone");
}

/* WORK_END stays in the socket, for all who look. */
static const char *why_over(const struct copy_stream *s)
{
	char byte;
	return recv(s->end_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0 ? s->ended_by_request : s->over;
}

/* Until the client can be read from or written to. events 0: only a look at the end. */
static int wait_client(struct copy_stream *s, short events, struct error *err)
{
	struct pollfd p[2] = { { .fd = s->end_fd, .events = POLLIN },
		{ .fd = events != 0 ? s->client_fd : -1, .events = events } };
	int n = poll(p, 2, events != 0 ? s->stall_ms : 0);
	if (n < 0 && errno != EINTR)
		return error_errno(err, "wait for the client");
	if (n > 0 && p[0].revents != 0)
		return error_set(err, ERROR_INVALID_STATE, "%s", why_over(s));
	if (n == 0 && events != 0)
		return error_set(err, ERROR_COPY_FAILED, "the client has %s nothing for %d seconds",
			events == POLLIN ? "sent" : "taken", s->stall_ms / 1000);
	return 0;
}

static int send_rest(struct copy_stream *s, struct error *err)
{
	while (s->out_at < s->out_size) {
		ssize_t n = send(s->client_fd, s->out + s->out_at, s->out_size - s->out_at, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) {
			if (wait_client(s, POLLOUT, err) < 0)
				return -1;
		} else if (n < 0 && errno != EINTR) {
			return client_gone(s, err);
		}
		s->out_at += n > 0 ? (size_t) n : 0;
	}
	return 0;
}

int copy_stream_reply(struct copy_stream *s, const char *text, size_t size, struct error *err)
{
	if (size > sizeof s->out)
		return error_set(err, ERROR_LIMIT_EXCEEDED, "the reply is too long");
	memcpy(s->out, text, size);
	s->out_at = 0;
	s->out_size = size;
	return send_rest(s, err);
}

static int send_frame(
	struct copy_stream *s, enum frame_type type, const void *data, size_t size, struct error *err)
{
	frame_header(s->out, type, (uint32_t) size);
	memcpy(s->out + FRAME_HEADER, data, size);
	s->out_at = 0;
	s->out_size = FRAME_HEADER + size;
	return send_rest(s, err);
}

int copy_stream_put(void *arg, const void *data, size_t size, struct error *err)
{
	return wait_client(arg, 0, err) < 0 ? -1 : send_frame(arg, FRAME_STDOUT, data, size, err);
}

static int refill(struct copy_stream *s, struct error *err)
{
	if (wait_client(s, 0, err) < 0)
		return -1;
	for (;;) {
		ssize_t n = recv(s->client_fd, s->in, sizeof s->in, 0);
		if (n > 0) {
			s->at = 0;
			s->size = (size_t) n;
			return 0;
		}
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			return client_gone(s, err);
		if (errno == EAGAIN && wait_client(s, POLLIN, err) < 0)
			return -1;
	}
}

static ssize_t take(struct copy_stream *s, void *data, size_t size, struct error *err)
{
	if (s->at == s->size && refill(s, err) < 0)
		return -1;
	size_t there = s->size - s->at, n = size < there ? size : there;
	memcpy(data, s->in + s->at, n);
	s->at += n;
	return (ssize_t) n;
}

static int next_frame(struct copy_stream *s, struct error *err)
{
	uint8_t header[FRAME_HEADER];
	struct frame frame;
	for (size_t at = 0; at < sizeof header;) {
		ssize_t n = take(s, header + at, sizeof header - at, err);
		if (n < 0)
			return -1;
		at += (size_t) n;
	}
	if (frame_decode(header, sizeof header, &frame) < 0 ||
		(header[0] != FRAME_STDIN && header[0] != FRAME_STDIN_END))
		return error_set(err, ERROR_BAD_MESSAGE, "what the client sends is no frame of an archive");
	s->ended = header[0] == FRAME_STDIN_END;
	s->left = get_u32(header + 4);
	return 0;
}

ssize_t copy_stream_fill(void *arg, void *data, size_t size, struct error *err)
{
	struct copy_stream *s = arg;
	while (s->left == 0 && !s->ended)
		if (next_frame(s, err) < 0)
			return -1;
	if (s->ended)
		return 0;
	ssize_t n = take(s, data, size < s->left ? size : s->left, err);
	if (n > 0)
		s->left -= (uint32_t) n;
	return n;
}

/* The frame that was being sent when it was over must be whole before. The daemon has a copy of the
 * connection, so only a shutdown ends it; what has been sent the client can still read. */
void copy_stream_finish(struct copy_stream *s, enum frame_type type, struct json_object *text)
{
	struct error ignored;
	size_t size;
	const char *payload = json_text(text, &size);
	s->end_fd = -1;
	s->stall_ms = LAST_MS;
	if (!s->gone && size <= FRAME_PAYLOAD_MAX && send_rest(s, &ignored) == 0)
		send_frame(s, type, payload, size, &ignored);
	shutdown(s->client_fd, SHUT_RDWR);
}
