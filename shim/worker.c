#include "shim/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/json.h"
#include "runtime/cgroup_tree.h"
#include "shim/link.h"
#include "shim/shim.h"

#define SHIM_JSON_MAX (1024 * 1024)

enum { FD_TEXTS, FD_STATE, FD_SHIMS, FD_CGROUP, FD_CLIENT, FD_PIDFD };

static int (*const works[WORK_OPS])(struct work *w, struct error *err) = {
	[WORK_CREATE] = work_create,
	[WORK_SAVE_STATE] = work_save_state,
	[WORK_REMOVE] = work_remove,
	[WORK_BURY] = work_bury,
	[WORK_SWEEP] = work_sweep,
	[WORK_READ_BUNDLE] = work_read_bundle,
	[WORK_LOGS] = work_logs,
	[WORK_UPDATE] = work_update,
	[WORK_PAUSE] = work_pause,
	[WORK_STATS] = work_stats,
	[WORK_TOP] = work_top,
	[WORK_DIFF_LIMITS] = work_diff_limits,
	[WORK_EVENTS_FILE] = work_events_file,
	[WORK_COPY] = work_copy,
};

void work_done(struct work *w)
{
	struct control_work_done done = { .text_size = w->result_size };
	if (!w->done_sent)
		control_send(
			w->control, &done, CONTROL_WORK_DONE, sizeof done, &w->result_fd, w->result_fd >= 0);
	w->done_sent = true;
	fd_close(&w->lock_fd); /* what it still does is in nobody's way */
}

int work_order_json(const struct work *w, struct json_object **ret_order, struct error *err)
{
	const struct control_text *at = &w->message.config;
	_cleanup_free_ char *text = malloc((size_t) at->size + 1);
	if (text == NULL || pread(w->texts_fd, text, at->size, at->offset) != (ssize_t) at->size)
		return error_errno(err, "read an order");
	return json_parse(text, at->size, ret_order, err);
}

int work_result_json(struct work *w, struct json_object *result, struct error *err)
{
	size_t size;
	const char *text = json_text(result, &size);
	w->result_fd = fd_memfd("result", text, size);
	if (w->result_fd < 0)
		return error_errno(err, "pass on what was found");
	w->result_size = (uint32_t) size;
	return 0;
}

int work_open_parent(const struct work *w, int *ret_fd, struct error *err)
{
	const char *name = w->message.transient ? "transient" : "containers";
	int fd = openat(w->state_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "open '%s' in the state folder", name);
	*ret_fd = fd;
	return 0;
}

void work_cgroup_parent(int parent_fd, const char *id, char ret_parent[CGROUP_PARENT_MAX])
{
	char path[ID_TEXT_SIZE + 16];
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ struct json_object *shim = NULL;
	struct error ignored;
	ret_parent[0] = '\0';
	snprintf(path, sizeof path, "%.32s/shim.json", id);
	if (fd_read_file(parent_fd, path, SHIM_JSON_MAX, &text, NULL, &ignored) < 0 ||
		json_parse(text, strlen(text), &shim, &ignored) < 0)
		return;
	const char *parent = json_string(shim, "cgroup_parent", "");
	if (parent[0] != '\0' && cgroup_parent_check(parent, &ignored) == 0)
		snprintf(ret_parent, CGROUP_PARENT_MAX, "%s", parent);
}

bool work_shim_lives(const struct work *w, const char *id)
{
	return link_answers(w->shims_fd, id);
}

/* What a worker changes on disk it changes for a daemon that lives: the next one waits for this lock before
 * it looks at the disk, and an order that comes to its turn later is dropped. */
static bool may_work(struct work *w)
{
	static const bool changes[WORK_OPS] = {
		[WORK_CREATE] = true,
		[WORK_SAVE_STATE] = true,
		[WORK_REMOVE] = true,
		[WORK_BURY] = true,
		[WORK_SWEEP] = true,
		[WORK_UPDATE] = true,
		[WORK_PAUSE] = true,
	};
	char byte;
	/* What a container that runs is given is written in it, and no daemon's business. */
	bool copies = w->message.op == WORK_COPY && !w->message.running;
	if (!changes[w->message.op] && !copies)
		return true;
	w->lock_fd = openat(w->state_fd, WORK_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	return (w->lock_fd < 0 || flock(w->lock_fd, LOCK_SH) == 0) &&
	       recv(w->control, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0;
}

static unsigned fds_of(const struct control_work *m)
{
	if (m->op == WORK_COPY && m->running)
		return FD_PIDFD + 1;
	return m->op == WORK_COPY || m->op == WORK_LOGS ? FD_CLIENT + 1 : FD_CLIENT;
}

int worker_main(int control_sock)
{
	union {
		struct control_work work;
		char bytes[CONTROL_MESSAGE_MAX];
	} message;
	struct work w = {
		.control = control_sock, .client_fd = -1, .pidfd = -1, .result_fd = -1, .lock_fd = -1
	};
	int fds[FD_MESSAGE_FDS];
	unsigned n = 0;
	int type = control_recv(control_sock, &message, fds, &n);
	if (type != CONTROL_WORK || message.work.op >= WORK_OPS || n != fds_of(&message.work))
		return 1;
	w.message = message.work;
	w.texts_fd = fds[FD_TEXTS];
	w.state_fd = fds[FD_STATE];
	w.shims_fd = fds[FD_SHIMS];
	w.cgroup_fd = fds[FD_CGROUP];
	w.client_fd = n > FD_CLIENT ? fds[FD_CLIENT] : -1;
	w.pidfd = n > FD_PIDFD ? fds[FD_PIDFD] : -1;

	struct control_failed failed = { 0 };
	if (!may_work(&w))
		return 1;
	if (works[w.message.op](&w, &failed.error) == 0)
		work_done(&w);
	else if (!w.done_sent)
		control_send(control_sock, &failed, CONTROL_FAILED, sizeof failed, NULL, 0);
	return failed.error.kind != ERROR_NONE;
}
