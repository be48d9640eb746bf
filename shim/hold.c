/*
 * hold.c - `containerd-lite-shim --hold`: the one process of the systemd unit that the containers' cgroup
 * belongs to. It goes into a leaf of that cgroup, so that controllers can be passed on beside it, and sleeps
 * until the unit is stopped. Then every container is stopped within its own timeout, whether there is a
 * daemon or not: the shims do it themselves when they get a TERM. systemd kills what is left once the holder
 * has ended.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/parse.h"
#include "runtime/cgroup.h"
#include "shim/shim.h"

#define PROCS_MAX (1024 * 1024)
#define TURN_MS	  1000
#define EXTEND_US "20000000"

/* The path in the only line that matters of /proc/self/cgroup: "0::/system.slice/…". */
static char *own_cgroup(struct error *err)
{
	_cleanup_free_ char *text = NULL;
	if (fd_read_file(AT_FDCWD, "/proc/self/cgroup", 65536, &text, NULL, err) < 0)
		return NULL;
	char *line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	if (line == NULL) {
		error_set(err, ERROR_FAILED, "cgroup v2 is not mounted");
		return NULL;
	}
	line += *line == '\n' ? 4 : 3;
	line[strcspn(line, "\n")] = '\0';
	char *path = strdup(line);
	if (path == NULL)
		error_errno(err, "copy a path");
	return path;
}

/* *ret_own: the unit's cgroup. */
static int enter_leaf(int *ret_own, struct error *err)
{
	char mount[PATH_MAX];
	_cleanup_free_ char *path = own_cgroup(err);
	_cleanup_fd_ int root = -1, own = -1, leaf = -1, procs = -1;
	if (path == NULL || cgroup_open_mount(mount, sizeof mount, &root, err) < 0)
		return -1;
	own = openat(root, path[1] != '\0' ? path + 1 : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (own < 0)
		return error_errno(err, "open the cgroup '%s%s'", mount, path);
	if (cgroup_make(own, "holder", &leaf, err) < 0)
		return -1;
	procs = openat(leaf, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	if (procs < 0 || fd_write_all(procs, "0", 1) < 0)
		return error_errno(err, "enter the cgroup '%s%s/holder'", mount, path);
	*ret_own = steal_fd(&own);
	return 0;
}

/* sd_notify(3), which a static program cannot have from libsystemd. */
static void tell(const char *text)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t size = path == NULL ? 0 : strlen(path);
	if (size < 2 || size >= sizeof address.sun_path)
		return;
	memcpy(address.sun_path, path, size);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	_cleanup_fd_ int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t length = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + size);
	if (sock >= 0)
		sendto(sock, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *) &address, length);
}

/* A spawner ends with its daemon and a worker with its work; neither is waited for. Returns a pidfd of a shim
 * that has been told to end, else -1. */
static int end_shim(pid_t pid)
{
	char path[64];
	_cleanup_free_ char *name = NULL;
	struct error ignored;
	_cleanup_fd_ int pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
	snprintf(path, sizeof path, "/proc/%d/comm", (int) pid);
	if (pidfd < 0 || fd_read_file(AT_FDCWD, path, 64, &name, NULL, &ignored) < 0 ||
		strcmp(name, SHIM_COMM "\n") != 0 ||
		syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0) < 0)
		return -1;
	return steal_fd(&pidfd);
}

/* Tells all shims of an instance to end; to tell one twice changes nothing. *one: a pidfd of one of them. */
static void end_instance(int own, const char *name, int *one)
{
	char path[NAME_MAX + 32], *save = NULL;
	_cleanup_free_ char *pids = NULL;
	struct error ignored;
	uint64_t pid;
	snprintf(path, sizeof path, "%s/shims/cgroup.procs", name);
	if (fd_read_file(own, path, PROCS_MAX, &pids, NULL, &ignored) < 0)
		return;
	for (char *line = strtok_r(pids, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
		int shim = parse_u64(line, INT32_MAX, &pid) < 0 || pid < 2 ? -1 : end_shim((pid_t) pid);
		if (shim >= 0) {
			fd_close(one);
			*one = shim;
		}
	}
}

/* A pidfd of a shim that is still there, else -1. */
static int end_shims(int own)
{
	int one = -1, fd = openat(own, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir == NULL) {
		fd_close(&fd);
		return -1;
	}
	for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			end_instance(own, entry->d_name, &one);
	closedir(dir);
	return one;
}

/* A shim bounds its own end (on_term in ending.c), so this one does, too. */
static void end_containers(int own)
{
	for (;;) {
		_cleanup_fd_ int one = end_shims(own);
		if (one < 0)
			return;
		tell("STATUS=waits for containers to end\nEXTEND_TIMEOUT_USEC=" EXTEND_US);
		struct pollfd p = { .fd = one, .events = POLLIN };
		poll(&p, 1, TURN_MS);
	}
}

int hold_main(void)
{
	struct error err = { 0 };
	char text[sizeof err.msg + 256];
	sigset_t end;
	int sig, own = -1;
	if (enter_leaf(&own, &err) < 0) {
		fprintf(stderr, "containerd-lite-shim: %s\n", error_format(&err, text, sizeof text));
		return 1;
	}
	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	sigaddset(&end, SIGINT);
	sigprocmask(SIG_BLOCK, &end, NULL);
	tell("READY=1");
	while (sigwait(&end, &sig) != 0)
		;
	end_containers(own);
	close(own);
	return 0;
}
