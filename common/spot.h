/*
 * spot.h - where a path leads: the folder, opened, and the name in it, whether that is there or not. Links on
 * the way are followed as the caller's RESOLVE_* say, and the last one only if it is asked for, or if the
 * path says so by its end ("link/", "link/.").
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct error;

struct spot {
	int parent_fd;		  /* O_PATH, owned; -1: none */
	char name[NAME_MAX + 1];  /* in it; "." is the folder itself */
	char asked[NAME_MAX + 1]; /* how the path called it, before a link was followed; "." where contents */
	char folder[PATH_MAX];	  /* the parent's path, for messages */
	bool exists;
	struct stat st; /* if it exists; of a link itself where none was followed */
	bool contents;	/* the path ends in "/.", or is "/" or ".": not the folder but what is in it */
	bool slash;	/* the path ends in '/': it must be a folder */
};

/* base: AT_FDCWD, or the folder that is the root with RESOLVE_IN_ROOT. The parent must be there, and what the
 * path says is a folder must be one if it is there. self_fd is /proc/self/fd, which tells the name of a
 * folder whose path ends in "..". Errors are COPY_FAILED. */
int spot_find(int base, uint64_t resolve, int self_fd, const char *path, bool follow, struct spot *ret_spot,
	struct error *err);
void spot_done(struct spot *spot);
