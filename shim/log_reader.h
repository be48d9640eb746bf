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

#define LOG_FILES_MORE 64 /* that a reader who is behind keeps of those that were rotated away meanwhile */

struct log_file {
	int fd;
	bool after_gap;	  /* what came before it is missing */
	uint64_t missing; /* bytes of that; 0: nobody knows */
};

struct log_reader {
	int dir_fd; /* borrowed */
	struct log_file
		files[LOG_FILES_MAX]; /* oldest first; kept open, so that a rotation takes nothing away */
	unsigned n, at, max;
	int64_t offset;	     /* in files[at] */
	bool once;	     /* what has been read is let go */
	struct log_file gap; /* the last one that was come upon and not told yet */
	char *buffer;	     /* owned */
	size_t start, end;
};

/* Opens what there is now; no log at all is an empty one. 0, or -1 with errno. */
int log_reader_open(struct log_reader *r, int dir_fd);
void log_reader_close(struct log_reader *r);
/* Back to the first record of log_reader_open. */
void log_reader_rewind(struct log_reader *r);
/* No more of that: files are closed once they are read, and a reader who is far behind loses some. */
void log_reader_go_on(struct log_reader *r);
/* Opens what the writer has gone on with: for one who cannot read on at present. */
void log_reader_keep_up(struct log_reader *r);

/* The next record, valid until the next call. 1, or 0: none at present (call again when the folder has
 * changed). Torn records are passed over. */
int log_reader_next(struct log_reader *r, struct cri_record *ret_record);
/* Whether something is missing right before the record that came last; told once. *ret_missing: so many bytes
 * of the log, 0 where nobody knows. */
bool log_reader_gap(struct log_reader *r, uint64_t *ret_missing);
