/*
 * shim.c - one container's supervisor: it starts the first process, is its parent, owns its console, log,
 * timer and exit status, and outlives the daemon. Its life:
 *
 *   START → socket, folder, run record, console, cgroup, clone → STARTED or FAILED → …
 *   … → first process ends → last bytes → exit record → EXITED → EXIT_TAKEN (or a second without) → exit
 * frames → cgroup, folder, socket → end of the control socket → the last slow reader → end
 */
#include "shim/shim.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/control.h"
#include "common/fd.h"
#include "common/log.h"
#include "runtime/cgroup.h"
#include "runtime/cgroup_tree.h"
#include "runtime/namespaces.h"
#include "runtime/start.h"
#include "shim/console.h"
#include "shim/container_log.h"
#include "shim/ending.h"
#include "shim/exec_told.h"
#include "shim/execs.h"
#include "shim/link.h"
#include "shim/lodging.h"
#include "shim/oom_told.h"

#define EXIT_TAKEN_TIMEOUT_S 1
#define CGROUP_TIMEOUT_MS    10000

enum { FD_TEXTS, FD_PARENT, FD_SHIMS, FD_CGROUP, FD_CLIENT, FD_COUNT };
_Static_assert(FD_COUNT + NAMESPACES_JOINED <= FD_MESSAGE_FDS, "they fit into one message");

struct shim {
	struct control_start start;
	int fds[FD_COUNT]; /* as START brought them */
	int joined_pidfds[NAMESPACES_JOINED];
	struct event_base *base;
	struct link link;
	struct console console;
	struct container_log log;
	struct execs execs;
	bool console_empty; /* after its end no client reads from the console any more */

	enum shim_state state;
	struct lodging place;
	pid_t pid;
	int pidfd;
	struct event *pidfd_event;
	int sync;
	struct event *sync_event;
	struct control_started started;
	int64_t ready_ns;
	bool ready; /* the child was about to execute */
	struct error error;
	struct ending ending;
	struct event *taken_timer;
	struct oom_told oom;
	struct exit_status exit;
	int result;
};

static void drop_event(struct event **event)
{
	if (*event != NULL)
		event_free(*event);
	*event = NULL;
}

/* The socket last: who can connect to it knows that the rest may still be there. */
static void release(struct shim *s)
{
	lodging_release(&s->place);
	link_unlisten(&s->link, s->fds[FD_SHIMS], s->start.id);
}

/* The start failed, with nothing of it left running. */
static void fail(struct shim *s)
{
	struct control_failed failed = { .error = s->error };
	struct error *error = &failed.error;
	if (error->kind == ERROR_FAILED || error->kind == ERROR_NONE)
		error->kind = ERROR_START_FAILED;
	if (error->kind == ERROR_START_FAILED && error->exit_code == 0)
		error->exit_code = 125;
	s->state = SHIM_EXITED;
	ending_over(&s->ending);
	s->exit = (struct exit_status) { .run = s->start.run,
		.reason = EXIT_REASON_START_FAILED,
		.code = error->exit_code != 0 ? error->exit_code : 125,
		.finished_ns = clock_realtime_ns() };
	error_format(error, s->exit.error, sizeof s->exit.error);
	lodging_save_exit(&s->place, &s->exit);
	failed.kept = s->place.begun && !lodging_is_transient(&s->place);
	failed.n_steps = s->started.n_steps;
	memcpy(failed.steps, s->started.steps, sizeof failed.steps);

	/* The daemon answers the client once it hears of it, and then nothing may be left: so all goes
	 * before. */
	release(s);
	link_send(&s->link, &failed, CONTROL_FAILED,
		(uint32_t) offsetof(struct control_failed, steps[failed.n_steps]), -1);
	link_close(&s->link);
	s->result = 1;
	event_base_loopbreak(s->base);
}

/* The last slow reader, of the console or of a session, is gone. */
static void leave_if_empty(struct shim *s)
{
	if (s->console_empty && execs_empty(&s->execs))
		event_base_loopexit(s->base, NULL);
}

static void on_console_empty(void *arg)
{
	struct shim *s = arg;
	s->console_empty = true;
	leave_if_empty(s);
}

static void on_execs_empty(void *arg)
{
	leave_if_empty(arg);
}

