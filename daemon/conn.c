#include "daemon/conn.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/wire.h"
#include "daemon/daemon.h"
#include "daemon/request.h"
#include "daemon/server.h"

#define READ_SIZE	  (64 * 1024)
#define OUTPUT_MAX	  (16 * 1024 * 1024) /* queued for a client that does not read */
#define HALF_SENT_SECONDS 30		     /* for the rest of a message */
#define DRAIN_SECONDS	  1		     /* between the last reply and the end, so that it can be read */

enum phase {
	PHASE_READING,	/* waits for a message */
	PHASE_BUSY,	/* a call is in hand; only a hang-up is looked for */
	PHASE_AWAY,	/* lent or given: not looked at */
	PHASE_DRAINING, /* the last reply is being sent, input is thrown away */
};

struct conn {
	struct server *server;
	struct caller caller;
	int fd;
	enum phase phase;
	bool input_ended; /* the client has shut down its side */
	bool in_loop;	  /* conn_go_on is running: answers come back to it */
	struct event *event, *timer;
	short watched; /* the flags that event was made with; 0: none */
	struct wire in;
	struct evbuffer *out;
	struct request *request; /* the call in hand */
};

static void conn_go_on(struct conn *conn);
static void on_event(evutil_socket_t fd, short what, void *arg);
static void on_timer(evutil_socket_t fd, short what, void *arg);

struct daemon *conn_daemon(const struct conn *conn)
{
	return server_daemon(conn->server);
}

const struct caller *conn_caller(const struct conn *conn)
{
	return &conn->caller;
}

char conn_terminator(const struct conn *conn)
{
	return conn->in.terminator == '\n' ? '\n' : '\0';
}

struct conn *conn_new(struct server *server, int fd, const struct caller *caller)
{
	struct conn *conn = calloc(1, sizeof(*conn));
	struct event_base *base = server_daemon(server)->base;

	if (!conn)
		abort();
	*conn = (struct conn) { .server = server, .caller = *caller, .fd = fd };
	wire_init(&conn->in);
	conn->out = evbuffer_new();
	conn->event = event_new(base, fd, EV_READ, on_event, conn);
	conn->timer = evtimer_new(base, on_timer, conn);
	if (!conn->out || !conn->event || !conn->timer)
		abort();
	conn_go_on(conn);
	return conn;
}

void conn_free(struct conn *conn)
{
	struct request *request = conn->request;

	conn->request = NULL;
	event_free(conn->event);
	event_free(conn->timer);
	evbuffer_free(conn->out);
	wire_done(&conn->in);
	fd_close(&conn->fd);
	server_remove(conn->server, conn);
	free(conn);
	if (request)
		request_client_left(request);
}

/* Each phase's events. A hang-up has no event of its own: the kernel's EPOLLHUP comes unasked and shows as
 * readable. So a busy connection watches for that edge-triggered: bytes or a half-close that must wait are
 * told once, not for ever. */
static void watch(struct conn *conn)
{
	static const short wanted[] = {
		[PHASE_READING] = EV_READ | EV_PERSIST,
		[PHASE_BUSY] = EV_READ | EV_PERSIST | EV_ET,
		[PHASE_AWAY] = 0,
		[PHASE_DRAINING] = EV_READ | EV_PERSIST,
	};
	short flags = wanted[conn->phase];

	if (flags && evbuffer_get_length(conn->out) > 0)
		flags |= EV_WRITE | EV_ET; /* not read from before the answers are taken */
	if (flags && conn->input_ended)
		flags |= EV_ET; /* else end of file is readable for ever */
	if (flags == conn->watched)
		return;
	event_del(conn->event);
	conn->watched = flags;
	if (!flags)
		return;
	event_assign(conn->event, conn_daemon(conn)->base, conn->fd, flags, on_event, conn);
	event_add(conn->event, NULL);
}

static void set_timer(struct conn *conn, int seconds)
{
	struct timeval tv = { .tv_sec = seconds };

	if (seconds > 0)
		evtimer_add(conn->timer, &tv);
	else
		evtimer_del(conn->timer);
}

