#include "runtime/start.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "runtime/child.h"
#include "runtime/sys.h"

static const struct {
	int errnum;
	const char *hint;
} clone_hints[] = {
	{ ENOSPC, "too many namespaces: see /proc/sys/user/max_*_namespaces" },
	{ EUSERS, "namespaces are nested too deeply" },
	{ EPERM, "making namespaces takes CAP_SYS_ADMIN: run it as root" },
	{ EAGAIN, "too many processes: see pids.max of the cgroup and RLIMIT_NPROC" },
	{ EBUSY, "the cgroup has controllers for its children and takes no process itself" },
	{ ENODEV, "the cgroup was removed meanwhile" },
};

static int start_failed(struct error *err, const char *what)
{
	error_errno(err, "%s", what);
	err->kind = ERROR_START_FAILED;
	err->exit_code = 125;
	memcpy(err->phase, "clone", sizeof "clone");
	return -1;
}

static int clone_failed(struct error *err)
{
	int errnum = errno;
	start_failed(err, "clone the first process");
	for (size_t i = 0; i < sizeof clone_hints / sizeof *clone_hints; i++)
		if (clone_hints[i].errnum == errnum)
			error_hint(err, "%s", clone_hints[i].hint);
	return -1;
}

struct child *child_new(const struct start *s, int sync)
{
	struct child *c = calloc(1, sizeof *c);
	if (c == NULL)
		_exit(125);
	c->start = s;
	c->sync = sync;
	c->exe_fd = c->rootfs_fd = c->root_fd = c->proc_fd = c->null_fd = c->dev_fd = -1;
	c->peer_fd = -1;
	return c;
}

static _Noreturn void child_main(const struct start *s, int sync)
{
	steps_start(child_new(s, sync));
}

/* Into another container's pid namespace goes whom the caller makes next, and not the caller itself: it is
 * put back at once. */
static pid_t clone_into(const struct start *s, struct clone_args *args, struct error *err)
{
	if (!(s->joined & CLONE_NEWPID))
		return sys_clone3(args);
	_cleanup_fd_ int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	if (own < 0)
		return start_failed(err, "open the pid namespace of our own");
	if (namespace_join(s->joined_pidfds[NAMESPACE_PID], NAMESPACE_PID, err) < 0)
		return -1;
	pid_t pid = sys_clone3(args);
	int errnum = errno;
	if (pid != 0 && setns(own, CLONE_NEWPID) < 0)
		abort(); /* cannot fail, and whoever is made next would be in there */
	errno = errnum;
	return pid;
}

int start_clone(const struct start *s, pid_t *ret_pid, int *ret_pidfd, int *ret_sync, struct error *err)
{
	int pair[2], pidfd = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return start_failed(err, "make a pair of sockets");
	_cleanup_fd_ int ours = pair[0], theirs = pair[1];
	if (fd_nonblock(ours, true) < 0)
		return start_failed(err, "make a pair of sockets");
	int cgroup = s->delegated ? s->inner_cgroup_fd : s->cgroup_fd;
	struct clone_args args = {
		/* The caller's signal handlers would write to descriptors that it shares with the child. */
		.flags = (NAMESPACE_FLAGS & ~s->shared) | CLONE_PIDFD | CLONE_CLEAR_SIGHAND |
			 (cgroup >= 0 ? CLONE_INTO_CGROUP : 0),
		.pidfd = (uintptr_t) &pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t) (cgroup >= 0 ? cgroup : 0),
	};
	pid_t pid = clone_into(s, &args, err);
	if (pid < 0)
		return err->kind != ERROR_NONE ? -1 : clone_failed(err);
	if (pid == 0) {
		/* With a copy of the caller's end open, the caller's death would never be seen. */
		close(ours);
		child_main(s, theirs);
	}
	*ret_pid = pid;
	*ret_pidfd = pidfd;
	*ret_sync = steal_fd(&ours);
	return 0;
}

