#include "shim/execs.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/parse.h"
#include "shim/exec.h"
#include "shim/exec_told.h"

#define LIST_MAX	 (2 * EXEC_SESSIONS_MAX) /* with those that have ended and whose client still reads */
#define DEATH_TIMEOUT_MS 1000
#define PF_EXITING	 0x4 /* the flags of /proc/PID/stat, proc(5) */

enum { FD_TEXTS, FD_CLIENT };

void execs_later(struct execs *x, int ms)
{
	struct timeval tv = { .tv_usec = ms * 1000 };
	event_add(x->later, &tv);
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	struct execs *x = arg;
	struct exec *e, *next;
	(void) fd, (void) what;
	for (e = LIST_FIRST(&x->list); e != NULL; e = next) {
		next = LIST_NEXT(e, entry);
		if (e->done && (e->failure == NULL || exec_told_failed(e) == 0))
			exec_free(e);
		else if (!e->done)
			exec_try_again(e);
	}
	exec_told_again(x);
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
void execs_reap_strays(struct execs *x)
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
bool execs_first_ends(const struct execs *x)
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

static int check(const struct execs *x, const struct control_exec *order, unsigned n_fds, struct error *err)
{
	if (n_fds != (order->flags & EXEC_CONSOLE ? 2U : 1U)) {
		error_set(err, ERROR_LIMIT_EXCEEDED,
			"the container's shim has no descriptor left for one more session");
		memcpy(err->field, "descriptors", sizeof "descriptors");
		return -1;
	}
	if (x->over || x->first_pidfd < 0)
		return error_set(err, ERROR_INVALID_STATE, "the container is not running");
	if (x->n_running < EXEC_SESSIONS_MAX && x->n_list < LIST_MAX)
		return 0;
	if (x->n_running < EXEC_SESSIONS_MAX)
		error_set(
			err, ERROR_LIMIT_EXCEEDED, "%u clients of sessions do not read their end", x->n_list);
	else
		error_set(err, ERROR_LIMIT_EXCEEDED,
			"the container has %u sessions already, which is the most", x->n_running);
	memcpy(err->field, "sessions", sizeof "sessions");
	return -1;
}

/* What all execs of a container share, made for the first one. */
static int prepare(struct execs *x, struct error *err)
{
	if (x->later != NULL)
		return 0;
	if (enter_caller_init(&x->caller, x->id, err) < 0)
		return -1;
	if (x->recipe_fd < 0)
		x->recipe_fd = memfd_create("recipe", MFD_CLOEXEC);
	if (x->recipe_fd < 0)
		return error_errno(err, "make a file in memory");
	x->later = event_new(x->base, -1, 0, on_later, x);
	return x->later == NULL ? error_errnum(err, ENOMEM, "make an event") : 0;
}

static void run(struct execs *x, const struct control_exec *order, int *fds, unsigned n_fds)
{
	struct error err = { 0 };
	struct exec *e = NULL;
	if (check(x, order, n_fds, &err) < 0) {
		exec_told_failure(x, order->session, &err);
		return;
	}
	if (prepare(x, &err) == 0 && (e = exec_new(x, order)) == NULL)
		error_errnum(&err, ENOMEM, "make a session");
	if (e == NULL) {
		exec_told_failure(x, order->session, &err);
		return;
	}
	e->texts_fd = steal_fd(&fds[FD_TEXTS]);
	if (order->flags & EXEC_CONSOLE)
		e->client_fd = steal_fd(&fds[FD_CLIENT]);
	if (exec_begin(e, order, &err) < 0)
		exec_failed(e, &err);
}

static void kill_one(struct execs *x, uint64_t session, int sig)
{
	const struct exec *e = find(x, session);
	if (e != NULL && e->status.state == EXEC_RUNNING)
		exec_signal(e, sig);
}

void execs_message(struct execs *x, enum control_type type, const void *message, int *fds, unsigned n_fds)
{
	const struct control_exec_kill *kill_order = message;
	const struct control_exec_taken *taken = message;
	if (type == CONTROL_EXEC)
		run(x, message, fds, n_fds);
	else if (type == CONTROL_EXEC_KILL)
		kill_one(x, kill_order->session, kill_order->sig);
	else if (type == CONTROL_EXEC_TAKEN)
		exec_told_taken(x, taken->session);
}

struct console *execs_console(struct execs *x, uint64_t session)
{
	struct exec *e = find(x, session);
	return e != NULL && e->status.state == EXEC_RUNNING ? &e->console : NULL;
}

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

/* Until a process that has been killed is dead. */
static void await_death(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	poll(&p, 1, DEATH_TIMEOUT_MS);
}

/* The end of the container's pid namespace has killed its members, and been held up until each was reaped
 * here; those of a shared one have only just been killed. What is still being set up has no namespace to go
 * to. */
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
			exec_signal(e, SIGKILL);
			await_death(e->pidfd);
			exec_reap(e);
			continue;
		}
		exec_reap_joiner(e);
		error_set(&err, ERROR_INVALID_STATE, "the container is not running");
		exec_failed(e, &err);
	}
	execs_reap_strays(x);
}

bool execs_empty(const struct execs *x)
{
	return LIST_EMPTY(&x->list);
}

void execs_done(struct execs *x)
{
	while (!LIST_EMPTY(&x->list))
		exec_free(LIST_FIRST(&x->list));
	exec_told_done(x);
	if (x->later != NULL)
		event_free(x->later);
	fd_close(&x->recipe_fd);
}