static void save_sessions(struct shim *s)
{
	struct error error;
	char text[sizeof error.msg];
	if (!lodging_is_transient(&s->place) &&
		exec_told_save(&s->execs, s->place.dir_fd, s->start.run, &error) < 0)
		log_error("%s: %s", s->start.id, error_format(&error, text, sizeof text));
}

/* The exit has been taken by the daemon, or it is not there to take it. */
static void finish(struct shim *s)
{
	drop_event(&s->taken_timer);
	console_end(&s->console, &s->exit);
	container_log_close(&s->log);
	save_sessions(s);
	release(s);
	link_close(&s->link);
}

static void on_taken_timeout(evutil_socket_t fd, short what, void *arg)
{
	(void) fd, (void) what;
	finish(arg);
}

static void ended(struct shim *s, const siginfo_t *info, const struct rusage *usage)
{
	/* In a pid namespace of its own all the others are dead by now. */
	if (s->start.shared & CLONE_NEWPID)
		ending_kill(&s->ending);
	execs_end(&s->execs);
	console_drain(&s->console);
	s->state = SHIM_EXITED;
	ending_over(&s->ending);
	s->exit.run = s->start.run;
	exit_from_wait(&s->exit, info->si_code, info->si_status);
	if (s->ending.timed_out && s->exit.sig == SIGKILL)
		s->exit.reason = EXIT_REASON_TIMEOUT;
	s->exit.finished_ns = clock_realtime_ns();
	oom_told_end(&s->oom);
	s->exit.user_us = (uint64_t) usage->ru_utime.tv_sec * 1000000 + (uint64_t) usage->ru_utime.tv_usec;
	s->exit.system_us = (uint64_t) usage->ru_stime.tv_sec * 1000000 + (uint64_t) usage->ru_stime.tv_usec;
	s->exit.max_rss_bytes = (uint64_t) usage->ru_maxrss * 1024;
	s->exit.log_lost_bytes = s->log.lost_total;
	lodging_save_exit(&s->place, &s->exit);

	struct control_exited exited = { .exit = s->exit };
	if (link_send(&s->link, &exited, CONTROL_EXITED, sizeof exited, -1) < 0) {
		finish(s);
		return;
	}
	struct timeval timeout = { .tv_sec = EXIT_TAKEN_TIMEOUT_S };
	s->taken_timer = event_new(s->base, -1, 0, on_taken_timeout, s);
	event_add(s->taken_timer, &timeout);
}

static void attach_starter(struct shim *s)
{
	struct session_client client = {
		.fd = steal_fd(&s->fds[FD_CLIENT]), .wants = s->start.console, .starter = true
	};
	struct error ignored;
	console_receive(&s->console, &client, s->fds[FD_TEXTS], &s->start.reply, &s->start.early, &ignored);
}

/* 0: the container's own. NULL: the session is over. */
static struct console *console_of(struct shim *s, uint64_t session)
{
	return session == 0 ? &s->console : execs_console(&s->execs, session);
}

/* The daemon keeps its copy of the connection until it is told that it is ours. */
static void attach_one_more(struct shim *s, const struct control_attach *message, int *fds, unsigned n)
{
	enum { ATTACH_TEXTS, ATTACH_CLIENT, ATTACH_ANSWER, ATTACH_FDS };
	struct session_client client = { .wants = message->console };
	struct control_failed failed = { 0 };
	struct control_head attached;
	struct console *c = console_of(s, message->session);
	/* Then we have no descriptor for the answer either: the daemon concludes it from our silence. */
	if (n != ATTACH_FDS)
		return;
	client.fd = steal_fd(&fds[ATTACH_CLIENT]);
	if (c == NULL || s->state == SHIM_EXITED) {
		fd_close(&client.fd);
		error_set(&failed.error, ERROR_INVALID_STATE, "the %s has ended meanwhile",
			c == NULL ? "session" : "container");
		control_send(fds[ATTACH_ANSWER], &failed, CONTROL_FAILED, sizeof failed, NULL, 0);
	} else if (console_receive(c, &client, fds[ATTACH_TEXTS], &message->reply, &message->early,
			   &failed.error) < 0)
		control_send(fds[ATTACH_ANSWER], &failed, CONTROL_FAILED, sizeof failed, NULL, 0);
	else
		control_send(fds[ATTACH_ANSWER], &attached, CONTROL_ATTACHED, sizeof attached, NULL, 0);
}

