#include "daemon/shim_link.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/log.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/recover.h"
#include "daemon/session.h"
#include "daemon/spawner.h"
#include "daemon/store.h"
#include "daemon/texts.h"

struct shim {
	TAILQ_ENTRY(shim) link;
	struct daemon *d;
	char id[ID_TEXT_SIZE];
	struct container *c; /* NULL: not known yet, or gone before its shim */
	int sock;
	struct event *event;
	struct event *writable; /* pending while somebody waits to tell it something */
	bool over;		/* it has said EXITED or FAILED */
	bool transient;
	bool adopted; /* found at start, not started by this daemon */
	bool has_status;
	struct control_status status;
};

union message {
	struct control_head head;
	struct control_started started;
	struct control_failed failed;
	struct control_oom oom;
	struct control_exited exited;
	struct control_status status;
	struct control_exec_status exec_status;
	struct control_exec_failed exec_failed;
	char bytes[CONTROL_MESSAGE_MAX];
};

static TAILQ_HEAD(, shim) shims = TAILQ_HEAD_INITIALIZER(shims);

static void on_message(evutil_socket_t sock, short what, void *arg);
static void on_writable(evutil_socket_t sock, short what, void *arg);

static struct shim *shim_new(struct daemon *d, const char *id, int sock)
{
	struct shim *shim = calloc(1, sizeof(*shim));

	if (!shim)
		abort();
	*shim = (struct shim) { .d = d, .sock = sock };
	memcpy(shim->id, id, ID_TEXT_SIZE);
	shim->event = event_new(d->base, sock, EV_READ | EV_PERSIST, on_message, shim);
	shim->writable = event_new(d->base, sock, EV_WRITE, on_writable, shim);
	if (!shim->event || !shim->writable)
		abort();
	event_add(shim->event, NULL);
	TAILQ_INSERT_TAIL(&shims, shim, link);
	return shim;
}

void shim_set_container(struct shim *shim, struct container *c)
{
	if (shim->c)
		shim->c->shim = NULL;
	shim->c = c;
	if (c)
		c->shim = shim;
}

static void shim_free(struct shim *shim)
{
	struct container *c = shim->c;

	shim_set_container(shim, NULL);
	TAILQ_REMOVE(&shims, shim, link);
	event_free(shim->event);
	event_free(shim->writable);
	fd_close(&shim->sock);
	free(shim);
	if (c)
		container_changed(c);
}

void shims_end(void)
{
	while (!TAILQ_EMPTY(&shims))
		shim_free(TAILQ_FIRST(&shims));
}

const char *shim_id(const struct shim *shim)
{
	return shim->id;
}

struct daemon *shim_daemon(const struct shim *shim)
{
	return shim->d;
}

struct container *shim_container(const struct shim *shim)
{
	return shim->c;
}

const struct control_status *shim_status(const struct shim *shim)
{
	return shim->has_status ? &shim->status : NULL;
}

/* Its socket is the last thing that it removes. */
bool shim_left_rest(const struct shim *shim)
{
	return faccessat(shim->d->store->shims, shim->id, F_OK, 0) == 0;
}

/* What it has said before its end may still be unread: so not by end of file. */
bool shim_lives(const struct shim *shim)
{
	struct pollfd p = { .fd = shim->sock };

	return poll(&p, 1, 0) <= 0 || !(p.revents & (POLLHUP | POLLERR));
}

/* ---- what we say ---- */

static int send_start(
	struct container *c, int sock, bool is_new, const struct shim_console *console, struct error *err)
{
	const struct bundle *b = &c->bundle;
	_cleanup_free_ char *limits = container_limits_text(c, err);
	const struct store *store = c->d->store;
	_cleanup_free_ char *state = container_state_text(c->name);
	struct texts texts = { 0 };
	struct control_start message = {
		.run = c->run,
		.flags = bundle_start_flags(b),
		.log_max_size = b->log_max_size,
		.log_max_files = b->log_max_files,
		.timeout_ms = b->timeout_ms,
		.stop_sig = b->stop_signal,
		.stop_timeout_ms = b->stop_timeout_ms,
		.shared = b->namespaces.shared,
	};
	int fds[5 + NAMESPACES_JOINED], joined[NAMESPACES_JOINED], n = 0;
	unsigned n_joined = 0;

