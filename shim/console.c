#include "shim/console.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/frame.h"

#define READ_SIZE FRAME_PAYLOAD_MAX
#define IDLE_S	  1

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

/* Reads once, at most size bytes, and hands it on. Returns bytes, 0 at the end, -1 with nothing to read. */
static ssize_t relay(struct output *o, size_t size, bool last)
{
	struct console *c = o->console;
	int stream = (int) (o - c->outputs);
	char *data = scratch(c);
	if (data == NULL)
		return -1;
	ssize_t n = read(o->fd, data, size < READ_SIZE ? size : READ_SIZE);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -1;
	if (n <= 0)
		return 0;
	container_log_write(&c->log, stream == 1, data, (size_t) n);
	struct session *s;
	LIST_FOREACH (s, &c->sessions, entry)
		session_output(s, stream, data, (size_t) n, last);
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
	if (blocked(o->console))
		set_reading(o, false);
	else if (relay(o, READ_SIZE, false) == 0)
		end_output(o);
}

void console_resume(struct console *c)
{
	if (!c->started || blocked(c))
		return;
	use_memory(c);
	for (int i = 0; i < 2; i++)
		set_reading(&c->outputs[i], true);
}

static void close_input(struct console *c)
{
	if (c->input_writable != NULL)
		event_free(c->input_writable);
	c->input_writable = NULL;
	fd_close(&c->input_fd);
}

/* Writes what a session has typed, as far as the pipe takes it. False: the pipe is full. */
static bool write_typed(struct console *c, struct session *s)
{
	while (evbuffer_get_length(s->typed) > 0) {
		size_t waiting = evbuffer_get_length(s->typed);
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
		session_taken(s, (size_t) n);
	}
	return true;
}

void console_typed(struct console *c)
{
	struct session *s, *next;
	bool full = false, ended = false;
	if (!c->started)
		return;
	use_memory(c);
	for (s = LIST_FIRST(&c->sessions); s != NULL && !full; s = LIST_NEXT(s, entry)) {
		full = !write_typed(c, s);
		ended |= !full && s->typed_ended && s->starter && (s->flags & CONSOLE_STDIN);
	}
	if (full)
		event_add(c->input_writable, NULL);
	else if (c->input_writable != NULL)
		event_del(c->input_writable);
	if (ended && c->input_once)
		close_input(c);
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

void console_session_gone(struct session *s)
{
	struct console *c = s->console;
	LIST_REMOVE(s, entry);
	session_free(s);
	if (c->ended && LIST_EMPTY(&c->sessions))
		c->on_empty(c->arg);
}

/* The container's end blocks and is close-on-exec until it becomes its stdio; ours does not block. */
static int make_pipe(int ret_ours[1], int ret_theirs[1], bool we_read)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	*ret_ours = fds[we_read ? 0 : 1];
	*ret_theirs = fds[we_read ? 1 : 0];
	return fd_nonblock(*ret_ours, true);
}

int console_open(
	struct console *c, const struct control_start *start, int dir_fd, int ret_stdio[3], struct error *err)
{
	c->input_fd = c->outputs[0].fd = c->outputs[1].fd = c->log.fd = -1;
	c->input_once = start->flags & START_STDIN_ONCE;
	LIST_INIT(&c->sessions);
	c->idle = event_new(c->base, -1, 0, on_idle, c);
	for (int i = 0; i < 2; i++) {
		struct output *o = &c->outputs[i];
		o->console = c;
		if (make_pipe(&o->fd, &ret_stdio[1 + i], true) < 0)
			return error_errno(err, "make the console's pipes");
		o->readable = event_new(c->base, o->fd, EV_READ | EV_PERSIST, on_output, o);
	}
	if (start->flags & START_STDIN) {
		if (make_pipe(&c->input_fd, &ret_stdio[0], false) < 0)
			return error_errno(err, "make the console's pipes");
		c->input_writable =
			event_new(c->base, c->input_fd, EV_WRITE | EV_PERSIST, on_input_writable, c);
	} else if ((ret_stdio[0] = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0) {
		return error_errno(err, "open '/dev/null'");
	}
	if ((start->flags & START_LOG) &&
		container_log_open(&c->log, dir_fd, start->log_max_size, start->log_max_files) < 0)
		return error_errno(err, "open the container's log");
	return 0;
}

int console_attach(struct console *c, int fd, uint32_t flags, enum flow flow, bool starter, const void *reply,
	size_t reply_size, const void *early, size_t early_size)
{
	struct session *s = session_new(c, fd, flags, flow, starter, reply, reply_size, early, early_size);
	if (s == NULL)
		return -1;
	LIST_INSERT_HEAD(&c->sessions, s, entry);
	session_start(s);
	return 0;
}

void console_start(struct console *c)
{
	c->started = true;
	console_resume(c);
	console_typed(c);
}

void console_drain(struct console *c)
{
	close_input(c);
	console_typed(c);
	for (int i = 0; i < 2; i++) {
		struct output *o = &c->outputs[i];
		int left = 0;
		/* What is there now holds every byte of a dead writer; another writer, in a shared pid
		 * namespace, could go on for ever. */
		if (o->fd >= 0 && ioctl(o->fd, FIONREAD, &left) < 0)
			left = 0;
		while (left > 0) {
			ssize_t n = relay(o, (size_t) left, true);
			if (n <= 0)
				break;
			left -= (int) n;
		}
		end_output(o);
	}
}

void console_end(struct console *c, const struct exit_status *st)
{
	struct session *s;
	c->ended = true;
	LIST_FOREACH (s, &c->sessions, entry)
		session_exit(s, st);
	container_log_close(&c->log);
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
	for (int i = 0; i < 2; i++)
		end_output(&c->outputs[i]);
	close_input(c);
	container_log_close(&c->log);
	if (c->idle != NULL)
		event_free(c->idle);
	if (c->scratch != NULL)
		munmap(c->scratch, READ_SIZE);
}
