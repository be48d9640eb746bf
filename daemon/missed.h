/*
 * missed.h - the events of what happened while there was no daemon. What is told is what the events that were
 * read lack: so it is told once, whichever daemon dies in the middle of it.
 */
#pragma once

struct container;
struct daemon;

/* Once it is known of each container how it is. */
void missed_tell(struct daemon *d);
/* Of one that was known later than the others, and has exited. */
void missed_tell_exit(struct container *c);
