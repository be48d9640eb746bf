/*
 * container_log.h - the one writer of a container's log: CRI records (cri.h) in container.log, rotated by
 * size to .1, .2 and so on. It never blocks on a reader and never stops the container: what a full disk does
 * not take is counted and told in one record once there is room again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_FILE "container.log"

struct container_log {
	int dir_fd; /* borrowed: the container's folder */
	int fd;	    /* -1: no log */
	int64_t size, max_size;
	int64_t spared;	    /* of the size: what was there when it could not be rotated */
	uint32_t max_files; /* container.log itself counts */
	int64_t last_ns;    /* times never go back within a file */
	uint64_t lost;	    /* bytes not yet told of */
	uint64_t lost_total;
};

/* Of the file, counted from the first one on: the next one's is the next number. 0: it has none, because
 * nothing has been rotated yet, or the file system does not keep them. */
int64_t container_log_number(int fd);

/* Opens for appending, after whatever earlier runs wrote; a record that a crash tore is ended first. 0, or -1
 * with errno. */
int container_log_open(struct container_log *log, int dir_fd, int64_t max_size, uint32_t max_files);
void container_log_close(struct container_log *log);
void container_log_write(struct container_log *log, bool is_stderr, const char *data, size_t size);

/* "container.log", "container.log.1", … Returns buf. */
const char *container_log_name(unsigned index, char buf[32]);
