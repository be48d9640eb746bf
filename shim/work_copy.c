/* work_copy.c - CopyOut and CopyIn: a child goes where the container's files are and serves the client's own
 * connection, so that no path of the container's ever means anything on the host. The worker itself stays
 * outside, and answers once nothing of that is left. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/openat2.h"
#include "common/pack.h"
#include "common/spot.h"
#include "common/unpack.h"
#include "common/wire.h"
#include "runtime/start.h"
#include "runtime/visit.h"
#include "shim/copy_stream.h"
#include "shim/folder.h"
#include "shim/worker.h"

#define STALL_MS     60000 /* while it holds up a start of the container, or its removal */
#define OVER_MS	     3000  /* from the end of what the copy depends on to that of a child that is stuck */
#define END_MS	     100   /* the same where somebody waits: for it to end with a sentence of its own */
#define KILLED_MS    2000  /* then it hangs where no signal comes to */
#define CLOSED_ABOVE 100   /* more than we ever have open */
#define DEVPTS_MAGIC 0x1cd1
#define MQUEUE_MAGIC 0x19800202

/* What the child tells its parent, in memory that both have. */
struct outcome {
	bool replied; /* from then on the client is told by frames */
	bool failed;
	struct error error;
	struct copy_stream stream; /* the parent sends the last frame of a child that it kills */
};

struct copy {
	struct work *work;
	struct json_object *order;
	struct outcome *outcome;
	struct copy_stream *stream;
	struct stat root, dev; /* dev: the container's /dev; zero: none */
	int root_fd, self_fd;
};

/* ---- into the container ---- */

static int open_start(struct copy *c, struct start *ret_start, struct error *err)
{
	const struct control_work *m = &c->work->message;
	int parent = -1, dir = -1;
	if (work_open_parent(c->work, &parent, err) < 0 || folder_open(parent, m->id, &dir, err) < 0)
		return -1;
	bool direct = json_flag(c->order, "direct", false);
	*ret_start = (struct start) { .id = m->id,
		.config_fd = openat(dir, "config.json", O_RDONLY | O_NOFOLLOW | O_CLOEXEC),
		.shim_fd = openat(dir, "shim.json", O_RDONLY | O_NOFOLLOW | O_CLOEXEC),
		.rootfs = m->path,
		.direct = direct,
		.layers_fd = direct ? -1 : dir,
		.cgroup_fd = -1 };
	if (ret_start->config_fd < 0 || ret_start->shim_fd < 0)
		return error_errno(err, "open the container's configuration");
	return 0;
}

/* All that is open but these becomes closed; they get the numbers from 3 on. */
static int keep_only(int *const fds[], unsigned n, struct error *err)
{
	for (unsigned i = 0; i < n; i++) {
		*fds[i] = fcntl(*fds[i], F_DUPFD_CLOEXEC, CLOSED_ABOVE);
		if (*fds[i] < 0)
			return error_errno(err, "keep a descriptor");
	}
	for (unsigned i = 0; i < n; i++)
		if ((*fds[i] = dup3(*fds[i], 3 + (int) i, O_CLOEXEC)) < 0)
			return error_errno(err, "keep a descriptor");
	return close_range(3 + n, ~0U, 0) < 0 ? error_errno(err, "close all other descriptors") : 0;
}

