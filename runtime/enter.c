#include "runtime/enter.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "runtime/capabilities.h"
#include "runtime/child.h"
#include "runtime/console.h"
#include "runtime/namespaces.h"
#include "runtime/program.h"
#include "runtime/recipe.h"
#include "runtime/sys.h"

#define ARGS_MAX      65536
#define PIDFD_AT      4 /* behind the sync socket */
#define PROGRAM_STACK (64 * 1024)

/* On the sync socket: the program's pid; error is empty where it runs. */
struct report {
	int32_t pid;
	uint32_t unused;
	struct error error;
};

/* ---- what to run ---- */

/* Strings, each with its NUL, after one another; the list ends with NULL. */
static int read_strings(
	const struct enter *e, const struct control_text *text, struct strings *ret_list, struct error *err)
{
	char *bytes = fields_alloc((size_t) text->size + 1, 1);
	if (pread(e->texts_fd, bytes, text->size, text->offset) != (ssize_t) text->size)
		return error_errno(err, "read what to run");
	size_t n = 0;
	for (size_t at = 0; at < text->size; at += strlen(bytes + at) + 1)
		n++;
	if (n > ARGS_MAX)
		return error_errnum(err, E2BIG, "read what to run");
	ret_list->v = fields_alloc(n + 1, sizeof *ret_list->v);
	ret_list->n = 0;
	for (size_t at = 0; at < text->size; at += strlen(bytes + at) + 1)
		ret_list->v[ret_list->n++] = bytes + at;
	return 0;
}

static size_t name_length(const char *entry)
{
	return strcspn(entry, "=");
}

/* The container's environment; an entry of the request's takes the place of one of the same name. */
static void merge_environment(struct strings *env, const struct strings *more)
{
	const char **merged = fields_alloc(env->n + more->n + 1, sizeof *merged);
	size_t n = env->n;
	if (n > 0)
		memcpy(merged, env->v, n * sizeof *merged);
	for (size_t i = 0; i < more->n; i++) {
		size_t at = 0, length = name_length(more->v[i]);
		while (at < n &&
			(name_length(merged[at]) != length || strncmp(merged[at], more->v[i], length) != 0))
			at++;
		merged[at] = more->v[i];
		n += at == n;
	}
	env->v = merged;
	env->n = n;
}

static bool has_name(const struct strings *env, const char *entry)
{
	size_t length = name_length(entry);
	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], entry, length + 1) == 0)
			return true;
	return false;
}

static void add_default(struct strings *env, const char *entry)
{
	const char *list[] = { entry };
	if (!has_name(env, entry))
		merge_environment(env, &(struct strings) { list, 1 });
}

/* Parsed once: whoever is the first writes it down for the others. */
static int step_recipe(struct child *c, struct error *err)
{
	int fd = c->enter->recipe_fd, loaded = recipe_load(fd, &c->spec, err);
	if (loaded != 0)
		return loaded < 0 ? -1 : 0;
	return step_spec(c, err) < 0 ? -1 : recipe_save(fd, &c->spec, err);
}

static int step_request(struct child *c, struct error *err)
{
	struct strings args, env, cwd, user;
	const struct enter *e = c->enter;
	if (read_strings(e, &e->args, &args, err) < 0 || read_strings(e, &e->env, &env, err) < 0 ||
		read_strings(e, &e->cwd, &cwd, err) < 0 || read_strings(e, &e->user, &user, err) < 0)
		return -1;
	if (args.n == 0 || args.v[0][0] == '\0')
		return error_set(err, ERROR_FAILED, "there is no program to run");
	c->spec.args = args;
	merge_environment(&c->spec.env, &env);
	if (c->start->terminal)
		add_default(&c->spec.env, "TERM=xterm");
	if (cwd.n > 0)
		c->spec.cwd = cwd.v[0];
	if (user.n > 0) {
		c->spec.user = user.v[0];
		c->spec.user_is_default = false;
		c->spec.n_gids = 0;
	}
	if (e->privileged)
		c->spec.capabilities[CAPABILITIES_BOUNDING] = c->spec.capabilities[CAPABILITIES_EFFECTIVE] =
			c->spec.capabilities[CAPABILITIES_PERMITTED] = UINT64_MAX;
	return 0;
}

/* ---- into the container ---- */

/* A negative score is the daemon's and its shims' own. While the host's procfs is at hand, whose /proc/self
 * nobody inside can have replaced. */
