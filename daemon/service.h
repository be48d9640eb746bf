/*
 * service.h - the daemon as a systemd service (sd_notify(3), sd_listen_fds(3)): readiness, status, watchdog,
 * reload, its socket, and the host's shutdown. Without systemd all of it does nothing.
 */
#pragma once

#include <stdbool.h>

struct daemon;

/* The socket that systemd listens on for us, close-on-exec and non-blocking; -1: none. */
int service_listener(void);

/* Containers are adopted, the socket is open: READY. From now on the watchdog is fed, if the unit has one. */
void service_ready(struct daemon *d);
/* Some container has changed: the status line follows, at most once a second. */
void service_changed(void);
void service_reloading(void);
/* After service_reloading. */
void service_reloaded(void);
void service_stopping(void);
void service_done(void);

/* Whether a TERM is part of the host's shutdown: then containers are stopped, each within its own timeout. */
bool service_host_stops(void);
/* The end takes longer than TimeoutStopSec: asks for that much more. */
void service_extend(unsigned seconds);
