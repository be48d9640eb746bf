#include "client/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/option.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"

#define DEFAULT_SOCKET "/run/containerd-lite/containerd-lite.sock"
#define INTERFACES     "io.containerdlite."
#define RETRY_STEP_MS  50
#define REPLY_MAX      ((size_t) 256 * 1024 * 1024) /* each of many may be as long as a call */

/* A path too long for a sockaddr is reached by its folder's descriptor. */
static int socket_address(const char *path, struct sockaddr_un *address, int *ret_folder)
{
	*address = (struct sockaddr_un) { .sun_family = AF_UNIX };
	size_t size = sizeof address->sun_path, length = strlen(path);
	if (length < size) {
		memcpy(address->sun_path, path, length);
		return 0;
	}
	const char *slash = strrchr(path, '/');
	if (slash == NULL) {
		errno = ENAMETOOLONG;
		return -1;
	}
	_cleanup_free_ char *folder = strndup(path, (size_t) (slash - path) + 1);
	if (folder == NULL)
		return -1;
	_cleanup_fd_ int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if ((size_t) snprintf(address->sun_path, size, "/proc/self/fd/%d%s", fd, slash) >= size) {
		errno = ENAMETOOLONG;
		return -1;
	}
	*ret_folder = steal_fd(&fd);
	return 0;
}

static int dial(struct connection *conn, struct error *err)
{
	struct sockaddr_un address;
	_cleanup_fd_ int folder = -1;
	_cleanup_fd_ int fd = -1;
	if (socket_address(conn->path, &address, &folder) == 0)
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof address) < 0) {
		int errnum = errno;
		error_set(err, ERROR_DISCONNECTED, "cannot reach the daemon at '%s'", conn->path);
		err->errnum = errnum;
		if (errnum == EACCES || errnum == EPERM)
			error_hint(err, "root and the group containerd-lite may use this socket");
		else
			error_hint(err,
				"is containerd-lite running? --socket or CTL_SOCKET names another socket");
		return -1;
	}
	conn->fd = steal_fd(&fd);
	wire_init(&conn->wire);
	conn->wire.terminator = '\0';
	conn->wire.max = REPLY_MAX;
	return 0;
}

int connection_open(struct connection *conn, const struct arguments *args, struct error *err)
{
	const char *from_environment = getenv("CTL_SOCKET");
	bool set = from_environment != NULL && from_environment[0] != '\0';
	*conn = (struct connection) { .fd = -1 };
	conn->path = json_string(args->local, "socket", set ? from_environment : DEFAULT_SOCKET);
	return dial(conn, err);
}

const char *connection_default(void)
{
	return DEFAULT_SOCKET;
}

void connection_limit(struct connection *conn, int seconds)
{
	struct timeval limit = { .tv_sec = seconds };
	setsockopt(conn->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	setsockopt(conn->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

void connection_done(struct connection *conn)
{
	if (conn->fd >= 0)
		wire_done(&conn->wire);
	fd_close(&conn->fd);
}

int connection_reopen(struct connection *conn, struct error *err)
{
	int64_t now = clock_monotonic_ns();
	connection_done(conn);
	if (conn->lost_ns == 0)
		conn->lost_ns = now;
	while (now - conn->lost_ns < RETRY_S * INT64_C(1000000000)) {
		poll(NULL, 0, RETRY_STEP_MS);
		if (dial(conn, err) == 0)
			return 0;
		now = clock_monotonic_ns();
	}
	return -1;
}

int connection_send(struct connection *conn, const char *method, struct json_object *parameters,
	unsigned call_flags, struct error *err)
{
	char name[64];
	size_t size, sent = 0;
	snprintf(name, sizeof name, INTERFACES "%s", method);
	_cleanup_free_ char *text =
		call_format(name, parameters, call_flags & CALL_MORE, call_flags & CALL_UPGRADE, '\0', &size);
	if (size > WIRE_MESSAGE_MAX)
		return error_set(err, ERROR_USAGE, "the command line is larger than 1 MiB");
	while (sent < size) {
		ssize_t n = send(conn->fd, text + sent, size - sent, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			break;
		sent += n > 0 ? (size_t) n : 0;
	}
	return 0;
}

static int lost(int errnum, struct error *err)
{
	if (errnum == EAGAIN) /* connection_limit */
		return error_set(err, ERROR_DISCONNECTED, "the daemon does not answer");
	error_set(err, ERROR_DISCONNECTED, "the connection to the daemon was lost");
	err->errnum = errnum;
	return -1;
}

/* One message that is there. */
static int take(struct connection *conn, struct reply *ret_reply, struct error *err)
{
	char *message;
	size_t size;
	int result = wire_take(&conn->wire, &message, &size, err);
	if (result <= 0)
		return result;
	if (reply_parse(message, size, ret_reply, err) < 0)
		return error_wrap(err, "the daemon's answer is not one");
	conn->lost_ns = 0;
	if (ret_reply->error == NULL)
		return 1;
	error_from_json(ret_reply->error, ret_reply->parameters, err);
	json_put(&ret_reply->root);
	return -1;
}

int connection_receive(struct connection *conn, bool wait, struct reply *ret_reply, struct error *err)
{
	for (;;) {
		int result = take(conn, ret_reply, err);
		if (result != 0)
			return result;
		char *space;
		const size_t room = CONNECTION_READ;
		wire_space(&conn->wire, room, &space);
		ssize_t n = recv(conn->fd, space, room, wait ? 0 : MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN && !wait)
			return 0;
		if (n <= 0)
			return lost(n < 0 && errno != ECONNRESET ? errno : 0, err);
		wire_added(&conn->wire, (size_t) n);
	}
}

int connection_ask_once(struct connection *conn, const char *method, struct json_object *parameters,
	struct json_object **ret_parameters, struct error *err)
{
	struct reply reply;
	if (connection_send(conn, method, parameters, 0, err) < 0 ||
		connection_receive(conn, true, &reply, err) < 0)
		return -1;
	*ret_parameters = json_object_get(reply.parameters);
	json_put(&reply.root);
	return 0;
}

int connection_ask(struct connection *conn, const char *method, struct json_object *parameters,
	struct json_object **ret_parameters, struct error *err)
{
	while (connection_ask_once(conn, method, parameters, ret_parameters, err) < 0)
		if (err->kind != ERROR_DISCONNECTED || connection_reopen(conn, err) < 0)
			return -1;
	return 0;
}
