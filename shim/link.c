#include "shim/link.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/fd.h"

#define BACKLOG 4     /* of daemons that were started one after the other */
#define REST_US 50000 /* without a descriptor for a caller */

static void set_socket(int *sock, struct event **event, int fd)
{
	if (*event != NULL)
		event_free(*event);
	*event = NULL;
	fd_close(sock);
	*sock = fd;
}

static int watch(struct link *l, int fd, struct event **event, event_callback_fn fn)
{
	*event = event_new(l->base, fd, EV_READ | EV_PERSIST, fn, l);
	return *event == NULL ? -1 : event_add(*event, NULL);
}

static void close_all(int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		fd_close(&fds[i]);
}

/* The daemon is there all the same, and so is its message. */
static bool may_pass(int errnum)
{
	return errnum == EAGAIN || errnum == EPROTO || errnum == EINTR || errnum == ENOMEM ||
	       errnum == ENOBUFS;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;
	char message[CONTROL_MESSAGE_MAX] __attribute__((aligned(8)));
	int fds[FD_MESSAGE_FDS];
	unsigned n = 0;
	(void) what;
	int type = control_recv(fd, message, fds, &n);
	if (type > 0) {
		l->on_message(l->arg, (enum control_type) type, message, fds, n);
		close_all(fds, n);
	} else if (type == 0 || !may_pass(errno)) {
		set_socket(&l->sock, &l->readable, -1);
		l->on_lost(l->arg);
	}
}

void link_begin(struct link *l, int sock)
{
	set_socket(&l->sock, &l->readable, sock);
	if (watch(l, sock, &l->readable, on_readable) < 0)
		set_socket(&l->sock, &l->readable, -1);
}

/* Its event becomes the link's: a new one might not be had, and a daemon that finds its connection closed
 * takes the shim for dead. */
static void caller_begins(struct link *l)
{
	struct event *event = l->caller_readable;
	l->caller_readable = NULL;
	set_socket(&l->sock, &l->readable, steal_fd(&l->caller));
	l->readable = event;
	event_del(event);
	event_assign(event, l->base, l->sock, EV_READ | EV_PERSIST, on_readable, l);
	event_add(event, NULL);
}

/* Whoever connects takes the daemon's place with its HELLO, not before: a worker that only asks whether there
 * is still a shim says nothing. */
static void on_caller(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;
	char message[CONTROL_MESSAGE_MAX] __attribute__((aligned(8)));
	int fds[FD_MESSAGE_FDS];
	unsigned n = 0;
	(void) what;
	int type = control_recv(fd, message, fds, &n);
	close_all(fds, n);
	if (type < 0 && errno == EAGAIN)
		return;
	if (type == CONTROL_HELLO) {
		caller_begins(l);
		l->on_hello(l->arg);
	}
	set_socket(&l->caller, &l->caller_readable, -1);
}

static void on_rested(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;
	(void) fd, (void) what;
	if (l->listener_readable != NULL)
		event_add(l->listener_readable, NULL);
}

/* The caller stays in the queue, and would be told of again at once. */
static void rest(struct link *l)
{
	struct timeval tv = { .tv_usec = REST_US };
	if (event_base_once(l->base, -1, EV_TIMEOUT, on_rested, l, &tv) == 0)
		event_del(l->listener_readable);
}

static void on_listener(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;
	struct ucred peer;
	socklen_t size = sizeof peer;
	(void) what;
	/* One at a time, but none that has said its HELLO makes room unheard. */
	if (l->caller >= 0)
		on_caller(l->caller, 0, l);
	_cleanup_fd_ int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (conn < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
		rest(l);
	if (conn < 0 || getsockopt(conn, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != geteuid())
		return;
	set_socket(&l->caller, &l->caller_readable, steal_fd(&conn));
	if (watch(l, l->caller, &l->caller_readable, on_caller) < 0)
		set_socket(&l->caller, &l->caller_readable, -1);
}

static void set_address(struct sockaddr_un *address, int shims_fd, const char *name)
{
	*address = (struct sockaddr_un) { .sun_family = AF_UNIX };
	snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s", shims_fd, name);
}

bool link_answers(int shims_fd, const char *id)
{
	struct sockaddr_un address;
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	set_address(&address, shims_fd, id);
	/* No doubt may bury a living one: its queue of callers may be full (EAGAIN), or our memory. */
	return fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof address) == 0 ||
	       (errno != ECONNREFUSED && errno != ENOENT);
}

static bool daemon_ended(const struct link *l)
{
	char byte;
	return recv(l->sock, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* It gets its name only now that it listens: who finds the name and is refused knows that its shim is dead.
 * The name of a dead one is taken over; but not by a late shim of a daemon that has ended, whose successor
 * may have another one at it. */
static int name_socket(struct link *l, int shims_fd, const char *new_name, const char *id)
{
	if (renameat2(shims_fd, new_name, shims_fd, id, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EEXIST || link_answers(shims_fd, id) || daemon_ended(l)) {
		errno = EADDRINUSE;
		return -1;
	}
	l->took_over = true;
	return renameat(shims_fd, new_name, shims_fd, id);
}

int link_listen(struct link *l, int shims_fd, const char *id, struct error *err)
{
	struct sockaddr_un address;
	char new_name[ID_TEXT_SIZE + sizeof LINK_NEW];
	snprintf(new_name, sizeof new_name, LINK_NEW "%s", id);
	set_address(&address, shims_fd, new_name);
	unlinkat(shims_fd, new_name, 0);
	l->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->listener < 0 || bind(l->listener, (struct sockaddr *) &address, sizeof address) < 0 ||
		listen(l->listener, BACKLOG) < 0 || name_socket(l, shims_fd, new_name, id) < 0) {
		error_errno(err, "make the shim's socket");
		/* Not named by us: the name is another's to unlink. */
		unlinkat(shims_fd, new_name, 0);
		fd_close(&l->listener);
		return -1;
	}
	if (daemon_ended(l))
		return error_set(err, ERROR_FAILED, "the daemon has ended");
	if (watch(l, l->listener, &l->listener_readable, on_listener) < 0)
		return error_errnum(err, ENOMEM, "watch the shim's socket");
	return 0;
}

int link_send(struct link *l, void *message, enum control_type type, uint32_t size, int fd)
{
	return l->sock < 0 ? -1 : control_send(l->sock, message, type, size, &fd, fd >= 0);
}

void link_unlisten(struct link *l, int shims_fd, const char *id)
{
	set_socket(&l->caller, &l->caller_readable, -1);
	if (l->listener >= 0)
		unlinkat(shims_fd, id, 0);
	set_socket(&l->listener, &l->listener_readable, -1);
}

void link_close(struct link *l)
{
	set_socket(&l->sock, &l->readable, -1);
}
