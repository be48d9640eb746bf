/*
 * bury.c - the end of a container whose shim is dead. Its first process is killed and its status asked for,
 * as long as the daemon holds a pidfd of it (PIDFD_GET_INFO, Linux 6.15); then a worker kills what else there
 * is, and writes the exit record that the shim can no longer write. (Declared in recover.h.)
 */
#include <errno.h>
#include <event2/event.h>
#include <linux/ioctl.h>
#include <linux/types.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/log.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/recover.h"
#include "daemon/store.h"
#include "daemon/work.h"

#define RETRY_MS      500 /* where no worker could be had */
#define DEATH_SECONDS 5	  /* for the first process to be gone; a stuck one is left to the worker */

/* From linux/pidfd.h of 6.15, which older headers lack. */
struct pidfd_info_v0 {
	__u64 mask, cgroupid;
	__u32 pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	__s32 exit_code;
};
#define PIDFD_GET_INFO_V0  _IOWR(0xFF, 11, struct pidfd_info_v0)
#define PIDFD_INFO_EXIT_V0 (1ULL << 3)
_Static_assert(sizeof(struct pidfd_info_v0) == 64, "as the kernel's first version");

struct burial {
	struct container *c;
	struct event *event; /* of its pidfd, or the time of the next try; NULL: none */
	struct exit_status exit;
	bool again; /* its worker died, and this is the second one */
	bool tried; /* there was no worker to be had, which has been told */
};

static void on_buried(void *arg, const struct error *err, int fd, size_t size);
static void give_to_worker(struct burial *burial);

/* The shim may have got so far as to write it down itself. */
static bool recorded(const struct container *c, struct exit_status *ret_exit)
{
	char path[ID_TEXT_SIZE + 16];
	_cleanup_free_ char *text = NULL;
	struct error ignored;
	struct exit_status found;

	snprintf(path, sizeof(path), "%s/exit.json", container_id(c));
	/* It may be the end of the run before. */
	if (c->bundle.transient ||
		fd_read_file(c->d->store->containers, path, EXIT_JSON_MAX, &text, NULL, &ignored) < 0 ||
		exit_load_text(text, &found, &ignored) < 0 || found.run != c->run)
		return false;
	*ret_exit = found;
	return true;
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void) fd;
	(void) what;
	give_to_worker(arg);
}

/* Without descriptors, for one: nobody may take it for ended while something of it may live. */
static void try_later(struct burial *burial, const struct error *err)
{
	struct container *c = burial->c;
	struct timeval tv = { .tv_usec = RETRY_MS * 1000 };
	char text[2048];

	if (!burial->tried)
		log_warning("container %s: %s", container_id(c), error_format(err, text, sizeof(text)));
	burial->tried = true;
	burial->event = evtimer_new(c->d->base, on_retry, burial);
	if (!burial->event)
		abort();
	evtimer_add(burial->event, &tv);
}

static void give_to_worker(struct burial *burial)
{
	struct container *c = burial->c;
	char text[EXIT_JSON_MAX];
	struct work_order order = {
		.op = WORK_BURY, .id = container_id(c), .transient = c->bundle.transient
	};
	struct error err;

	if (burial->event)
		event_free(burial->event);
	burial->event = NULL;
	burial->exit.finished_ns = clock_realtime_ns();
	if (!recorded(c, &burial->exit)) {
		order.exit.size = (size_t) exit_save_text(&burial->exit, text);
		order.exit.text = text;
	}
	if (work_start(c->d, &order, on_buried, burial, &err) == 0)
		return;
	if (c->d->ending)
		on_buried(burial, &err, -1, 0);
	else
		try_later(burial, &err);
}

static void on_buried(void *arg, const struct error *err, int fd, size_t size)
{
	struct burial *burial = arg;
	struct container *c = burial->c;
	struct exit_status exit = burial->exit;
	char text[2048];

	(void) fd;
	(void) size;
	if (err && work_died(err) && !burial->again) {
		burial->again = true;
		give_to_worker(burial);
		return;
	}
	free(burial);
	c->working--;
	if (c->d->ending)
		return; /* the next daemon does it */
	c->adopting = false;
	if (err)
		log_warning("container %s: %s", container_id(c), error_format(err, text, sizeof(text)));
	if (c->state == STATE_STARTING) {
		struct error why;

		error_set(&why, ERROR_START_FAILED, "the container's shim died");
		why.exit_code = 125;
		exit.code = exit.code < 0 ? 125 : exit.code;
		/* Its folder may not have come about. */
		container_start_failed(c, &why, &exit, !(c->is_new && err && err->errnum == ENOENT));
	} else {
		container_ended(c, &exit);
	}
	container_changed(c);
}

