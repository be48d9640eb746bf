/*
 * lodging.h - where a run lives, made before it and taken back after it: the container's folder, the lock of
 * its root file system, its cgroup; and its mounts, which are held until its end has been told.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct control_start;
struct error;
struct exit_status;

struct lodging {
	const struct control_start *start; /* borrowed, as are the next three */
	int texts_fd, parent_fd, cgroups_fd;

	int dir_fd, rootfs_lock_fd;
	int cgroup_parent_fd, cgroup_fd;
	int inner_cgroup_fd, exec_cgroup_fd; /* with START_CGROUP_RW */
	int mntns_fd;			     /* keeps the container's mounts, whose end may take long */
	bool begun;			     /* the run has its record */
};

void lodging_init(
	struct lodging *l, const struct control_start *start, int texts_fd, int parent_fd, int cgroups_fd);
bool lodging_is_transient(const struct lodging *l);
/* The folder, with the run's record in it, and the lock. */
int lodging_open_folder(struct lodging *l, struct error *err);
/* With all its limits, before anything runs in it. */
int lodging_make_cgroup(struct lodging *l, struct error *err);
void lodging_hold_mounts(struct lodging *l, pid_t first_pid);
/* Where there is a record of the run, its end. */
void lodging_save_exit(const struct lodging *l, const struct exit_status *exit);
/* Takes back everything of the run that others could see. Blocks: a container's folder may be large. */
void lodging_release(struct lodging *l);
