/*
 * hold.c - `containerd-lite-shim --hold`: the one process of the systemd unit that the containers' cgroup
 * belongs to. It goes into a leaf of that cgroup, so that controllers can be passed on beside it, and sleeps
 * until the unit is stopped.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "runtime/cgroup.h"
#include "shim/shim.h"

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

static int enter_leaf(struct error *err)
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
	return 0;
}

/* sd_notify(3), which a static program cannot have from libsystemd. */
static void tell_ready(void)
{
	static const char ready[] = "READY=1";
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
		sendto(sock, ready, sizeof ready - 1, MSG_NOSIGNAL, (struct sockaddr *) &address, length);
}

int hold_main(void)
{
	struct error err = { 0 };
	char text[sizeof err.msg + 256];
	sigset_t end;
	int sig;
	if (enter_leaf(&err) < 0) {
		fprintf(stderr, "containerd-lite-shim: %s\n", error_format(&err, text, sizeof text));
		return 1;
	}
	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	sigaddset(&end, SIGINT);
	sigprocmask(SIG_BLOCK, &end, NULL);
	tell_ready();
	while (sigwait(&end, &sig) != 0)
		;
	return 0;
}