static int enter(struct copy *c, struct error *err)
{
	struct start start;
	bool running = c->work->message.running;
	int *const kept[] = { &c->stream->client_fd, &c->stream->end_fd, &c->self_fd };
	/* First of all: nobody inside can look into us. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return error_errno(err, "become undumpable");
	c->self_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (c->self_fd < 0)
		return error_errno(err, "open '/proc/self/fd'");
	if (running ? visit_running(c->work->pidfd, err) < 0
		    : open_start(c, &start, err) < 0 || visit_stopped(&start, err) < 0)
		return -1;
	if (keep_only(kept, sizeof kept / sizeof *kept, err) < 0 || visit_privileges(err) < 0)
		return -1;
	umask(0);
	c->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (c->root_fd < 0 || fstat(c->root_fd, &c->root) < 0)
		return error_errno(err, "open the container's root");
	if (fstatat(c->root_fd, "dev", &c->dev, AT_SYMLINK_NOFOLLOW) < 0)
		c->dev = (struct stat) { 0 };
	return 0;
}

/* Links mean the container's root, and those of its procfs nothing. */
static int find(struct copy *c, bool follow, struct spot *ret_spot, struct error *err)
{
	char path[PATH_MAX];
	const char *asked = json_string(c->order, "path", "");
	if (asked[0] != '/' && snprintf(path, sizeof path, "/%s", asked) < (int) sizeof path)
		asked = path;
	return spot_find(c->root_fd, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS, c->self_fd, asked, follow,
		ret_spot, err);
}

static int reply(struct copy *c, struct json_object *parameters, struct error *err)
{
	size_t size;
	char terminator = json_flag(c->order, "newline", false) ? '\n' : '\0';
	_cleanup_free_ char *text = reply_format(parameters, false, terminator, &size);
	c->outcome->replied = true;
	return copy_stream_reply(c->stream, text, size, err);
}

/* ---- out ---- */

static const char *kind_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG: return "file";
	case S_IFDIR: return "folder";
	case S_IFLNK: return "symlink";
	case S_IFIFO: return "fifo";
	case S_IFSOCK: return "socket";
	default: return "device";
	}
}

/* What the kernel makes up, and devices: a copy of / means the files. */
static bool is_kernels(void *arg, int fd, const struct stat *st, const struct stat *parent)
{
	static const long magics[] = { PROC_SUPER_MAGIC, SYSFS_MAGIC, CGROUP2_SUPER_MAGIC, DEVPTS_MAGIC,
		MQUEUE_MAGIC };
	const struct copy *c = arg;
	struct statfs fs;
	if (st->st_dev == c->dev.st_dev && st->st_ino == c->dev.st_ino)
		return true;
	if (st->st_dev == parent->st_dev || fstatfs(fd, &fs) < 0)
		return false;
	for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
		if (fs.f_type == magics[i])
			return true;
	return false;
}

static int put(void *arg, const void *data, size_t size, struct error *err)
{
	struct copy *c = arg;
	return copy_stream_put(c->stream, data, size, err);
}

static struct json_object *describe(const struct spot *spot)
{
	struct json_object *reply = json_object_new_object();
	json_add_string(reply, "name", spot->asked);
	json_add_string(reply, "kind", kind_name(spot->st.st_mode));
	json_add_int(reply, "size", S_ISREG(spot->st.st_mode) ? spot->st.st_size : 0);
	json_add_int(reply, "mode", spot->st.st_mode & 07777);
	json_add_time(reply, "modified_at",
		spot->st.st_mtim.tv_sec * INT64_C(1000000000) + spot->st.st_mtim.tv_nsec);
	return reply;
}

static int copy_out(struct copy *c, uint64_t ret_count[2], struct error *err)
{
	static struct pack pack;
	struct spot spot;
	if (find(c, json_flag(c->order, "follow", false), &spot, err) < 0)
		return -1;
	if (!spot.exists) {
		error_errnum(err, ENOENT, "find '%s'", json_string(c->order, "path", ""));
		return error_path(err, json_string(c->order, "path", ""));
	}
	_cleanup_json_ struct json_object *parameters = describe(&spot);
	pack_begin(&pack);
	if (reply(c, parameters, err) < 0)
		return -1;
	pack.put = put;
	pack.left_out = is_kernels;
	pack.arg = c;
	pack.self_fd = c->self_fd;
	pack.shown = spot.folder;
	if (pack_all(&pack, spot.parent_fd, spot.name, spot.asked, err) < 0)
		return -1;
	ret_count[0] = pack.entries;
	ret_count[1] = pack.bytes;
	return 0;
}

/* ---- in ---- */

