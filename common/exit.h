/* exit.h - how a run ended: what the shim saw, what exit.json and every exit on the wire say. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/oom.h"

struct error;
struct json_object;

/* Why a run is over; the text of each is the wire's `reason`. */
enum exit_reason {
	EXIT_REASON_EXITED,	  /* "exited": it called exit */
	EXIT_REASON_SIGNALED,	  /* "signaled" */
	EXIT_REASON_START_FAILED, /* "start failed": never executed; code 125-127 */
	EXIT_REASON_SHIM_DIED,	  /* "shim died": code known only if a pidfd told it */
	EXIT_REASON_REBOOT,	  /* "reboot": it ran when the machine went down */
	EXIT_REASON_TIMEOUT,	  /* "timeout": killed at the end of the time that it had */
	EXIT_REASONS,
};

struct exit_status {
	uint64_t run; /* the run that this is the end of; 0: none */
	int code;     /* 0-255, 128 + signal; -1: nobody can know it any more */
	int sig;      /* 0: none */
	bool core_dumped;
	bool oom_killed;
	enum exit_reason reason;
	int64_t started_ns;	     /* realtime; 0: never executed */
	int64_t finished_ns;	     /* realtime */
	uint64_t user_us, system_us; /* CPU time of all its processes that were waited for */
	uint64_t max_rss_bytes;
	uint64_t log_lost_bytes; /* output that a full disk kept out of the log */
	char error[512];	 /* start failed: the sentence; else empty */
	struct oom oom;		 /* oom_killed, with all that is known */
	uint64_t
		reserved[14]; /* zero; for later fields: shims of other builds send this struct (control.h) */
};

/* From waitid's siginfo (si_code, si_status); sets code, sig, core_dumped and reason only. */
void exit_from_wait(struct exit_status *st, int code, int status);

/* "Exited (137)" style texts are ctl's; this is the wire's word. */
const char *exit_reason_name(enum exit_reason reason);

/* The wire's Exit object (caller puts it), and exit.json with all there is, both ways. exit.json's text has a
 * newline at its end and fits EXIT_JSON_MAX. */
#define EXIT_JSON_MAX 4096
struct json_object *exit_to_json(const struct exit_status *st);
int exit_save_text(
	const struct exit_status *st, char buf[EXIT_JSON_MAX]); /* length; plain snprintf, no json-c */
int exit_load_text(const char *text, struct exit_status *ret_st, struct error *err);
