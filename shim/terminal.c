#include "shim/terminal.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"

#define KEYS_MAX   4096
#define LOOK_NS	   INT64_C(20000000) /* how old the last look at the client may be when something is written */
#define STOPPED_MS 100		     /* between two looks at a stopped one */

struct terminal {
	int fd;
	int client_fd; /* its /proc/<pid>/stat */
	int64_t looked_ns;
	bool started;
	bool listens; /* for keys */
	struct event *readable, *writable;
	struct event *stopped; /* runs while the client is stopped */
	struct evbuffer *out;
	struct terminal_events events;
};

static bool is_retry(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static bool is_paused(const struct terminal *t)
{
	return !t->started || event_pending(t->stopped, EV_TIMEOUT, NULL);
}

static void want(struct event *event, bool on)
{
	if (on)
		event_add(event, NULL);
	else
		event_del(event);
}

/* What is to be waited for as things are. */
static void watch(struct terminal *t)
{
	want(t->readable, t->listens && !is_paused(t));
	want(t->writable, evbuffer_get_length(t->out) > 0 && !is_paused(t));
}

/* The state stands behind the name, which may have brackets itself. */
static bool client_is_stopped(struct terminal *t)
{
	char text[128];
	ssize_t n = pread(t->client_fd, text, sizeof text - 1, 0);
	t->looked_ns = clock_monotonic_ns();
	text[n > 0 ? n : 0] = '\0';
	const char *end = strrchr(text, ')');
	return end != NULL && end[1] == ' ' && end[2] == 'T';
}

/* True: its shell has the terminal, and we wait. */
static bool pause_if_stopped(struct terminal *t)
{
	struct timeval again = { .tv_usec = STOPPED_MS * 1000 };
	bool stopped = client_is_stopped(t);
	if (stopped)
		event_add(t->stopped, &again);
	watch(t);
	return stopped;
}

static void on_stopped(evutil_socket_t fd, short what, void *arg)
{
	(void) fd, (void) what;
	pause_if_stopped(arg);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct terminal *t = arg;
	uint8_t keys[KEYS_MAX];
	(void) what;
	if (pause_if_stopped(t))
		return;
	ssize_t n = read(fd, keys, sizeof keys);
	if (n > 0)
		t->events.on_keys(t->events.arg, keys, (size_t) n);
	else if (!is_retry(n))
		t->events.on_gone(t->events.arg);
}

/* Whether it may be written to now. */
static bool is_ours(struct terminal *t)
{
	return !is_paused(t) && (clock_monotonic_ns() - t->looked_ns < LOOK_NS || !pause_if_stopped(t));
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct terminal *t = arg;
	(void) what;
	if (!is_ours(t))
		return;
	while (evbuffer_get_length(t->out) > 0) {
		int n = evbuffer_write(t->out, fd);
		if (n > 0)
			continue;
		if (!is_retry(n))
			t->events.on_gone(t->events.arg);
		return;
	}
	watch(t);
	t->events.on_written(t->events.arg);
}

/* The kernel knows who made the connection; an open file of /proc stays that process's. */
static int open_client(int sock)
{
	struct ucred peer;
	socklen_t size = sizeof peer;
	char path[40];
	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.pid <= 0)
		return -1;
	snprintf(path, sizeof path, "/proc/%d/stat", (int) peer.pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* What the client could not do with it by itself is not done for it. */
static int open_anew(int fd)
{
	char path[32];
	int flags = fcntl(fd, F_GETFL);
	if (!isatty(fd) || flags < 0 || (flags & O_ACCMODE) != O_RDWR)
		return -1;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

struct terminal *terminal_new(struct event_base *base, int fd, int sock, const struct terminal_events *events)
{
	_cleanup_fd_ int anew = open_anew(fd), client = open_client(sock);
	struct terminal *t = anew < 0 || client < 0 ? NULL : calloc(1, sizeof *t);
	if (t == NULL)
		return NULL;
	t->fd = steal_fd(&anew);
	t->client_fd = steal_fd(&client);
	t->listens = true;
	t->events = *events;
	t->out = evbuffer_new();
	t->readable = event_new(base, t->fd, EV_READ | EV_PERSIST, on_readable, t);
	t->writable = event_new(base, t->fd, EV_WRITE | EV_PERSIST, on_writable, t);
	t->stopped = event_new(base, -1, 0, on_stopped, t);
	if (t->out != NULL && t->readable != NULL && t->writable != NULL && t->stopped != NULL)
		return t;
	terminal_free(t);
	return NULL;
}

void terminal_free(struct terminal *t)
{
	if (t == NULL)
		return;
	struct event *events[] = { t->readable, t->writable, t->stopped };
	for (int i = 0; i < 3; i++)
		if (events[i] != NULL)
			event_free(events[i]);
	if (t->out != NULL)
		evbuffer_free(t->out);
	fd_close(&t->fd);
	fd_close(&t->client_fd);
	free(t);
}

void terminal_start(struct terminal *t)
{
	t->started = true;
	watch(t);
}

void terminal_listen(struct terminal *t, bool on)
{
	if (t->listens == on)
		return;
	t->listens = on;
	watch(t);
}

bool terminal_write(struct terminal *t, const void *data, size_t size)
{
	ssize_t n = 0;
	if (evbuffer_get_length(t->out) == 0 && is_ours(t))
		n = write(t->fd, data, size);
	size_t done = n > 0 ? (size_t) n : 0;
	if (done == size)
		return true;
	/* An error shows again, and is told, when it is written to the next time. */
	bool queued = evbuffer_add(t->out, (const char *) data + done, size - done) == 0;
	watch(t);
	return queued;
}

size_t terminal_waiting(const struct terminal *t)
{
	return evbuffer_get_length(t->out);
}
