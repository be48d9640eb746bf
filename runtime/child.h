/* child.h - what the steps of a start share: the container's first process before it executes its program;
 * and those of an exec. All of it lives in memory that execve throws away; descriptors are close-on-exec. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"
#include "runtime/spec.h"

struct enter;
struct start;

/* Where the program, or --init, finds what it needs to report a failure. */
#define START_SYNC_FD 3
#define START_EXE_FD  4

struct child {
	const struct start *start; /* borrowed from the caller's side of the clone */
	const struct enter *enter; /* an exec's; NULL: this is the container's first process */
	enum error_kind failed_as; /* what a failure of a step is */
	struct spec spec;

	int sync;	  /* the socket to the caller */
	int exe_fd;	  /* --init: our own sealed executable */
	int rootfs_fd;	  /* the folder that the root is made of, on the host */
	int root_fd;	  /* the root's own mount */
	int proc_fd;	  /* a procfs that nothing can be mounted into from outside; -1 until proc_open */
	int null_fd;	  /* the container's /dev/null, verified */
	int dev_fd;	  /* the container's /dev */
	bool foreign_dev; /* which is a folder of the host's */
	int peer_fd;	  /* with a terminal, its side that becomes stdio */
	int *bind_fds; /* spec.n_mounts: the clone of each bind mount's source, or of the host's cgroup2; else
			  -1 */
	int *late_ro_fds; /* spec.n_mounts: tmpfs mounts that become read-only at the end, else -1 */

	struct host_node *host_nodes; /* what spec.host_devices are now */
	size_t n_host_nodes;

	uid_t uid;
	gid_t gid;
	gid_t gids[SPEC_GROUPS_MAX + 1];
	size_t n_gids;
	char home[4096]; /* empty: not looked for */
	bool late_cwd;	 /* only the user itself may enter the working directory */
};

/* The steps: each 0, or -1 with the reason. steps.c has the table that says in which order. */
int step_spec(struct child *c, struct error *err);
int step_session(struct child *c, struct error *err);
int step_root_source(struct child *c, struct error *err);
int step_mount_sources(struct child *c, struct error *err);
int step_host_devices(struct child *c, struct error *err);
int step_propagation(struct child *c, struct error *err);
int step_rootfs(struct child *c, struct error *err);
int step_mounts(struct child *c, struct error *err);
int step_devices(struct child *c, struct error *err);
int step_pivot(struct child *c, struct error *err);
int step_console(struct child *c, struct error *err);
int step_hostname(struct child *c, struct error *err);
int step_loopback(struct child *c, struct error *err);
int step_oom_score(struct child *c, struct error *err);
int step_paths(struct child *c, struct error *err);
int step_readonly(struct child *c, struct error *err);
int step_user(struct child *c, struct error *err);
int step_cwd(struct child *c, struct error *err);
int step_delegate(struct child *c, struct error *err);
int step_device_filter(struct child *c, struct error *err);
int step_rlimits(struct child *c, struct error *err);
int step_descriptors(struct child *c, struct error *err);
int step_no_new_privs(struct child *c, struct error *err);
int step_privileges(struct child *c, struct error *err);
int step_cwd_check(struct child *c, struct error *err);
int step_ready(struct child *c, struct error *err);
int step_namespaces(struct child *c, struct error *err);
int step_executable(struct child *c, struct error *err);
int step_exec(struct child *c, struct error *err);

/* What is done between the clone and the program, in its order. The names are what errors, --trace and
 * docs/design.md call the steps. */
struct step {
	const char *name;
	int (*run)(struct child *c, struct error *err);
};
/* Goes through a table and never returns; a step that fails is told over the sync socket. */
_Noreturn void steps_run(struct child *c, const struct step *table, size_t n);
/* With the table of a start. */
_Noreturn void steps_start(struct child *c);

/* A session keyring of the container's own. */
int session_keyring(const char *id, struct error *err);
/* c->start->stdio, or the terminal, become 0, 1 and 2. */
int stdio_place(const struct child *c, struct error *err);
/* All zero, and no descriptor; never freed, since execve does that. */
struct child *child_new(const struct start *s, int sync);
/* spec.env, and HOME where c->home says so; NULL at the end. */
char **child_environment(const struct child *c);
