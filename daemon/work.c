#include "daemon/work.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "daemon/daemon.h"
#include "daemon/spawner.h"
#include "daemon/store.h"
#include "daemon/texts.h"

struct work {
	TAILQ_ENTRY(work) link;
	int sock;
	struct event *event;
	work_fn *fn;
	void *arg;
};

static TAILQ_HEAD(, work) works = TAILQ_HEAD_INITIALIZER(works);

static void finish(struct work *work, const struct error *err, int fd, size_t size)
{
	work_fn *fn = work->fn;
	void *arg = work->arg;

	TAILQ_REMOVE(&works, work, link);
	event_free(work->event);
	fd_close(&work->sock);
	free(work);
	fn(arg, err, fd, size);
}

static void on_answer(evutil_socket_t sock, short what, void *arg)
{
	union {
		struct control_head head;
		struct control_failed failed;
		struct control_work_done done;
		char bytes[CONTROL_MESSAGE_MAX];
	} message;
	int fds[FD_MESSAGE_FDS], type;
	unsigned n = 0;
	struct error err;

	(void) what;
	type = control_recv(sock, &message, fds, &n);
	if (type < 0 && errno == EAGAIN)
		return;
	if (type == CONTROL_WORK_DONE) {
		finish(arg, NULL, n > 0 ? fds[0] : -1, message.done.text_size);
	} else if (type == CONTROL_FAILED) {
		err = message.failed.error;
		finish(arg, &err, -1, 0);
	} else {
		error_set(&err, ERROR_FAILED, "a worker died");
		finish(arg, &err, -1, 0);
	}
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
}

static int send_order(struct daemon *d, int sock, const struct work_order *order, struct error *err)
{
	struct texts texts = { 0 };
	struct control_work message = {
		.op = order->op,
		.transient = order->transient,
		.config = texts_add(&texts, order->config.text, order->config.size),
		.shim = texts_add(&texts, order->shim.text, order->shim.size),
		.state = texts_add(&texts, order->state.text, order->state.size),
		.exit = texts_add(&texts, order->exit.text, order->exit.size),
		.log_flags = order->log_flags,
		.log_tail = order->log_tail,
		.log_since_ns = order->log_since_ns,
		.log_until_ns = order->log_until_ns,
		.limits = texts_add(&texts, order->limits.text, order->limits.size),
		.running = order->running,
		.frozen = order->frozen,
		.early = texts_add(&texts, order->early.text, order->early.size),
	};
	_cleanup_fd_ int memfd = texts_memfd(&texts);
	int fds[] = { memfd, d->store->state, d->store->shims, d->store->cgroup, order->client,
		order->pidfd };
	bool client = order->op == WORK_LOGS || order->op == WORK_COPY;
	bool pidfd = order->op == WORK_COPY && order->running;

	if (memfd < 0)
		return error_errno(err, "make a file in memory for a worker");
	snprintf(message.id, sizeof(message.id), "%s", order->id ? order->id : "");
	snprintf(message.path, sizeof(message.path), "%s", order->path ? order->path : "");
	if (control_send(sock, &message, CONTROL_WORK, sizeof(message), fds, 4U + client + pidfd) < 0)
		return error_errno(err, "pass an order to a worker");
	return 0;
}

int work_start(struct daemon *d, const struct work_order *order, work_fn *fn, void *arg, struct error *err)
{
	_cleanup_fd_ int sock = -1;
	struct work *work;

	if (spawner_spawn(d->spawner, SPAWN_WORKER, &sock, err) < 0 || send_order(d, sock, order, err) < 0)
		return -1;
	work = calloc(1, sizeof(*work));
	if (!work)
		abort();
	*work = (struct work) { .sock = steal_fd(&sock), .fn = fn, .arg = arg };
	work->event = event_new(d->base, work->sock, EV_READ | EV_PERSIST, on_answer, work);
	if (!work->event)
		abort();
	event_add(work->event, NULL);
	TAILQ_INSERT_TAIL(&works, work, link);
	return 0;
}

void work_end(const void *arg)
{
	struct control_head message;
	struct work *work;

	TAILQ_FOREACH (work, &works, link)
		if (work->arg == arg)
			control_send(work->sock, &message, CONTROL_WORK_END, sizeof(message), NULL, 0);
}

void works_end(void)
{
	struct error err;

	error_set(&err, ERROR_FAILED, "the daemon ends");
	while (!TAILQ_EMPTY(&works))
		finish(TAILQ_FIRST(&works), &err, -1, 0);
}

bool work_died(const struct error *err)
{
	return err->kind == ERROR_FAILED && err->errnum == 0;
}

int work_start_events(struct daemon *d, int *ret_sock, struct error *err)
{
	struct work_order order = { .op = WORK_EVENTS_FILE };
	_cleanup_fd_ int sock = -1;

	if (spawner_spawn(d->spawner, SPAWN_WORKER, &sock, err) < 0 || send_order(d, sock, &order, err) < 0)
		return -1;
	*ret_sock = steal_fd(&sock);
	return 0;
}