static void trace_step(struct shim *s, const char *name, int64_t ns)
{
	struct control_started *message = &s->started;
	if (!(s->start.flags & START_TRACE) || message->n_steps == CONTROL_STEPS)
		return;
	struct control_step *step = &message->steps[message->n_steps++];
	snprintf(step->name, sizeof step->name, "%s", name);
	step->ns = (uint64_t) ns;
}

static void started(struct shim *s)
{
	struct control_started *message = &s->started;
	trace_step(s, "exec", clock_monotonic_ns() - s->ready_ns);
	message->pid = s->pid;
	message->started_ns = s->exit.started_ns = clock_realtime_ns();
	if (s->state == SHIM_STARTING)
		s->state = SHIM_RUNNING;
	execs_start(&s->execs, s->start.id, s->place.dir_fd,
		s->place.exec_cgroup_fd >= 0 ? s->place.exec_cgroup_fd : s->place.cgroup_fd, s->pid,
		s->pidfd);
	link_send(&s->link, message, CONTROL_STARTED,
		(uint32_t) offsetof(struct control_started, steps[message->n_steps]), s->pidfd);
	if (s->start.flags & START_CONSOLE)
		attach_starter(s);
	fd_close(&s->fds[FD_TEXTS]);
	console_start(&s->console);
	ending_begin(&s->ending);
}

/* Only one that was asked for, and one only. */
static void take_terminal(struct shim *s, int master)
{
	if (!s->console.terminal || s->console.outputs[0].fd >= 0)
		fd_close(&master);
	else if (console_set_terminal(&s->console, master, &s->error) < 0)
		/* It would go on without us; its end tells how the start failed. */
		ending_signal(&s->ending, SIGKILL);
}

/* Reads what the child says. True once it has said its last word: it executes the program, or is dying. */
static bool read_sync(struct shim *s)
{
	struct start_message message;
	for (;;) {
		_cleanup_fd_ int master = -1;
		int got = start_sync_read(s->sync, &message, &master);
		if (got < 0 && errno == EAGAIN)
			return false;
		if (got <= 0)
			return true;
		if (message.type == START_SYNC_TRACE)
			trace_step(s, message.step, (int64_t) message.ns);
		if (message.type == START_SYNC_READY) {
			s->ready = true;
			s->ready_ns = clock_monotonic_ns();
		}
		if (message.type == START_SYNC_CONSOLE && !s->ready)
			take_terminal(s, steal_fd(&master));
		if (message.type == START_SYNC_ERROR)
			s->error = message.error;
	}
}

static void on_sync(evutil_socket_t fd, short what, void *arg)
{
	struct shim *s = arg;
	(void) fd, (void) what;
	if (!read_sync(s))
		return;
	drop_event(&s->sync_event);
	fd_close(&s->sync);
	/* Otherwise its end follows, and tells how the start failed. */
	if (s->ready && s->error.kind == ERROR_NONE)
		started(s);
}

static void on_first_process(evutil_socket_t fd, short what, void *arg)
{
	struct shim *s = arg;
	siginfo_t info = { 0 };
	struct rusage usage = { 0 };
	(void) fd, (void) what;
	/* The system call also gives the usage, which waitid(3) leaves out. */
	if (syscall(SYS_waitid, P_PIDFD, s->pidfd, &info, WEXITED | WNOHANG, &usage) < 0 || info.si_pid == 0)
		return;
	drop_event(&s->pidfd_event);
	if (s->sync >= 0)
		on_sync(s->sync, 0, s);
	if (s->exit.started_ns != 0) {
		ended(s, &info, &usage);
		return;
	}
	if (s->error.kind == ERROR_NONE && info.si_code == CLD_EXITED)
		error_set(&s->error, ERROR_START_FAILED,
			"the container's first process ended while it was set up");
	else if (s->error.kind == ERROR_NONE)
		error_set(&s->error, ERROR_START_FAILED,
			"the container's first process was killed by signal %d while it was set up",
			info.si_status);
	if (info.si_code != CLD_EXITED &&
		cgroup_read_key(s->place.cgroup_fd, "memory.events", "oom_kill") > 0)
		oom_told_explain(s->place.cgroup_fd, &s->error);
	fail(s);
}

static void on_signal(void *arg, int sig)
{
	struct shim *s = arg;
	ending_signal(&s->ending, sig);
}

static void on_stopping(void *arg)
{
	struct shim *s = arg;
	s->state = SHIM_STOPPING;
}

static void on_left(void *arg)
{
	struct shim *s = arg;
	s->result = 1;
	event_base_loopbreak(s->base);
}