static int copy_in(struct copy *c, uint64_t ret_count[2], struct error *err)
{
	struct spot spot;
	struct json_object *source = json_get(c->order, "source");
	struct unpack unpack = {
		.folder_fd = -1, .self_fd = c->self_fd, .keep_owner = json_flag(c->order, "archive", false)
	};
	struct tar_reader reader = { .fill = copy_stream_fill, .arg = c->stream };
	if (find(c, true, &spot, err) < 0 || unpack_target(&unpack, &spot, json_string(source, "name", NULL),
						     json_flag(source, "folder", false), err) < 0)
		return -1;
	if (reply(c, NULL, err) < 0 || unpack_all(&unpack, &reader, err) < 0)
		return -1;
	ret_count[0] = unpack.entries;
	ret_count[1] = unpack.bytes;
	return 0;
}

/* ---- the child ---- */

static void finish(struct copy *c, const struct error *err, const uint64_t count[2])
{
	_cleanup_json_ struct json_object *text = json_object_new_object();
	if (err != NULL) {
		json_add_string(text, "error", error_name(err->kind));
		json_add(text, "parameters", error_to_json(err));
	} else {
		json_add_int(text, "entries", (int64_t) count[0]);
		json_add_int(text, "bytes", (int64_t) count[1]);
	}
	copy_stream_finish(c->stream, err != NULL ? FRAME_ERROR : FRAME_COPIED, text);
}

static _Noreturn void child(struct copy *c)
{
	struct error err = { 0 };
	uint64_t count[2] = { 0 };
	const struct control_text *early = &c->work->message.early;
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	int result = copy_stream_init(c->stream, c->work->texts_fd, early->offset, early->size, &err);
	if (result == 0)
		result = enter(c, &err);
	if (result == 0)
		result = json_flag(c->order, "out", false) ? copy_out(c, count, &err)
							   : copy_in(c, count, &err);
	/* Nothing of it is the daemon's own failure. */
	if (result < 0 && err.kind == ERROR_FAILED)
		err.kind = ERROR_COPY_FAILED;
	if (c->outcome->replied)
		finish(c, result < 0 ? &err : NULL, count);
	else
		c->outcome->error = err;
	c->outcome->failed = result < 0;
	_exit(0);
}

/* ---- its parent ---- */

static const char *const removed = "the container is being removed";

