#include "shim/session.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/exit.h"
#include "common/fd.h"
#include "common/frame.h"
#include "common/json.h"
#include "common/log.h"
#include "common/parse.h"
#include "shim/console.h"
#include "shim/terminal.h"

#define TAKEN_STEP (32 * 1024) /* a client is told at the latest after so many bytes */
#define TAKEN_QUEUE \
	(64 * 1024) /* with more than this waiting for it, it is told later: stdin must not grow output */
#define DETACH_TIMEOUT_MS 250 /* a first key alone is the program's after this */

/* The last frame of a session that there was no memory for: made without any. */
#define STARVED                                                             \
	"{\"error\":\"io.containerdlite.container.Failed\",\"parameters\":" \
	"{\"message\":\"the container's shim has no memory left for this client\"}}"

#define LOOK_MS 500 /* between two looks whether a client that is not read from has vanished */

static void on_readable(evutil_socket_t fd, short what, void *arg);
static void on_writable(evutil_socket_t fd, short what, void *arg);

/* Whatever was still to be written to it. */
static void give_terminal_back(struct session *s)
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
	give_terminal_back(s);
	fd_close(&s->passed_fd);
	fd_close(&s->fd);
	if (s->out != NULL)
		evbuffer_drain(s->out, evbuffer_get_length(s->out));
	if (s->in != NULL)
		evbuffer_drain(s->in, evbuffer_get_length(s->in));
}

/* Once: what is to happen when who started the process has vanished. */
static void tell_vanished(struct session *s)
{
	struct console *c = s->console;
	bool news = s->starter && !s->vanished && !c->ended;
	s->vanished = true;
	if (news && c->on_starter_gone != NULL)
		c->on_starter_gone(c->arg);
}

/* The client is gone, or has to go. What it typed is still given to the container. */
static void drop_client(struct session *s)
{
	close_client(s);
	tell_vanished(s);
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
static void starve(struct session *s)
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
		starve(s);
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
static void send_frame(struct session *s, enum frame_type type, const void *payload, size_t size)
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
	send_frame(s, FRAME_GAP, payload, sizeof payload);
}

static void send_gaps(struct session *s)
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
			starve(s);
		return;
	}
	st->sent += size;
	send_frame(s, (enum frame_type)(FRAME_STDOUT + stream), data, size);
}

bool session_blocks(const struct session *s)
{
	return s->fd >= 0 && !s->ending && s->flow == FLOW_BLOCK && waiting(s) >= FLOW_QUEUE_MAX;
}

void session_exit(struct session *s, const struct exit_status *st)
{
	if (s->fd < 0 || s->ending)
		return;
	send_gaps(s);
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
	send_frame(s, FRAME_EXIT, text, size);
	event_active(s->writable, EV_WRITE, 0);
}

/* The client has typed the keys that let go. */
static void session_detach(struct session *s)
{
	/* What it would have ended by leaving goes on. */
	s->starter = false;
	s->typed_ended = s->ending = true;
	event_del(s->readable);
	send_gaps(s);
	give_terminal_back(s);
	send_frame(s, FRAME_DETACHED, NULL, 0);
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
	send_frame(s, FRAME_TAKEN, payload, sizeof payload);
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

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	(void) fd, (void) what;
	if (!flush(s)) {
		drop_client(s);
		return;
	}
	tell_taken(s);
	/* Also to a reader of a container that has fallen silent. */
	if (waiting(s) == 0 && !s->ending)
		send_gaps(s);
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
		drop_client(s);
		return;
	}
	console_resume(s->console);
}

static void refuse(struct session *s, const char *why)
{
	struct error error;
	_cleanup_json_ struct json_object *obj = json_object_new_object();
	error_set(&error, ERROR_BAD_MESSAGE, "%s", why);
	json_add_string(obj, "error", error_name(error.kind));
	json_add(obj, "parameters", error_to_json(&error));
	size_t size;
	const char *text = json_text(obj, &size);
	s->ending = true;
	event_del(s->readable);
	give_terminal_back(s);
	send_frame(s, FRAME_ERROR, text, size);
	event_active(s->writable, EV_WRITE, 0);
	/* A container that waited for this reader does so no more. */
	console_resume(s->console);
}

static void take_signal(struct session *s, const struct frame *f)
{
	char name[33];
	int sig;
	memcpy(name, f->payload, f->size);
	name[f->size] = '\0';
	if (signal_parse(name, &sig) < 0)
		refuse(s, "not a signal's name in a signal frame");
	else
		s->console->on_signal(s->console->arg, sig);
}

