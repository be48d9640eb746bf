/* work_container.c - the work on the folder of a container that has no shim: create, rename, remove, bury,
 * read a bundle. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "runtime/cgroup_tree.h"
#include "runtime/start.h"
#include "shim/folder.h"
#include "shim/link.h"
#include "shim/tree.h"
#include "shim/worker.h"

#define BUNDLE_CONFIG_MAX (1024 * 1024)
#define CGROUP_TIMEOUT_MS 10000

int work_create(struct work *w, struct error *err)
{
	const struct control_work *m = &w->message;
	_cleanup_fd_ int parent = -1;
	/* A root that is not there is told now, not at the start; what is wrong inside it is the start's
	 * affair. */
	_cleanup_fd_ int rootfs = open(m->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (rootfs < 0) {
		int saved = errno;
		error_config(err, "config.rootfs", "root file system '%s'", m->path);
		error_path(err, m->path);
		err->errnum = saved;
		return -1;
	}
	if (work_open_parent(w, &parent, err) < 0)
		return -1;
	return folder_create(parent, m->id, w->texts_fd, &m->config, &m->shim, &m->state, !m->transient, err);
}

int work_save_state(struct work *w, struct error *err)
{
	_cleanup_fd_ int parent = -1, dir = -1;
	if (work_open_parent(w, &parent, err) < 0 || folder_open(parent, w->message.id, &dir, err) < 0)
		return -1;
	return folder_save_text(
		dir, "state.json", w->texts_fd, &w->message.state, !w->message.transient, err);
}

static int remove_folder(struct work *w, struct error *err)
{
	_cleanup_fd_ int parent = -1;
	_cleanup_fd_ int trash =
		openat(w->state_fd, "trash", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (trash < 0)
		return error_errno(err, "open 'trash' in the state folder");
	if (work_open_parent(w, &parent, err) < 0)
		return -1;
	folder_remove_half_made(parent, w->message.id);
	if (folder_trash(parent, trash, w->message.id, err) < 0)
		return -1;
	work_done(w);
	return tree_remove(trash, w->message.id, err);
}

int work_remove(struct work *w, struct error *err)
{
	_cleanup_fd_ int parent = -1, dir = -1;
	struct error ignored;
	if (work_open_parent(w, &parent, err) < 0)
		return -1;
	if (folder_open(parent, w->message.id, &dir, &ignored) == 0 && folder_await_holders(dir, err) < 0)
		return -1;
	return remove_folder(w, err);
}

int work_bury(struct work *w, struct error *err)
{
	const struct control_work *m = &w->message;
	char new_name[ID_TEXT_SIZE + sizeof LINK_NEW], cgroup_parent[CGROUP_PARENT_MAX];
	_cleanup_fd_ int parent = -1, dir = -1;
	if (work_open_parent(w, &parent, err) < 0)
		return -1;
	work_cgroup_parent(parent, m->id, cgroup_parent);
	if (cgroup_tree_remove(w->cgroup_fd, cgroup_parent, m->id, CGROUP_TIMEOUT_MS, err) < 0)
		return -1;
	snprintf(new_name, sizeof new_name, LINK_NEW "%s", m->id);
	unlinkat(w->shims_fd, new_name, 0);
	unlinkat(w->shims_fd, m->id, 0);
	folder_remove_half_made(parent, m->id);
	if (m->transient)
		return remove_folder(w, err);
	if (folder_open(parent, m->id, &dir, err) < 0)
		return -1;
	return m->exit.size == 0 ? 0 : folder_save_exit(dir, w->texts_fd, &m->exit, err);
}

int work_read_bundle(struct work *w, struct error *err)
{
	const char *path = w->message.path;
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	_cleanup_fd_ int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		int saved = errno;
		error_config(err, "config.bundle", "bundle '%s'", path);
		error_path(err, path);
		err->errnum = saved;
		return -1;
	}
	if (fd_read_file(dir, "config.json", BUNDLE_CONFIG_MAX, &text, &size, err) < 0 ||
		start_check_config(text, size, err) < 0) {
		if (err->kind == ERROR_FAILED)
			err->kind = ERROR_INVALID_CONFIG;
		return error_wrap(err, "bundle '%s'", path);
	}
	w->result_fd = fd_memfd("config.json", text, size);
	if (w->result_fd < 0)
		return error_errno(err, "pass on the bundle's configuration");
	w->result_size = (uint32_t) size;
	return 0;
}
