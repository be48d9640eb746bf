/* cp.c - cp: files into a container and out of it, as a tar stream that a process in the container's mount
 * namespace makes or takes. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/command.h"
#include "client/connection.h"
#include "client/copy_wire.h"
#include "client/format.h"
#include "client/progress.h"
#include "client/report.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/pack.h"
#include "common/parse.h"
#include "common/spot.h"
#include "common/unpack.h"

/* What is on the command line: CONTAINER:PATH, or a path of the host's. */
struct side {
	const char *text, *path;
	char *container; /* owned; NULL: the host's */
};

struct cp {
	struct arguments *args;
	const char *container, *path, *local;
	struct copy_wire wire;
	uint64_t bytes;
	int self_fd; /* /proc/self/fd */
};

static int wire_fd;
static volatile sig_atomic_t interrupted;

/* Whoever waits for the connection goes on, and clears up. */
static void on_signal(int sig)
{
	interrupted = sig;
	shutdown(wire_fd, SHUT_RDWR);
}

static void catch_signals(int fd)
{
	const int signals[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal }, before;
	wire_fd = fd;
	/* A limit of ulimit -f is an error of write(2) then. */
	signal(SIGXFSZ, SIG_IGN);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
}

/* As it is everywhere: what begins with '/' or '.' is the host's. */
static struct side read_side(const char *text)
{
	struct side side = { .text = text, .path = text };
	const char *colon = strchr(text, ':');
	if (colon == NULL || text[0] == '/' || text[0] == '.' || colon == text)
		return side;
	side.container = strndup(text, (size_t) (colon - text));
	if (side.container == NULL)
		abort();
	side.path = colon + 1;
	return side;
}

static bool is_stream(const char *path)
{
	return strcmp(path, "-") == 0;
}

/* Only of a file it is known beforehand how much it is. */
static void show_progress(struct cp *cp, bool is_file, int64_t size)
{
	progress_begin(&cp->wire.progress, !json_flag(cp->args->local, "quiet", false),
		is_file && size > 0 ? (uint64_t) size : 0);
}

static int check_sides(const struct side *from, const struct side *to, struct error *err)
{
	const struct side *inner = from->container != NULL ? from : to;
	if (from->container != NULL && to->container != NULL) {
		error_set(err, ERROR_USAGE, "from one container to another needs two copies");
		return error_hint(err, "ctl cp %s - | ctl cp - %s", from->text, to->text);
	}
	if (inner->container == NULL) {
		error_set(err, ERROR_USAGE, "neither '%s' nor '%s' is CONTAINER:PATH", from->text, to->text);
		return error_hint(err, "cp(1) copies files of this host");
	}
	if (inner->path[0] == '\0') {
		error_set(err, ERROR_USAGE, "'%s' has no path", inner->text);
		return error_hint(err, "the container's root is %s/", inner->text);
	}
	if (to->container == NULL && is_stream(to->path) && isatty(STDOUT_FILENO))
		return error_set(err, ERROR_USAGE, "standard output is a terminal: an archive is not for it");
	if (from->container == NULL && is_stream(from->path) && isatty(STDIN_FILENO))
		return error_set(err, ERROR_USAGE, "standard input is a terminal: an archive is wanted");
	return 0;
}

/* ---- out ---- */

static int stream_out(struct cp *cp, struct error *err)
{
	static char data[FRAME_PAYLOAD_MAX];
	ssize_t n;
	while ((n = copy_wire_fill(&cp->wire, data, sizeof data, err)) > 0) {
		cp->bytes += (uint64_t) n;
		if (fd_write_all(STDOUT_FILENO, data, (size_t) n) < 0)
			return error_errno(err, "write to standard output");
	}
	return (int) n;
}

/* What a daemon says is a name, and nothing else. */
static const char *checked_name(struct json_object *reply)
{
	const char *name = json_string(reply, "name", "");
	return strchr(name, '/') != NULL || strcmp(name, "..") == 0 || name[0] == '\0' ? NULL : name;
}

static int files_out(struct cp *cp, const struct spot *to, struct json_object *reply, struct error *err)
{
	const char *name = checked_name(reply);
	bool folder = strcmp(json_string(reply, "kind", ""), "folder") == 0;
	struct unpack unpack = { .folder_fd = -1,
		.self_fd = cp->self_fd,
		.keep_owner = json_flag(cp->args->local, "archive", false) };
	struct tar_reader reader = { .fill = copy_wire_fill, .arg = &cp->wire };
	if (name == NULL)
		return error_set(err, ERROR_DISCONNECTED, "the daemon's answer is not one");
	if (unpack_target(&unpack, to, name, folder, err) < 0)
		return -1;
	umask(0);
	show_progress(cp, strcmp(json_string(reply, "kind", ""), "file") == 0, json_int(reply, "size", 0));
	int result = unpack_all(&unpack, &reader, err);
	unpack_done(&unpack);
	cp->bytes = unpack.bytes;
	return result;
}

static int copy_out(struct cp *cp, struct error *err)
{
	struct reply reply;
	struct spot to = { .parent_fd = -1 };
	bool stream = is_stream(cp->local);
	json_add_string(cp->args->request, "path", cp->path);
	json_add_bool(cp->args->request, "follow", json_flag(cp->args->local, "follow", false));
	if (!stream && spot_find(AT_FDCWD, 0, cp->self_fd, cp->local, true, &to, err) < 0)
		return -1;
	int result = copy_wire_call(&cp->wire, "container.CopyOut", cp->args->request, &reply, err);
	if (result == 0) {
		if (!stream)
			catch_signals(cp->wire.conn->fd);
		result = stream ? stream_out(cp, err) : files_out(cp, &to, reply.parameters, err);
		json_put(&reply.root);
	}
	spot_done(&to);
	return result;
}

