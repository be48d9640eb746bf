/*
 * start.h - from "here is a bundle" to "the process runs", as one table of steps.
 *
 * The caller (a shim, or the runner of --bundle) stays outside and keeps its memory small: it opens, clones
 * and waits. The child, made by clone3 straight into its namespaces and its cgroup, parses config.json and
 * shim.json in memory that execve throws away, goes through the table, and executes the program. Whatever
 * fails comes back as one struct error over the sync socket; end of file on it after START_SYNC_READY means
 * that execve happened.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"
#include "runtime/namespaces.h"

/* What the caller provides; everything is borrowed. All descriptors are close-on-exec. */
struct start {
	const char *id;
	int config_fd; /* config.json, whole file from offset 0 (read by pread) */
	int shim_fd;   /* shim.json likewise; -1: none (a foreign bundle) */
	const char *
		rootfs; /* absolute path of the root, or of the overlay's lower layer, as the user wrote it */
	bool direct;	/* rootfs itself is the root; else an overlay over it */
	int layers_fd;	/* overlay: the folder that holds upper/ and work/ (made here if missing); else -1 */
	bool is_volatile; /* overlay option volatile: nothing of it needs to survive */
	int cgroup_fd;	  /* the container's cgroup, O_PATH or O_RDONLY; -1: stay in the caller's */
	bool delegated;	  /* it runs in inner_cgroup_fd, one below, which is its own (delegate.h) */
	int inner_cgroup_fd;
	int stdio[3];		/* become 0, 1, 2; blocking. Not looked at with a terminal */
	bool terminal;		/* made by the child; START_SYNC_CONSOLE brings the master */
	uint16_t rows, columns; /* its size; 0 and 0: what config.json says, else 24x80 */
	bool trace;		/* tell each step's time over the sync socket */
	uint32_t shared;	/* namespaces that are not its own (CLONE_NEW*): the caller's, or */
	uint32_t joined;	/* those of other containers, whose first processes these are: */
	int joined_pidfds[NAMESPACES_JOINED];
};

/* Messages on the sync socket (SOCK_SEQPACKET), child to parent. */
enum start_sync { START_SYNC_READY = 1, START_SYNC_ERROR, START_SYNC_TRACE, START_SYNC_CONSOLE };
struct start_message {
	uint32_t type;
	struct error error; /* START_SYNC_ERROR */
	char step[24];	    /* START_SYNC_TRACE */
	uint64_t ns;
};

/* Clones the first process. *ret_pidfd and *ret_sync (non-blocking end of the sync socket) are the caller's
 * to close; the child is the caller's to reap, also after a START_SYNC_ERROR. Only fast, local work is done
 * in the caller. */
int start_clone(const struct start *s, pid_t *ret_pid, int *ret_pidfd, int *ret_sync, struct error *err);

/* Reads one message. 1: *ret_message is it; 0: end of file; -1 with errno (EAGAIN: none yet). *ret_fd, the
 * caller's to close: the terminal's master with START_SYNC_CONSOLE, else -1. */
int start_sync_read(int sync, struct start_message *ret_message, int *ret_fd);

/* Takes an exclusive lock on the folder for as long as the descriptor is open: one writer of a root at a
 * time. */
int start_lock_rootfs(const char *rootfs, int *ret_fd, struct error *err);

/* Checks a foreign bundle's config.json: what is wrong in it, and what is not implemented, by name. No side
 * effects. */
int start_check_config(const char *config, size_t size, struct error *err);

/* `containerd-lite-shim --init -- PROGRAM …` inside a container (--init): pid 1 that passes signals on and
 * reaps. */
int init_main(int argc, char **argv);