/* 0, or -1: the client is gone. */
static int flush(struct conn *conn)
{
	while (evbuffer_get_length(conn->out) > 0) {
		if (evbuffer_write(conn->out, conn->fd) < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
	}
	return 0;
}

/* Ends the connection, on a later turn of the loop. */
static void drain(struct conn *conn)
{
	struct timeval now = { 0 };

	conn->phase = PHASE_DRAINING;
	set_timer(conn, DRAIN_SECONDS);
	if (evbuffer_get_length(conn->out) > 0)
		return;
	shutdown(conn->fd, SHUT_WR);
	if (conn->input_ended)
		evtimer_add(conn->timer, &now);
}

static void free_text(const void *data, size_t size, void *arg)
{
	(void) data;
	(void) size;
	free(arg);
}

bool conn_send(struct conn *conn, char *text, size_t size)
{
	if (conn->phase == PHASE_DRAINING) {
		free(text);
		return false;
	}
	if (evbuffer_get_length(conn->out) + size > OUTPUT_MAX && evbuffer_get_length(conn->out) > 0) {
		struct error err;
		size_t n;
		char *last;

		free(text);
		error_set(&err, ERROR_LIMIT_EXCEEDED, "the client does not read what it asked for");
		snprintf(err.field, sizeof(err.field), "output");
		last = error_reply_format(&err, conn_terminator(conn), &n);
		evbuffer_add(conn->out, last, n);
		free(last);
		drain(conn);
		watch(conn);
		return false;
	}
	evbuffer_add_reference(conn->out, text, size, free_text, text);
	if (flush(conn) < 0)
		evbuffer_drain(
			conn->out, evbuffer_get_length(conn->out)); /* the hang-up is seen by its event */
	watch(conn);
	return true;
}

bool conn_flushed(struct conn *conn)
{
	return evbuffer_get_length(conn->out) == 0;
}

int conn_lend(struct conn *conn)
{
	conn->phase = PHASE_AWAY;
	set_timer(conn, 0);
	watch(conn);
	return conn->fd;
}

const char *conn_early(const struct conn *conn, size_t *ret_size)
{
	return wire_rest(&conn->in, ret_size);
}

void conn_take_back(struct conn *conn)
{
	/* O_NONBLOCK belongs to the description, which the other process had, too. */
	fd_nonblock(conn->fd, true);
	conn->phase = PHASE_BUSY;
	watch(conn);
}

void conn_hold(struct conn *conn, struct request *request)
{
	conn->request = request;
}

void conn_answered(struct conn *conn)
{
	conn->request = NULL;
	if (conn->phase == PHASE_BUSY)
		conn->phase = PHASE_READING;
	if (!conn->in_loop)
		conn_go_on(conn);
}

/* Answers what cannot be a call, and ends the connection. */
static void refuse(struct conn *conn, const struct error *err)
{
	size_t size;
	char *text = error_reply_format(err, conn_terminator(conn), &size);

	conn_send(conn, text, size);
	if (conn->phase != PHASE_DRAINING)
		drain(conn);
}

/* What is incomplete when the client has shut down its side stays so. */
static void at_input_end(struct conn *conn)
{
	struct error err;
	size_t rest;

	wire_rest(&conn->in, &rest);
	if (rest > 0) {
		error_set(&err, ERROR_BAD_MESSAGE, "the message is incomplete");
		refuse(conn, &err);
	} else {
		drain(conn);
	}
}

/* Messages one after the other, as long as each is answered at once and the client takes the answers. */
static void take_messages(struct conn *conn)
{
	while (conn->phase == PHASE_READING && !conn->request && conn_flushed(conn)) {
		struct error err;
		char *message;
		size_t size;
		int r = wire_take(&conn->in, &message, &size, &err);

		if (r < 0) {
			refuse(conn, &err);
		} else if (r == 0) {
			if (conn->input_ended)
				at_input_end(conn);
			return;
		} else {
			bool close_it = false;

			conn->phase = PHASE_BUSY;
			set_timer(conn, 0);
			request_dispatch(conn, message, size, &close_it);
			if (close_it && conn->phase != PHASE_DRAINING)
				drain(conn);
		}
	}
}

static void conn_go_on(struct conn *conn)
{
	size_t rest;

	conn->in_loop = true;
	take_messages(conn);
	conn->in_loop = false;
	if (conn->phase == PHASE_READING) {
		wire_rest(&conn->in, &rest);
		/* Armed by the first byte, not by each: else one byte a second would keep it open. */
		if (rest == 0 || !conn_flushed(conn))
			set_timer(conn, 0);
		else if (!evtimer_pending(conn->timer, NULL))
			set_timer(conn, HALF_SENT_SECONDS);
	} else if (conn->phase != PHASE_DRAINING) {
		set_timer(conn, 0);
	}
	watch(conn);
}

static bool hung_up(const struct conn *conn)
{
	struct pollfd p = { .fd = conn->fd };

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR | POLLNVAL));
}

/* One read. -1: the client is gone. */
static int receive(struct conn *conn)
{
	char *space;
	ssize_t n;

	wire_space(&conn->in, READ_SIZE, &space);
	n = recv(conn->fd, space, READ_SIZE, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (n == 0)
		conn->input_ended = true;
	wire_added(&conn->in, (size_t) n);
	return 0;
}

static void throw_away(struct conn *conn)
{
	static char waste[READ_SIZE];
	ssize_t n = recv(conn->fd, waste, sizeof(waste), MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		conn->input_ended = true;
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct conn *conn = arg;
	bool over = false;

	(void) fd;
	if ((what & EV_WRITE) && flush(conn) < 0)
		over = true;
	if (!over && (what & EV_READ)) {
		if (conn->phase == PHASE_READING && !conn->input_ended && conn_flushed(conn))
			over = receive(conn) < 0;
		else if (conn->phase == PHASE_DRAINING)
			throw_away(conn);
	}
	if (conn->phase == PHASE_DRAINING && conn_flushed(conn)) {
		shutdown(conn->fd, SHUT_WR);
		over = over || conn->input_ended;
	}
	if (over || hung_up(conn))
		conn_free(conn);
	else
		conn_go_on(conn);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conn *conn = arg;
	struct error err;

	(void) fd;
	(void) what;
	if (conn->phase == PHASE_DRAINING) {
		conn_free(conn);
		return;
	}
	error_set(
		&err, ERROR_BAD_MESSAGE, "the message was not finished within %d seconds", HALF_SENT_SECONDS);
	refuse(conn, &err);
	watch(conn);
}
