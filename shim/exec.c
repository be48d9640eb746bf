#include "shim/exec.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/parse.h"
#include "runtime/enter.h"
#include "shim/console.h"
#include "shim/link.h"

#define LIST_MAX      (2 * EXEC_SESSIONS_MAX) /* with those that have ended and whose client still reads */
#define TELL_AGAIN_MS 100
#define PF_EXITING    0x4 /* the flags of /proc/PID/stat, proc(5) */

enum { FD_TEXTS, FD_CLIENT };

struct exec {
	LIST_ENTRY(exec) entry;
	struct execs *owner;
	struct control_exec_status status; /* as it is told */
	int joiner_pidfd, sync;
	struct event *sync_event;
	int pidfd;
	struct event *pidfd_event;
	struct console console;
	bool unsent; /* the daemon has not heard of its beginning */
	bool done;   /* freed on a later turn, once its failure has been told */
	struct error *failure;
	/* Until it has started. */
	int texts_fd, client_fd;
	struct control_text reply, early;
	struct control_console wants;
};

struct exec_record {
	TAILQ_ENTRY(exec_record) entry;
	struct control_exec_status status;
	bool sent;
};

static void drop_event(struct event **event)
{
	if (*event != NULL)
		event_free(*event);
	*event = NULL;
}

/* ---- told to the daemon ---- */

static void call_later(struct execs *x, int ms)
{
	struct timeval tv = { .tv_usec = ms * 1000 };
	event_add(x->later, &tv);
}

static void forget_oldest(struct execs *x)
{
	struct exec_record *r;
	TAILQ_FOREACH (r, &x->ended, entry)
		if (r->status.told)
			break;
	/* With no daemon to hear of them no session is begun: so those not told are bounded, too. */
	if (r == NULL)
		return;
	TAILQ_REMOVE(&x->ended, r, entry);
	free(r);
	x->n_ended--;
}

static void tell_record(struct execs *x, struct exec_record *r)
{
	r->sent = link_send(x->link, &r->status, CONTROL_EXEC_STATUS, sizeof r->status, -1) == 0;
	/* Its socket is full; without one, the next daemon asks. */
	if (!r->sent && x->link->sock >= 0)
		call_later(x, TELL_AGAIN_MS);
}

static void record(struct execs *x, const struct control_exec_status *status)
{
	struct exec_record *r = calloc(1, sizeof *r);
	if (r == NULL)
		return;
	r->status = *status;
	TAILQ_INSERT_TAIL(&x->ended, r, entry);
	x->n_ended++;
	if (x->n_ended > EXEC_SESSIONS_MAX)
		forget_oldest(x);
	tell_record(x, r);
}

static int tell_failure(struct execs *x, uint64_t session, const struct error *why)
{
	struct control_exec_failed failed = { .session = session, .error = *why };
	if (failed.error.kind == ERROR_FAILED)
		failed.error.kind = ERROR_EXEC_FAILED;
	if (failed.error.kind == ERROR_EXEC_FAILED && failed.error.exit_code == 0)
		failed.error.exit_code = 125;
	return link_send(x->link, &failed, CONTROL_EXEC_FAILED, sizeof failed, -1);
}

void execs_taken(struct execs *x, uint64_t session)
{
	struct exec_record *r;
	TAILQ_FOREACH (r, &x->ended, entry)
		if (r->status.session == session)
			r->status.told = 1;
}

static void tell_status(struct exec *e)
{
	struct execs *x = e->owner;
	e->unsent = link_send(x->link, &e->status, CONTROL_EXEC_STATUS, sizeof e->status, -1) < 0;
	if (e->unsent && x->link->sock >= 0)
		call_later(x, TELL_AGAIN_MS);
}

void execs_tell(struct execs *x)
{
	struct exec_record *r;
	struct exec *e;
	TAILQ_FOREACH (r, &x->ended, entry)
		tell_record(x, r);
	LIST_FOREACH (e, &x->list, entry)
		if (!e->done && e->status.state != EXEC_EXITED)
			tell_status(e);
}

/* ---- one session ---- */

