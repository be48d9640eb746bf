/*
 * spawner.c - the process that shims and workers are forked from. Being forked from one small process they
 * share its pages and need no exec. It parses nothing: one byte and one descriptor a message.
 *
 * No event base here: epoll sets are shared across fork, and a child's event_del would act on the parent's.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/control.h"
#include "common/fd.h"
#include "common/log.h"
#include "runtime/program.h"
#include "shim/shim.h"

#define CONTROL_FD 3 /* where a forked process keeps its control socket */

/* Nothing of the spawner's may stay open in a shim: its daemon's socket would never reach end of file. */
static int become(char kind, int control)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigaction(SIGCHLD, &action, NULL);
	if (control != CONTROL_FD && dup3(control, CONTROL_FD, O_CLOEXEC) < 0)
		return 1;
	if (close_range(CONTROL_FD + 1, ~0U, 0) < 0 || setsid() < 0)
		return 1;
	prctl(PR_SET_NAME, kind == SPAWN_SHIM ? SHIM_COMM : "ctl-worker");
	return kind == SPAWN_SHIM ? shim_main(CONTROL_FD) : worker_main(CONTROL_FD);
}

static void spawn(char kind, int control)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(become(kind, control));
	if (pid < 0) {
		struct control_failed failed = { 0 };
		error_errno(&failed.error, "fork a process for the container");
		control_send(control, &failed, CONTROL_FAILED, sizeof failed, NULL, 0);
	}
}

int spawner_main(int daemon_sock)
{
	/* Their statuses mean nothing here: how a shim ends is seen at its socket. */
	struct sigaction reap = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT };
	sigset_t term;
	program_ignore_signals();
	/* TERM is for the shims, which take it once they can (hold.c): this one ends with its daemon, and
	 * workers with their work. */
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_SETMASK, &term, NULL);
	sigaction(SIGCHLD, &reap, NULL);
	log_init(LOG_LEVEL_INFO);
	prctl(PR_SET_NAME, "ctl-spawner");
	/* A first process whose shim is killed is reaped here and not by an init that perhaps never does; its
	 * status is told to the holders of its pidfd only then. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);

	for (;;) {
		char kind;
		int fds[FD_MESSAGE_FDS];
		size_t n;
		ssize_t got = fd_recv(daemon_sock, &kind, 1, fds, &n);
		if (got == 0)
			return 0;
		if (got < 0 && errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != EMSGSIZE)
			return 1;
		if (got == 1 && n == 1 && (kind == SPAWN_SHIM || kind == SPAWN_WORKER))
			spawn(kind, fds[0]);
		for (size_t i = 0; i < n; i++)
			close(fds[i]);
	}
}
