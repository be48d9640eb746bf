/* bundle.c - `containerd-lite-shim --bundle DIR`: one bundle on its caller's stdio, with no daemon. Nothing
 * of it is left when it returns: no process, no cgroup, no file. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.h"
#include "common/exit.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/parse.h"
#include "common/sealed.h"
#include "runtime/cgroup.h"
#include "runtime/cgroup_tree.h"
#include "runtime/namespaces.h"
#include "runtime/spec.h"
#include "runtime/start.h"
#include "shim/shim.h"
#include "shim/tree.h"

#define CLEANUP_TURNS	   3
#define CGROUP_TIMEOUT_MS  10000
#define EXIT_ENGINE	   125
#define DEFAULT_LAYERS_DIR "/var/tmp"

struct bundle {
	/* as asked for */
	const char *dir, *id, *rootfs, *cgroup_parent;
	const char *user;
	bool direct, trace, init;

	char root[PATH_MAX];
	int config_fd, shim_fd, signal_fd, lock_fd;

	char layers[PATH_MAX]; /* the folder of the overlay's layers; empty: none */
	int layers_fd;

	char cgroup_name[80]; /* empty: none */
	int mount_fd, parent_fd, cgroup_fd;
	struct limits limits; /* its config.json's */
	uint32_t shared;      /* the namespaces that it has not of its own */
	bool parent_made;

	pid_t pid;
	int pidfd, sync;
	bool ready, failed;
};

static int usage(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int usage(struct error *err, const char *fmt, ...)
{
	char text[PATH_MAX + 64];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	error_set(err, ERROR_USAGE, "%s", text);
	error_hint(err, "containerd-lite-shim --bundle DIR [--id ID] [--rootfs DIR | --rootfs-rw DIR] "
			"[--cgroup-parent NAME] [--user USER] [--init] [--trace]");
	return -1;
}

enum {
	OPTION_BUNDLE = 1,
	OPTION_ID,
	OPTION_ROOTFS,
	OPTION_ROOTFS_RW,
	OPTION_CGROUP_PARENT,
	OPTION_USER,
	OPTION_INIT,
	OPTION_TRACE,
};

static int take_option(struct bundle *b, int option, const char *value, struct error *err)
{
	switch (option) {
	case OPTION_BUNDLE: b->dir = value; return 0;
	case OPTION_ID: b->id = value; return 0;
	case OPTION_ROOTFS:
	case OPTION_ROOTFS_RW:
		if (b->rootfs != NULL)
			return usage(err, "only one of --rootfs and --rootfs-rw can be given, once");
		b->rootfs = value;
		b->direct = option == OPTION_ROOTFS_RW;
		return 0;
	case OPTION_CGROUP_PARENT: b->cgroup_parent = value; return 0;
	case OPTION_USER: b->user = value; return 0;
	case OPTION_INIT: b->init = true; return 0;
	case OPTION_TRACE: b->trace = true; return 0;
	}
	return -1;
}

static int read_options(struct bundle *b, int argc, char **argv, struct error *err)
{
	static const struct option options[] = {
		{ "bundle", required_argument, NULL, OPTION_BUNDLE },
		{ "id", required_argument, NULL, OPTION_ID },
		{ "rootfs", required_argument, NULL, OPTION_ROOTFS },
		{ "rootfs-rw", required_argument, NULL, OPTION_ROOTFS_RW },
		{ "cgroup-parent", required_argument, NULL, OPTION_CGROUP_PARENT },
		{ "user", required_argument, NULL, OPTION_USER },
		{ "init", no_argument, NULL, OPTION_INIT },
		{ "trace", no_argument, NULL, OPTION_TRACE },
		{ 0 },
	};
	int option;
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (option == ':')
			return usage(err, "option '%s' needs a value", argv[optind - 1]);
		if (option == '?')
			return usage(err, "unknown option '%s'", argv[optind - 1]);
		if (take_option(b, option, optarg, err) < 0)
			return -1;
	}
	if (optind < argc)
		return usage(err, "unexpected argument '%s'", argv[optind]);
	if (b->dir[0] == '\0')
		return usage(err, "--bundle needs the folder of a bundle");
	/* Both become names of folders in the cgroup file system. */
	if (b->id != NULL && !name_valid(b->id) && !id_valid(b->id))
		return usage(err, "'%s' is not an id: letters, digits, '_', '.' and '-', at most 64", b->id);
	if (b->cgroup_parent != NULL && !name_valid(b->cgroup_parent))
		return usage(err, "'%s' is not a cgroup's name", b->cgroup_parent);
	return 0;
}