static int step_own_oom_score(struct child *c, struct error *err)
{
	char present[16], text[16] = "0";
	if (!c->spec.has_oom_score_adj && c->enter->caller->oom_score >= 0)
		return 0;
	_cleanup_fd_ int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : pread(fd, present, sizeof present, 0);
	if (n < 0)
		return error_errno(err, "read oom_score_adj");
	if (!c->spec.has_oom_score_adj && (n == 0 || present[0] != '-'))
		return 0;
	if (c->spec.has_oom_score_adj)
		snprintf(text, sizeof text, "%d", c->spec.oom_score_adj);
	/* Lowering it takes CAP_SYS_RESOURCE, which we may not have: then it stays as it is. */
	if (pwrite(fd, text, strlen(text), 0) < 0 && errno != EACCES)
		return error_errno(err, "set oom_score_adj to %s", text);
	return 0;
}

/* Nothing of the host's stays open but what is taken along: 0, 1, 2, the sync socket and the pidfd. */
static int close_all_others(struct child *c, struct start *own, int *ret_pidfd, struct error *err)
{
	_cleanup_fd_ int pidfd = fcntl(c->enter->first_pidfd, F_DUPFD_CLOEXEC, PIDFD_AT + 1);
	if (pidfd < 0)
		return error_errno(err, "keep the container's pidfd");
	if (!own->terminal && stdio_place(c, err) < 0)
		return -1;
	for (int i = 0; i < 3; i++)
		own->stdio[i] = i;
	if (c->sync != START_SYNC_FD && dup3(c->sync, START_SYNC_FD, O_CLOEXEC) < 0)
		return error_errno(err, "move the sync socket");
	c->sync = START_SYNC_FD;
	if (dup3(pidfd, PIDFD_AT, O_CLOEXEC) < 0)
		return error_errno(err, "move the container's pidfd");
	steal_fd(&pidfd);
	if (close_range(PIDFD_AT + 1, ~0U, 0) < 0)
		return error_errno(err, "close all other descriptors");
	*ret_pidfd = PIDFD_AT;
	return 0;
}

