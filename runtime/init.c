/* init.c - `containerd-lite-shim --init -- PROGRAM …`: pid 1 of a container that was started with --init. It
 * passes every signal on to the program, reaps whoever the container leaves behind, and ends with the
 * program's code, which ends the container. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.h"
#include "runtime/child.h"
#include "runtime/program.h"
#include "runtime/start.h"

/* To whoever started the container. Returns the exit code. */
static int fail(const struct error *err)
{
	struct start_message message = { .type = START_SYNC_ERROR, .error = *err };
	struct error *e = &message.error;
	e->kind = ERROR_START_FAILED;
	e->exit_code = err->exit_code != 0 ? err->exit_code : 125;
	memcpy(e->phase, "exec", sizeof "exec");
	send(START_SYNC_FD, &message, sizeof message, MSG_NOSIGNAL);
	return e->exit_code;
}

static _Noreturn void run_program(char **argv)
{
	struct error err = { 0 };
	/* On a terminal its keys' signals are for the program, and not for us to pass on a second time. TTOU
	 * is blocked here, as everything is. */
	if (isatty(STDIN_FILENO) && setpgid(0, 0) == 0)
		tcsetpgrp(STDIN_FILENO, getpid());
	program_reset_signals();
	program_execute(argv, environ, &err);
	_exit(fail(&err));
}

/* Everybody who has ended. True with the program's code once it is among them. */
static bool reap(pid_t program, int *ret_code)
{
	bool ended = false;
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, WNOHANG);
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid <= 0)
			return ended;
		if (pid != program)
			continue;
		/* pid 1 cannot die of a signal that it sends itself: the code is all that can be passed on.
		 */
		*ret_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		ended = true;
	}
}

int init_main(int argc, char **argv)
{
	sigset_t all;
	int code = 0;
	if (argc < 3 || strcmp(argv[1], "--") != 0)
		return 125;
	/* Blocked before the fork, so that none is lost; sigwaitinfo takes them one by one. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	prctl(PR_SET_NAME, "init", 0, 0, 0);
	/* In a pid namespace that is not its own orphans would go elsewhere. */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	pid_t program = fcntl(START_SYNC_FD, F_SETFD, FD_CLOEXEC) < 0 ? -1 : fork();
	if (program == 0)
		run_program(argv + 2);
	if (program < 0) {
		struct error err = { 0 };
		error_errno(&err, "start the program below the built-in init");
		return fail(&err);
	}
	/* The caller sees the end of the socket when the program has been executed. */
	close(START_SYNC_FD);
	for (;;) {
		siginfo_t info;
		int sig = sigwaitinfo(&all, &info);
		if (sig == SIGCHLD) {
			if (reap(program, &code))
				return code;
		} else if (sig > 0) {
			/* Not reaped yet, so the number is still the program's. */
			kill(program, sig);
		}
	}
}
