#include "daemon/service.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/log.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/registry.h"

#define BUS_TIMEOUT_US 2000000

static struct event *watchdog, *status;

int service_listener(void)
{
	int n = sd_listen_fds(1);

	if (n < 1)
		return -1;
	if (n > 1 || sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_STREAM, 1, NULL, 0) <= 0) {
		log_warning("what systemd passes is not one listening UNIX socket: it is not used");
		return -1;
	}
	fd_nonblock(SD_LISTEN_FDS_START, true);
	/* Away from the small numbers, where a child's descriptors are put. */
	int fd = fcntl(SD_LISTEN_FDS_START, F_DUPFD_CLOEXEC, 10);

	close(SD_LISTEN_FDS_START);
	return fd;
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	(void) fd;
	(void) what;
	(void) arg;
	sd_notify(0, "WATCHDOG=1");
}

static void start_watchdog(struct daemon *d)
{
	uint64_t limit_us;

	if (sd_watchdog_enabled(1, &limit_us) <= 0 || watchdog)
		return;
	uint64_t half = limit_us / 2;
	struct timeval tv = { .tv_sec = (time_t) (half / 1000000),
		.tv_usec = (suseconds_t) (half % 1000000) };

	watchdog = event_new(d->base, -1, EV_PERSIST, on_watchdog, NULL);
	event_add(watchdog, &tv);
}

/* "3 containers running, 1 stopping, 12 not running" */
static void status_text(const struct daemon *d, char *buf, size_t size)
{
	size_t running = 0, stopping = 0, rest = 0;
	const struct container *c;

	for (size_t i = 0; (c = registry_at(d->registry, i)); i++) {
		stopping += c->state == STATE_STOPPING;
		running += c->state != STATE_STOPPING && c->pid > 0;
		rest += c->state != STATE_STOPPING && c->pid == 0 && !c->hidden;
	}
	int n = snprintf(buf, size, "%zu container%s running", running, running == 1 ? "" : "s");

	if (stopping)
		n += snprintf(buf + n, size - (size_t) n, ", %zu stopping", stopping);
	if (rest)
		snprintf(buf + n, size - (size_t) n, ", %zu not running", rest);
}

static void on_status(evutil_socket_t fd, short what, void *arg)
{
	static char last[160];
	char text[160];

	(void) fd;
	(void) what;
	status_text(arg, text, sizeof(text));
	if (strcmp(text, last) == 0)
		return;
	snprintf(last, sizeof(last), "%s", text);
	sd_notifyf(0, "STATUS=%s", text);
}

void service_changed(void)
{
	const struct timeval pause = { .tv_sec = 1 };

	if (status && !evtimer_pending(status, NULL))
		evtimer_add(status, &pause);
}

void service_ready(struct daemon *d)
{
	start_watchdog(d);
	if (!status && getenv("NOTIFY_SOCKET"))
		status = evtimer_new(d->base, on_status, d);
	if (status)
		on_status(-1, 0, d);
	sd_notify(0, "READY=1");
}

void service_reloading(void)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%jd", (intmax_t) (clock_monotonic_ns() / 1000));
}

void service_reloaded(void)
{
	sd_notify(0, "READY=1");
}

void service_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

void service_done(void)
{
	if (watchdog)
		event_free(watchdog);
	if (status)
		event_free(status);
	watchdog = status = NULL;
}

/* systemd's own socket, which is there to the end; the bus may have gone before us. */
bool service_host_stops(void)
{
	_cleanup_free_ char *state = NULL;
	sd_bus *bus = NULL;
	bool stops = false;

	if (access("/run/systemd/private", F_OK) < 0)
		return false;
	if (sd_bus_new(&bus) >= 0 && sd_bus_set_address(bus, "unix:path=/run/systemd/private") >= 0 &&
		sd_bus_set_method_call_timeout(bus, BUS_TIMEOUT_US) >= 0 && sd_bus_start(bus) >= 0 &&
		sd_bus_get_property_string(bus, NULL, "/org/freedesktop/systemd1",
			"org.freedesktop.systemd1.Manager", "SystemState", NULL, &state) >= 0)
		stops = strcmp(state, "stopping") == 0;
	sd_bus_close_unref(bus);
	return stops;
}

void service_extend(unsigned seconds)
{
	sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%ju", (uintmax_t) seconds * 1000000);
}
