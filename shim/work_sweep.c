/* work_sweep.c - clears up after crashes, at the daemon's start: what is provably ours and nobody's any more.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/log.h"
#include "common/parse.h"
#include "runtime/cgroup.h"
#include "runtime/cgroup_tree.h"
#include "shim/folder.h"
#include "shim/tree.h"
#include "shim/worker.h"

#define CGROUP_TIMEOUT_MS 10000

typedef void (*visit_fn)(struct work *w, int dir_fd, const char *name);

static void for_each(struct work *w, int parent_fd, const char *folder, visit_fn visit)
{
	int fd = openat(parent_fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir == NULL) {
		fd_close(&fd);
		return;
	}
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			visit(w, fd, entry->d_name);
	closedir(dir);
}

static void remove_tree(struct work *w, int dir_fd, const char *name)
{
	struct error error;
	char text[sizeof error.msg];
	(void) w;
	if (tree_remove(dir_fd, name, &error) < 0)
		log_warning("sweep: %s", error_format(&error, text, sizeof text));
}

/* Out of the way at once; what is in it goes with the trash. */
static void to_trash(struct work *w, int dir_fd, const char *name)
{
	_cleanup_fd_ int trash =
		openat(w->state_fd, "trash", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (trash < 0 || renameat(dir_fd, name, trash, name) < 0)
		remove_tree(w, dir_fd, name);
}

/* A cgroup below one that is not ours: the sweep of our own does not meet it. */
static void remove_distant_cgroup(struct work *w, int dir_fd, const char *id)
{
	char parent[CGROUP_PARENT_MAX];
	struct error error;
	char text[sizeof error.msg];
	work_cgroup_parent(dir_fd, id, parent);
	if (parent[0] == '/' && cgroup_tree_remove(w->cgroup_fd, parent, id, CGROUP_TIMEOUT_MS, &error) < 0)
		log_warning("sweep: %s", error_format(&error, text, sizeof text));
}

/* A shim binds its socket before it makes a folder or a cgroup, and unlinks it after they are gone: with no
 * shim at the socket nobody uses them. */
static void visit_transient(struct work *w, int dir_fd, const char *name)
{
	const char *id =
		strncmp(name, FOLDER_NEW, sizeof FOLDER_NEW - 1) == 0 ? name + sizeof FOLDER_NEW - 1 : name;
	if (id_valid(id) && work_shim_lives(w, id))
		return;
	if (id_valid(name))
		remove_distant_cgroup(w, dir_fd, name);
	to_trash(w, dir_fd, name);
}

static void visit_container(struct work *w, int dir_fd, const char *name)
{
	if (strncmp(name, FOLDER_NEW, sizeof FOLDER_NEW - 1) == 0)
		visit_transient(w, dir_fd, name);
}

/* A container's cgroup, or a folder on the way to some (--cgroup-parent), which goes if nothing is in it any
 * more. */
static void visit_cgroup(struct work *w, int dir_fd, const char *name)
{
	struct error error;
	char text[sizeof error.msg];
	if (!id_valid(name) && name_valid(name) && strcmp(name, "shims") != 0) {
		for_each(w, dir_fd, name, visit_cgroup);
		_cleanup_fd_ int lock = cgroup_tree_lock(w->cgroup_fd, true);
		unlinkat(dir_fd, name, AT_REMOVEDIR);
		return;
	}
	if (id_valid(name) && !work_shim_lives(w, name) &&
		cgroup_remove(dir_fd, name, CGROUP_TIMEOUT_MS, &error) < 0)
		log_warning("sweep: %s", error_format(&error, text, sizeof text));
}

/* Last: while it is there, it says that there may be something else of this id. */
static void visit_socket(struct work *w, int dir_fd, const char *name)
{
	if (id_valid(name) && !work_shim_lives(w, name))
		unlinkat(dir_fd, name, 0);
}

int work_sweep(struct work *w, struct error *err)
{
	(void) err;
	for_each(w, w->state_fd, "transient", visit_transient);
	for_each(w, w->state_fd, "containers", visit_container);
	/* The daemon makes no containers before: they would look like garbage. The rest may take its time. */
	work_done(w);
	for_each(w, w->cgroup_fd, ".", visit_cgroup);
	/* Nobody waits for the rubbish. */
	work_done(w);
	for_each(w, w->state_fd, "trash", remove_tree);
	for_each(w, w->shims_fd, ".", visit_socket);
	return 0;
}
