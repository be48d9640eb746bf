#include "shim/session_private.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/exit.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/log.h"
#include "shim/console.h"
#include "shim/terminal.h"

#define TAKEN_STEP (32 * 1024) /* a client is told at the latest after so many bytes */
#define TAKEN_QUEUE \
	(64 * 1024) /* with more than this waiting for it, it is told later: stdin must not grow output */

/* The last frame of a session that there was no memory for: made without any. */
#define STARVED                                                             \
	"{\"error\":\"io.containerdlite.container.Failed\",\"parameters\":" \
	"{\"message\":\"the container's shim has no memory left for this client\"}}"

/* Whatever was still to be written to it. */
void session_give_terminal_back(struct session *s)
{
	terminal_free(s->terminal);
	s->terminal = NULL;
}

static void close_client(struct session *s)
{
	if (s->readable != NULL)
		event_free(s->readable);
	if (s->writable != NULL)
		event_free(s->writable);
	if (s->detach_timer != NULL)
		event_free(s->detach_timer);
	if (s->look != NULL)
		event_free(s->look);
	s->readable = s->writable = s->detach_timer = s->look = NULL;
	session_give_terminal_back(s);
	fd_close(&s->passed_fd);
	fd_close(&s->fd);
	if (s->out != NULL)
		evbuffer_drain(s->out, evbuffer_get_length(s->out));
	if (s->in != NULL)
		evbuffer_drain(s->in, evbuffer_get_length(s->in));
}

/* Once: what is to happen when who started the process has vanished. */
void session_tell_vanished(struct session *s)
{
	struct console *c = s->console;
	bool news = s->starter && !s->vanished && !c->ended;
	s->vanished = true;
	if (news && c->on_starter_gone != NULL)
		c->on_starter_gone(c->arg);
}

/* The client is gone, or has to go. What it typed is still given to the container. */
void session_drop(struct session *s)
{
	session_release_keys(s);
	close_client(s);
	session_tell_vanished(s);
	s->typed_ended = true;
	console_resume(s->console);
	console_typed(s->console);
}

void session_free(struct session *s)
{
	struct evbuffer *buffers[] = { s->in, s->out, s->typed };
	close_client(s);
	for (int i = 0; i < 3; i++)
		if (buffers[i] != NULL)
			evbuffer_free(buffers[i]);
	free(s);
}

static size_t on_terminal(const struct session *s)
{
	return s->terminal != NULL ? terminal_waiting(s->terminal) : 0;
}

/* What has been put out and not taken by the client. */
static size_t waiting(const struct session *s)
{
	return evbuffer_get_length(s->out) + on_terminal(s);
}

/* Sends what is queued, as far as it goes; false: the client is gone. A last frame follows what is still to
 * be written to the terminal. */
static bool flush(struct session *s)
{
	while (evbuffer_get_length(s->out) > 0 && !(s->ending && on_terminal(s) > 0)) {
		int n = evbuffer_write(s->out, s->fd);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0)
			return false;
	}
	return true;
}

/* There is no memory for what has to be queued: what is queued already is still sent, and then a frame that
 * says why it is the last. On a later turn, since the caller may still walk the list of sessions. */
void session_starve(struct session *s)
{
	s->starved = s->ending = s->typed_ended = true;
	event_active(s->writable, EV_WRITE, 0);
	console_resume(s->console);
}

