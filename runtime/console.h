/*
 * console.h - a terminal of the container's own: made from its devpts, so that nothing of the host's is in
 * it.
 */
#pragma once

#include <stdint.h>

struct child;
struct error;

/* dev_fd is the container's /dev, proc_fd a procfs that nothing can be mounted into. 0 rows and columns are
 * 24x80. master goes to whoever reads it, peer becomes the process's stdio; both are close-on-exec and block.
 */
int console_make(int dev_fd, int proc_fd, uint16_t rows, uint16_t columns, int *ret_master, int *ret_peer,
	struct error *err);
/* peer becomes the controlling terminal of this session's leader. */
int console_enter(int peer, struct error *err);
/* It becomes the user's. */
int console_give(int peer, uint32_t uid, struct error *err);