static void on_hello(void *arg)
{
	struct shim *s = arg;
	struct control_status status = { .run = s->start.run,
		.state = s->state,
		.flags = s->start.flags,
		.pid = s->pid,
		.started_ns = s->exit.started_ns,
		.exit = s->exit,
		.types = CONTROL_TYPES,
		.frozen = cgroup_read_key(s->place.cgroup_fd, "cgroup.events", "frozen") == 1 };
	memcpy(status.id, s->start.id, sizeof status.id);
	link_send(&s->link, &status, CONTROL_STATUS, sizeof status, s->pidfd);
	exec_told_all(&s->execs);
	oom_told_again(&s->oom);
}

static void on_lost(void *arg)
{
	struct shim *s = arg;
	if (s->taken_timer != NULL)
		finish(s);
}

static void resize(struct shim *s, const struct control_resize *size)
{
	struct console *c = console_of(s, size->session);
	if (c != NULL)
		console_resize(c, size->rows, size->columns);
}

static void on_message(void *arg, enum control_type type, const void *message, int *fds, unsigned n_fds)
{
	struct shim *s = arg;
	const struct control_kill *kill = message;
	const struct control_stop *stop_order = message;
	const struct control_resize *size = message;
	bool over = s->state == SHIM_EXITED;
	if (type == CONTROL_KILL && !over && kill->all)
		ending_kill(&s->ending);
	else if (type == CONTROL_KILL && !over)
		ending_signal(&s->ending, kill->sig);
	else if (type == CONTROL_STOP && !over)
		ending_stop(&s->ending, stop_order->sig, stop_order->timeout_ms);
	else if (type == CONTROL_ATTACH)
		attach_one_more(s, message, fds, n_fds);
	else if (type == CONTROL_RESIZE && !over)
		resize(s, size);
	else if (type == CONTROL_EXIT_TAKEN && s->taken_timer != NULL)
		finish(s);
	else
		execs_message(&s->execs, type, message, fds, n_fds);
}

