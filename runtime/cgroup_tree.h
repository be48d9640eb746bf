/*
 * cgroup_tree.h - the folders between the instance's own cgroup and a container's (--cgroup-parent), and what
 * they must have for a limit below them to count: controllers passed on, and protection of memory handed
 * down.
 *
 * A parent is a clean relative path below the instance's folder, whose folders are made and removed as they
 * are needed; or an absolute one, of a cgroup that is there already and stays; or "", the instance's folder
 * itself.
 */
#pragma once

#include <stdbool.h>

#include "common/limits.h"

struct error;

#define CGROUP_DEPTH_MAX 16

/* Whether text can be a parent; the sentence says why not. */
int cgroup_parent_check(const char *parent, struct error *err);

/* The parent's folder, resolved beneath the instance's, or beneath the cgroup2 mount. make: its missing
 * folders, where it is a relative one. */
int cgroup_parent_open(int instance_fd, const char *parent, bool make, int *ret_fd, struct error *err);

/* Shared by those who make a container's cgroup, exclusive for those who remove empty folders or add
 * protection up. Held as long as the descriptor is open; -1 with errno. */
int cgroup_tree_lock(int instance_fd, bool exclusive);

/* A container's cgroup, with all that must be there above it: made, controllers for the limits passed on to
 * it from the top down, and the limits written into it before anything runs in it. Blocks. */
int cgroup_create(int instance_fd, const char *parent, const char *name, const struct limits *limits,
	int *ret_parent_fd, int *ret_fd, struct error *err);

/* The controllers of these limits, for a container's cgroup that is there. */
int cgroup_pass_controllers(
	int instance_fd, const char *parent, const struct limits *limits, struct error *err);

/* A container's cgroup that nobody holds any more, and its folders. Missing is success. */
int cgroup_tree_remove(
	int instance_fd, const char *parent, const char *name, int timeout_ms, struct error *err);

/* The folders of a relative parent, from the bottom up, as far as nothing else is in them; memory that was
 * protected for what has gone is no more. */
void cgroup_parent_leave(int instance_fd, const char *parent);

/* memory.low and memory.min of the parent's folders become what those below them ask for together: a folder
 * is protected no more than the one that it is in. */
void cgroup_protect(int instance_fd, const char *parent);

/* Does one of these limits protect memory? */
bool limits_protect(const struct limits *limits);

/* A controller that a cgroup has not and that `file` needs: NOT_SUPPORTED, with the fix. path: the cgroup;
 * NULL: the one above the container's. */
int cgroup_missing(const char *controller, const char *file, const char *path, struct error *err);

/* Among the words of cgroup.controllers. */
bool cgroup_has_controller(const char *words, const char *controller);
