#include "daemon/spawner.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/control.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/sealed.h"
#include "daemon/daemon.h"
#include "daemon/places.h"
#include "daemon/store.h"

#define PROGRAM	   "containerd-lite-shim"
#define SPAWNER_FD 3 /* where it finds our socket */

/* An order that the spawner's socket, full of others, has not taken yet. */
struct order {
	STAILQ_ENTRY(order) link;
	char kind;
	int theirs; /* the new process's end of its control socket */
};

struct spawner {
	struct daemon *d;
	int program; /* sealed memfd */
	int sock, pidfd;
	struct event *event;	/* of the pidfd */
	struct event *writable; /* of the socket, while orders wait */
	STAILQ_HEAD(order_list, order) waiting;
};

static int copy_program(struct spawner *sp, struct error *err)
{
	char path[PATH_MAX];
	_cleanup_fd_ int exe = -1;

	if (places_shim(path, err) < 0)
		return -1;
	exe = open(path, O_RDONLY | O_CLOEXEC);
	return exe < 0 ? error_errno(err, "open '%s'", path) : sealed_copy(exe, PROGRAM, &sp->program, err);
}

/* In the child: nothing of ours but the socket and stderr. Everything else is close-on-exec. */
__attribute__((noreturn)) static void become_spawner(int program, int sock)
{
	char *const argv[] = { (char *) PROGRAM, (char *) "--spawner", NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* dup2 clears close-on-exec, but not of a descriptor onto itself. */
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
		_exit(127);
	if (sock == SPAWNER_FD ? fcntl(sock, F_SETFD, 0) < 0 : dup2(sock, SPAWNER_FD) < 0)
		_exit(127);
	syscall(SYS_execveat, program, "", argv, environ, AT_EMPTY_PATH);
	_exit(127);
}

static void forget(struct spawner *sp)
{
	if (sp->event)
		event_free(sp->event);
	if (sp->writable)
		event_free(sp->writable);
	sp->event = sp->writable = NULL;
	fd_close(&sp->pidfd);
	fd_close(&sp->sock);
}

static void drop_first(struct spawner *sp)
{
	struct order *order = STAILQ_FIRST(&sp->waiting);

	STAILQ_REMOVE_HEAD(&sp->waiting, link);
	fd_close(&order->theirs);
	free(order);
}

static void on_writable(evutil_socket_t fd, short what, void *arg);

static void on_death(evutil_socket_t fd, short what, void *arg)
{
	struct spawner *sp = arg;
	siginfo_t info = { 0 };

	(void) what;
	if (waitid(P_PIDFD, (id_t) fd, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
		return;
	log_warning("the spawner (pid %d) ended; the next order starts another", (int) info.si_pid);
	forget(sp);
	on_writable(-1, 0, sp);
}

static int start(struct spawner *sp, struct error *err)
{
	int pair[2], pidfd = -1;
	pid_t pid;
	struct clone_args args = { .flags = CLONE_PIDFD | CLONE_INTO_CGROUP,
		.pidfd = (uintptr_t) &pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t) sp->d->store->shims_cgroup };

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_errno(err, "make the spawner's socket");
	pid = (pid_t) syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		become_spawner(sp->program, pair[1]);
	close(pair[1]);
	if (pid < 0) {
		error_errno(err, "start the spawner");
		close(pair[0]);
		return -1;
	}
	fd_nonblock(pair[0], true); /* our end only: the two ends are two descriptions */
	sp->sock = pair[0];
	sp->pidfd = pidfd;
	sp->event = event_new(sp->d->base, pidfd, EV_READ | EV_PERSIST, on_death, sp);
	sp->writable = event_new(sp->d->base, sp->sock, EV_WRITE, on_writable, sp);
	if (!sp->event || !sp->writable)
		abort();
	event_add(sp->event, NULL);
	log_debug("the spawner is pid %d", (int) pid);
	return 0;
}

struct spawner *spawner_new(struct daemon *d, struct error *err)
{
	struct spawner *sp = calloc(1, sizeof(*sp));

	if (!sp)
		abort();
	*sp = (struct spawner) { .d = d, .program = -1, .sock = -1, .pidfd = -1 };
	STAILQ_INIT(&sp->waiting);
	if (copy_program(sp, err) < 0 || start(sp, err) < 0) {
		spawner_free(sp);
		return NULL;
	}
	return sp;
}

void spawner_free(struct spawner *sp)
{
	if (!sp)
		return;
	while (!STAILQ_EMPTY(&sp->waiting))
		drop_first(sp);
	forget(sp);
	fd_close(&sp->program);
	free(sp);
}

/* Tries once more with a new one, since an old one's death may not have been seen yet. -1 with errno EAGAIN:
 * it lives and takes no more at present. */
static int pass_on(struct spawner *sp, char kind, int theirs, struct error *err)
{
	for (int attempt = 0; attempt < 2; attempt++) {
		if (sp->sock < 0 && start(sp, err) < 0) {
			errno = 0;
			return -1;
		}
		if (fd_send(sp->sock, &kind, 1, &theirs, 1) == 0)
			return 0;
		if (errno == EAGAIN)
			return -1;
		error_errno(err, "pass an order to the spawner");
		forget(sp);
	}
	errno = 0;
	return -1;
}

/* What cannot be passed on any more shows as end of file at our ends. */
static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct spawner *sp = arg;
	struct order *order;
	struct error ignored;

	(void) fd;
	(void) what;
	while ((order = STAILQ_FIRST(&sp->waiting))) {
		if (pass_on(sp, order->kind, order->theirs, &ignored) < 0 && errno == EAGAIN) {
			event_add(sp->writable, NULL);
			return;
		}
		drop_first(sp);
	}
}

static void put_in_line(struct spawner *sp, char kind, int theirs)
{
	struct order *order = malloc(sizeof(*order));

	if (!order)
		abort();
	*order = (struct order) { .kind = kind, .theirs = theirs };
	STAILQ_INSERT_TAIL(&sp->waiting, order, link);
	event_add(sp->writable, NULL);
}

int spawner_spawn(struct spawner *sp, char kind, int *ret_sock, struct error *err)
{
	_cleanup_fd_ int ours = -1, theirs = -1;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_errno(err, "make a control socket");
	ours = pair[0];
	theirs = pair[1];
	fd_nonblock(ours, true);
	if (!STAILQ_EMPTY(&sp->waiting)) {
		put_in_line(sp, kind, steal_fd(&theirs));
	} else if (pass_on(sp, kind, theirs, err) < 0) {
		if (errno != EAGAIN)
			return -1;
		put_in_line(sp, kind, steal_fd(&theirs));
	}
	*ret_sock = steal_fd(&ours);
	return 0;
}
