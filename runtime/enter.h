/*
 * enter.h - one more program in a running container. A joiner is cloned into the container's cgroup; it reads
 * what to run, enters the namespaces of the container's first process, and gives up there whatever the
 * container does not have. Only then does it clone the program, as a child of its own caller: what becomes
 * visible inside has no privilege, no descriptor and no memory that is not the container's. The joiner itself
 * stays outside of the container's pid namespace, and ends when the program has been executed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/control.h"
#include "runtime/start.h"

/* What the caller is and passes on: looked up once, and cheaper so for each exec. */
struct enter_caller {
	int oom_score;	   /* below 0: must not be inherited */
	uint64_t bounding; /* set of capabilities */
};
/* It also gets a session keyring of its own, which all that it brings into the container inherit. Its
 * descriptors 0 to 2 are open. */
int enter_caller_init(struct enter_caller *ret_caller, const char *id, struct error *err);

/* What the caller provides; everything is borrowed. */
struct enter {
	/* id, config_fd, shim_fd (both until the recipe is there), cgroup_fd, stdio or terminal and its size;
	 * the rest is not looked at. */
	struct start start;
	int recipe_fd;	 /* recipe.h: a file in memory for joiners only, empty before the first */
	int first_pidfd; /* of the container's first process */
	int texts_fd;	 /* where these lie */
	struct control_text args, env, cwd, user;
	bool privileged;
	const struct enter_caller *caller;
};

enum enter_kind { ENTER_CONSOLE, ENTER_STARTED, ENTER_FAILED };
struct enter_message {
	enum enter_kind kind;
	pid_t pid;	    /* the program: the caller's child; ENTER_FAILED: 0 or to be reaped */
	int pidfd;	    /* its pidfd, the receiver's to close; -1 without pid */
	int master;	    /* ENTER_CONSOLE: the terminal, the receiver's to close; else -1 */
	struct error error; /* ENTER_FAILED; INVALID_STATE: the container has ended */
};

/* Clones the joiner. *ret_pidfd and *ret_sync (non-blocking) are the caller's to close, the joiner is its to
 * reap, at the latest at the socket's end of file, which is its end. */
int enter_clone(const struct enter *e, int *ret_pidfd, int *ret_sync, struct error *err);

/* 1: *ret_message is it, the last one but for ENTER_CONSOLE; 0: end of file; -1 with errno (EAGAIN: none
 * yet). */
int enter_sync_read(int sync, struct enter_message *ret_message);
