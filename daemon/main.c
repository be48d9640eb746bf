/* main.c - the daemon: its settings, its parts in order, its signals, its end. Containers outlive it. */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/json.h"
#include "common/log.h"
#include "daemon/config.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/dispatch.h"
#include "daemon/events.h"
#include "daemon/interface.h"
#include "daemon/recover.h"
#include "daemon/registry.h"
#include "daemon/server.h"
#include "daemon/service.h"
#include "daemon/shim_link.h"
#include "daemon/shutdown.h"
#include "daemon/spawner.h"
#include "daemon/store.h"
#include "daemon/work.h"

#define EXIT_USAGE	125
#define LAST_ANSWERS_MS 20

static struct {
	int argc;
	char **argv;
} command_line;

static bool same_root(const struct statx *a, const struct statx *b)
{
	return a->stx_mnt_id == b->stx_mnt_id && a->stx_ino == b->stx_ino &&
	       a->stx_dev_minor == b->stx_dev_minor && a->stx_dev_major == b->stx_dev_major;
}

/* Entering the mount namespace that one is in already leads to its root, chroot or not: a child tries it. */
static bool in_chroot(void)
{
	const unsigned mask = STATX_INO | STATX_MNT_ID;
	struct statx before, after;
	int fd, status;
	pid_t pid = fork();

	if (pid == 0) {
		/* By a pidfd: in a chroot there may be no /proc. */
		fd = (int) syscall(SYS_pidfd_open, getpid(), 0);
		if (fd < 0 || statx(AT_FDCWD, "/", 0, mask, &before) < 0 || setns(fd, CLONE_NEWNS) < 0 ||
			statx(AT_FDCWD, "/", 0, mask, &after) < 0)
			_exit(0); /* what is missing will be told by whoever needs it */
		_exit(same_root(&before, &after) ? 0 : 1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

static int check_place(struct error *err)
{
	if (geteuid() != 0)
		return error_set(err, ERROR_FAILED, "it must be started as root");
	if (in_chroot())
		return error_set(err, ERROR_FAILED,
			"it cannot work in a chroot: its root must be its mount namespace's root");
	return 0;
}

/* Each connection and each container takes some descriptors. */
static void raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void reload(struct daemon *d)
{
	struct config *fresh;
	struct error err;
	char text[2048];

	if (config_load(command_line.argc, command_line.argv, &fresh, &err) != 0) {
		log_error("the configuration stays as it was: %s", error_format(&err, text, sizeof(text)));
		return;
	}
	config_take(d->config, fresh);
	config_free(fresh);
	log_init(d->config->log_level);
	log_info("the configuration has been read anew");
}

/* Who has asked already is answered. */
static void leave(struct daemon *d)
{
	const struct timeval rest = { .tv_usec = LAST_ANSWERS_MS * 1000 };

	if (d->server)
		server_rest(d->server);
	event_base_loopexit(d->base, &rest);
}

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct daemon *d = arg;

	(void) what;
	if (sig == SIGHUP) {
		service_reloading();
		reload(d);
		service_reloaded();
		return;
	}
	service_stopping();
	if (sig == SIGTERM && service_host_stops())
		shutdown_begin(d);
	else
		leave(d);
}

static void announce(struct daemon *d, const char *action)
{
	struct json_object *attributes = json_object_new_object();

	json_add_string(attributes, "action", action);
	json_add_string(attributes, "version", VERSION);
	json_add_string(attributes, "boot_id", d->store->boot_id);
	events_add(d->events, "daemon", NULL, attributes, NULL);
}

static int start(struct daemon *d, struct error *err)
{
	if (interfaces_open(err) < 0 || dispatch_check(err) < 0 || store_open(d->store, d->config, err) < 0)
		return -1;
	d->spawner = spawner_new(d, err);
	if (!d->spawner)
		return -1;
	d->registry = registry_new();
	d->events = events_new(d, err);
	announce(d, "start");
	if (recover(d, err) < 0)
		return -1;
	d->server = server_new(d, d->config->socket, service_listener(), err);
	return d->server ? 0 : -1;
}

/* Every shim has said how its container is. */
static void on_recovered(void *arg)
{
	service_ready(arg);
}

static bool nothing_runs(const struct daemon *d)
{
	const struct container *c;

	for (size_t i = 0; d->registry && (c = registry_at(d->registry, i)); i++)
		if (c->shim || c->pid > 0)
			return false;
	return true;
}

static void stop(struct daemon *d, bool clean)
{
	bool all_over = nothing_runs(d);

	if (clean)
		announce(d, "stop");
	d->ending = true;
	server_free(d->server);
	works_end();
	shims_end();
	containers_notify(d);
	events_free(d->events);
	registry_free(d->registry);
	spawner_free(d->spawner);
	store_close(d->store, all_over);
	containers_done();
	shutdown_done();
	service_done();
	interfaces_close();
}

static int run(struct daemon *d)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	struct event *events[3];
	struct error err;
	char text[2048];
	int r;

	for (int i = 0; i < 3; i++) {
		events[i] = evsignal_new(d->base, signals[i], on_signal, d);
		event_add(events[i], NULL);
	}
	r = start(d, &err);
	if (r < 0) {
		log_fatal(error_format(&err, text, sizeof(text)));
	} else {
		log_info("containerd-lite " VERSION " listens on %s", d->config->socket);
		if (recover_done(on_recovered, d))
			service_ready(d);
		event_base_dispatch(d->base);
		log_info("ends; containers go on");
	}
	stop(d, r == 0);
	for (int i = 0; i < 3; i++)
		event_free(events[i]);
	return r < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct store store = { -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 };
	struct daemon d = { .store = &store, .started_ns = clock_realtime_ns() };
	struct error err;
	char text[2048];
	int r;

	log_init(LOG_LEVEL_INFO);
	command_line.argc = argc;
	command_line.argv = argv;
	r = config_load(argc, argv, &d.config, &err);
	if (r == 1 && fflush(stdout) != 0)
		log_fatal("cannot write to standard output");
	if (r == 1)
		return ferror(stdout) != 0;
	if (r < 0 || check_place(&err) < 0) {
		log_fatal(error_format(&err, text, sizeof(text)));
		config_free(d.config);
		return r < 0 ? EXIT_USAGE : 1;
	}
	log_init(d.config->log_level);
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	raise_limits();
	/* Never with a change list: an event must be out of the kernel's set before its descriptor is passed
	 * on. */
	d.base = event_base_new();
	if (!d.base) {
		log_fatal("cannot make an event loop");
		return 1;
	}
	r = run(&d);
	event_base_free(d.base);
	config_free(d.config);
	return r;
}