/* ---- in ---- */

static int call_in(struct cp *cp, struct error *err)
{
	struct reply reply;
	json_add_string(cp->args->request, "path", cp->path);
	json_add_bool(cp->args->request, "archive", json_flag(cp->args->local, "archive", false));
	if (copy_wire_call(&cp->wire, "container.CopyIn", cp->args->request, &reply, err) < 0)
		return -1;
	json_put(&reply.root);
	return 0;
}

/* A refusal must not wait for whoever makes the archive. */
static int stream_in(struct cp *cp, struct error *err)
{
	static char data[FRAME_PAYLOAD_MAX];
	for (;;) {
		struct pollfd p[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
			{ .fd = cp->wire.conn->fd, .events = POLLIN } };
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return error_errno(err, "wait for standard input");
		if (p[1].revents != 0)
			return copy_wire_end(&cp->wire, err);
		ssize_t n = p[0].revents == 0 ? -1 : read(STDIN_FILENO, data, sizeof data);
		if (n == 0)
			return copy_wire_end(&cp->wire, err);
		if (n < 0 && p[0].revents != 0 && errno != EINTR && errno != EAGAIN)
			return error_errno(err, "read standard input");
		if (n > 0 && copy_wire_put(&cp->wire, data, (size_t) n, err) < 0)
			return -1;
		cp->bytes += n > 0 ? (uint64_t) n : 0;
	}
}

static int add_source(struct cp *cp, const struct spot *from, struct error *err)
{
	struct json_object *source;
	char shown[256];
	if (!from->exists) {
		error_errnum(err, ENOENT, "find '%s'", cp->local);
		return error_path(err, cp->local);
	}
	if (!utf8_valid(from->asked, strlen(from->asked))) {
		error_set(err, ERROR_COPY_FAILED, "the name '%s' is not UTF-8",
			escape_text(from->asked, shown, sizeof shown));
		return error_hint(err, "tar can carry it: tar c NAME | ctl cp - CONTAINER:FOLDER");
	}
	source = json_object_new_object();
	json_add_string(source, "name", from->asked);
	json_add_bool(source, "folder", S_ISDIR(from->st.st_mode));
	json_add(cp->args->request, "source", source);
	return 0;
}

static int files_in(struct cp *cp, const struct spot *from, struct error *err)
{
	static struct pack pack;
	pack_begin(&pack);
	if (add_source(cp, from, err) < 0 || call_in(cp, err) < 0)
		return -1;
	pack.put = copy_wire_put;
	pack.arg = &cp->wire;
	pack.self_fd = cp->self_fd;
	pack.shown = from->folder;
	show_progress(cp, S_ISREG(from->st.st_mode), from->st.st_size);
	if (pack_all(&pack, from->parent_fd, from->name, from->asked, err) < 0)
		return -1;
	cp->bytes = pack.bytes;
	return copy_wire_end(&cp->wire, err);
}

static int copy_in(struct cp *cp, struct error *err)
{
	struct spot from;
	if (is_stream(cp->local))
		return call_in(cp, err) < 0 ? -1 : stream_in(cp, err);
	bool follow = json_flag(cp->args->local, "follow", false);
	if (spot_find(AT_FDCWD, 0, cp->self_fd, cp->local, follow, &from, err) < 0)
		return -1;
	int result = files_in(cp, &from, err);
	spot_done(&from);
	return result;
}

/* ---- both ---- */

static void tell(const struct cp *cp, const char *target)
{
	char size[FORMAT_TEXT], shown[512];
	if (!json_flag(cp->args->local, "quiet", false) && isatty(STDERR_FILENO) && !is_stream(target))
		fprintf(stderr, "copied %s to %s\n", format_size(cp->bytes, size),
			escape_text(target, shown, sizeof shown));
}

static int run(struct cp *cp, bool out, const char *target)
{
	struct connection conn;
	struct error err;
	_cleanup_fd_ int self = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (self < 0) {
		error_errno(&err, "open '/proc/self/fd'");
		return report_code(cp->args->command->name, &err, CTL_FAILED);
	}
	cp->self_fd = self;
	if (connection_open(&conn, cp->args, &err) < 0)
		return report_code(NULL, &err, CTL_ENGINE);
	cp->wire.conn = &conn;
	json_add_string(cp->args->request, "container", cp->container);
	int result = out ? copy_out(cp, &err) : copy_in(cp, &err);
	connection_done(&conn);
	progress_end(&cp->wire.progress);
	if (interrupted != 0)
		return 128 + interrupted;
	if (result < 0)
		return report_code(cp->wire.said ? cp->container : cp->args->command->name, &err, CTL_FAILED);
	tell(cp, target);
	return 0;
}

int verb_cp(struct arguments *args)
{
	static struct cp cp;
	struct error err;
	struct side from = read_side(args->positional[0]), to = read_side(args->positional[1]);
	bool out = from.container != NULL;
	int code;
	cp.args = args;
	cp.container = out ? from.container : to.container;
	cp.path = out ? from.path : to.path;
	cp.local = out ? to.path : from.path;
	if (check_sides(&from, &to, &err) < 0)
		code = report_code(args->command->name, &err, CTL_ENGINE);
	else
		code = run(&cp, out, to.text);
	free(from.container);
	free(to.container);
	return code;
}
