#include "shim/exec.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/exit.h"
#include "common/fd.h"
#include "runtime/enter.h"
#include "shim/exec_told.h"
#include "shim/execs.h"

#define WATCH_AGAIN_MS 100

static void drop_event(struct event **event)
{
	if (*event != NULL)
		event_free(*event);
	*event = NULL;
}

struct exec *exec_new(struct execs *x, const struct control_exec *order)
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
void exec_reap_joiner(struct exec *e)
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
	exec_reap_joiner(e);
	fd_close(&e->texts_fd);
	fd_close(&e->client_fd);
}

void exec_free(struct exec *e)
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

/* What calls us may still be looking at its console. */
static void exec_done(struct exec *e)
{
	e->done = true;
	execs_later(e->owner, 0);
}

void exec_signal(const struct exec *e, int sig)
{
	pidfd_send_signal(e->pidfd, sig, NULL, 0);
}

static void on_signal(void *arg, int sig)
{
	const struct exec *e = arg;
	if (e->status.state == EXEC_RUNNING)
		exec_signal(e, sig);
}

/* As a terminal that is closed would do; INT first, for what takes HUP as a wish to read its settings anew.
 */
static void on_starter_gone(void *arg)
{
	const struct exec *e = arg;
	if (e->status.state != EXEC_RUNNING || !(e->status.flags & EXEC_HANGUP))
		return;
	exec_signal(e, SIGINT);
	exec_signal(e, SIGHUP);
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
	exec_told_end(e->owner, &e->status);
	console_end(&e->console, &st);
}

bool exec_reap(struct exec *e)
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
	exec_reap(arg);
}

static void watch_program(struct exec *e)
{
	if (e->pidfd_event == NULL)
		e->pidfd_event = event_new(e->owner->base, e->pidfd, EV_READ | EV_PERSIST, on_program, e);
	if (e->pidfd_event == NULL || event_add(e->pidfd_event, NULL) < 0)
		execs_later(e->owner, WATCH_AGAIN_MS);
}

/* What did not go at its time: the machine is short of memory, or the daemon's socket full. */
void exec_try_again(struct exec *e)
{
	if (e->unsent && e->status.state == EXEC_RUNNING)
		exec_told_begin(e);
	if (e->pidfd >= 0 && (e->pidfd_event == NULL || !event_pending(e->pidfd_event, EV_READ, NULL)))
		watch_program(e);
}

/* ---- its beginning ---- */

void exec_failed(struct exec *e, struct error *why)
{
	struct execs *x = e->owner;
	if (why->kind != ERROR_INVALID_STATE && why->exit_code != 126 && why->exit_code != 127 &&
		execs_first_ends(x))
		error_set(why, ERROR_INVALID_STATE, "the container is not running");
	x->n_running--;
	x->strays |= e->joiner_pidfd >= 0;
	drop_start(e);
	if (x->strays)
		execs_reap_strays(x);
	e->status.state = EXEC_EXITED;
	e->failure = malloc(sizeof *e->failure);
	if (e->failure != NULL)
		*e->failure = *why;
	else
		exec_told_failure(x, e->status.session, why);
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
	exec_told_begin(e);
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
	if (got > 0 && message.kind == ENTER_CONSOLE &&
		console_set_terminal(&e->console, message.master, &message.error) == 0)
		return;
	if (got > 0 && message.kind == ENTER_STARTED) {
		started(e, &message);
		return;
	}
	if (got > 0)
		reap_dead(&message);
	exec_reap_joiner(e);
	drop_event(&e->sync_event);
	fd_close(&e->sync);
	bool starting = e->status.state == EXEC_STARTING;
	if (starting && got <= 0)
		error_set(&message.error, ERROR_EXEC_FAILED, "it was killed while it was set up");
	e->owner->strays |= starting && (got <= 0 || message.pid == 0);
	if (e->owner->strays)
		execs_reap_strays(e->owner);
	if (starting)
		exec_failed(e, &message.error);
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
		.caller = &x->caller,
	};
	return enter_clone(&enter, &e->joiner_pidfd, &e->sync, err);
}

int exec_begin(struct exec *e, const struct control_exec *order, struct error *err)
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