static struct exec *exec_new(struct execs *x, const struct control_exec *order)
{
	struct exec *e = calloc(1, sizeof *e);
	if (e == NULL)
		return NULL;
	e->owner = x;
	e->status = (struct control_exec_status) { .session = order->session, .flags = order->flags };
	memcpy(e->status.command, order->command, sizeof e->status.command);
	e->status.command[sizeof e->status.command - 1] = '\0';
	e->joiner_pidfd = e->sync = e->pidfd = e->texts_fd = e->client_fd = -1;
	e->reply = order->reply;
	e->early = order->early;
	e->wants = order->console;
	console_init(&e->console);
	LIST_INSERT_HEAD(&x->list, e, entry);
	x->n_list++;
	x->n_running++;
	return e;
}

/* It has done its part, or there is nothing to be done any more; either way this does not wait long. */
static void reap_joiner(struct exec *e)
{
	siginfo_t info;
	if (e->joiner_pidfd < 0)
		return;
	pidfd_send_signal(e->joiner_pidfd, SIGKILL, NULL, 0);
	while (waitid(P_PIDFD, (id_t) e->joiner_pidfd, &info, WEXITED) < 0 && errno == EINTR)
		;
	fd_close(&e->joiner_pidfd);
}

static void drop_start(struct exec *e)
{
	drop_event(&e->sync_event);
	fd_close(&e->sync);
	reap_joiner(e);
	fd_close(&e->texts_fd);
	fd_close(&e->client_fd);
}

static void exec_free(struct exec *e)
{
	LIST_REMOVE(e, entry);
	e->owner->n_list--;
	drop_start(e);
	drop_event(&e->pidfd_event);
	fd_close(&e->pidfd);
	console_done(&e->console);
	free(e->failure);
	free(e);
}

static void on_program(evutil_socket_t fd, short what, void *arg);

static void watch_program(struct exec *e)
{
	if (e->pidfd_event == NULL)
		e->pidfd_event = event_new(e->owner->base, e->pidfd, EV_READ | EV_PERSIST, on_program, e);
	if (e->pidfd_event == NULL || event_add(e->pidfd_event, NULL) < 0)
		call_later(e->owner, TELL_AGAIN_MS);
}

/* What calls us may still be looking at its console. */
static void exec_done(struct exec *e)
{
	e->done = true;
	call_later(e->owner, 0);
}

/* Why it never ran; while the daemon's socket is full, somebody there still waits for that. */
static int tell_end(struct exec *e)
{
	struct execs *x = e->owner;
	if (tell_failure(x, e->status.session, e->failure) == 0 || x->link->sock < 0)
		return 0;
	call_later(x, TELL_AGAIN_MS);
	return -1;
}

/* What did not go at its time: the machine is short of memory, or the daemon's socket full. */
static void try_again(struct exec *e)
{
	if (e->unsent && e->status.state == EXEC_RUNNING)
		tell_status(e);
	if (e->pidfd >= 0 && (e->pidfd_event == NULL || !event_pending(e->pidfd_event, EV_READ, NULL)))
		watch_program(e);
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	struct execs *x = arg;
	struct exec_record *r;
	struct exec *e, *next;
	(void) fd, (void) what;
	for (e = LIST_FIRST(&x->list); e != NULL; e = next) {
		next = LIST_NEXT(e, entry);
		if (e->done && (e->failure == NULL || tell_end(e) == 0))
			exec_free(e);
		else if (!e->done)
			try_again(e);
	}
	TAILQ_FOREACH (r, &x->ended, entry)
		if (!r->sent)
			tell_record(x, r);
	if (x->over && LIST_EMPTY(&x->list))
		x->on_empty(x->arg);
}

static struct exec *find(struct execs *x, uint64_t session)
{
	struct exec *e;
	LIST_FOREACH (e, &x->list, entry)
		if (e->status.session == session && !e->done)
			return e;
	return NULL;
}

static void send_signal(const struct exec *e, int sig)
{
	pidfd_send_signal(e->pidfd, sig, NULL, 0);
}

static void on_signal(void *arg, int sig)
{
	const struct exec *e = arg;
	if (e->status.state == EXEC_RUNNING)
		send_signal(e, sig);
}

/* As a terminal that is closed would do; INT first, for what takes HUP as a wish to read its settings anew.
 */
static void on_starter_gone(void *arg)
{
	const struct exec *e = arg;
	if (e->status.state != EXEC_RUNNING || !(e->status.flags & EXEC_HANGUP))
		return;
	send_signal(e, SIGINT);
	send_signal(e, SIGHUP);
}

static void on_console_empty(void *arg)
{
	exec_done(arg);
}

/* ---- its end ---- */

