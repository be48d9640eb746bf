#include "daemon/server.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/parse.h"
#include "common/wire.h"
#include "daemon/daemon.h"
#include "daemon/store.h"

#define BACKLOG	     512
#define PAUSE_US     50000
#define SOCKET_GROUP "containerd-lite"

struct entry {
	TAILQ_ENTRY(entry) link;
	struct conn *conn;
	uid_t uid;
};

struct server {
	struct daemon *d;
	int listener, folder,
		spare; /* spare: given up to answer one client when there are no more descriptors */
	char name[80]; /* the socket's, in folder */
	bool bound;    /* it is ours */
	struct event *event, *pause;
	TAILQ_HEAD(, entry) entries;
	size_t count;
};

static void on_connection(evutil_socket_t fd, short what, void *arg);
static void on_pause_over(evutil_socket_t fd, short what, void *arg);

struct daemon *server_daemon(struct server *server)
{
	return server->d;
}

size_t server_connections(const struct server *server)
{
	return server->count;
}

/* A socket that a daemon left that was killed goes; a living daemon's, or what is no socket at all, stays. */
static int remove_old_socket(
	const struct server *server, const struct sockaddr_un *address, const char *path, struct error *err)
{
	_cleanup_fd_ int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;

	if (fstatat(server->folder, server->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_errno(err, "look at '%s'", path);
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, ERROR_FAILED, "'%s' is there already, and is not a socket", path);
	if (sock < 0 || connect(sock, (const struct sockaddr *) address, sizeof(*address)) == 0 ||
		errno != ECONNREFUSED)
		return error_set(err, ERROR_FAILED, "another daemon listens on '%s'", path);
	if (unlinkat(server->folder, server->name, 0) < 0 && errno != ENOENT)
		return error_errno(err, "remove the old socket '%s'", path);
	return 0;
}

static int open_folder(struct server *server, const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *folder = strndup(path, slash == path ? 1 : (size_t) (slash - path));

	if (!folder)
		abort();
	server->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return server->folder < 0 ? error_errno(err, "open the socket's folder '%s'", folder) : 0;
}

/* Through its folder's descriptor, since sun_path has 108 bytes and paths may be longer. */
static int bind_socket(struct server *server, const char *path, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *slash = strrchr(path, '/');

	if ((size_t) snprintf(server->name, sizeof(server->name), "%s", slash + 1) >= sizeof(server->name) ||
		!server->name[0] ||
		(size_t) snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/1234567/%s",
			server->name) >= sizeof(address.sun_path))
		return error_set(err, ERROR_USAGE, "socket '%s': the name is empty or too long", path);
	if (open_folder(server, path, err) < 0)
		return -1;
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", server->folder,
		server->name);
	server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server->listener < 0)
		return error_errno(err, "make a socket");
	if (remove_old_socket(server, &address, path, err) < 0)
		return -1;
	if (bind(server->listener, (struct sockaddr *) &address, sizeof(address)) < 0)
		return error_errno(err, "make the socket '%s'", path);
	server->bound = true;
	return 0;
}

/* The socket may be elsewhere, in a folder that is not ours to give away. */
static bool is_run_folder(const struct server *server)
{
	struct stat folder, run;

	return fstat(server->folder, &folder) == 0 && fstat(server->d->store->run, &run) == 0 &&
	       folder.st_dev == run.st_dev && folder.st_ino == run.st_ino;
}

/* The group's where it exists: being in it is being root. */
static int set_folder_owner(const struct server *server, gid_t *ret_gid, struct error *err)
{
	struct group *group = getgrnam(SOCKET_GROUP);

	*ret_gid = group ? group->gr_gid : 0;
	if (group && is_run_folder(server) && fchown(server->d->store->run, 0, *ret_gid) < 0)
		return error_errno(err, "give the run folder to the group " SOCKET_GROUP);
	return 0;
}

static int set_owner(struct server *server, const char *path, struct error *err)
{
	gid_t gid;

	if (set_folder_owner(server, &gid, err) < 0)
		return -1;
	if (fchmodat(server->folder, server->name, 0660, 0) < 0 ||
		fchownat(server->folder, server->name, 0, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return error_errno(err, "set owner and mode of '%s'", path);
	if (listen(server->listener, BACKLOG) < 0)
		return error_errno(err, "listen on '%s'", path);
	return 0;
}

/* systemd's socket has its owner and mode from its unit, and stays when we go; but not so its folder. */
static int open_listener(struct server *server, const char *path, int passed, struct error *err)
{
	mode_t mask;
	gid_t gid;
	int r;

	if (passed >= 0) {
		struct error elsewhere; /* the socket is where its unit says, whatever our settings say */

		server->listener = passed;
		return open_folder(server, path, &elsewhere) < 0 ? 0 : set_folder_owner(server, &gid, err);
	}
	mask = umask(0177); /* nobody may connect between bind and chmod */
	r = bind_socket(server, path, err);
	umask(mask);
	return r < 0 ? -1 : set_owner(server, path, err);
}

struct server *server_new(struct daemon *d, const char *path, int passed, struct error *err)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server)
		abort();
	*server = (struct server) { .d = d, .listener = -1, .folder = -1 };
	TAILQ_INIT(&server->entries);
	server->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (open_listener(server, path, passed, err) < 0) {
		server_free(server);
		return NULL;
	}
	server->event = event_new(d->base, server->listener, EV_READ | EV_PERSIST, on_connection, server);
	server->pause = evtimer_new(d->base, on_pause_over, server);
	if (!server->event || !server->pause)
		abort();
	event_add(server->event, NULL);
	return server;
}

