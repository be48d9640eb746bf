/* work_top.c - what runs in a container, out of its cgroups and the host's /proc: nothing inside has any part
 * in it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/parse.h"
#include "runtime/sys.h"
#include "runtime/user.h"
#include "shim/place.h"
#include "shim/process.h"
#include "shim/worker.h"

/* All of it must fit one reply (WIRE_MESSAGE_MAX). */
#define PROCESSES_MAX 1500
#define COMMAND_MAX   4096	  /* bytes of a command line that are shown */
#define COMMANDS_MAX  (64 * 1024) /* of all of them */
#define COMMAND_LEAST 16	  /* of each, even then */
#define DEPTH_MAX     64
#define WORKER_END_S  30

struct top {
	struct json_object *processes;
	const char *passwd; /* the container's; "" where there is none */
	size_t commands;    /* bytes shown */
};

/* An image's author wrote it, and a program may have exchanged it since: it is no link that leads out, no
 * pipe, and not read without bounds. */
static char *read_passwd(int proc)
{
	struct stat st;
	_cleanup_fd_ int root = openat(proc, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_fd_ int fd =
		root < 0 ? -1
			 : sys_openat2(root, "etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0,
				   RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	char *text = calloc(1, USER_FILE_MAX + 1);
	if (text == NULL)
		abort();
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && fd_read_all(fd, text, USER_FILE_MAX) < 0)
		text[0] = '\0';
	return text;
}

/* Whatever a program calls itself: the wire takes UTF-8. */
static struct json_object *word(const char *text, size_t size)
{
	if (utf8_valid(text, size))
		return json_object_new_string_len(text, (int) size);
	char copy[COMMAND_MAX + 1], clean[4 * COMMAND_MAX + 8];
	snprintf(copy, sizeof copy, "%.*s", (int) size, text);
	return json_object_new_string(escape_text(copy, clean, sizeof clean));
}

/* Its arguments; of one that has none (a zombie) its name, as ps shows it. */
static struct json_object *command(struct top *top, int proc, const struct process *process)
{
	size_t most = top->commands < COMMANDS_MAX ? COMMAND_MAX : COMMAND_LEAST;
	struct json_object *words = json_object_new_array();
	char text[COMMAND_MAX + 1] = "", name[sizeof process->comm + 2];
	_cleanup_fd_ int fd = openat(proc, "cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? 0 : fd_read_all(fd, text, most);
	for (ssize_t at = 0; at < size;) {
		size_t n = strnlen(text + at, (size_t) (size - at));
		json_object_array_add(words, word(text + at, n));
		at += (ssize_t) n + 1;
	}
	top->commands += size > 0 ? (size_t) size : 0;
	if (size <= 0) {
		snprintf(name, sizeof name, "[%s]", process->comm);
		json_object_array_add(words, word(name, strlen(name)));
	}
	return words;
}

static void add_process(struct top *top, pid_t pid)
{
	char name[32], user[64], percent[32];
	struct process p;
	snprintf(name, sizeof name, "/proc/%d", (int) pid);
	_cleanup_fd_ int proc = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0 || process_read(proc, &p) < 0)
		return;
	struct json_object *obj = json_object_new_object();
	int64_t lived_us = (clock_realtime_ns() - p.started_ns) / 1000;
	double cpu = lived_us > 0 ? (double) p.cpu_us * 100 / (double) lived_us : 0;
	snprintf(percent, sizeof percent, "%.1f", cpu);
	json_add_int(obj, "pid", pid);
	json_add_int(obj, "ppid", p.ppid);
	json_add_int(obj, "pid_inside", p.inner);
	json_add_int(obj, "uid", p.uid);
	if (user_name(top->passwd, p.uid, user, sizeof user))
		json_add(obj, "user", word(user, strlen(user)));
	json_add(obj, "state", word(&p.state, 1));
	json_add(obj, "cpu_percent", json_object_new_double_s(cpu, percent));
	json_add_int(obj, "cpu_us", p.cpu_us);
	json_add_int(obj, "rss", p.rss_bytes);
	json_add_int(obj, "threads", p.threads);
	json_add_time(obj, "started_at", p.started_ns);
	json_add(obj, "command", command(top, proc, &p));
	json_object_array_add(top->processes, obj);
}

static int add_cgroup(struct top *top, int cgroup, struct error *err)
{
	FILE *f = NULL;
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	uint64_t pid;
	int fd = openat(cgroup, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		f = fdopen(fd, "r");
	if (f == NULL) {
		fd_close(&fd);
		/* One that was removed meanwhile has no processes, and of a threaded one they are listed
		 * above. */
		return errno == ENOENT || errno == ENODEV ? 0 : error_errno(err, "read cgroup.procs");
	}
	while (getline(&line, &room, f) > 0 && json_length(top->processes) < PROCESSES_MAX) {
		line[strcspn(line, "\n")] = '\0';
		if (parse_u64(line, INT32_MAX, &pid) == 0 && pid > 0)
			add_process(top, (pid_t) pid);
	}
	fclose(f);
	return 0;
}

/* Takes cgroup: it, and all that the container has made below it. */
static int add_tree(struct top *top, int cgroup, int depth, struct error *err)
{
	DIR *dir = fdopendir(cgroup);
	if (dir == NULL) {
		close(cgroup);
		return error_errno(err, "look into the container's cgroup");
	}
	int result = add_cgroup(top, cgroup, err);
	for (struct dirent *e; result == 0 && depth < DEPTH_MAX && (e = readdir(dir)) != NULL;) {
		if (e->d_type != DT_DIR || strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		int inner = openat(cgroup, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (inner >= 0)
			result = add_tree(top, inner, depth + 1, err);
	}
	closedir(dir);
	return result;
}

int work_top(struct work *w, struct error *err)
{
	_cleanup_json_ struct json_object *order = NULL, *processes = json_object_new_array();
	_cleanup_free_ char *passwd = NULL;
	struct place place;
	alarm(WORKER_END_S);
	if (work_order_json(w, &order, err) < 0)
		return -1;
	if (place_open(w->message.id, (pid_t) json_int(order, "pid", 0), &place) < 0)
		return error_set(err, ERROR_INVALID_STATE, "the container has just ended");
	passwd = read_passwd(place.proc);
	struct top top = { .processes = processes, .passwd = passwd };
	int result = add_tree(&top, steal_fd(&place.cgroup), 0, err);
	place_close(&place);
	return result < 0 ? -1 : work_result_json(w, processes, err);
}