/* The other side may be --init inside the container: nothing of it is trusted. */
static bool is_valid(struct start_message *message, size_t size, size_t n_fds)
{
	struct error *e = &message->error;
	if (size == sizeof message->type && message->type == START_SYNC_READY)
		return n_fds == 0;
	if (size != sizeof *message || n_fds != (message->type == START_SYNC_CONSOLE ? 1 : 0))
		return false;
	if (message->type != START_SYNC_ERROR && message->type != START_SYNC_TRACE &&
		message->type != START_SYNC_CONSOLE)
		return false;
	if (e->kind < ERROR_NONE || e->kind >= ERROR_KINDS || e->exit_code < 0 || e->exit_code > 255 ||
		(message->type == START_SYNC_ERROR && e->kind == ERROR_NONE))
		return false;
	e->phase[sizeof e->phase - 1] = e->field[sizeof e->field - 1] = e->path[sizeof e->path - 1] = '\0';
	e->msg[sizeof e->msg - 1] = e->hint[sizeof e->hint - 1] = '\0';
	message->step[sizeof message->step - 1] = '\0';
	return true;
}

int start_sync_read(int sync, struct start_message *ret_message, int *ret_fd)
{
	struct start_message message = { 0 };
	int fds[FD_MESSAGE_FDS];
	size_t n_fds = 0;
	ssize_t n;
	do
		n = fd_recv(sync, &message, sizeof message, fds, &n_fds);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return (int) n;
	if (!is_valid(&message, (size_t) n, n_fds)) {
		for (size_t i = 0; i < n_fds; i++)
			close(fds[i]);
		errno = EPROTO;
		return -1;
	}
	*ret_fd = n_fds > 0 ? fds[0] : -1;
	*ret_message = message;
	return 1;
}

int start_lock_rootfs(const char *rootfs, int *ret_fd, struct error *err)
{
	_cleanup_fd_ int fd = open(rootfs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		error_errno(err, "open the root file system '%s'", rootfs);
		return error_path(err, rootfs);
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int errnum = errno;
		error_errno(err, "lock the root file system '%s'", rootfs);
		error_path(err, rootfs);
		if (errnum == EWOULDBLOCK) {
			error_set(err, ERROR_FAILED,
				"the root file system '%s' is in use by another container", rootfs);
			error_path(err, rootfs);
			err->errnum = EBUSY;
			error_hint(err, "only one container at a time writes into a root; an overlay "
					"(--rootfs) is not shared");
		}
		return -1;
	}
	*ret_fd = steal_fd(&fd);
	return 0;
}

int start_check_config(const char *config, size_t size, struct error *err)
{
	struct spec *spec = calloc(1, sizeof *spec);
	if (spec == NULL)
		return error_errno(err, "check config.json");
	int result = spec_parse(config, size, NULL, 0, spec, err);
	spec_done(spec);
	free(spec);
	return result;
}

/* A whole file that the caller has opened; its offset is shared with the caller and stays as it is. */
static int read_text(int fd, const char *name, char **ret_text, size_t *ret_size, struct error *err)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return error_errno(err, "look at '%s'", name);
	if (st.st_size > SPEC_TEXT_MAX)
		return error_errnum(err, EFBIG, "read '%s'", name);
	size_t size = (size_t) st.st_size, have = 0;
	_cleanup_free_ char *text = malloc(size + 1);
	if (text == NULL)
		return error_errno(err, "read '%s'", name);
	while (have < size) {
		ssize_t n = pread(fd, text + have, size - have, (off_t) have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, "read '%s'", name);
		if (n == 0)
			break;
		have += (size_t) n;
	}
	text[have] = '\0';
	*ret_text = steal_pointer(&text);
	*ret_size = have;
	return 0;
}

int step_spec(struct child *c, struct error *err)
{
	_cleanup_free_ char *config = NULL, *shim = NULL;
	size_t config_size = 0, shim_size = 0;
	if (read_text(c->start->config_fd, "config.json", &config, &config_size, err) < 0)
		return -1;
	if (c->start->shim_fd >= 0 && read_text(c->start->shim_fd, "shim.json", &shim, &shim_size, err) < 0)
		return -1;
	if (spec_parse(config, config_size, shim, shim_size, &c->spec, err) < 0)
		return -1;
	c->bind_fds = fields_alloc(2 * c->spec.n_mounts, sizeof *c->bind_fds);
	c->late_ro_fds = c->bind_fds + c->spec.n_mounts;
	for (size_t i = 0; i < 2 * c->spec.n_mounts; i++)
		c->bind_fds[i] = -1;
	return 0;
}
