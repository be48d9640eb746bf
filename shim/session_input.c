#include "shim/session_private.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/parse.h"
#include "shim/console.h"
#include "shim/terminal.h"

#define DETACH_TIMEOUT_MS 250 /* a first key alone is the program's after this */
#define LOOK_MS		  500 /* between two looks whether a client that is not read from has vanished */

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
	session_give_terminal_back(s);
	session_send(s, FRAME_ERROR, text, size);
	event_active(s->writable, EV_WRITE, 0);
	/* A container that waited for this reader does so no more. */
	console_resume(s->console);
}

/* No more comes: so what has come of the keys that let go was meant for the program. */
static void end_stdin(struct session *s)
{
	session_release_keys(s);
	s->typed_ended = s->stdin_ended = true;
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

void session_release_keys(struct session *s)
{
	uint8_t keys[DETACH_KEYS_MAX];
	size_t n = detach_release(&s->detach, keys);
	if (evbuffer_add(s->typed, keys, n) < 0)
		session_starve(s);
}

void session_on_detach_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	(void) fd, (void) what;
	session_release_keys(s);
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
			session_starve(s);
		return;
	}
	if (evbuffer_reserve_space(s->typed, (ev_ssize_t) (size + DETACH_KEYS_MAX), &room, 1) != 1) {
		session_starve(s);
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
		session_send_gaps(s);
	console_resume(s->console);
}

static void on_terminal_gone(void *arg)
{
	session_drop(arg);
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
	session_send(s, FRAME_TERMINAL, &taken, 1);
}

static void take_frame(struct session *s, const struct frame *f)
{
	if (s->ending && f->type != FRAME_TERMINAL)
		return;
	switch (f->type) {
	case FRAME_STDIN: take_stdin(s, f); break;
	case FRAME_STDIN_END: end_stdin(s); break;
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
void session_on_look(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	(void) fd, (void) what;
	if (event_pending(s->readable, EV_READ, NULL))
		return;
	if (hung_up(s))
		session_tell_vanished(s);
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

void session_take_input(struct session *s)
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
		session_drop(s);
		return;
	}
	if (s->half_closed)
		return;
	s->half_closed = true;
	bool writes = event_pending(s->writable, EV_WRITE, NULL);
	event_del(s->readable);
	event_del(s->writable);
	/* Both, since libevent does not mix edges and levels on one descriptor. */
	event_assign(
		s->readable, s->console->base, s->fd, EV_READ | EV_PERSIST | EV_ET, session_on_readable, s);
	event_assign(
		s->writable, s->console->base, s->fd, EV_WRITE | EV_PERSIST | EV_ET, session_on_writable, s);
	event_add(s->readable, NULL);
	if (writes)
		event_add(s->writable, NULL);
	session_release_keys(s);
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

void session_on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	(void) what;
	ssize_t n = receive(s, fd);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		session_take_input(s);
	else if (n == 0)
		end_of_client(s);
	else
		session_drop(s);
}
