/*
 * cri.h - the log's record: "<RFC 3339, UTC, nine digits> <stdout|stderr> <P|F> <bytes>\n". F where the
 * container wrote a newline, P where the line goes on in the stream's next record. At most CRI_BYTES_MAX
 * bytes a record, so that any log shipper takes them. Pure text.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRI_BYTES_MAX  16384
#define CRI_PREFIX_MAX 64
#define CRI_RECORD_MAX (CRI_PREFIX_MAX + CRI_BYTES_MAX + 1)

struct cri_record {
	int64_t time_ns;
	bool is_stderr, partial;
	const char *bytes; /* into the text that was parsed */
	size_t size;
};

/* Where data's next record ends: *ret_bytes of it are the record's, and *ret_full says that a newline, which
 * is not among them, comes next and belongs to it. size > 0. */
void cri_split(const char *data, size_t size, size_t *ret_bytes, bool *ret_full);

/* What stands before a record's bytes; returns its length. The record ends with a newline. */
size_t cri_prefix(const char *time, bool is_stderr, bool full, char out[CRI_PREFIX_MAX]);

/* One record without its newline. 0, or -1: not one (a torn write's tail, say). */
int cri_parse(const char *line, size_t size, struct cri_record *ret_record);