void server_rest(struct server *server)
{
	event_del(server->event);
	evtimer_del(server->pause);
}

void server_free(struct server *server)
{
	struct entry *entry;

	if (!server)
		return;
	while ((entry = TAILQ_FIRST(&server->entries)))
		conn_free(entry->conn);
	if (server->event)
		event_free(server->event);
	if (server->pause)
		event_free(server->pause);
	if (server->bound)
		unlinkat(server->folder, server->name, 0);
	fd_close(&server->listener);
	fd_close(&server->folder);
	fd_close(&server->spare);
	free(server);
}

void server_remove(struct server *server, struct conn *conn)
{
	struct entry *entry;

	TAILQ_FOREACH (entry, &server->entries, link)
		if (entry->conn == conn)
			break;
	if (!entry)
		return;
	TAILQ_REMOVE(&server->entries, entry, link);
	server->count--;
	free(entry);
}

static size_t connections_of(const struct server *server, uid_t uid)
{
	const struct entry *entry;
	size_t n = 0;

	TAILQ_FOREACH (entry, &server->entries, link)
		n += entry->uid == uid;
	return n;
}

static void identify(int fd, struct caller *ret_caller)
{
	struct ucred cred = { .uid = (uid_t) -1 };
	socklen_t size = sizeof(cred);
	char path[64], comm_text[32];
	ssize_t n = 0;

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size);
	*ret_caller = (struct caller) { .pid = cred.pid, .uid = cred.uid, .gid = cred.gid };
	snprintf(path, sizeof(path), "/proc/%d/comm", (int) cred.pid);
	_cleanup_fd_ int comm = open(path, O_RDONLY | O_CLOEXEC);
	if (comm >= 0)
		n = read(comm, comm_text, sizeof(comm_text) - 1);
	comm_text[n > 0 ? n : 0] = 0;
	comm_text[strcspn(comm_text, "\n")] = 0;
	/* Any process can call itself anything. */
	escape_text(comm_text, ret_caller->command, sizeof(ret_caller->command));
}

/* One sentence, as far as the socket takes it, and good-bye. */
static void turn_away(int fd, const char *limit, const char *why)
{
	struct error err;
	_cleanup_free_ char *text = NULL;
	size_t size;

	error_set(&err, ERROR_LIMIT_EXCEEDED, "%s", why);
	snprintf(err.field, sizeof(err.field), "%s", limit);
	text = error_reply_format(&err, '\0', &size);
	if (send(fd, text, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_debug("a client that was turned away did not wait for the reason");
	shutdown(fd, SHUT_WR);
	close(fd);
}

static void add(struct server *server, int fd)
{
	struct caller caller;
	struct entry *entry;

	identify(fd, &caller);
	if (connections_of(server, caller.uid) >= SERVER_CONNECTIONS_PER_UID) {
		turn_away(fd, "connections", "too many connections of this user");
		return;
	}
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		abort();
	entry->uid = caller.uid;
	entry->conn = conn_new(server, fd, &caller);
	TAILQ_INSERT_TAIL(&server->entries, entry, link);
	server->count++;
}

/* No descriptor for a client: with the spare one a single client is told, and the listener rests, since its
 * event would only fire again at once. */
static void pause_listening(struct server *server)
{
	struct timeval tv = { .tv_usec = PAUSE_US };
	int fd;

	fd_close(&server->spare);
	fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		turn_away(fd, "descriptors", "the daemon has no descriptors left");
	server->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	log_warning("no descriptors left for a new connection");
	event_del(server->event);
	evtimer_add(server->pause, &tv);
}

static void on_connection(evutil_socket_t listener, short what, void *arg)
{
	struct server *server = arg;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void) what;
	if (fd >= 0)
		add(server, fd);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
		pause_listening(server);
	else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
		log_warning("accept a connection: %m");
}

static void on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;

	(void) fd;
	(void) what;
	event_add(server->event, NULL);
}