/* What comes near a container must not be a file that a container could write to. */
static int run_from_sealed_copy(char **argv, struct error *err)
{
	_cleanup_fd_ int exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), copy = -1;
	if (exe < 0)
		return error_errno(err, "open our own executable");
	if (sealed_is(exe))
		return 0;
	if (sealed_copy(exe, "containerd-lite-shim", &copy, err) < 0)
		return -1;
	fexecve(copy, argv, environ);
	return error_errno(err, "execute our own executable's copy");
}

/* 0, 1 and 2 must be something: what is opened next would be taken for them. */
static int fill_stdio(struct error *err)
{
	int fd;
	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd < 3);
	if (fd < 0)
		return error_errno(err, "open '/dev/null'");
	close(fd);
	return 0;
}

static int open_config(struct bundle *b, struct error *err)
{
	struct stat st;
	_cleanup_fd_ int dir = open(b->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		error_errno(err, "open the bundle '%s'", b->dir);
		return error_path(err, b->dir);
	}
	b->config_fd = openat(dir, "config.json", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (b->config_fd < 0 || fstat(b->config_fd, &st) < 0)
		return error_errno(err, "open '%s/config.json'", b->dir);
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERROR_FAILED, "'%s/config.json' is not a regular file", b->dir);
	return 0;
}

/* What a config.json cannot say. Never from the bundle itself: that is somebody else's. */
static int make_shim_json(struct bundle *b, struct error *err)
{
	_cleanup_json_ struct json_object *shim = json_object_new_object();
	size_t size;
	json_add_int(shim, "version", 1);
	json_add_string(shim, "bundle", ".");
	json_add_string(shim, "user", b->user);
	json_add_bool(shim, "init", b->init);
	const char *text = json_text(shim, &size);
	b->shim_fd = fd_memfd("shim.json", text, size);
	return b->shim_fd < 0 ? error_errno(err, "make shim.json") : 0;
}

/* The folder that config.json names, if no other was asked for: written to, as OCI has it. */
static int find_root(struct bundle *b, struct error *err)
{
	static struct spec spec;
	_cleanup_free_ char *text = malloc(SPEC_TEXT_MAX + 1);
	ssize_t n = text == NULL ? -1 : pread(b->config_fd, text, SPEC_TEXT_MAX + 1, 0);
	const char *path = b->rootfs;
	if (n < 0)
		return error_errno(err, "read '%s/config.json'", b->dir);
	int result = spec_parse(text, (size_t) n, NULL, 0, &spec, err);
	if (result == 0 && spec.terminal)
		result = error_set(err, ERROR_NOT_SUPPORTED,
			"process.terminal needs a console, which only a container of the daemon's has");
	if (result == 0 && path == NULL) {
		b->direct = true;
		path = spec.root_path != NULL ? spec.root_path : "rootfs";
	}
	if (result == 0) {
		bool relative = b->rootfs == NULL && path[0] != '/';
		int size = snprintf(
			b->root, sizeof b->root, "%s%s%s", relative ? b->dir : "", relative ? "/" : "", path);
		if (size >= (int) sizeof b->root)
			result = error_errnum(err, ENAMETOOLONG, "open the root file system '%s'", path);
	}
	if (result == 0 && spec.joined != 0)
		result = error_set(
			err, ERROR_NOT_SUPPORTED, "linux.namespaces: only the daemon knows other containers");
	b->shared = NAMESPACE_FLAGS & ~spec.namespaces;
	b->limits = spec.limits;
	spec.limits = (struct limits) { 0 };
	spec_done(&spec);
	if (result < 0 && err->phase[0] == '\0')
		memcpy(err->phase, "spec", sizeof "spec");
	return result;
}

