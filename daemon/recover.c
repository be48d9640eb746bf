#include "daemon/recover.h"

#include <dirent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/parse.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/folder.h"
#include "daemon/missed.h"
#include "daemon/registry.h"
#include "daemon/shim_link.h"
#include "daemon/store.h"
#include "daemon/work.h"

#define PATIENCE_SECONDS 2 /* with shims that do not say how they are */
#define RETRY_MS	 500

/* How many shims have not yet said how they are; when none is left, the sweep may ask at their sockets. */
static unsigned awaited;
static enum { SWEEP_NOT_YET, SWEEP_RUNNING, SWEEP_DONE } sweep;

static void warn(const char *id, const struct error *err)
{
	char text[2048];

	log_warning("container %s: %s", id, error_format(err, text, sizeof(text)));
}

/* ---- from disk ---- */

/* Calls visit for each entry whose name is an id. */
static int each_id(int parent, int (*visit)(struct daemon *d, const char *id, struct error *err),
	struct daemon *d, struct error *err)
{
	int fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		fd_close(&fd);
		return error_errno(err, "list a folder");
	}
	while (r == 0 && (entry = readdir(dir)))
		if (id_valid(entry->d_name))
			r = visit(d, entry->d_name, err);
	closedir(dir);
	return r;
}

/* What cannot be read is left alone, and told. */
static int load_persistent(struct daemon *d, const char *id, struct error *err)
{
	struct error own;

	(void) err;
	if (!folder_load(d, d->store->containers, id, &own))
		warn(id, &own);
	return 0;
}

/* ---- shims ---- */

struct waiter {
	TAILQ_ENTRY(waiter) link;
	void (*fn)(void *arg);
	void *arg;
};
static TAILQ_HEAD(, waiter) waiters = TAILQ_HEAD_INITIALIZER(waiters);

bool recover_done(void (*fn)(void *arg), void *arg)
{
	struct waiter *waiter;

	if (sweep == SWEEP_DONE)
		return true;
	waiter = malloc(sizeof(*waiter));
	if (!waiter)
		abort();
	*waiter = (struct waiter) { .fn = fn, .arg = arg };
	TAILQ_INSERT_TAIL(&waiters, waiter, link);
	return false;
}

static void on_swept(void *arg, const struct error *err, int fd, size_t size)
{
	struct waiter *waiter;
	struct daemon *d = arg;
	char text[2048];

	(void) fd;
	(void) size;
	if (err)
		log_warning("clear up: %s", error_format(err, text, sizeof(text)));
	sweep = SWEEP_DONE;
	if (!d->ending)
		missed_tell(d);
	while ((waiter = TAILQ_FIRST(&waiters))) {
		TAILQ_REMOVE(&waiters, waiter, link);
		waiter->fn(waiter->arg);
		free(waiter);
	}
}

static void sweep_now(struct daemon *d)
{
	struct work_order order = { .op = WORK_SWEEP };
	struct error err;

	if (sweep != SWEEP_NOT_YET)
		return;
	sweep = SWEEP_RUNNING;
	if (work_start(d, &order, on_swept, d, &err) < 0)
		on_swept(d, &err, -1, 0);
}

static void sweep_if_all_known(struct daemon *d)
{
	if (awaited == 0)
		sweep_now(d);
}

static void expect_status(struct container *c)
{
	c->adopting = true;
	c->ended = false;
	c->state = STATE_RUNNING;
}

/* Its container runs, starts or ends; its STATUS will tell. A --rm container is known by its shim alone. */
static void adopt(struct shim *shim)
{
	struct daemon *d = shim_daemon(shim);
	struct container *c = registry_by_id(d->registry, shim_id(shim));
	struct error ignored;

	if (!c && !(c = folder_load(d, d->store->transient, shim_id(shim), &ignored)))
		return;
	shim_set_container(shim, c);
	expect_status(c);
}

/* Started, without a shim, and no exit record: it died with its shim or with the machine. */
static void bury_if_dead(struct container *c)
{
	if (c->shim || c->run == 0 || c->ended)
		return;
	expect_status(c);
	bury(c);
}

/* Shims that are there and could not be connected to: their queue is full, or we have no descriptors. They
 * are tried again until they answer or are gone; nobody may take them for dead meanwhile. */
struct unreached {
	SLIST_ENTRY(unreached) link;
	char id[ID_TEXT_SIZE];
};
static SLIST_HEAD(unreached_list, unreached) unreached = SLIST_HEAD_INITIALIZER(unreached);
static struct event *retry_event;

static void known(struct daemon *d);

/* False: it is still not known. */
static bool reach(struct daemon *d, const char *id, struct error *err)
{
	struct container *c;
	struct shim *shim;
	int r = shim_connect(d, id, &shim, err);

	if (r < 0)
		return false;
	if (r > 0) {
		adopt(shim);
		return true;
	}
	c = registry_by_id(d->registry, id);
	if (c)
		bury(c);
	else
		bury_rest(d, id, true, NULL);
	known(d);
	return true;
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct unreached *one, *next;
	struct timeval tv = { .tv_usec = RETRY_MS * 1000 };
	struct error ignored;

	(void) fd;
	(void) what;
	for (one = SLIST_FIRST(&unreached); one; one = next) {
		next = SLIST_NEXT(one, link);
		if (!reach(arg, one->id, &ignored))
			continue;
		SLIST_REMOVE(&unreached, one, unreached, link);
		free(one);
	}
	if (!SLIST_EMPTY(&unreached))
		evtimer_add(retry_event, &tv);
}