/* After the clone the container's ends are the container's alone. */
static int clone_first_process(struct shim *s, const int stdio[3])
{
	_cleanup_fd_ int config = openat(s->place.dir_fd, "config.json", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_fd_ int shim = openat(s->place.dir_fd, "shim.json", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (config < 0 || shim < 0)
		return error_errno(&s->error, "open the container's configuration");
	struct start start = {
		.id = s->start.id,
		.config_fd = config,
		.shim_fd = shim,
		.rootfs = s->start.rootfs,
		.direct = s->start.flags & START_DIRECT,
		.layers_fd = s->start.flags & START_DIRECT ? -1 : s->place.dir_fd,
		.is_volatile = lodging_is_transient(&s->place),
		.cgroup_fd = s->place.cgroup_fd,
		.delegated = s->place.inner_cgroup_fd >= 0,
		.inner_cgroup_fd = s->place.inner_cgroup_fd,
		.stdio = { stdio[0], stdio[1], stdio[2] },
		.trace = s->start.flags & START_TRACE,
		.terminal = s->console.terminal,
		.rows = s->start.console.rows,
		.columns = s->start.console.columns,
		.shared = s->start.shared,
		.joined = s->start.joined,
	};
	memcpy(start.joined_pidfds, s->joined_pidfds, sizeof start.joined_pidfds);
	return start_clone(&start, &s->pid, &s->pidfd, &s->sync, &s->error);
}

static int open_console(struct shim *s, int ret_stdio[3])
{
	const struct control_start *start = &s->start;
	struct console *c = &s->console;
	c->base = s->base;
	c->terminal = start->flags & START_TERMINAL;
	c->with_stdin = start->flags & START_STDIN;
	c->input_once = start->flags & START_STDIN_ONCE;
	c->replays = true;
	c->on_signal = on_signal;
	c->on_empty = on_console_empty;
	c->arg = s;
	if (start->flags & START_LOG) {
		c->log = &s->log;
		if (container_log_open(&s->log, s->place.dir_fd, start->log_max_size, start->log_max_files) <
			0)
			return error_errno(&s->error, "open the container's log");
	}
	return console_open(c, ret_stdio, &s->error);
}

static int begin(struct shim *s)
{
	int stdio[3] = { -1, -1, -1 };
	int64_t begin_ns = clock_monotonic_ns();
	if (link_listen(&s->link, s->fds[FD_SHIMS], s->start.id, &s->error) < 0)
		return -1;
	if (s->link.took_over && cgroup_tree_remove(s->fds[FD_CGROUP], s->start.cgroup_parent, s->start.id,
					 CGROUP_TIMEOUT_MS, &s->error) < 0)
		return -1;
	if (lodging_open_folder(&s->place, &s->error) < 0)
		return -1;
	int result = open_console(s, stdio);
	if (result == 0)
		result = lodging_make_cgroup(&s->place, &s->error);
	if (result == 0)
		oom_told_begin(&s->oom, s->place.cgroup_fd);
	int64_t made_ns = clock_monotonic_ns();
	trace_step(s, "prepare", made_ns - begin_ns);
	if (result == 0)
		result = clone_first_process(s, stdio);
	trace_step(s, "clone", clock_monotonic_ns() - made_ns);
	for (int i = 0; i < 3; i++)
		fd_close(&stdio[i]);
	for (int i = 0; i < NAMESPACES_JOINED; i++)
		fd_close(&s->joined_pidfds[i]);
	if (result < 0)
		return -1;
	lodging_hold_mounts(&s->place, s->pid);
	s->sync_event = event_new(s->base, s->sync, EV_READ | EV_PERSIST, on_sync, s);
	s->pidfd_event = event_new(s->base, s->pidfd, EV_READ | EV_PERSIST, on_first_process, s);
	event_add(s->sync_event, NULL);
	event_add(s->pidfd_event, NULL);
	return 0;
}

/* START, the first message; the daemon has sent it already, or is about to. */
static int receive_start(struct shim *s, int control)
{
	union {
		struct control_start start;
		char bytes[CONTROL_MESSAGE_MAX];
	} *message = malloc(sizeof *message);
	int fds[FD_MESSAGE_FDS];
	unsigned n = 0;
	int type = message == NULL ? -1 : control_recv(control, message, fds, &n);
	if (type == CONTROL_START)
		s->start = message->start;
	free(message);
	unsigned expected = s->start.flags & START_CONSOLE ? FD_COUNT : FD_COUNT - 1, at = expected;
	for (int i = 0; i < NAMESPACES_JOINED; i++)
		if (s->start.joined & namespace_kinds[i].flag) {
			s->joined_pidfds[i] = at < n ? fds[at] : -1;
			at++;
		}
	for (unsigned i = 0; i < n && i < expected; i++)
		s->fds[i] = fds[i];
	return type == CONTROL_START && n == at ? 0 : -1;
}

int shim_main(int control_sock)
{
	static struct shim s = { .link = { .sock = -1, .caller = -1, .listener = -1 },
		.pidfd = -1,
		.sync = -1,
		.fds = { -1, -1, -1, -1, -1 },
		.joined_pidfds = { -1, -1, -1 } };
	console_init(&s.console);
	s.log.fd = -1;
	struct event_config *config = event_config_new();
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
	s.base = event_base_new_with_config(config);
	event_config_free(config);
	s.ending = (struct ending) { .base = s.base,
		.start = &s.start,
		.cgroup_fd = &s.place.cgroup_fd,
		.pidfd = &s.pidfd,
		.on_stopping = on_stopping,
		.on_left = on_left,
		.arg = &s };
	if (s.base == NULL || receive_start(&s, control_sock) < 0 || fd_nonblock(control_sock, true) < 0 ||
		ending_init(&s.ending) < 0)
		return 1;
	lodging_init(&s.place, &s.start, s.fds[FD_TEXTS], s.fds[FD_PARENT], s.fds[FD_CGROUP]);
	s.link.base = s.base;
	s.link.on_message = on_message;
	s.link.on_hello = on_hello;
	s.link.on_lost = on_lost;
	s.link.arg = &s;
	link_begin(&s.link, control_sock);
	if (s.link.sock < 0)
		return 1;
	s.oom = (struct oom_told) {
		.base = s.base, .link = &s.link, .exit = &s.exit, .watch = { .fd = -1, .events = -1 }
	};
	s.execs = (struct execs) { .base = s.base, .link = &s.link, .on_empty = on_execs_empty, .arg = &s };
	execs_init(&s.execs);

	if (begin(&s) < 0)
		fail(&s);
	else
		event_base_dispatch(s.base);
	execs_done(&s.execs);
	console_done(&s.console);
	container_log_close(&s.log);
	return s.result;
}