static void on_detach_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	uint8_t keys[DETACH_KEYS_MAX];
	size_t n = detach_release(&s->detach, keys);
	(void) fd, (void) what;
	if (evbuffer_add(s->typed, keys, n) < 0)
		starve(s);
	console_typed(s->console);
}

/* What the client has typed, without the keys that may be the beginning of those that let go. */
static void take_keys(struct session *s, const uint8_t *keys, size_t size)
{
	struct timeval timeout = { .tv_usec = DETACH_TIMEOUT_MS * 1000 };
	struct evbuffer_iovec room;
	bool found;
	if (s->detach.size == 0) {
		if (evbuffer_add(s->typed, keys, size) < 0)
			starve(s);
		return;
	}
	if (evbuffer_reserve_space(s->typed, (ev_ssize_t) (size + DETACH_KEYS_MAX), &room, 1) != 1) {
		starve(s);
		return;
	}
	room.iov_len = detach_filter(&s->detach, keys, size, room.iov_base, &found);
	evbuffer_commit_space(s->typed, &room, 1);
	if (s->detach.held > 0)
		event_add(s->detach_timer, &timeout);
	else
		event_del(s->detach_timer);
	if (found)
		session_detach(s);
}

static void take_stdin(struct session *s, const struct frame *f)
{
	s->received += f->size;
	if (s->received - s->taken > FRAME_STDIN_WINDOW)
		refuse(s, "more stdin was sent than the window allows");
	else if (s->typed_ended || !(s->flags & CONSOLE_STDIN))
		session_taken(s, f->size);
	else
		take_keys(s, f->payload, f->size);
}

static void take_resize(struct session *s, const struct frame *f)
{
	/* What was typed before it comes before it, as far as the program takes it. */
	console_typed(s->console);
	console_resize(s->console, get_u16(f->payload), get_u16(f->payload + 2));
}

/* Keys that the client's terminal has. */
static void on_keys(void *arg, const uint8_t *keys, size_t size)
{
	struct session *s = arg;
	take_keys(s, keys, size);
	if (s->terminal != NULL && evbuffer_get_length(s->typed) > FRAME_PAYLOAD_MAX)
		terminal_listen(s->terminal, false);
	console_typed(s->console);
}

static void on_terminal_written(void *arg)
{
	struct session *s = arg;
	if (s->ending)
		event_active(s->writable, EV_WRITE, 0);
	else
		send_gaps(s);
	console_resume(s->console);
}

static void on_terminal_gone(void *arg)
{
	drop_client(arg);
}

/* First with the descriptor: answered behind all frames of output, from where on output waits. Then, when the
 * client has written those, once more without: now the terminal is ours. */
static void take_terminal(struct session *s)
{
	struct terminal_events events = { on_keys, on_terminal_written, on_terminal_gone, s };
	_cleanup_fd_ int fd = steal_fd(&s->passed_fd);
	if (s->terminal != NULL) {
		terminal_start(s->terminal);
		return;
	}
	s->terminal = s->console->terminal && fd >= 0 && !s->typed_ended
			      ? terminal_new(s->console->base, fd, s->fd, &events)
			      : NULL;
	uint8_t taken = s->terminal != NULL;
	send_frame(s, FRAME_TERMINAL, &taken, 1);
}

static void take_frame(struct session *s, const struct frame *f)
{
	if (s->ending && f->type != FRAME_TERMINAL)
		return;
	switch (f->type) {
	case FRAME_STDIN: take_stdin(s, f); break;
	case FRAME_STDIN_END: s->typed_ended = s->stdin_ended = true; break;
	case FRAME_SIGNAL: take_signal(s, f); break;
	case FRAME_RESIZE: take_resize(s, f); break;
	case FRAME_TERMINAL: take_terminal(s); break;
	default: refuse(s, "a frame of this type is not for a client to send");
	}
}

/* At the end only what the rest of the output waits for: that the terminal is the shim's. */
static bool takes_frames(const struct session *s)
{
	return !s->ending || s->terminal != NULL;
}