static void reach_later(struct daemon *d, const char *id)
{
	struct container *c = registry_by_id(d->registry, id);
	struct unreached *one = malloc(sizeof(*one));
	struct timeval tv = { .tv_usec = RETRY_MS * 1000 };

	if (!one)
		abort();
	snprintf(one->id, sizeof(one->id), "%s", id);
	SLIST_INSERT_HEAD(&unreached, one, link);
	if (c)
		expect_status(c);
	if (!retry_event)
		retry_event = evtimer_new(d->base, on_retry, d);
	evtimer_add(retry_event, &tv);
}

/* A socket with somebody behind it; where nobody is, what is left is the sweep's. */
static int connect_one(struct daemon *d, const char *id, struct error *err)
{
	struct shim *shim;
	struct error own;
	int r = shim_connect(d, id, &shim, &own);

	(void) err;
	if (r == 0)
		return 0;
	awaited++;
	if (r > 0) {
		adopt(shim);
	} else {
		warn(id, &own);
		reach_later(d, id);
	}
	return 0;
}

static void bury_dead(struct daemon *d)
{
	struct container *c;

	for (size_t i = 0; (c = registry_at(d->registry, i)); i++)
		if (!c->adopting)
			bury_if_dead(c);
}

/* Sockets of shims that died before they had given them a name. No shim of ours is there yet. */
static void remove_unnamed_sockets(struct daemon *d)
{
	int fd = openat(d->store->shims, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		fd_close(&fd);
		return;
	}
	while ((entry = readdir(dir)))
		if (entry->d_name[0] == '.' && entry->d_type == DT_SOCK)
			unlinkat(fd, entry->d_name, 0);
	closedir(dir);
}

static void on_patience_over(evutil_socket_t fd, short what, void *arg)
{
	(void) fd;
	(void) what;
	if (awaited > 0 && sweep == SWEEP_NOT_YET)
		log_warning("%u shims have not answered yet; the others do not wait for them", awaited);
	sweep_now(arg);
}

/* One that is stuck may hold up its own container, not all that are to be made. */
static void limit_patience(struct daemon *d)
{
	const struct timeval tv = { .tv_sec = PATIENCE_SECONDS };

	if (awaited > 0)
		event_base_once(d->base, -1, EV_TIMEOUT, on_patience_over, d, &tv);
}

int recover(struct daemon *d, struct error *err)
{
	remove_unnamed_sockets(d);
	if (each_id(d->store->containers, load_persistent, d, err) < 0 ||
		each_id(d->store->shims, connect_one, d, err) < 0)
		return -1;
	bury_dead(d);
	sweep_if_all_known(d);
	limit_patience(d);
	log_info("%zu containers, %u of them with a shim", registry_count(d->registry), awaited);
	return 0;
}

static void known(struct daemon *d)
{
	awaited--;
	sweep_if_all_known(d);
}

void recover_status(struct shim *shim)
{
	static const enum state states[] = {
		[SHIM_STARTING] = STATE_STARTING,
		[SHIM_RUNNING] = STATE_RUNNING,
		[SHIM_STOPPING] = STATE_STOPPING,
		[SHIM_EXITED] = STATE_STOPPING, /* its exit comes at once */
	};
	const struct control_status *status = shim_status(shim);
	struct daemon *d = shim_daemon(shim);
	struct container *c = shim_container(shim);
	struct error err;

	/* Its folder had not come about when the daemon looked. */
	if (!c) {
		c = folder_load(d,
			status->flags & START_TRANSIENT ? d->store->transient : d->store->containers,
			shim_id(shim), &err);
		if (c)
			shim_set_container(shim, c);
		else
			warn(shim_id(shim), &err);
	}
	if (c) {
		/* A newer shim may be in a state that has no name yet: its process runs, in some way. */
		c->state = status->state < sizeof(states) / sizeof(states[0]) ? states[status->state]
									      : STATE_RUNNING;
		if (status->frozen && c->state == STATE_RUNNING)
			c->state = STATE_PAUSED;
		c->run = status->run;
		c->attempts = 1;
		c->decided = status->state != SHIM_STARTING;
		c->is_new = status->state == SHIM_STARTING && status->flags & START_NEW;
		c->pid = status->pid;
		c->started_ns = status->started_ns;
		c->adopting = false;
		container_changed(c);
	}
	known(d);
}

/* Its end is no news: it was on disk before this daemon was. */
static void was_over(struct shim *shim, struct container *c)
{
	struct daemon *d = shim_daemon(shim);

	shim_set_container(shim, NULL);
	c->adopting = false;
	c->ended = true;
	c->state = STATE_EXITED;
	if (shim_left_rest(shim))
		bury_rest(d, container_id(c), false, c);
	if (sweep == SWEEP_DONE)
		missed_tell_exit(c);
	container_changed(c);
}

/* It was just ending: what it left says how. */
void recover_lost(struct shim *shim)
{
	struct daemon *d = shim_daemon(shim);
	struct container *c = shim_container(shim);
	struct error err;

	/* A start that has failed since the daemon looked may have left a container. */
	if (!c && faccessat(d->store->containers, shim_id(shim), F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
		!registry_by_id(d->registry, shim_id(shim))) {
		c = folder_load(d, d->store->containers, shim_id(shim), &err);
		if (c)
			bury_if_dead(c);
		else
			warn(shim_id(shim), &err);
	} else if (c && c->bundle.transient) {
		shim_set_container(shim, NULL);
		c->adopting = false;
		container_gone(c);
	} else if (c && c->exit.run > 0 && c->exit.run == c->run) {
		was_over(shim, c);
	}
	known(d);
}