	if (!limits || namespaces_open(c, joined, &n_joined, &message.joined, err) < 0)
		return -1;
	message.limits = texts_add(&texts, limits, strlen(limits));
	snprintf(message.cgroup_parent, sizeof(message.cgroup_parent), "%s",
		b->cgroup_parent ? b->cgroup_parent : "");
	snprintf(message.id, sizeof(message.id), "%s", b->id);
	snprintf(message.rootfs, sizeof(message.rootfs), "%s", b->rootfs);
	if (is_new) {
		message.flags |= START_NEW;
		message.config = texts_add(&texts, b->config, b->config_size);
		message.shim = texts_add(&texts, b->shim, b->shim_size);
		message.state = texts_add(&texts, state, strlen(state));
	}
	if (console) {
		message.flags |=
			START_CONSOLE | (console->wants.flags & CONSOLE_STDIN ? START_STDIN_ONCE : 0);
		message.console = console->wants;
		message.reply = texts_add(&texts, console->reply, console->reply_size);
		message.early = texts_add(&texts, console->early, console->early_size);
	}
	_cleanup_fd_ int memfd = texts_memfd(&texts);
	if (memfd < 0)
		return error_errno(err, "make a file in memory for the shim");
	fds[n++] = memfd;
	fds[n++] = b->transient ? store->transient : store->containers;
	fds[n++] = store->shims;
	fds[n++] = store->cgroup;
	if (console)
		fds[n++] = console->client;
	for (unsigned i = 0; i < n_joined; i++)
		fds[n++] = joined[i];
	if (control_send(sock, &message, CONTROL_START, sizeof(message), fds, (unsigned) n) < 0)
		return error_errno(err, "tell the shim to start");
	return 0;
}

int shim_start(struct container *c, bool is_new, const struct shim_console *console, struct error *err)
{
	_cleanup_fd_ int sock = -1;
	struct shim *shim;

	if (spawner_spawn(c->d->spawner, SPAWN_SHIM, &sock, err) < 0 ||
		send_start(c, sock, is_new, console, err) < 0)
		return -1;
	shim = shim_new(c->d, c->bundle.id, steal_fd(&sock));
	shim->transient = c->bundle.transient;
	shim_set_container(shim, c);
	return 0;
}

/* One that outlived an upgrade of the daemon would pass the message over, and nobody would ever be answered.
 */
static bool knows(const struct shim *shim, enum control_type type)
{
	uint32_t types = shim->status.types ? shim->status.types : CONTROL_FIRST_TYPES;

	return !shim->has_status || type < types;
}

/* Who waits looks again, and finds out whether it takes more by now. */
static void on_writable(evutil_socket_t sock, short what, void *arg)
{
	struct shim *shim = arg;

	(void) sock;
	(void) what;
	if (shim->c)
		container_changed(shim->c);
}

int shim_tell(struct shim *shim, void *message, enum control_type type, uint32_t size, const int *fds,
	unsigned n, struct error *err)
{
	if (!knows(shim, type)) {
		error_set(err, ERROR_NOT_SUPPORTED,
			"the container's shim is older than the daemon, and cannot do this");
		return error_hint(err, "it can once the container has been started anew");
	}
	if (control_send(shim->sock, message, type, size, fds, n) == 0)
		return 0;
	/* Its end of file is what we read next. */
	if (errno == EPIPE)
		return error_set(err, ERROR_INVALID_STATE, "the container has ended meanwhile");
	if (errno == EAGAIN)
		event_add(shim->writable, NULL);
	return error_errno(err, "tell the container's shim");
}

