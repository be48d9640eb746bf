/*
 * log_reader.h - reads a container's log from its oldest file to its end and, as it grows, beyond, across
 * rotation. It never writes. Blocks for disk reads only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/cri.h"

#define LOG_FILES_MAX 1000 /* as many as config.log_max_files may be */

struct log_reader {
	int dir_fd;		/* borrowed */
	int fds[LOG_FILES_MAX]; /* oldest first; kept open, so that a rotation changes nothing for a second
				   pass */
	unsigned n, at;
	int64_t offset; /* in fds[at] */
	char *buffer;	/* owned */
	size_t start, end;
};

/* Opens what there is now; no log at all is an empty one. 0, or -1 with errno. */
int log_reader_open(struct log_reader *r, int dir_fd);
void log_reader_close(struct log_reader *r);
/* Back to the first record of log_reader_open. */
void log_reader_rewind(struct log_reader *r);

/* The next record, valid until the next call. 1, or 0: none at present (call again when the folder has
 * changed). Torn records are passed over. */
int log_reader_next(struct log_reader *r, struct cri_record *ret_record);
