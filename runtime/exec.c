/* The end of the table: the caller hears that all is ready, and the program takes this process over. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "runtime/child.h"
#include "runtime/program.h"
#include "runtime/start.h"

/* Opened while the host's /proc is still there. */
int step_executable(struct child *c, struct error *err)
{
	if (!c->spec.init)
		return 0;
	c->exe_fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	return c->exe_fd < 0 ? error_errno(err, "open our own executable") : 0;
}

int step_ready(struct child *c, struct error *err)
{
	uint32_t type = START_SYNC_READY;
	(void) err;
	/* The caller may have died before PDEATHSIG was set; its end of the socket tells. */
	if (send(c->sync, &type, sizeof type, MSG_NOSIGNAL) < 0)
		return error_errno(err, "tell that all is ready");
	/* From here on the container's life is its own. */
	if (prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) < 0)
		return error_errno(err, "untie our life from the caller's");
	return 0;
}

/* Ours is static and comes from a sealed memfd: nothing inside can change it or get at the host's. */
static int execute_init(struct child *c, char *const envp[], struct error *err)
{
	size_t n = c->spec.args.n;
	char **argv = fields_alloc(n + 4, sizeof *argv);
	char name[] = "init", option[] = "--init", end[] = "--";
	argv[0] = name;
	argv[1] = option;
	argv[2] = end;
	memcpy(argv + 3, c->spec.args.v, n * sizeof *argv);
	if (fcntl(c->sync, F_SETFD, 0) < 0)
		return error_errno(err, "hand the sync socket on");
	execveat(c->exe_fd, "", argv, envp, AT_EMPTY_PATH);
	return error_errno(err, "execute the built-in init");
}

char **child_environment(const struct child *c)
{
	size_t n = c->spec.env.n;
	char **envp = fields_alloc(n + 2, sizeof *envp);
	if (n > 0)
		memcpy(envp, c->spec.env.v, n * sizeof *envp);
	if (c->home[0] != '\0') {
		char *home = fields_alloc(sizeof c->home + 8, 1);
		snprintf(home, sizeof c->home + 8, "HOME=%s", c->home);
		envp[n] = home;
	}
	return envp;
}

int step_exec(struct child *c, struct error *err)
{
	char **envp = child_environment(c);
	program_reset_signals();
	if (c->spec.init)
		return execute_init(c, envp, err);
	return program_execute((char *const *) c->spec.args.v, envp, err);
}