static int tell(struct shim *shim, void *message, enum control_type type, uint32_t size, struct error *err)
{
	return shim_tell(shim, message, type, size, NULL, 0, err);
}

int shim_kill(struct shim *shim, int sig, bool all, struct error *err)
{
	struct control_kill message = { .sig = sig, .all = all };

	return tell(shim, &message, CONTROL_KILL, sizeof(message), err);
}

int shim_stop(struct shim *shim, int sig, int64_t timeout_ms, struct error *err)
{
	struct control_stop message = { .sig = sig, .timeout_ms = timeout_ms };

	return tell(shim, &message, CONTROL_STOP, sizeof(message), err);
}

int shim_attach(struct shim *shim, uint64_t session, const struct shim_console *console, int answer,
	struct error *err)
{
	struct texts texts = { 0 };
	struct control_attach message = { .console = console->wants,
		.session = session,
		.reply = texts_add(&texts, console->reply, console->reply_size),
		.early = texts_add(&texts, console->early, console->early_size) };
	_cleanup_fd_ int memfd = texts_memfd(&texts);
	int fds[] = { memfd, console->client, answer };

	if (memfd < 0)
		return error_errno(err, "make a file in memory for the shim");
	return shim_tell(shim, &message, CONTROL_ATTACH, sizeof(message), fds, 3, err);
}

int shim_resize(struct shim *shim, uint64_t session, uint16_t rows, uint16_t columns, struct error *err)
{
	struct control_resize message = { .rows = rows, .columns = columns, .session = session };

	return tell(shim, &message, CONTROL_RESIZE, sizeof(message), err);
}

/* By /proc/self/fd, since sun_path has 108 bytes and the run folder's path may be longer. */
int shim_connect(struct daemon *d, const char *id, struct shim **ret_shim, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_fd_ int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct control_head hello;
	struct error ignored;

	if (sock < 0)
		return error_errno(err, "make a socket");
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", d->store->shims, id);
	if (connect(sock, (struct sockaddr *) &address, sizeof(address)) < 0) {
		if (errno == ECONNREFUSED || errno == ENOENT)
			return 0;
		return error_errno(err, "connect to the shim of %s", id);
	}
	*ret_shim = shim_new(d, id, steal_fd(&sock));
	(*ret_shim)->adopted = true;
	/* A shim that is ending shows by end of file. */
	tell(*ret_shim, &hello, CONTROL_HELLO, sizeof(hello), &ignored);
	return 1;
}

/* ---- what it says ---- */

static void take_exit(struct shim *shim, struct exit_status *exit)
{
	struct control_head taken;
	struct error ignored;
	struct container *c = shim->c;

	/* One that a newer shim has, and this daemon no name for. */
	if (exit->reason >= EXIT_REASONS)
		exit->reason = exit->sig ? EXIT_REASON_SIGNALED : EXIT_REASON_EXITED;
	shim->over = true;
	if (c) {
		/* A --rm container is gone for the daemon; what its shim still does concerns nobody. */
		if (c->bundle.transient)
			shim_set_container(shim, NULL);
		container_ended(c, exit);
	}
	tell(shim, &taken, CONTROL_EXIT_TAKEN, sizeof(taken), &ignored);
}

/* Caller frees. */
static char *trace_text(const struct control_step *steps, uint32_t n)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		abort();
	for (uint32_t i = 0; i < n && i < CONTROL_STEPS; i++)
		fprintf(stream, "%s%.*s=%ju", i > 0 ? ";" : "", (int) sizeof(steps[i].name), steps[i].name,
			(uintmax_t) steps[i].ns);
	fclose(stream);
	return text;
}

static void take_started(struct shim *shim, const struct control_started *message, int *pidfd)
{
	struct container *c = shim->c;

	if (!c)
		return;
	if (message->n_steps > 0)
		c->trace = trace_text(message->steps, message->n_steps);
	container_started(c, message->pid, steal_fd(pidfd), message->started_ns);
}

