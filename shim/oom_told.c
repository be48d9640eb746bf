#include "shim/oom_told.h"

#include <event2/event.h>

#include "common/control.h"
#include "common/error.h"
#include "runtime/cgroup.h"
#include "shim/link.h"

void oom_told_again(struct oom_told *o)
{
	struct control_oom message = { .oom = o->exit->oom };
	if (o->exit->oom.killed > o->told &&
		link_send(o->link, &message, CONTROL_OOM, sizeof message, -1) == 0)
		o->told = o->exit->oom.killed;
}

static void look(struct oom_told *o)
{
	if (!oom_look(&o->watch, o->cgroup_fd, &o->exit->oom))
		return;
	o->exit->oom_killed = true;
	oom_told_again(o);
}

static void on_oom(evutil_socket_t fd, short what, void *arg)
{
	(void) fd, (void) what;
	look(arg);
}

void oom_told_begin(struct oom_told *o, int cgroup_fd)
{
	o->cgroup_fd = cgroup_fd;
	oom_watch_open(&o->watch, cgroup_fd);
	if (o->watch.fd < 0)
		return;
	o->event = event_new(o->base, o->watch.fd, EV_READ | EV_PERSIST, on_oom, o);
	event_add(o->event, NULL);
}

void oom_told_end(struct oom_told *o)
{
	look(o);
	if (o->event != NULL)
		event_free(o->event);
	o->event = NULL;
	oom_watch_close(&o->watch);
}

void oom_told_explain(int cgroup_fd, struct error *err)
{
	int64_t max = cgroup_read_number(cgroup_fd, "memory.max");
	error_set(err, ERROR_START_FAILED,
		"the container's first process was killed while it was set up: there was no more memory");
	if (max > 0)
		error_hint(
			err, "its limit, memory.max, is %jd bytes: a start needs more here", (intmax_t) max);
}
