/*
 * unpack.h - a tar stream as files below one folder, and nowhere else: absolute names and ".." are refused,
 * nothing is written through a symbolic link (whether the archive has brought it, it was there, or somebody
 * puts it there meanwhile), hard links lead to what is below that folder. What takes the place of something
 * appears under its name when it is complete; before, a file has none, where the file system knows such.
 * Devices are refused, as are files over folders and the reverse.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/spot.h"
#include "common/tar.h"

struct error;

struct unpack {
	int folder_fd;	      /* O_PATH, owned */
	char shown[PATH_MAX]; /* its path, for messages */
	/* Names: the first component must be `from` ("." is the folder that holds the rest) and becomes `to`
	 * ("" leaves it out). from NULL: names stay as they are. */
	const char *from, *to;
	int self_fd;	 /* /proc/self/fd, by which a file gets its name; borrowed */
	bool keep_owner; /* else the caller's, and no set-uid and set-gid bits */
	uint64_t entries, bytes;
};

/* Where a source goes, by cp's rules: into the folder that is there, or to the name that is not. name "." is
 * the contents of a folder; NULL: an archive of unknown contents, for which there must be a folder. Sets all
 * but keep_owner and self_fd; from and to are borrowed from name and to. */
int unpack_target(
	struct unpack *u, const struct spot *to, const char *name, bool is_folder, struct error *err);

int unpack_all(struct unpack *u, struct tar_reader *reader, struct error *err);
void unpack_done(struct unpack *u);