static void send_last_words(struct session *s)
{
	static const char text[] = STARVED;
	uint8_t frame[FRAME_HEADER + sizeof text - 1];
	frame_header(frame, FRAME_ERROR, sizeof text - 1);
	memcpy(frame + FRAME_HEADER, text, sizeof text - 1);
	if (!s->torn && !(s->flags & CONSOLE_RAW) &&
		send(s->fd, frame, sizeof frame, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_error("a client is let go for want of memory, and cannot be told");
}

/* The rest of what has been sent up to `sent`: both pieces or nothing. */
static void queue_pieces(struct session *s, const struct iovec iov[2], size_t sent)
{
	size_t rest = iov[0].iov_len + iov[1].iov_len - sent;
	if (rest == 0)
		return;
	if (evbuffer_expand(s->out, rest) < 0) {
		s->torn = sent > 0;
		session_starve(s);
		return;
	}
	for (int i = 0; i < 2; i++) {
		size_t done = sent < iov[i].iov_len ? sent : iov[i].iov_len;
		evbuffer_add(s->out, (const char *) iov[i].iov_base + done, iov[i].iov_len - done);
		sent -= done;
	}
}

/* At once if nothing waits before it; the rest is queued. The pieces are borrowed. */
static void send_pieces(
	struct session *s, const void *head, size_t head_size, const void *body, size_t body_size)
{
	struct iovec iov[2] = { { (void *) (size_t) head, head_size },
		{ (void *) (size_t) body, body_size } };
	size_t sent = 0;
	if (evbuffer_get_length(s->out) == 0 && !(s->ending && on_terminal(s) > 0)) {
		struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
		ssize_t n = sendmsg(s->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
		/* Whether the client is gone, or memory was short, the next try tells; on a later turn, since
		 * the caller still walks the list of sessions. */
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			event_active(s->writable, EV_WRITE, 0);
		sent = n > 0 ? (size_t) n : 0;
	}
	queue_pieces(s, iov, sent);
	if (evbuffer_get_length(s->out) > 0)
		event_add(s->writable, NULL);
}

/* A raw session has no frames: of all that they say only the output is left. */
void session_send(struct session *s, enum frame_type type, const void *payload, size_t size)
{
	uint8_t header[FRAME_HEADER];
	if (s->fd < 0 || s->starved)
		return;
	frame_header(header, type, (uint32_t) size);
	if (!(s->flags & CONSOLE_RAW))
		send_pieces(s, header, sizeof header, payload, size);
	else if (type == FRAME_STDOUT || type == FRAME_STDERR)
		send_pieces(s, NULL, 0, payload, size);
}

static void send_gap(struct session *s, int stream)
{
	struct stream_state *st = &s->streams[stream];
	uint8_t payload[20] = { (uint8_t) (FRAME_STDOUT + stream) };
	put_u64(payload + 4, st->gap);
	put_u64(payload + 12, st->gap_position);
	st->gap = 0;
	session_send(s, FRAME_GAP, payload, sizeof payload);
}

void session_send_gaps(struct session *s)
{
	for (int i = 0; i < 2; i++)
		if (s->streams[i].gap > 0)
			send_gap(s, i);
}

void session_output(struct session *s, int stream, const void *data, size_t size, bool last)
{
	struct stream_state *st = &s->streams[stream];
	uint32_t wanted = stream == 0 ? CONSOLE_STDOUT : CONSOLE_STDERR;
	if (s->fd < 0 || s->ending || !(s->flags & wanted))
		return;
	uint64_t position = st->position;
	st->position += size;
	if (s->flow == FLOW_DROP && !last && waiting(s) + size > FLOW_QUEUE_MAX) {
		if (st->gap == 0)
			st->gap_position = position;
		st->gap += size;
		return;
	}
	if (st->gap > 0)
		send_gap(s, stream);
	if (s->terminal != NULL) {
		if (!terminal_write(s->terminal, data, size))
			session_starve(s);
		return;
	}
	st->sent += size;
	session_send(s, (enum frame_type)(FRAME_STDOUT + stream), data, size);
}

bool session_blocks(const struct session *s)
{
	return s->fd >= 0 && !s->ending && s->flow == FLOW_BLOCK && waiting(s) >= FLOW_QUEUE_MAX;
}

void session_exit(struct session *s, const struct exit_status *st)
{
	if (s->fd < 0 || s->ending)
		return;
	session_send_gaps(s);
	_cleanup_json_ struct json_object *obj = json_object_new_object();
	json_add(obj, "exit", exit_to_json(st));
	json_add_int(obj, "stdout", (int64_t) s->streams[0].sent);
	json_add_int(obj, "stderr", (int64_t) s->streams[1].sent);
	size_t size;
	const char *text = json_text(obj, &size);
	s->ending = true;
	/* What is typed from now on is for whoever comes after it. */
	if (s->terminal != NULL)
		terminal_listen(s->terminal, false);
	session_send(s, FRAME_EXIT, text, size);
	event_active(s->writable, EV_WRITE, 0);
}

/* The client has typed the keys that let go. */
void session_detach(struct session *s)
{
	/* What it would have ended by leaving goes on. */
	s->starter = false;
	s->typed_ended = s->ending = true;
	event_del(s->readable);
	session_send_gaps(s);
	session_give_terminal_back(s);
	session_send(s, FRAME_DETACHED, NULL, 0);
	event_active(s->writable, EV_WRITE, 0);
	console_resume(s->console);
}

static void tell_taken(struct session *s)
{
	uint64_t news = s->taken - s->taken_told;
	bool all = evbuffer_get_length(s->typed) == 0;
	if (news == 0 || s->ending || (news < TAKEN_STEP && !all) ||
		evbuffer_get_length(s->out) > TAKEN_QUEUE)
		return;
	uint8_t payload[8];
	put_u64(payload, s->taken);
	s->taken_told = s->taken;
	session_send(s, FRAME_TAKEN, payload, sizeof payload);
}

void session_taken(struct session *s, size_t bytes)
{
	if (s->terminal != NULL) {
		terminal_listen(s->terminal, !s->ending);
		return;
	}
	s->taken += bytes;
	if (!(s->flags & CONSOLE_RAW))
		tell_taken(s);
	else if (s->fd >= 0 && !s->typed_ended)
		event_add(s->readable, NULL);
}

void session_on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	(void) fd, (void) what;
	if (!flush(s)) {
		session_drop(s);
		return;
	}
	tell_taken(s);
	/* Also to a reader of a container that has fallen silent. */
	if (waiting(s) == 0 && !s->ending)
		session_send_gaps(s);
	if (evbuffer_get_length(s->out) > 0) {
		/* It is the terminal that is behind: on_terminal_written goes on. */
		if (s->ending && on_terminal(s) > 0)
			event_del(s->writable);
		else
			event_add(s->writable, NULL);
		return;
	}
	event_del(s->writable);
	if (s->starved)
		send_last_words(s);
	if (s->ending) {
		/* The exit frame is the last thing; the client may be reading to end of file. */
		shutdown(s->fd, SHUT_WR);
		session_drop(s);
		return;
	}
	console_resume(s->console);
}

struct session *session_new(struct console *c, const struct session_client *client)
{
	const struct control_console *wants = &client->wants;
	struct session *s = calloc(1, sizeof *s);
	if (s == NULL) {
		close(client->fd);
		return NULL;
	}
	s->console = c;
	s->fd = client->fd;
	s->passed_fd = -1;
	s->flags = wants->flags;
	s->flow = (enum flow) wants->flow;
	s->starter = client->starter;
	s->typed_ended = !(wants->flags & CONSOLE_STDIN);
	s->detach.size = wants->n_detach_keys <= DETACH_KEYS_MAX ? wants->n_detach_keys : 0;
	memcpy(s->detach.keys, wants->detach_keys, s->detach.size);
	s->in = evbuffer_new();
	s->out = evbuffer_new();
	s->typed = evbuffer_new();
	s->readable = event_new(c->base, s->fd, EV_READ | EV_PERSIST, session_on_readable, s);
	s->writable = event_new(c->base, s->fd, EV_WRITE | EV_PERSIST, session_on_writable, s);
	s->detach_timer = event_new(c->base, -1, 0, session_on_detach_timeout, s);
	s->look = event_new(c->base, -1, 0, session_on_look, s);
	if (fd_nonblock(s->fd, true) == 0 && s->in != NULL && s->out != NULL && s->typed != NULL &&
		s->readable != NULL && s->writable != NULL && s->detach_timer != NULL && s->look != NULL &&
		evbuffer_add(s->out, client->reply, client->reply_size) == 0 &&
		evbuffer_add(s->in, client->early, client->early_size) == 0)
		return s;
	session_free(s);
	return NULL;
}

void session_start(struct session *s)
{
	if (!flush(s)) {
		session_drop(s);
		return;
	}
	if (evbuffer_get_length(s->out) > 0)
		event_add(s->writable, NULL);
	event_add(s->readable, NULL);
	session_take_input(s);
}