static void take_frames(struct session *s)
{
	while (takes_frames(s) && evbuffer_get_length(s->in) >= FRAME_HEADER) {
		struct frame f;
		size_t have = evbuffer_get_length(s->in);
		const uint8_t *header = evbuffer_pullup(s->in, FRAME_HEADER);
		size_t whole = FRAME_HEADER + (size_t) get_u32(header + 4);
		const uint8_t *data = evbuffer_pullup(s->in, (ev_ssize_t) (whole < have ? whole : have));
		int got = frame_decode(data, whole < have ? whole : have, &f);
		if (got < 0)
			refuse(s, "not a console frame");
		if (got <= 0)
			break;
		take_frame(s, &f);
		evbuffer_drain(s->in, whole);
	}
	if (!takes_frames(s))
		evbuffer_drain(s->in, evbuffer_get_length(s->in));
}

/* A half-closed client still reads; one that is gone is noticed by the next write. */
static bool hung_up(const struct session *s)
{
	struct pollfd p = { .fd = s->fd };
	return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

static void look_later(struct session *s)
{
	struct timeval tv = { .tv_usec = LOOK_MS * 1000 };
	event_add(s->look, &tv);
}

/* What it sent before it vanished is its process's all the same, and is read when there is room. */
static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	(void) fd, (void) what;
	if (event_pending(s->readable, EV_READ, NULL))
		return;
	if (hung_up(s))
		tell_vanished(s);
	else
		look_later(s);
}

/* Plain bytes: no window bounds them but that no more is read before they are taken. */
static void take_raw(struct session *s)
{
	size_t size = evbuffer_get_length(s->in);
	if (!s->typed_ended && (s->flags & CONSOLE_STDIN) && size > 0)
		take_keys(s, evbuffer_pullup(s->in, -1), size);
	evbuffer_drain(s->in, size);
	if (evbuffer_get_length(s->typed) > FRAME_PAYLOAD_MAX && s->readable != NULL) {
		event_del(s->readable);
		look_later(s);
	}
}

static void take_input(struct session *s)
{
	if (s->flags & CONSOLE_RAW)
		take_raw(s);
	else
		take_frames(s);
	console_typed(s->console);
}

/* A client that has only ended its side still reads. From now on it is readable for ever: edge-triggered, it
 * is heard of once more when it leaves. */
static void end_of_client(struct session *s)
{
	/* A terminal is given back at once: somebody else types there. */
	if (hung_up(s) || s->terminal != NULL) {
		drop_client(s);
		return;
	}
	if (s->half_closed)
		return;
	s->half_closed = true;
	bool writes = event_pending(s->writable, EV_WRITE, NULL);
	event_del(s->readable);
	event_del(s->writable);
	/* Both, since libevent does not mix edges and levels on one descriptor. */
	event_assign(s->readable, s->console->base, s->fd, EV_READ | EV_PERSIST | EV_ET, on_readable, s);
	event_assign(s->writable, s->console->base, s->fd, EV_WRITE | EV_PERSIST | EV_ET, on_writable, s);
	event_add(s->readable, NULL);
	if (writes)
		event_add(s->writable, NULL);
	s->typed_ended = true;
	s->stdin_ended |= (s->flags & CONSOLE_RAW) != 0;
	console_typed(s->console);
}

/* Like evbuffer_read, but with the descriptor that may come along; there is never room for more than one. */
static ssize_t receive(struct session *s, int fd)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct evbuffer_iovec room;
	if (evbuffer_reserve_space(s->in, FRAME_HEADER + FRAME_PAYLOAD_MAX, &room, 1) != 1)
		return -1;
	struct iovec iov = { room.iov_base, room.iov_len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		/* Not the union's size: its padding would be room for a second one. */
		.msg_controllen = CMSG_LEN(sizeof(int)),
	};
	ssize_t n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n < 0)
		return -1;
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
		c->cmsg_len == CMSG_LEN(sizeof(int))) {
		fd_close(&s->passed_fd);
		memcpy(&s->passed_fd, CMSG_DATA(c), sizeof(int));
	}
	room.iov_len = (size_t) n;
	evbuffer_commit_space(s->in, &room, 1);
	return n;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	(void) what;
	ssize_t n = receive(s, fd);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		take_input(s);
	else if (n == 0)
		end_of_client(s);
	else
		drop_client(s);
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
	s->readable = event_new(c->base, s->fd, EV_READ | EV_PERSIST, on_readable, s);
	s->writable = event_new(c->base, s->fd, EV_WRITE | EV_PERSIST, on_writable, s);
	s->detach_timer = event_new(c->base, -1, 0, on_detach_timeout, s);
	s->look = event_new(c->base, -1, 0, on_look, s);
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
		drop_client(s);
		return;
	}
	if (evbuffer_get_length(s->out) > 0)
		event_add(s->writable, NULL);
	event_add(s->readable, NULL);
	take_input(s);
}