/* Until the child has ended (NULL), or is to: why. */
static const char *await_child(const struct work *w, int pidfd)
{
	bool running = w->message.running;
	/* What a container that runs is given is no daemon's business, and who copies into it may leave when
	 * all is sent. A client that has gone is a hang-up, which needs no asking. */
	struct pollfd p[] = { { .fd = pidfd, .events = POLLIN }, { .fd = w->control, .events = POLLIN },
		{ .fd = running ? w->pidfd : -1, .events = POLLIN }, { .fd = running ? -1 : w->client_fd } };
	char byte;
	for (;;) {
		int n = poll(p, sizeof p / sizeof *p, -1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || p[0].revents != 0)
			return NULL;
		if (p[1].revents != 0 && recv(w->control, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
			return removed;
		if (p[1].revents != 0 && !running)
			return "the daemon has ended";
		if (p[1].revents != 0)
			p[1].fd = -1;
		if (p[2].revents != 0)
			return "the container has ended";
		if (p[3].revents != 0)
			return "the client has gone";
	}
}

/* Whether it ends by itself: it notices what it depends on, unless it hangs in a file system. Whoever comes
 * meanwhile and waits for it does not wait long. */
static bool ends_itself(const struct work *w, int pidfd, const char **why)
{
	struct pollfd p[] = { { .fd = pidfd, .events = POLLIN }, { .fd = w->control, .events = POLLIN } };
	char byte;
	/* A daemon that has ended sends no message. */
	if (recv(w->control, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
		p[1].fd = -1;
	int n = *why == removed ? 1 : poll(p, 2, OVER_MS);
	if (n <= 0 || p[0].revents != 0)
		return n > 0;
	if (recv(w->control, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0)
		return poll(p, 1, OVER_MS) > 0;
	*why = removed;
	return poll(p, 1, END_MS) > 0;
}

/* The child will not run any more, so what it was sending is ours. */
static void tell_client(struct copy *c, const struct error *err)
{
	const struct work *w = c->work;
	c->stream->client_fd = w->client_fd;
	if (c->outcome->replied) {
		finish(c, err, NULL);
		return;
	}
	size_t size;
	struct error ignored;
	char terminator = json_flag(c->order, "newline", false) ? '\n' : '\0';
	_cleanup_free_ char *text = error_reply_format(err, terminator, &size);
	c->stream->end_fd = -1;
	copy_stream_reply(c->stream, text, size, &ignored);
	shutdown(w->client_fd, SHUT_RDWR);
	c->outcome->replied = true;
}

/* Others wait for it: a removal, the next daemon. What hangs where no signal comes to keeps the container for
 * itself, but neither its client nor the next daemon. */
static void end_child(struct copy *c, int pidfd, const char *why)
{
	const struct work *w = c->work;
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	if (ends_itself(w, pidfd, &why))
		return;
	syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	bool dead = poll(&p, 1, KILLED_MS) > 0;
	error_set(&c->outcome->error, ERROR_INVALID_STATE, "%s", why);
	c->outcome->failed = true;
	if (c->outcome->replied || !dead)
		tell_client(c, &c->outcome->error);
	if (!dead && w->lock_fd >= 0)
		flock(w->lock_fd, LOCK_UN); /* not closed: the child has it, too */
}

static void watch_child(struct copy *c, pid_t pid)
{
	_cleanup_fd_ int pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
	const char *why = pidfd >= 0 ? await_child(c->work, pidfd) : NULL;
	if (why != NULL)
		end_child(c, pidfd, why);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	/* What is left in a socket when it is closed makes an error of what was sent over it (unix(7)). */
	char end[sizeof(struct control_head)];
	recv(c->work->control, end, sizeof end, MSG_DONTWAIT);
}

/* Of a container that runs the folder may have gone already. */
static int hold_folder(const struct work *w, int *ret_fd, struct error *err)
{
	_cleanup_fd_ int parent = -1, dir = -1;
	bool running = w->message.running;
	if (work_open_parent(w, &parent, err) < 0 || folder_open(parent, w->message.id, &dir, err) < 0)
		return running ? 0 : -1;
	if ((!running && folder_await_holders(dir, err) < 0) || folder_hold(dir, err) < 0)
		return -1;
	*ret_fd = steal_fd(&dir);
	return 0;
}

int work_copy(struct work *w, struct error *err)
{
	_cleanup_json_ struct json_object *order = NULL;
	static struct copy c;
	bool running = w->message.running;
	_cleanup_fd_ int lock = -1, folder = -1;
	if (work_order_json(w, &order, err) < 0 || hold_folder(w, &folder, err) < 0)
		return -1;
	if (!running && json_flag(order, "lock", false) && start_lock_rootfs(w->message.path, &lock, err) < 0)
		return -1;
	c.work = w;
	c.order = order;
	c.outcome = mmap(NULL, sizeof *c.outcome, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (c.outcome == MAP_FAILED)
		return error_errno(err, "get memory for a copy");
	c.stream = &c.outcome->stream;
	c.stream->client_fd = w->client_fd;
	c.stream->end_fd = running ? w->pidfd : w->control;
	c.stream->over = running ? "the container has ended" : "the daemon has ended";
	c.stream->ended_by_request = removed;
	c.stream->stall_ms = running ? -1 : STALL_MS;
	pid_t pid = fork();
	if (pid < 0)
		return error_errno(err, "fork a process for a copy");
	if (pid == 0)
		child(&c);
	watch_child(&c, pid);
	if (c.outcome->replied) {
		shutdown(w->client_fd, SHUT_RDWR);
		return 0;
	}
	if (!c.outcome->failed)
		return error_set(err, ERROR_COPY_FAILED, "the process that copies was killed");
	*err = c.outcome->error;
	return -1;
}