struct rest {
	struct container *c;
	char id[ID_TEXT_SIZE];
};

static void on_rest_buried(void *arg, const struct error *err, int fd, size_t size)
{
	struct rest *rest = arg;
	char text[2048];

	(void) fd;
	(void) size;
	if (err)
		log_warning("container %s: %s", rest->id, error_format(err, text, sizeof(text)));
	if (rest->c) {
		rest->c->working--;
		container_changed(rest->c);
	}
	free(rest);
}

void bury_rest(struct daemon *d, const char *id, bool transient, struct container *c)
{
	struct rest *rest = calloc(1, sizeof(*rest));
	struct work_order order = { .op = WORK_BURY, .id = id, .transient = transient };
	struct error err;

	if (!rest)
		abort();
	rest->c = c;
	snprintf(rest->id, sizeof(rest->id), "%s", id);
	if (c)
		c->working++;
	if (work_start(d, &order, on_rest_buried, rest, &err) < 0)
		on_rest_buried(rest, &err, -1, 0);
}

/* 1: *ret_status is as wait(2) would give it; 0: not yet; -1: nobody can know it. */
static int ask_status(int pidfd, int *ret_status)
{
	struct pidfd_info_v0 info = { .mask = PIDFD_INFO_EXIT_V0 };
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	if (poll(&p, 1, 0) <= 0)
		return 0;
	/* POLLHUP: it has been reaped, and only then its status is told. Linux before 6.9 has no such event,
	 * and knows nothing of the call. */
	if (!(p.revents & POLLHUP))
		return ioctl(pidfd, PIDFD_GET_INFO_V0, &info) < 0 && errno == ENOTTY ? -1 : 0;
	if (ioctl(pidfd, PIDFD_GET_INFO_V0, &info) < 0 || !(info.mask & PIDFD_INFO_EXIT_V0))
		return -1;
	*ret_status = info.exit_code;
	return 1;
}

static void on_death(evutil_socket_t pidfd, short what, void *arg)
{
	struct burial *burial = arg;
	int status, r = ask_status(pidfd, &status);

	if (r == 0 && !(what & EV_TIMEOUT))
		return;
	if (r == 1) {
		enum exit_reason reason = burial->exit.reason;

		exit_from_wait(&burial->exit,
			WIFEXITED(status)   ? CLD_EXITED
			: WCOREDUMP(status) ? CLD_DUMPED
					    : CLD_KILLED,
			WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
		burial->exit.reason = reason; /* the signal was ours */
	}
	give_to_worker(burial);
}

void bury(struct container *c)
{
	struct burial *burial = calloc(1, sizeof(*burial));
	struct timeval limit = { .tv_sec = DEATH_SECONDS };

	if (!burial)
		abort();
	*burial = (struct burial) { .c = c,
		.exit = { .run = c->run,
			.code = -1,
			.reason = c->rebooted ? EXIT_REASON_REBOOT : EXIT_REASON_SHIM_DIED,
			.started_ns = c->started_ns } };
	c->working++;
	container_changed(c);
	if (c->pidfd < 0) {
		give_to_worker(burial);
		return;
	}
	/* Not left to the worker: a process that is killed before its pidfd is watched is not missed, but one
	 * that is not killed would be waited for. */
	if (syscall(SYS_pidfd_send_signal, c->pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
		log_warning("container %s: kill its first process: %s", container_id(c), strerror(errno));
	/* Edge-triggered: between its death (readable) and its reaping (hang-up) it would fire for ever. */
	burial->event = event_new(c->d->base, c->pidfd, EV_READ | EV_ET | EV_PERSIST, on_death, burial);
	event_add(burial->event, &limit);
}
