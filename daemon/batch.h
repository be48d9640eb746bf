/*
 * batch.h - one verb on several containers: all of them at the same time, each with its own outcome; with
 * `more` a reply each as it is done. A verb is one function that looks at a container and either is done,
 * acts, or waits: it is called at the beginning and after each change of the container.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/container.h"

struct batch;
struct error;
struct request;

enum step { STEP_WAIT, STEP_DONE, STEP_FAILED };

struct item {
	struct watch watch;
	struct batch *batch;
	struct request *rq;
	const char *target; /* as the caller wrote it; lies in the request */
	bool acted;	    /* the verb's own: it has done its part and waits for the effect */
	unsigned
		attempt; /* the start whose outcome it waits for: at the beginning the next one to be known */
	uint64_t run;	 /* the run that was there, or the next one, at the beginning */
	int64_t until_ns; /* no copy is waited for any longer; 0: none yet */
	bool stopped;	  /* Restart: the first half is done */
	int ignored;	  /* Stop: it did not end at this signal, and was killed; 0: it did */
	bool finished;
};

struct verb {
	/* STEP_FAILED with err set. c->gone: it will not be called again. */
	enum step (*step)(struct item *item, struct container *c, struct error *err);
	bool tells_exit; /* the outcome has the exit of the run, where it is over */
};

/* Over the parameter `containers`; owns rq. */
void batch_run(struct request *rq, const struct verb *verb);

/* What a verb says of a container that went while it waited. */
enum step step_gone(const struct item *item, struct error *err);
/* INVALID_STATE with its data. */
enum step step_invalid(const struct container *c, struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