static void ended(struct exec *e, const siginfo_t *info)
{
	struct exit_status st = { .started_ns = e->status.started_ns };
	console_drain(&e->console);
	exit_from_wait(&st, info->si_code, info->si_status);
	st.finished_ns = clock_realtime_ns();
	e->status.state = EXEC_EXITED;
	e->status.code = st.code;
	e->status.sig = st.sig;
	e->status.core_dumped = st.core_dumped;
	e->status.finished_ns = st.finished_ns;
	e->owner->n_running--;
	/* The daemon first: who has read the end and asks it is not to hear that the session still runs. */
	record(e->owner, &e->status);
	console_end(&e->console, &st);
}

static bool reap_program(struct exec *e)
{
	siginfo_t info = { 0 };
	if (waitid(P_PIDFD, (id_t) e->pidfd, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
		return false;
	drop_event(&e->pidfd_event);
	fd_close(&e->pidfd);
	ended(e, &info);
	return true;
}

static void on_program(evutil_socket_t fd, short what, void *arg)
{
	(void) fd, (void) what;
	reap_program(arg);
}

/* ---- its beginning ---- */

static bool is_known(const struct execs *x, pid_t pid)
{
	const struct exec *e;
	if (pid == x->first_pid)
		return true;
	LIST_FOREACH (e, &x->list, entry)
		if (e->status.pid == pid)
			return true;
	return false;
}

/* A joiner that was killed between its clone and its report leaves a child of ours that nobody knows: while
 * it is not reaped, the container's pid namespace cannot end. Where other joiners are at work it may be
 * theirs: then the last one's end finds it. */
static void reap_strays(struct execs *x)
{
	char path[64], text[4096], *save = NULL;
	const struct exec *e;
	LIST_FOREACH (e, &x->list, entry)
		if (e->joiner_pidfd >= 0)
			return;
	x->strays = false;
	snprintf(path, sizeof path, "/proc/self/task/%d/children", (int) getpid());
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : fd_read_all(fd, text, sizeof text - 1);
	if (n < 0)
		return;
	text[n] = '\0';
	for (char *word = strtok_r(text, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
		uint64_t pid;
		if (parse_u64(word, INT32_MAX, &pid) < 0 || is_known(x, (pid_t) pid))
			continue;
		kill((pid_t) pid, SIGKILL);
		waitid(P_PID, (id_t) pid, &(siginfo_t) { 0 }, WEXITED);
	}
}

/* Whether the container's first process is on its way out: nothing can be begun beside it any more. */
static bool first_ends(const struct execs *x)
{
	char path[32], text[512];
	uint64_t flags;
	snprintf(path, sizeof path, "/proc/%d/stat", (int) x->first_pid);
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = x->over || fd < 0 ? -1 : fd_read_all(fd, text, sizeof text - 1);
	if (n < 0)
		return true;
	text[n] = '\0';
	/* "pid (name) state ppid pgrp session tty tpgid flags …": a name may hold anything but ends last. */
	char *at = strrchr(text, ')');
	for (int field = 0; at != NULL && field < 7; field++)
		at = strchr(at + 1, ' ');
	if (at == NULL)
		return false;
	at[1 + strcspn(at + 1, " ")] = '\0';
	return parse_u64(at + 1, UINT32_MAX, &flags) == 0 && (flags & PF_EXITING);
}

static void failed(struct exec *e, struct error *why)
{
	struct execs *x = e->owner;
	if (why->kind != ERROR_INVALID_STATE && why->exit_code != 126 && why->exit_code != 127 &&
		first_ends(x))
		error_set(why, ERROR_INVALID_STATE, "the container is not running");
	x->n_running--;
	x->strays |= e->joiner_pidfd >= 0;
	drop_start(e);
	if (x->strays)
		reap_strays(x);
	e->status.state = EXEC_EXITED;
	e->failure = malloc(sizeof *e->failure);
	if (e->failure != NULL)
		*e->failure = *why;
	else
		tell_failure(x, e->status.session, why);
	exec_done(e);
}

static void attach_starter(struct exec *e)
{
	struct session_client client = { .fd = steal_fd(&e->client_fd), .wants = e->wants, .starter = true };
	struct error ignored;
	console_receive(&e->console, &client, e->texts_fd, &e->reply, &e->early, &ignored);
}

static void started(struct exec *e, const struct enter_message *message)
{
	struct execs *x = e->owner;
	e->pidfd = message->pidfd;
	x->has_recipe = true;
	e->status.pid = message->pid;
	e->status.state = EXEC_RUNNING;
	e->status.started_ns = clock_realtime_ns();
	tell_status(e);
	if (e->status.flags & EXEC_CONSOLE)
		attach_starter(e);
	fd_close(&e->texts_fd);
	console_start(&e->console);
	watch_program(e);
}

/* The program never ran, but it was a process. */
static void reap_dead(struct enter_message *message)
{
	if (message->pidfd >= 0)
		waitid(P_PIDFD, (id_t) message->pidfd, &(siginfo_t) { 0 }, WEXITED);
	fd_close(&message->pidfd);
}

static void on_sync(evutil_socket_t fd, short what, void *arg)
{
	struct exec *e = arg;
	struct enter_message message;
	(void) fd, (void) what;
	int got = enter_sync_read(e->sync, &message);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got > 0 && message.kind == ENTER_CONSOLE) {
		struct error ignored; /* no terminal: what the program writes is lost, it goes on */
		console_set_terminal(&e->console, message.master, &ignored);
		return;
	}
	if (got > 0 && message.kind == ENTER_STARTED) {
		started(e, &message);
		return;
	}
	if (got > 0)
		reap_dead(&message);
	reap_joiner(e);
	drop_event(&e->sync_event);
	fd_close(&e->sync);
	bool starting = e->status.state == EXEC_STARTING;
	if (starting && got <= 0)
		error_set(&message.error, ERROR_EXEC_FAILED, "it was killed while it was set up");
	e->owner->strays |= starting && (got <= 0 || message.pid == 0);
	if (e->owner->strays)
		reap_strays(e->owner);
	if (starting)
		failed(e, &message.error);
}

static int open_console(struct exec *e, int stdio[3], struct error *err)
{
	struct console *c = &e->console;
	c->base = e->owner->base;
	c->terminal = e->status.flags & EXEC_TERMINAL;
	c->with_stdin = e->status.flags & EXEC_STDIN;
	c->input_once = e->wants.flags & CONSOLE_STDIN;
	c->replays = true;
	c->on_signal = on_signal;
	c->on_starter_gone = on_starter_gone;
	c->on_empty = on_console_empty;
	c->arg = e;
	return console_open(c, stdio, err);
}

static int clone_joiner(
	struct exec *e, const struct control_exec *order, const int stdio[3], struct error *err)
{
	const struct execs *x = e->owner;
	_cleanup_fd_ int config = -1, shim = -1;
	if (!x->has_recipe &&
		((config = openat(x->dir_fd, "config.json", O_RDONLY | O_NOFOLLOW | O_CLOEXEC)) < 0 ||
			(shim = openat(x->dir_fd, "shim.json", O_RDONLY | O_NOFOLLOW | O_CLOEXEC)) < 0))
		return error_errno(err, "open the container's configuration");
	struct enter enter = {
		.start = { .id = x->id,
			.config_fd = config,
			.shim_fd = shim,
			.layers_fd = -1,
			.cgroup_fd = x->cgroup_fd,
			.stdio = { stdio[0], stdio[1], stdio[2] },
			.terminal = e->console.terminal,
			.rows = e->wants.rows,
			.columns = e->wants.columns },
		.recipe_fd = x->recipe_fd,
		.first_pidfd = x->first_pidfd,
		.texts_fd = e->texts_fd,
		.args = order->args,
		.env = order->env,
		.cwd = order->cwd,
		.user = order->user,
		.privileged = order->flags & EXEC_PRIVILEGED,
		.caller_oom_score = x->oom_score,
	};
	return enter_clone(&enter, &e->joiner_pidfd, &e->sync, err);
}

static int begin(struct exec *e, const struct control_exec *order, struct error *err)
{
	int stdio[3] = { -1, -1, -1 };
	int result = open_console(e, stdio, err);
	if (result == 0)
		result = clone_joiner(e, order, stdio, err);
	for (int i = 0; i < 3; i++)
		fd_close(&stdio[i]);
	if (result < 0)
		return -1;
	e->sync_event = event_new(e->owner->base, e->sync, EV_READ | EV_PERSIST, on_sync, e);
	if (e->sync_event == NULL || event_add(e->sync_event, NULL) < 0)
		return error_errno(err, "watch the process that is set up");
	return 0;
}

static int check(const struct execs *x, const struct control_exec *order, unsigned n_fds, struct error *err)
{
	if (n_fds != (order->flags & EXEC_CONSOLE ? 2U : 1U))
		return error_set(err, ERROR_FAILED, "the descriptors of the call did not come");
	if (x->over || x->first_pidfd < 0)
		return error_set(err, ERROR_INVALID_STATE, "the container is not running");
	if (x->n_running >= EXEC_SESSIONS_MAX || x->n_list >= LIST_MAX)
		return error_set(err, ERROR_LIMIT_EXCEEDED, "the container has %d sessions already",
			EXEC_SESSIONS_MAX);
	return 0;
}

/* What all execs of a container share, made for the first one. */
static int prepare(struct execs *x)
{
	char text[16] = "";
	if (x->later == NULL) {
		_cleanup_fd_ int fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? -1 : fd_read_all(fd, text, sizeof text - 1);
		/* Not known is taken for the one that must not be inherited. */
		x->oom_score = n > 0 && text[0] != '-' ? 0 : -1;
		x->later = event_new(x->base, -1, 0, on_later, x);
	}
	if (x->recipe_fd < 0)
		x->recipe_fd = memfd_create("recipe", MFD_CLOEXEC);
	return x->later == NULL || x->recipe_fd < 0 ? -1 : 0;
}

void execs_run(struct execs *x, const struct control_exec *order, int *fds, unsigned n_fds)
{
	struct error err = { 0 };
	struct exec *e = NULL;
	if (check(x, order, n_fds, &err) < 0) {
		tell_failure(x, order->session, &err);
		return;
	}
	if (prepare(x) == 0)
		e = exec_new(x, order);
	if (e == NULL) {
		error_errnum(&err, ENOMEM, "make a session");
		tell_failure(x, order->session, &err);
		return;
	}
	e->texts_fd = steal_fd(&fds[FD_TEXTS]);
	if (order->flags & EXEC_CONSOLE)
		e->client_fd = steal_fd(&fds[FD_CLIENT]);
	if (begin(e, order, &err) < 0)
		failed(e, &err);
}

void execs_kill(struct execs *x, uint64_t session, int sig)
{
	const struct exec *e = find(x, session);
	if (e != NULL && e->status.state == EXEC_RUNNING)
		send_signal(e, sig);
}

struct console *execs_console(struct execs *x, uint64_t session)
{
	struct exec *e = find(x, session);
	return e != NULL && e->status.state == EXEC_RUNNING ? &e->console : NULL;
}

/* ---- all of them ---- */

void execs_init(struct execs *x)
{
	x->recipe_fd = x->dir_fd = x->cgroup_fd = x->first_pidfd = -1;
	LIST_INIT(&x->list);
	TAILQ_INIT(&x->ended);
}

void execs_start(struct execs *x, const char *id, int dir_fd, int cgroup_fd, pid_t pid, int pidfd)
{
	x->id = id;
	x->dir_fd = dir_fd;
	x->cgroup_fd = cgroup_fd;
	x->first_pid = pid;
	x->first_pidfd = pidfd;
}

/* The end of the container's pid namespace has killed its members, and been held up until each was reaped
 * here; what is still being set up has no namespace to go to. */
void execs_end(struct execs *x)
{
	struct exec *e, *next;
	struct error err;
	x->over = true;
	for (e = LIST_FIRST(&x->list); e != NULL; e = next) {
		next = LIST_NEXT(e, entry);
		if (e->done || e->status.state == EXEC_EXITED)
			continue;
		if (e->status.state == EXEC_RUNNING) {
			send_signal(e, SIGKILL);
			reap_program(e);
			continue;
		}
		reap_joiner(e);
		error_set(&err, ERROR_INVALID_STATE, "the container is not running");
		failed(e, &err);
	}
	reap_strays(x);
}

bool execs_empty(const struct execs *x)
{
	return LIST_EMPTY(&x->list);
}

void execs_done(struct execs *x)
{
	struct exec_record *r;
	while (!LIST_EMPTY(&x->list))
		exec_free(LIST_FIRST(&x->list));
	while ((r = TAILQ_FIRST(&x->ended)) != NULL) {
		TAILQ_REMOVE(&x->ended, r, entry);
		free(r);
	}
	drop_event(&x->later);
	fd_close(&x->recipe_fd);
}
