/* doctor.h - what `ctl doctor` looks at: a row each in doctor.c, a function each in doctor_kernel.c and
 * doctor_service.c. Nothing is changed by looking, and none of it needs the daemon. */
#pragma once

#include <stdarg.h>

struct json_object;

enum verdict {
	VERDICT_OK,
	VERDICT_WARNING, /* containers run, and something that somebody may ask for cannot be had */
	VERDICT_PROBLEM, /* no container can run */
	VERDICTS,
};

struct finding {
	enum verdict verdict;
	char text[256];
	char fix[256]; /* what to do about it; empty where all is well */
};

/* What the checks know of the daemon. */
struct doctor {
	const char *socket;	  /* its path */
	struct json_object *info; /* Info's reply; NULL: it does not answer */
	const char *silence;	  /* why it does not */
	const char *state_dir;	  /* where it keeps containers, or would */
	const char *own_socket;	  /* the path of a daemon that a service manager runs */
};

void finding_ok(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Not all is well, and what to do: a fixed text. */
void finding_set(struct finding *f, enum verdict verdict, const char *fix, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

void doctor_kernel(const struct doctor *d, struct finding *f);
void doctor_privileges(const struct doctor *d, struct finding *f);
void doctor_namespaces(const struct doctor *d, struct finding *f);
void doctor_user_namespaces(const struct doctor *d, struct finding *f);
void doctor_overlay(const struct doctor *d, struct finding *f);
void doctor_cgroup(const struct doctor *d, struct finding *f);
void doctor_controllers(const struct doctor *d, struct finding *f);
void doctor_devices(const struct doctor *d, struct finding *f);
void doctor_limits(const struct doctor *d, struct finding *f);
void doctor_group(const struct doctor *d, struct finding *f);
void doctor_units(const struct doctor *d, struct finding *f);
void doctor_daemon(const struct doctor *d, struct finding *f);
void doctor_disk(const struct doctor *d, struct finding *f);