static int make_layers(struct bundle *b, struct error *err)
{
	const char *dir = getenv("TMPDIR");
	if (b->direct)
		return start_lock_rootfs(b->root, &b->lock_fd, err);
	if (dir == NULL || dir[0] != '/')
		dir = DEFAULT_LAYERS_DIR;
	char path[PATH_MAX];
	if (snprintf(path, sizeof path, "%s/containerd-lite-bundle-XXXXXX", dir) >= (int) sizeof path)
		return error_errnum(err, ENAMETOOLONG, "make a folder in '%s'", dir);
	if (mkdtemp(path) == NULL)
		return error_errno(err, "make a folder in '%s'", dir);
	memcpy(b->layers, path, sizeof path);
	b->layers_fd = open(b->layers, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return b->layers_fd < 0 ? error_errno(err, "open '%s'", b->layers) : 0;
}

static int make_cgroup(struct bundle *b, struct error *err)
{
	char path[PATH_MAX];
	if (cgroup_open_mount(path, sizeof path, &b->mount_fd, err) < 0)
		return -1;
	int parent = b->mount_fd;
	if (b->cgroup_parent != NULL) {
		b->parent_made = faccessat(b->mount_fd, b->cgroup_parent, F_OK, AT_SYMLINK_NOFOLLOW) < 0;
		if (cgroup_make(b->mount_fd, b->cgroup_parent, &b->parent_fd, err) < 0)
			return -1;
		parent = b->parent_fd;
	}
	char name[sizeof b->cgroup_name];
	if (b->cgroup_parent != NULL && b->id != NULL)
		snprintf(name, sizeof name, "%s", b->id);
	else
		snprintf(name, sizeof name, "containerd-lite-bundle-%d", (int) getpid());
	_cleanup_fd_ int same = -1;
	if (cgroup_create(parent, "", name, &b->limits, &same, &b->cgroup_fd, err) < 0) {
		memcpy(err->phase, "cgroup", sizeof "cgroup");
		return -1;
	}
	memcpy(b->cgroup_name, name, sizeof name);
	return 0;
}

/* Those that the caller may send to end or steer us go to the container instead. */
static int take_signals(struct bundle *b, struct error *err)
{
	static const int passed_on[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 };
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++)
		sigaddset(&set, passed_on[i]);
	/* Whoever reads our stderr may be gone when the container still has to be cleaned up. */
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return error_errno(err, "block signals");
	b->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return b->signal_fd < 0 ? error_errno(err, "listen to signals") : 0;
}

static int start(struct bundle *b, struct error *err)
{
	struct start s = {
		.id = b->id != NULL ? b->id : "bundle",
		.config_fd = b->config_fd,
		.shim_fd = b->shim_fd,
		.rootfs = b->root,
		.direct = b->direct,
		.layers_fd = b->layers_fd,
		.is_volatile = true,
		.cgroup_fd = b->cgroup_fd,
		.stdio = { 0, 1, 2 },
		.trace = b->trace,
		.shared = b->shared,
	};
	return start_clone(&s, &b->pid, &b->pidfd, &b->sync, err);
}

static void pass_signals(struct bundle *b)
{
	struct signalfd_siginfo info;
	while (read(b->signal_fd, &info, sizeof info) == sizeof info)
		pidfd_send_signal(b->pidfd, (int) info.ssi_signo, NULL, 0);
}

/* False once the socket has said all that it will. */
static bool take_sync(struct bundle *b, struct error *err)
{
	struct start_message message;
	int got, no_terminal;
	while ((got = start_sync_read(b->sync, &message, &no_terminal)) > 0) {
		fd_close(&no_terminal);
		if (message.type == START_SYNC_READY)
			b->ready = true;
		if (message.type == START_SYNC_TRACE)
			fprintf(stderr, "%8.3f ms  %s\n", (double) message.ns / 1e6, message.step);
		if (message.type == START_SYNC_ERROR) {
			*err = message.error;
			b->failed = true;
		}
	}
	return got < 0 && errno == EAGAIN;
}

