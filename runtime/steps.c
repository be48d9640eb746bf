#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "runtime/child.h"
#include "runtime/start.h"
#include "runtime/sysctl.h"

/* Everything that happens between clone3 and the program, in this order. The names are what errors, --trace
 * and docs/design.md call them. */
static const struct step steps[] = {
	{ "session", step_session },
	{ "spec", step_spec },
	/* A user namespace's mapping comes here. */
	{ "executable", step_executable },
	{ "namespaces", step_namespaces },

	/* Sources are cloned before propagation is cut: what is to be a slave or a peer of a mount of the
	 * host's must come from it. */
	{ "rootfs", step_root_source },
	{ "mounts", step_mount_sources },
	{ "devices", step_host_devices },
	{ "propagation", step_propagation },
	{ "rootfs", step_rootfs },
	{ "mounts", step_mounts },
	{ "devices", step_devices },
	{ "pivot", step_pivot },

	/* The host's files are out of reach. */
	{ "console", step_console },
	{ "hostname", step_hostname },
	{ "loopback", step_loopback },
	{ "sysctl", step_sysctls },
	{ "oom score", step_oom_score },
	/* May make a folder: before the root is read-only. */
	{ "cwd", step_cwd },
	{ "paths", step_paths },
	{ "read-only", step_readonly },

	{ "user", step_user },
	{ "cgroup", step_delegate },
	/* Once all nodes are made. */
	{ "devices", step_device_filter },
	/* Before the limits, which may leave no descriptor to be had. */
	{ "descriptors", step_descriptors },
	{ "limits", step_rlimits },
	{ "no_new_privs", step_no_new_privs },
	{ "privileges", step_privileges },
	/* As the user that it is for. */
	{ "cwd", step_cwd_check },
	{ "ready", step_ready },
	/* The seccomp program comes here: last, so that it need not allow what we do. */
	{ "exec", step_exec },
};

static void trace(const struct child *c, const char *step, int64_t ns)
{
	struct start_message message = { .type = START_SYNC_TRACE, .ns = (uint64_t) ns };
	strncpy(message.step, step, sizeof message.step - 1);
	send(c->sync, &message, sizeof message, MSG_NOSIGNAL);
}

/* The child's one way to say no; the caller passes it on unchanged. */
static _Noreturn void fail(const struct child *c, const char *step, const struct error *err)
{
	struct start_message message = { .type = START_SYNC_ERROR, .error = *err };
	struct error *e = &message.error;
	if (e->kind == ERROR_FAILED)
		e->kind = c->failed_as;
	if (e->exit_code == 0)
		e->exit_code = 125;
	strncpy(e->phase, step, sizeof e->phase - 1);
	send(c->sync, &message, sizeof message, MSG_NOSIGNAL);
	_exit(e->exit_code);
}

_Noreturn void steps_run(struct child *c, const struct step *table, size_t n)
{
	struct error err = { 0 };
	for (size_t i = 0; i < n; i++) {
		int64_t begin = c->start->trace ? clock_monotonic_ns() : 0;
		int result = table[i].run(c, &err);
		if (c->start->trace)
			trace(c, table[i].name, clock_monotonic_ns() - begin);
		if (result < 0)
			fail(c, table[i].name, &err);
	}
	_exit(0); /* a start's last step does not come back, an exec's does once the program runs */
}

_Noreturn void steps_start(struct child *c)
{
	c->failed_as = ERROR_START_FAILED;
	steps_run(c, steps, sizeof steps / sizeof *steps);
}