static int step_join(struct child *c, struct error *err)
{
	struct start *own = fields_alloc(1, sizeof *own);
	int pidfd = -1;
	*own = *c->start;
	c->start = own;
	if (close_all_others(c, own, &pidfd, err) < 0)
		return -1;
	/* All in one call: there is no moment in which we are in some and not in others. To enter one that it
	 * shares with us changes nothing. */
	if (setns(pidfd, NAMESPACE_FLAGS) < 0)
		return errno == ESRCH ? error_set(err, ERROR_INVALID_STATE, "the container is not running")
				      : error_errno(err, "enter the container's namespaces");
	close(pidfd);
	c->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (c->root_fd < 0)
		return error_errno(err, "open the container's root");
	c->dev_fd = sys_openat2(c->root_fd, "/dev", O_PATH | O_DIRECTORY | O_CLOEXEC, 0,
		RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
	return 0;
}

/* Not made where it is missing: that is for the container's own start. */
static int step_enter_cwd(struct child *c, struct error *err)
{
	c->late_cwd = chdir(c->spec.cwd) < 0;
	if (c->late_cwd && errno != EACCES) {
		error_errno(err, "enter the working directory '%s'", c->spec.cwd);
		return error_path(err, c->spec.cwd);
	}
	umask(c->spec.umask);
	return 0;
}

/* ---- the program ---- */

struct program {
	const struct child *c;
	char **envp;
	struct error error; /* why it was not executed */
};

/* The joiner's memory is ours too, and it waits: nothing is touched but error and the stack. */
static int program_main(void *arg)
{
	struct program *p = arg;
	close(p->c->sync);
	if (setsid() < 0) {
		error_errno(&p->error, "make a session");
		return 125;
	}
	if (p->c->start->terminal && console_enter(STDIN_FILENO, &p->error) < 0)
		return 125;
	program_heed_signals();
	program_execute((char *const *) p->c->spec.args.v, p->envp, &p->error);
	return p->error.exit_code;
}

static int report(struct child *c, pid_t pid, const struct error *why, struct error *err)
{
	struct report r = { .pid = pid };
	if (why != NULL) {
		r.error = *why;
		if (r.error.kind == ERROR_FAILED)
			r.error.kind = c->failed_as;
		if (r.error.exit_code == 0)
			r.error.exit_code = 125;
	}
	if (send(c->sync, &r, sizeof r, MSG_NOSIGNAL) < 0)
		return error_errno(err, "tell that the program runs");
	return 0;
}

static int clone_failed(struct error *err, const char *what)
{
	bool full = errno == EAGAIN;
	error_errno(err, "%s", what);
	err->kind = ERROR_EXEC_FAILED;
	err->exit_code = 125;
	if (full)
		error_hint(err, "too many processes: see the container's limit of them, and its user's");
	return -1;
}

/* The last step. With CLONE_VM and CLONE_VFORK there is no copy of our memory inside of the container, and
 * when the call returns, the program has been executed or the clone is dead. */
static int step_program(struct child *c, struct error *err)
{
	static _Alignas(16) char stack[PROGRAM_STACK];
	static struct program p;
	p.c = c;
	p.envp = child_environment(c);
	pid_t pid = clone(program_main, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_PARENT, &p);
	if (pid < 0)
		return clone_failed(err, "clone the program");
	return report(c, pid, p.error.kind != ERROR_NONE ? &p.error : NULL, err);
}

static const struct step steps[] = {
	{ "session", step_session },
	{ "spec", step_recipe },
	{ "request", step_request },
	{ "oom score", step_own_oom_score },
	{ "namespaces", step_join },
	/* From here on everything is the container's, and may be hostile. */
	{ "user", step_user },
	{ "cwd", step_enter_cwd },
	{ "console", step_console },
	{ "descriptors", step_descriptors },
	{ "limits", step_rlimits },
	{ "no_new_privs", step_no_new_privs },
	{ "privileges", step_privileges },
	{ "cwd", step_cwd_check },
	{ "exec", step_program },
};

static _Noreturn void joiner_main(const struct enter *e, int sync)
{
	struct child *c = child_new(&e->start, sync);
	c->enter = e;
	c->failed_as = ERROR_EXEC_FAILED;
	steps_run(c, steps, sizeof steps / sizeof *steps);
}

/* ---- the caller's side ---- */

int enter_caller_init(struct enter_caller *ret_caller, const char *id, struct error *err)
{
	struct enter_caller caller = { 0 };
	char text[16];
	_cleanup_fd_ int fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : fd_read_all(fd, text, sizeof text);
	if (n <= 0)
		return error_errno(err, "read oom_score_adj");
	caller.oom_score = text[0] == '-' ? -1 : 0;
	if (capabilities_held(&caller.bounding, err) < 0 || session_keyring(id, err) < 0)
		return -1;
	*ret_caller = caller;
	return 0;
}

int enter_clone(const struct enter *e, int *ret_pidfd, int *ret_sync, struct error *err)
{
	int pair[2], pidfd = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return clone_failed(err, "make a pair of sockets");
	_cleanup_fd_ int ours = pair[0], theirs = pair[1];
	if (fd_nonblock(ours, true) < 0)
		return clone_failed(err, "make a pair of sockets");
	struct clone_args args = {
		/* The caller's signal handlers would write to descriptors that it shares with the child. */
		.flags = CLONE_PIDFD | CLONE_INTO_CGROUP | CLONE_CLEAR_SIGHAND,
		.pidfd = (uintptr_t) &pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t) e->start.cgroup_fd,
	};
	pid_t pid = sys_clone3(&args);
	if (pid < 0)
		return clone_failed(err, "clone a process into the container's cgroup");
	if (pid == 0) {
		/* With a copy of the caller's end open, the caller's death would never be seen. */
		close(ours);
		joiner_main(e, theirs);
	}
	*ret_pidfd = pidfd;
	*ret_sync = steal_fd(&ours);
	return 0;
}

/* A step's failure comes as a start's, the program's as a report; both are our own code's, from outside of
 * the container, and checked all the same. */
int enter_sync_read(int sync, struct enter_message *ret_message)
{
	union {
		struct start_message step;
		struct report report;
	} message = { 0 };
	int fds[FD_MESSAGE_FDS];
	size_t n_fds = 0;
	ssize_t n = fd_recv(sync, &message, sizeof message, fds, &n_fds);
	if (n <= 0)
		return (int) n;
	*ret_message = (struct enter_message) { .kind = ENTER_FAILED, .pidfd = -1, .master = -1 };
	if (n == sizeof message.report) {
		struct error error = message.report.error;
		ret_message->error = error;
		ret_message->kind = error.kind == ERROR_NONE ? ENTER_STARTED : ENTER_FAILED;
		ret_message->pid = message.report.pid;
		/* Ours to reap, so that the number cannot be another's meanwhile. */
		ret_message->pidfd = pidfd_open(message.report.pid, 0);
		return ret_message->pidfd < 0 ? -1 : 1;
	}
	if (n == sizeof message.step && message.step.type == START_SYNC_ERROR) {
		ret_message->error = message.step.error;
		return 1;
	}
	if (n == sizeof message.step && message.step.type == START_SYNC_CONSOLE && n_fds == 1) {
		ret_message->kind = ENTER_CONSOLE;
		ret_message->master = fds[0];
		return 1;
	}
	for (size_t i = 0; i < n_fds; i++)
		close(fds[i]);
	errno = EPROTO;
	return -1;
}