/* The start has left nothing behind, or a record of its failure: then it is an end like any other. */
static void take_failed(struct shim *shim, struct control_failed *message)
{
	struct container *c = shim->c;
	struct exit_status exit = { .reason = EXIT_REASON_START_FAILED };

	if (message->error.kind >= ERROR_KINDS)
		message->error.kind = ERROR_START_FAILED;
	shim->over = true;
	if (!c)
		return;
	exit.run = c->run;
	exit.code = message->error.exit_code;
	exit.finished_ns = clock_realtime_ns();
	error_format(&message->error, exit.error, sizeof(exit.error));
	if (message->n_steps > 0)
		c->trace = trace_text(message->steps, message->n_steps);
	if (c->bundle.transient)
		shim_set_container(shim, NULL);
	container_start_failed(c, &message->error, &exit, message->kept);
}

static void take_status(struct shim *shim, struct control_status *message, int *pidfd)
{
	struct container *c;

	shim->status = *message;
	shim->has_status = true;
	shim->transient = message->flags & START_TRANSIENT;
	shim->status.id[ID_TEXT_SIZE - 1] = 0;
	recover_status(shim);
	c = shim->c;
	if (c && *pidfd >= 0) {
		fd_close(&c->pidfd);
		c->pidfd = steal_fd(pidfd);
	}
	if (c)
		c->oom = message->exit.oom;
	if (message->state == SHIM_EXITED)
		take_exit(shim, &message->exit);
}

static void take_exec_status(struct shim *shim, const struct control_exec_status *message)
{
	struct control_exec_taken taken = { .session = message->session };
	struct error ignored;

	if (shim->c)
		session_take_status(shim->c, message);
	if (message->state == EXEC_EXITED && !message->told)
		tell(shim, &taken, CONTROL_EXEC_TAKEN, sizeof(taken), &ignored);
}

static void take_exec_failed(struct shim *shim, const struct control_exec_failed *message)
{
	if (shim->c)
		session_failed(shim->c, message->session, &message->error);
}

static void take_oom(struct shim *shim, const struct control_oom *message)
{
	if (shim->c)
		container_oom(shim->c, &message->oom);
}

/* End of file, or what is no message of ours. */
static void lost(struct shim *shim)
{
	struct container *c = shim->c;

	if (shim->adopted && !shim->has_status)
		recover_lost(shim);
	else if (c && !shim->over)
		log_warning("the shim of container %s died", shim->id);
	c = shim->c;
	bool dead = c && !shim->over;
	if (shim->over && shim_left_rest(shim))
		bury_rest(shim->d, shim->id, shim->transient, c);
	shim_free(shim);
	if (dead)
		bury(c);
}

static void on_message(evutil_socket_t sock, short what, void *arg)
{
	struct shim *shim = arg;
	union message message;
	int fds[FD_MESSAGE_FDS], type, fd;
	unsigned n = 0;

	(void) what;
	type = control_recv(sock, &message, fds, &n);
	if (type < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOMEM || errno == ENOBUFS))
		return; /* the shim lives, and its message is still there */
	if (type < 0 && errno == EPROTO) {
		log_warning("the shim of container %s says what this daemon does not know", shim->id);
		return; /* it is no less alive for that */
	}
	fd = n > 0 ? fds[0] : -1;
	for (unsigned i = 1; i < n; i++)
		close(fds[i]);
	switch (type) {
	case CONTROL_STARTED: take_started(shim, &message.started, &fd); break;
	case CONTROL_FAILED: take_failed(shim, &message.failed); break;
	case CONTROL_OOM: take_oom(shim, &message.oom); break;
	case CONTROL_EXITED: take_exit(shim, &message.exited.exit); break;
	case CONTROL_EXEC_STATUS: take_exec_status(shim, &message.exec_status); break;
	case CONTROL_EXEC_FAILED: take_exec_failed(shim, &message.exec_failed); break;
	case CONTROL_STATUS: take_status(shim, &message.status, &fd); break;
	default: lost(shim); break;
	}
	fd_close(&fd);
}
