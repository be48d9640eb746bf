/* shutdown.h - the end of the host: every container is stopped within its own timeout, then the daemon ends.
 */
#pragma once

struct daemon;

/* Begins it; when the last container has ended the event loop is left. A second call changes nothing. */
void shutdown_begin(struct daemon *d);
void shutdown_done(void);
