#include "shim/console.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/frame.h"
#include "shim/container_log.h"

#define READ_SIZE FRAME_PAYLOAD_MAX
#define IDLE_S	  1
/* Two of the pieces in which the kernel gives a terminal's output: about what the client's terminal takes at
 * once. With more, its reader waits while we still read. */
#define TERMINAL_READ (2 * 4095)
/* More than a terminal holds between its two sides: one that still has something after so much has a living
 * writer. */
#define TERMINAL_REST (128 * 1024)

/* Sees to it that what is used now goes back to the system once the console is idle. */
static void use_memory(struct console *c)
{
	struct timeval idle = { .tv_sec = IDLE_S };
	c->used = true;
	if (!event_pending(c->idle, EV_TIMEOUT, NULL))
		event_add(c->idle, &idle);
}

/* A buffer that an idle shim does not keep: a hundred of them are most of what shims cost. */
static char *scratch(struct console *c)
{
	use_memory(c);
	if (c->scratch == NULL) {
		void *p = mmap(NULL, READ_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			return NULL;
		c->scratch = p;
	}
	return c->scratch;
}

static void on_idle(evutil_socket_t fd, short what, void *arg)
{
	struct console *c = arg;
	(void) fd, (void) what;
	if (c->used) {
		struct timeval idle = { .tv_sec = IDLE_S };
		c->used = false;
		event_add(c->idle, &idle);
		return;
	}
	if (c->scratch != NULL)
		munmap(c->scratch, READ_SIZE);
	c->scratch = NULL;
	/* The sessions' queues were on the heap, which malloc would keep. */
	malloc_trim(0);
}

/* --- output --- */

static bool blocked(const struct console *c)
{
	const struct session *s;
	LIST_FOREACH (s, &c->sessions, entry)
		if (session_blocks(s))
			return true;
	return false;
}

static void end_output(struct output *o)
{
	if (o->readable != NULL)
		event_free(o->readable);
	o->readable = NULL;
	o->reading = false;
	fd_close(&o->fd);
}

/* A terminal gives 4 KiB at most: what has come meanwhile goes along, in one frame. Returns bytes, 0 at the
 * end, -1 with nothing to read. */
static ssize_t read_output(const struct output *o, char *data, size_t size)
{
	size_t have = 0;
	ssize_t n;
	do {
		n = read(o->fd, data + have, size - have);
		have += n > 0 ? (size_t) n : 0;
	} while (n > 0 && o->console->terminal && have < TERMINAL_READ && have < size);
	if (have > 0)
		return (ssize_t) have;
	/* EIO: nobody has the terminal open, for the moment. */
	return n < 0 && (errno == EAGAIN || errno == EINTR || errno == EIO) ? -1 : 0;
}

/* Hands on what has been read. */
static void give(struct output *o, const char *data, size_t size, bool last)
{
	struct console *c = o->console;
	int stream = (int) (o - c->outputs);
	struct session *s;
	if (c->log != NULL)
		container_log_write(c->log, stream == 1, data, size);
	if (c->replays)
		ring_add(&c->ring, stream, data, size);
	LIST_FOREACH (s, &c->sessions, entry)
		session_output(s, stream, data, size, last);
}

/* Reads once, at most size bytes, and hands it on. */
static ssize_t relay(struct output *o, size_t size, bool last)
{
	char *data = scratch(o->console);
	if (data == NULL)
		return -1;
	ssize_t n = read_output(o, data, size < READ_SIZE ? size : READ_SIZE);
	if (n > 0)
		give(o, data, (size_t) n, last);
	return n;
}

static void set_reading(struct output *o, bool on)
{
	if (o->readable == NULL || o->reading == on)
		return;
	o->reading = on;
	if (on)
		event_add(o->readable, NULL);
	else
		event_del(o->readable);
}

static void on_output(evutil_socket_t fd, short what, void *arg)
{
	struct output *o = arg;
	(void) fd, (void) what;
	if (blocked(o->console)) {
		set_reading(o, false);
		return;
	}
	if (relay(o, READ_SIZE, false) == 0)
		end_output(o);
	if (o->console->terminal)
		input_end_output(&o->console->input_end);
}

void console_resume(struct console *c)
{
	if (!c->started || blocked(c))
		return;
	use_memory(c);
	for (int i = 0; i < 2; i++)
		set_reading(&c->outputs[i], true);
}

/* --- input --- */

static void close_input(struct console *c)
{
	input_end_done(&c->input_end);
	if (c->input_writable != NULL)
		event_free(c->input_writable);
	c->input_writable = NULL;
	if (!c->terminal)
		fd_close(&c->input_fd);
	c->input_fd = -1;
}

/* The starter has no more: so has the process. */
static void end_input(struct console *c, struct session *s)
{
	s->stdin_passed = true;
	if (!c->terminal)
		close_input(c);
	else if (s->stdin_ended && c->input_fd >= 0)
		input_end_type(&c->input_end, c->last_typed);
}

/* Writes what a session has typed, as far as the process's end takes it. False: it is full. */
static bool write_typed(struct console *c, struct session *s)
{
	while (evbuffer_get_length(s->typed) > 0) {
		size_t waiting = evbuffer_get_length(s->typed);
		struct evbuffer_ptr end;
		uint8_t last = 0;
		evbuffer_ptr_set(s->typed, &end, waiting - 1, EVBUFFER_PTR_SET);
		evbuffer_copyout_from(s->typed, &end, &last, 1);
		int n = c->input_fd < 0 ? -1 : evbuffer_write(s->typed, c->input_fd);
		if (n < 0 && c->input_fd >= 0 && errno == EINTR)
			continue;
		if (n < 0 && c->input_fd >= 0 && errno == EAGAIN)
			return false;
		if (n <= 0) {
			/* Nobody reads stdin any more: taken and thrown away, as by a closed pipe. */
			close_input(c);
			evbuffer_drain(s->typed, waiting);
			n = (int) waiting;
		}
		if ((size_t) n == waiting)
			c->last_typed = last;
		session_taken(s, (size_t) n);
	}
	return true;
}

void console_typed(struct console *c)
{
	struct session *s, *next;
	bool full = false;
	if (!c->started)
		return;
	use_memory(c);
	for (s = LIST_FIRST(&c->sessions); s != NULL && !full; s = LIST_NEXT(s, entry)) {
		full = !write_typed(c, s);
		if (!full && s->typed_ended && s->starter && !s->stdin_passed && (s->flags & CONSOLE_STDIN) &&
			c->input_once)
			end_input(c, s);
	}
	if (c->input_writable != NULL && full)
		event_add(c->input_writable, NULL);
	else if (c->input_writable != NULL)
		event_del(c->input_writable);
	for (s = LIST_FIRST(&c->sessions); s != NULL; s = next) {
		next = LIST_NEXT(s, entry);
		if (s->fd < 0 && evbuffer_get_length(s->typed) == 0)
			console_session_gone(s);
	}
}

static void on_input_writable(evutil_socket_t fd, short what, void *arg)
{
	(void) fd, (void) what;
	console_typed(arg);
}

void console_resize(struct console *c, uint16_t rows, uint16_t columns)
{
	struct winsize size = { .ws_row = rows, .ws_col = columns };
	if (!c->terminal || c->outputs[0].fd < 0)
		return;
	if (rows == 0 && columns == 0)
		size = (struct winsize) { .ws_row = 24, .ws_col = 80 };
	ioctl(c->outputs[0].fd, TIOCSWINSZ, &size);
}

/* A new client's screen is empty: also a program whose terminal keeps its size is told to draw. */
static void show_size(struct console *c, uint16_t rows, uint16_t columns)
{
	struct winsize before, after;
	int master = c->outputs[0].fd;
	pid_t group;
	if (!c->terminal || !c->started || ioctl(master, TIOCGWINSZ, &before) < 0)
		return;
	console_resize(c, rows, columns);
	if (ioctl(master, TIOCGWINSZ, &after) < 0 || before.ws_row != after.ws_row ||
		before.ws_col != after.ws_col)
		return; /* the kernel has told it */
	/* Whoever gets it by mistake, where the group has just ended, ignores it by default. */
	if (ioctl(master, TIOCGPGRP, &group) == 0 && group > 1)
		kill(-group, SIGWINCH);
}

/* --- sessions --- */

void console_session_gone(struct session *s)
{
	struct console *c = s->console;
	LIST_REMOVE(s, entry);
	c->n_sessions--;
	session_free(s);
	if (c->ended && LIST_EMPTY(&c->sessions))
		c->on_empty(c->arg);
}

/* One that is only there for what its client had typed makes room for a living one. */
static bool make_room(struct console *c)
{
	struct session *s;
	if (c->n_sessions < CONSOLE_SESSIONS_MAX)
		return true;
	LIST_FOREACH (s, &c->sessions, entry)
		if (s->fd < 0) {
			console_session_gone(s);
			return true;
		}
	return false;
}

static void replay(void *session, int stream, const void *data, size_t size)
{
	session_output(session, stream, data, size, true);
}

int console_attach(struct console *c, const struct session_client *client, struct error *err)
{
	const struct control_console *wants = &client->wants;
	if (!make_room(c)) {
		close(client->fd);
		error_set(err, ERROR_LIMIT_EXCEEDED, "%d clients are attached to it, and no more can be",
			CONSOLE_SESSIONS_MAX);
		snprintf(err->field, sizeof err->field, "sessions");
		return -1;
	}
	struct session *s = session_new(c, client);
	if (s == NULL)
		return error_errnum(err, ENOMEM, "make a session");
	LIST_INSERT_HEAD(&c->sessions, s, entry);
	c->n_sessions++;
	ring_replay(&c->ring, wants->replay, replay, s);
	if (wants->flags & CONSOLE_SIZE)
		show_size(c, wants->rows, wants->columns);
	session_start(s);
	return 0;
}

/* --- its life --- */

void console_init(struct console *c)
{
	c->input_fd = c->outputs[0].fd = c->outputs[1].fd = c->peer_fd = -1;
	LIST_INIT(&c->sessions);
}

/* The process's end blocks and is close-on-exec until it becomes its stdio; ours does not block. */
static int make_pipe(int *ret_ours, int *ret_theirs, bool we_read)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	if (fd_nonblock(fds[we_read ? 0 : 1], true) < 0) {
		close(fds[0]);
		close(fds[1]);
		return -1;
	}
	*ret_ours = fds[we_read ? 0 : 1];
	*ret_theirs = fds[we_read ? 1 : 0];
	return 0;
}

