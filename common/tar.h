/*
 * tar.h - archives: written as POSIX ustar, with pax headers where ustar has no room; read as that and as
 * what GNU tar writes (long names, large numbers). Pure format: what lies in the file system is pack.h's and
 * unpack.h's affair. Names are as the archive has them, and may say anything.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct error;

#define TAR_BLOCK      512
#define TAR_HEADER_MAX (32 * TAR_BLOCK)
#define TAR_END_SIZE   (2 * TAR_BLOCK) /* zeros */

enum tar_type {
	TAR_FILE,
	TAR_FOLDER,
	TAR_SYMLINK,
	TAR_HARDLINK,
	TAR_FIFO,
	TAR_CHARACTER,
	TAR_BLOCK_DEVICE,
	TAR_TYPES,
};

struct tar_entry {
	enum tar_type type;
	char name[PATH_MAX]; /* a folder's may end with '/' */
	char link[PATH_MAX]; /* TAR_SYMLINK, TAR_HARDLINK; else empty */
	uint32_t mode;	     /* the lower twelve bits */
	uint32_t uid, gid;
	uint64_t size; /* of the data that follow: TAR_FILE; else 0 */
	struct timespec mtime;
	uint32_t major, minor; /* of a device */
};

/* All headers of the entry; so many bytes of out are filled. The data follow, and then tar_padding zeros. */
size_t tar_header(const struct tar_entry *entry, uint8_t out[TAR_HEADER_MAX]);
size_t tar_padding(uint64_t size);

/* More of the archive: 1 to size bytes, 0 at its end, -1 with err. */
typedef ssize_t tar_fill_fn(void *arg, void *data, size_t size, struct error *err);

/* All zero but these two to begin with; nothing to free. */
struct tar_reader {
	tar_fill_fn *fill;
	void *arg;
	uint64_t left; /* data of the present entry that nobody has asked for */
	size_t padding;
	bool any, over;
	char shown[128]; /* the present entry's name, for messages */
};

/* 1: the next entry (what is left of the last one's data is passed over); 0: the archive's end, and all that
 * follows it has been read; -1: COPY_FAILED, or fill's error. */
int tar_next(struct tar_reader *r, struct tar_entry *ret_entry, struct error *err);
/* The entry's data: bytes read, 0 once there are no more; -1. */
ssize_t tar_data(struct tar_reader *r, void *data, size_t size, struct error *err);
