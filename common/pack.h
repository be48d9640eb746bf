/*
 * pack.h - files and folders as a tar stream. Nothing is opened but folders and regular files, each by the
 * descriptor that was looked at before: a name that becomes a device, a fifo or a link meanwhile is harmless.
 * Sockets are left out, hard links stay hard links, holes become zeros, extended attributes are left out.
 * So are folders that were made after the beginning: else a tree that is copied into itself had no end.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "common/tar.h"

struct error;

#define PACK_CHUNK 65536 /* what put gets at most */

struct pack {
	int (*put)(void *arg, const void *data, size_t size, struct error *err);
	/* Whether what is in this folder is left out; below what was asked for only. NULL: never. */
	bool (*left_out)(void *arg, int folder_fd, const struct stat *folder, const struct stat *parent);
	void *arg;
	int self_fd;	   /* /proc/self/fd, by which descriptors are opened anew; borrowed */
	const char *shown; /* where parent is, for messages */
	uint64_t entries, bytes;

	/* The rest is pack.c's; zero to begin with. */
	char path[PATH_MAX]; /* of the entry: its name in the archive */
	struct tar_entry entry;
	void *links; /* files with several names that have been seen: a tree of struct pack_link */
	size_t n_links;
	struct timespec begun;
	uint8_t buffer[PACK_CHUNK];
	size_t used;
};

/* Folders that are made from now on are left out: to be called before the other end may begin to write. */
void pack_begin(struct pack *p);

/* What parent_fd has under this name ("." is it itself), as `as` ("." likewise), and everything below; with
 * the archive's end. Errors of the file system are COPY_FAILED. */
int pack_all(struct pack *p, int parent_fd, const char *name, const char *as, struct error *err);