static int made(const struct event *event)
{
	if (event != NULL)
		return 0;
	errno = ENOMEM;
	return -1;
}

static int watch_input(struct console *c, int fd)
{
	c->input_fd = fd;
	c->input_writable = event_new(c->base, fd, EV_WRITE | EV_PERSIST, on_input_writable, c);
	return made(c->input_writable);
}

static int watch_output(struct console *c, int i)
{
	struct output *o = &c->outputs[i];
	o->readable = event_new(c->base, o->fd, EV_READ | EV_PERSIST, on_output, o);
	return made(o->readable);
}

static int make_pipes(struct console *c, int ret_stdio[3])
{
	int fd = -1;
	for (int i = 0; i < 2; i++) {
		if (make_pipe(&c->outputs[i].fd, &ret_stdio[1 + i], true) < 0 || watch_output(c, i) < 0)
			return -1;
	}
	if (!c->with_stdin)
		return (ret_stdio[0] = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0 ? -1 : 0;
	if (make_pipe(&fd, &ret_stdio[0], false) < 0)
		return -1;
	return watch_input(c, fd);
}

int console_open(struct console *c, int ret_stdio[3], struct error *err)
{
	c->idle = event_new(c->base, -1, 0, on_idle, c);
	for (int i = 0; i < 2; i++)
		c->outputs[i].console = c;
	for (int i = 0; i < 3; i++)
		ret_stdio[i] = -1;
	if (made(c->idle) < 0 || (!c->terminal && make_pipes(c, ret_stdio) < 0))
		return error_errno(err, "make the console");
	return 0;
}

int console_set_terminal(struct console *c, int master, struct error *err)
{
	c->outputs[0].fd = master;
	if (fd_nonblock(master, true) < 0 ||
		(c->peer_fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0)
		return error_errno(err, "open the terminal's other side");
	if (watch_output(c, 0) < 0 || (c->with_stdin && watch_input(c, master) < 0))
		return error_errno(err, "watch the terminal");
	if (c->with_stdin) {
		input_end_init(&c->input_end, c->base, master, c->peer_fd);
	}
	return 0;
}

int console_receive(struct console *c, struct session_client *client, int texts_fd,
	const struct control_text *reply, const struct control_text *early, struct error *err)
{
	_cleanup_fd_ int fd = client->fd;
	_cleanup_free_ char *bytes = malloc((size_t) reply->size + early->size + 1);
	if (bytes == NULL || pread(texts_fd, bytes, reply->size, reply->offset) != (ssize_t) reply->size ||
		pread(texts_fd, bytes + reply->size, early->size, early->offset) != (ssize_t) early->size)
		return error_errnum(err, ENOMEM, "read what the client gets");
	client->reply = bytes;
	client->reply_size = reply->size;
	client->early = bytes + reply->size;
	client->early_size = early->size;
	client->fd = steal_fd(&fd);
	return console_attach(c, client, err);
}

void console_start(struct console *c)
{
	c->started = true;
	console_resume(c);
	console_typed(c);
}

/* What is there now holds every byte of a dead writer; another writer, in a shared pid namespace or a
 * grandchild, could go on for ever. */
static void drain_output(struct output *o)
{
	int left = 0;
	/* FIONREAD does not know what the kernel has not yet passed from one side of a terminal to the other;
	 * a read that finds nothing does. */
	if (o->console->terminal)
		left = TERMINAL_REST;
	else if (o->fd < 0 || ioctl(o->fd, FIONREAD, &left) < 0)
		left = 0;
	while (o->fd >= 0 && left > 0) {
		ssize_t n = relay(o, (size_t) left, true);
		if (n <= 0)
			break;
		left -= (int) n;
	}
	end_output(o);
}

void console_drain(struct console *c)
{
	close_input(c);
	console_typed(c);
	for (int i = 0; i < 2; i++)
		drain_output(&c->outputs[i]);
	fd_close(&c->peer_fd);
}

void console_end(struct console *c, const struct exit_status *st)
{
	struct session *s;
	c->ended = true;
	LIST_FOREACH (s, &c->sessions, entry)
		session_exit(s, st);
	if (LIST_EMPTY(&c->sessions))
		c->on_empty(c->arg);
}

void console_done(struct console *c)
{
	struct session *s;
	while ((s = LIST_FIRST(&c->sessions)) != NULL) {
		LIST_REMOVE(s, entry);
		session_free(s);
	}
	close_input(c);
	for (int i = 0; i < 2; i++)
		end_output(&c->outputs[i]);
	fd_close(&c->peer_fd);
	ring_done(&c->ring);
	if (c->idle != NULL)
		event_free(c->idle);
	if (c->scratch != NULL)
		munmap(c->scratch, READ_SIZE);
}
