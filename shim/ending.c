#include "shim/ending.h"

#include <event2/event.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/control.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/log.h"
#include "runtime/cgroup.h"

#define KILL_TIMEOUT_MS 10000		      /* for what has been killed, after a TERM */
#define TIMEOUT_MAX_MS	INT64_C(315360000000) /* ten years, which no sum overflows */

static void set_timer(struct ending *e, struct event **timer, event_callback_fn fn, int64_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	if (*timer == NULL)
		*timer = event_new(e->base, -1, 0, fn, e);
	event_add(*timer, &tv);
}

static void drop_timer(struct event **timer)
{
	if (*timer != NULL)
		event_free(*timer);
	*timer = NULL;
}

void ending_signal(const struct ending *e, int sig)
{
	syscall(SYS_pidfd_send_signal, *e->pidfd, sig, NULL, 0);
}

void ending_kill(const struct ending *e)
{
	struct error error;
	char text[sizeof error.msg];
	if (cgroup_kill(*e->cgroup_fd, &error) < 0)
		log_warning("%s: %s", e->start->id, error_format(&error, text, sizeof text));
	ending_signal(e, SIGKILL);
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct ending *e = arg;
	(void) fd, (void) what;
	e->timed_out = true;
	ending_kill(e);
}

void ending_begin(struct ending *e)
{
	if (e->start->timeout_ms > 0)
		set_timer(e, &e->timeout_timer, on_timeout, e->start->timeout_ms);
}

static void on_stop_timeout(evutil_socket_t fd, short what, void *arg)
{
	(void) fd, (void) what;
	ending_kill(arg);
}

void ending_stop(struct ending *e, int sig, int64_t timeout_ms)
{
	struct error ignored;
	e->on_stopping(e->arg);
	if (timeout_ms == 0) {
		ending_kill(e);
		return;
	}
	ending_signal(e, sig);
	/* Frozen it would never see it. */
	cgroup_freeze(*e->cgroup_fd, false, &ignored);
	timeout_ms = timeout_ms > TIMEOUT_MAX_MS ? TIMEOUT_MAX_MS : timeout_ms;
	int64_t at = clock_monotonic_ns() + timeout_ms * 1000000;
	if (timeout_ms < 0 || (e->stop_at_ns != 0 && e->stop_at_ns <= at))
		return;
	e->stop_at_ns = at;
	set_timer(e, &e->stop_timer, on_stop_timeout, timeout_ms);
}

static void on_give_up(evutil_socket_t fd, short what, void *arg)
{
	struct ending *e = arg;
	(void) fd, (void) what;
	log_warning("%s: does not end, and is left", e->start->id);
	e->on_left(e->arg);
}

/* What TERM means to a shim: its container is stopped as its daemon would do it. So the end of the unit that
 * all of them are in needs no daemon, nor does it wait for what cannot even be killed. */
static void on_term(evutil_socket_t fd, short what, void *arg)
{
	struct ending *e = arg;
	struct signalfd_siginfo info;
	int64_t timeout_ms = e->start->stop_timeout_ms < 0 ? STOP_FOR_EVER_MS : e->start->stop_timeout_ms;
	(void) what;
	if (read(fd, &info, sizeof info) != sizeof info || e->give_up_timer != NULL)
		return;
	if (!e->over)
		ending_stop(e, e->start->stop_sig, timeout_ms);
	timeout_ms = timeout_ms > TIMEOUT_MAX_MS ? TIMEOUT_MAX_MS : timeout_ms;
	set_timer(e, &e->give_up_timer, on_give_up, timeout_ms + KILL_TIMEOUT_MS);
}

int ending_init(struct ending *e)
{
	sigset_t term;
	/* The signal has been blocked since the spawner. */
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	int fd = signalfd(-1, &term, SFD_CLOEXEC | SFD_NONBLOCK);
	e->term_event = fd < 0 ? NULL : event_new(e->base, fd, EV_READ | EV_PERSIST, on_term, e);
	return e->term_event == NULL ? -1 : event_add(e->term_event, NULL);
}

void ending_over(struct ending *e)
{
	e->over = true;
	drop_timer(&e->stop_timer);
	drop_timer(&e->timeout_timer);
}
