/*
 * worker.h - what a worker is given, and its kinds of work. A worker does one piece of work that may block,
 * in a process of its own, and ends. Each returns 0, or -1 with err, which then goes to the daemon as FAILED.
 */
#pragma once

#include "common/control.h"

struct json_object;

struct work {
	struct control_work message;
	int control;
	int texts_fd, state_fd, shims_fd, cgroup_fd;
	int lock_fd;   /* WORK_LOCK, held while it changes something; else -1 */
	int client_fd; /* WORK_LOGS, WORK_COPY; else -1 */
	int pidfd;     /* WORK_COPY of a container that runs; else -1 */
	int result_fd; /* what gives a text leaves its memfd here */
	uint32_t result_size;
	bool done_sent; /* WORK_DONE has been sent already: what follows is clearing up */
};

void work_done(struct work *w);

/* The order's text `config`, a JSON object; caller puts. And the answer's, any value. */
int work_order_json(const struct work *w, struct json_object **ret_order, struct error *err);
int work_result_json(struct work *w, struct json_object *result, struct error *err);

/* "containers" or "transient" below the state folder, opened. */
int work_open_parent(const struct work *w, int *ret_fd, struct error *err);

/* Where the container's cgroup is, by its shim.json in parent_fd/id (--cgroup-parent); "" where that says
 * nothing. */
void work_cgroup_parent(int parent_fd, const char *id, char ret_parent[CGROUP_PARENT_MAX]);

/* Is there a shim that still answers for this id? */
bool work_shim_lives(const struct work *w, const char *id);

int work_create(struct work *w, struct error *err);
int work_save_state(struct work *w, struct error *err);
int work_remove(struct work *w, struct error *err);
int work_bury(struct work *w, struct error *err);
int work_sweep(struct work *w, struct error *err);
int work_read_bundle(struct work *w, struct error *err);
int work_stats(struct work *w, struct error *err);
int work_top(struct work *w, struct error *err);
int work_diff_limits(struct work *w, struct error *err);
int work_logs(struct work *w, struct error *err);
int work_update(struct work *w, struct error *err);
int work_pause(struct work *w, struct error *err);
int work_events_file(struct work *w, struct error *err);
int work_copy(struct work *w, struct error *err);