/* Until the first process is gone. 0 and its code, or -1: it never executed its program. */
static int supervise(struct bundle *b, int *ret_code, struct error *err)
{
	siginfo_t info = { 0 };
	struct exit_status st = { 0 };
	struct pollfd polls[] = { { .fd = b->pidfd, .events = POLLIN },
		{ .fd = b->signal_fd, .events = POLLIN }, { .fd = b->sync, .events = POLLIN } };
	do {
		if (poll(polls, 3, -1) < 0 && errno != EINTR)
			return error_errno(err, "wait for the container");
		if (polls[1].revents != 0)
			pass_signals(b);
		if (polls[2].revents != 0 && !take_sync(b, err))
			polls[2].fd = -1;
	} while (!(polls[0].revents & POLLIN));
	while (waitid(P_PIDFD, (id_t) b->pidfd, &info, WEXITED) < 0)
		if (errno != EINTR)
			return error_errno(err, "wait for the container");
	b->pid = 0;
	if (b->failed)
		return -1;
	exit_from_wait(&st, info.si_code, info.si_status);
	if (!b->ready)
		return error_set(err, ERROR_START_FAILED,
			"the first process ended before its program ran (%d)", st.code);
	*ret_code = st.code;
	return 0;
}

/* Whatever was made, in reverse. A failure of the moment gets another turn: nothing may be left behind. */
static int clean_up(struct bundle *b, struct error *err)
{
	struct error first = { 0 };
	for (int turn = 0; turn < CLEANUP_TURNS; turn++) {
		struct error now = { 0 };
		bool failed = false;
		if (b->cgroup_name[0] != '\0') {
			int parent = b->parent_fd >= 0 ? b->parent_fd : b->mount_fd;
			failed |= cgroup_remove(parent, b->cgroup_name, CGROUP_TIMEOUT_MS, &now) < 0;
		}
		/* After the cgroup: whoever was in it is dead now. */
		if (b->pid > 0 && waitid(P_PID, (id_t) b->pid, &(siginfo_t) { 0 }, WEXITED) == 0)
			b->pid = 0;
		/* Others may be in it by now. */
		if (b->parent_made && unlinkat(b->mount_fd, b->cgroup_parent, AT_REMOVEDIR) < 0 &&
			errno != ENOENT && errno != EBUSY && errno != ENOTEMPTY)
			failed |= error_errno(&now, "remove cgroup '%s'", b->cgroup_parent) < 0;
		if (b->layers[0] != '\0')
			failed |= tree_remove(AT_FDCWD, b->layers, &now) < 0;
		if (!failed)
			return 0;
		if (turn == 0)
			first = now;
	}
	*err = first;
	return -1;
}

static int run(struct bundle *b, int *ret_code, struct error *err)
{
	if (fill_stdio(err) < 0 || open_config(b, err) < 0 || find_root(b, err) < 0 ||
		make_shim_json(b, err) < 0)
		return -1;
	if (take_signals(b, err) < 0 || make_layers(b, err) < 0 || make_cgroup(b, err) < 0)
		return -1;
	if (start(b, err) < 0)
		return -1;
	return supervise(b, ret_code, err);
}

/* One write: a hint never stands alone. */
static int report(const struct error *err)
{
	char text[sizeof err->msg + 256], clean[2 * sizeof text], hint[2 * sizeof err->hint];
	bool hinted = err->hint[0] != '\0';
	dprintf(STDERR_FILENO, "containerd-lite-shim: %s\n%s%s%s",
		escape_text(error_format(err, text, sizeof text), clean, sizeof clean),
		hinted ? "hint: " : "", hinted ? escape_text(err->hint, hint, sizeof hint) : "",
		hinted ? "\n" : "");
	return err->exit_code != 0 ? err->exit_code : EXIT_ENGINE;
}

int bundle_main(int argc, char **argv)
{
	struct bundle b = { .dir = "",
		.config_fd = -1,
		.shim_fd = -1,
		.signal_fd = -1,
		.lock_fd = -1,
		.layers_fd = -1,
		.mount_fd = -1,
		.parent_fd = -1,
		.cgroup_fd = -1,
		.pidfd = -1,
		.sync = -1 };
	struct error err = { 0 }, cleanup = { 0 };
	int code = 0;
	if (read_options(&b, argc, argv, &err) < 0 || run_from_sealed_copy(argv, &err) < 0)
		return report(&err);
	if (run(&b, &code, &err) < 0)
		code = report(&err);
	limits_done(&b.limits);
	if (clean_up(&b, &cleanup) < 0) {
		report(&cleanup);
		code = code != 0 ? code : EXIT_ENGINE;
	}
	return code;
}
