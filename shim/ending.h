/*
 * ending.h - how a run is brought to its end: by a stop, with force behind it after a while; by force alone;
 * because the time that it was given is over; or because the shim itself gets a TERM, which is how the
 * containers' systemd unit ends (hold.c).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct control_start;
struct event;
struct event_base;

struct ending {
	struct event_base *base;
	const struct control_start *start;
	const int *cgroup_fd, *pidfd;	/* where the run has them */
	void (*on_stopping)(void *arg); /* a stop has begun */
	void (*on_left)(void *arg);	/* after a TERM: what does not end is left alone */
	void *arg;

	bool over, timed_out; /* timed_out: it was ended because its time was over */
	int64_t stop_at_ns;   /* monotonic; 0: no timer */
	struct event *stop_timer, *timeout_timer, *give_up_timer, *term_event;
};

/* From now on a TERM is taken. 0, or -1 with errno. */
int ending_init(struct ending *e);
/* The program runs: its time begins, if it was given one. */
void ending_begin(struct ending *e);
void ending_signal(const struct ending *e, int sig); /* to the first process */
void ending_kill(const struct ending *e);	     /* all of its processes */
/* -1: without force; 0: by force at once. A second one counts if it is shorter. */
void ending_stop(struct ending *e, int sig, int64_t timeout_ms);
/* The first process is gone. */
void ending_over(struct ending *e);
