/*
 * control.h - what the daemon, the spawner, the shims and the workers say to each other: one struct and its
 * descriptors a message, over SOCK_SEQPACKET socket pairs (and, after the daemon was started anew, over the
 * shim's own listening socket RUN/shims/<id>). Spawner, workers and new shims are of their daemon's build; a
 * shim that outlived an upgrade is not. So fields and types are only ever added, fields at the end of their
 * struct: what a shorter message lacks is zero, what a longer one has more is not looked at, and a type that
 * a build does not know it passes over (control_recv, EPROTO; STATUS tells which a shim knows).
 *
 * The spawner takes one byte (SPAWN_SHIM, SPAWN_WORKER) and one descriptor, the new process's control socket,
 * and looks at nothing else. The first message on that socket, which the daemon may send at once, says what
 * to do:
 *
 *   daemon → shim    START, later KILL, STOP, ATTACH, RESIZE, EXIT_TAKEN, HELLO (first on a connection to
 *                    RUN/shims/<id>)
 *   shim → daemon    STARTED or FAILED; OOM; EXITED; STATUS (answers HELLO); ATTACHED or FAILED, on a
 *                    socket that came with ATTACH
 *   daemon → shim    EXEC, EXEC_KILL, EXEC_TAKEN
 *   shim → daemon    EXEC_STATUS (a session runs; has ended; each that there is, behind STATUS); EXEC_FAILED
 *   daemon → worker  WORK; WORK_END: a copy is to end at once
 *   worker → daemon  WORK_DONE or FAILED; then it exits. End of file without either: it died.
 *
 * A shim that has said EXITED or FAILED closes its socket once nothing of the run is left (mounts, cgroup,
 * its own listening socket, a transient container's folder): until then the container can be neither started
 * again nor removed. End of file without EXITED or FAILED before it is the shim's death: then the daemon
 * buries it (WORK_BURY).
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/detach.h"
#include "common/error.h"
#include "common/exit.h"
#include "common/limits.h"

#define ID_TEXT_SIZE	    33 /* 32 hex digits and NUL */
#define CONTROL_VERSION	    1
#define CONTROL_MESSAGE_MAX 16384
#define CONTROL_STEPS	    40 /* of a start: more than there are */

#define EVENT_MAX (64 * 1024) /* a path in it takes up to six times its length in JSON */

#define SPAWN_SHIM   's'
#define SPAWN_WORKER 'w'

enum control_type {
	CONTROL_START = 1,
	CONTROL_STARTED,
	CONTROL_FAILED,
	CONTROL_EXITED,
	CONTROL_EXIT_TAKEN,
	CONTROL_KILL,
	CONTROL_STOP,
	CONTROL_HELLO,
	CONTROL_STATUS,
	CONTROL_WORK,
	CONTROL_WORK_DONE,
	CONTROL_ATTACH,
	CONTROL_ATTACHED,
	CONTROL_RESIZE,
	CONTROL_EXEC,
	CONTROL_EXEC_STATUS,
	CONTROL_EXEC_FAILED,
	CONTROL_EXEC_TAKEN,
	CONTROL_EXEC_KILL,
	CONTROL_OOM,
	CONTROL_WORK_END,
	CONTROL_TYPES,
};
#define CONTROL_FIRST_TYPES (CONTROL_WORK_DONE + 1) /* those below it every shim knows */

struct control_head {
	uint16_t version; /* CONTROL_VERSION */
	uint16_t type;
	uint32_t size; /* of the whole struct */
};

/* Where each text lies in the memfd that comes with START or WORK; size 0: not there. */
struct control_text {
	uint32_t offset, size;
};

enum flow { FLOW_BLOCK, FLOW_DROP };

enum start_flags {
	START_NEW = 1 << 0,	   /* the container's folder does not exist yet: make it from the texts */
	START_TRANSIENT = 1 << 1,  /* --rm: in transient/, nothing is fsynced, the folder goes with the run */
	START_STDIN = 1 << 2,	   /* a pipe for stdin; else /dev/null */
	START_DIRECT = 1 << 3,	   /* rootfs itself is the root, no overlay; with START_LOCK one at a time */
	START_LOCK = 1 << 4,	   /* flock(2) the rootfs exclusively */
	START_CONSOLE = 1 << 5,	   /* a client comes along: CONSOLE_* below */
	START_LOG = 1 << 6,	   /* write container.log */
	START_STDIN_ONCE = 1 << 7, /* the console's end of stdin is the container's end of stdin (run -i);
				      else stdin stays open for the next client */
	START_TERMINAL = 1 << 8,   /* a terminal instead of pipes */
	START_TRACE = 1 << 9,	   /* STARTED tells how long each step took */
	START_CGROUP_RW = 1 << 10, /* the container makes cgroups of its own */
};

enum console_flags {
	CONSOLE_STDIN = 1 << 0, /* the session sends stdin */
	CONSOLE_STDOUT = 1 << 1,
	CONSOLE_STDERR = 1 << 2,
	CONSOLE_RAW = 1 << 3,  /* plain bytes both ways, no frames */
	CONSOLE_SIZE = 1 << 4, /* rows and columns are told */
};

/* What a client wants of the console that it attaches to. */
struct control_console {
	uint32_t flags;	 /* enum console_flags */
	uint32_t flow;	 /* enum flow */
	uint32_t replay; /* so much of the past at most, in bytes */
	uint16_t rows, columns;
	uint32_t n_detach_keys;
	uint8_t detach_keys[DETACH_KEYS_MAX];
};

/*
 * Descriptors, in this order: memfd with the texts; the folder that holds the container's folder (containers/
 * or transient/); RUN/shims; the parent cgroup's folder; with START_CONSOLE the client's connection; for each
 * namespace that is another container's (joined) the pidfd of that one's first process, pid, ipc, network.
 */
struct control_start {
	struct control_head head;
	char id[ID_TEXT_SIZE];
	uint64_t run;
	uint32_t flags;
	int64_t log_max_size;
	uint32_t log_max_files;
	struct control_text config, shim, state; /* with START_NEW: config.json, shim.json, state.json */
	struct control_text reply;	       /* with START_CONSOLE: sent as it is on success, then frames */
	struct control_text early;	       /* bytes of the client's that the daemon had read already */
	char rootfs[PATH_MAX];		       /* absolute, as the user wrote it */
	struct control_console console;	       /* with START_CONSOLE */
	struct control_text limits;	       /* limits_format's text */
	char cgroup_parent[CGROUP_PARENT_MAX]; /* as in cgroup_tree.h; empty: the parent cgroup itself */
	int64_t timeout_ms;		       /* from the program's start to its end by force; 0: none */
	int32_t stop_sig; /* for a TERM to the shim itself: how its container is stopped */
	uint32_t shared;  /* the namespaces (CLONE_NEW*) that are not its own */
	int64_t stop_timeout_ms;
	uint32_t joined; /* those of them that are other containers', not the host's */
	uint32_t unused;
};

/* A host that goes down does not wait for ever, not even for a container that is to be waited for. */
#define STOP_FOR_EVER_MS 90000

/* With the first process's pidfd as descriptor. */
struct control_started {
	struct control_head head;
	int32_t pid; /* in the daemon's pid namespace */
	int64_t started_ns;
	uint32_t n_steps, unused; /* with START_TRACE; only so many are sent */
	struct control_step {
		char name[24];
		uint64_t ns;
	} steps[CONTROL_STEPS];
};

/* A start that failed, or a worker's failure. kept: the container's folder is there, with an exit record that
 * says so (reason "start failed"); else no trace of it is, or, without START_NEW, nothing has changed. */
struct control_failed {
	struct control_head head;
	struct error error;
	uint32_t kept;
	uint32_t n_steps; /* with START_TRACE, as in STARTED, the last one is that which failed */
	struct control_step steps[CONTROL_STEPS];
};

struct control_exited {
	struct control_head head;
	struct exit_status exit;
};

/* Some were killed for want of memory; each time that there are more. */
struct control_oom {
	struct control_head head;
	struct oom oom;
};

struct control_kill {
	struct control_head head;
	int32_t sig;
	uint32_t all; /* every process of the container's cgroup (only SIGKILL), not only the first */
};

/* The shim keeps the timer; a second STOP replaces the first's timeout if it is shorter. */
struct control_stop {
	struct control_head head;
	int32_t sig;
	int64_t timeout_ms; /* -1: for ever; 0: kill at once */
};

/*
 * One more client for the console. Descriptors, in this order: memfd with the texts; the client's connection;
 * a socket for the answer, ATTACHED (only a head) or FAILED.
 */
struct control_attach {
	struct control_head head;
	struct control_text reply, early; /* as in START */
	struct control_console console;
	uint64_t session; /* of that session's console; 0: of the container's */
};

struct control_resize {
	struct control_head head;
	uint16_t rows, columns;
	uint32_t unused;
	uint64_t session; /* as with ATTACH */
};

enum shim_state { SHIM_STARTING, SHIM_RUNNING, SHIM_STOPPING, SHIM_EXITED };

/* With the first process's pidfd where there is one. */
struct control_status {
	struct control_head head;
	char id[ID_TEXT_SIZE];
	uint64_t run;
	uint32_t state; /* enum shim_state */
	uint32_t flags; /* enum start_flags, as started */
	int32_t pid;
	int64_t started_ns;
	struct exit_status exit; /* with SHIM_EXITED */
	uint32_t types;	 /* CONTROL_TYPES of the shim's build: it knows those below; 0: the first ones */
	uint32_t frozen; /* paused: all of its cgroup stands still */
};

/* Further programs in a running container, each a session of the shim's. */
#define EXEC_SESSIONS_MAX \
	64 /* that run at the same time; and as many of those that have ended are remembered */
#define EXEC_COMMAND_SIZE 128 /* of the command line, for people */

enum exec_flags {
	EXEC_CONSOLE = 1 << 0,	  /* a client comes along: CONSOLE_* */
	EXEC_STDIN = 1 << 1,	  /* a pipe for stdin; else /dev/null */
	EXEC_PRIVILEGED = 1 << 2, /* all capabilities that the shim has */
	EXEC_HANGUP = 1 << 3,	  /* a client that vanishes takes the program with it */
	EXEC_TERMINAL = 1 << 4,
};

/*
 * Descriptors: memfd with the texts; with EXEC_CONSOLE the client's connection. args and env are strings,
 * each with its NUL, one after the other; cwd and user (size 0: the container's) are one such string.
 */
struct control_exec {
	struct control_head head;
	uint64_t session; /* chosen by the daemon, not 0 */
	uint32_t flags;	  /* enum exec_flags */
	uint32_t unused;
	struct control_text args, env, cwd, user;
	struct control_text reply, early; /* as with START */
	char command[EXEC_COMMAND_SIZE];
	struct control_console console; /* with EXEC_CONSOLE */
};

enum exec_state { EXEC_STARTING, EXEC_RUNNING, EXEC_EXITED, EXEC_STATES };

struct control_exec_status {
	struct control_head head;
	uint64_t session;
	uint32_t state; /* enum exec_state */
	uint32_t flags; /* enum exec_flags */
	int32_t pid;
	/* EXEC_EXITED: what exit_status has; told: a daemon has acknowledged it (EXEC_TAKEN). */
	int32_t code, sig;
	uint32_t core_dumped, told, unused;
	int64_t started_ns, finished_ns;
	char command[EXEC_COMMAND_SIZE];
};

/* It never ran. kind INVALID_STATE: the container has ended meanwhile. */
struct control_exec_failed {
	struct control_head head;
	uint64_t session;
	struct error error;
};

/* Its end has been heard: it need not be told again. */
struct control_exec_taken {
	struct control_head head;
	uint64_t session;
};

struct control_exec_kill {
	struct control_head head;
	uint64_t session;
	int32_t sig;
	uint32_t unused;
};

enum work_op {
	WORK_CREATE, /* texts config, shim, state → containers/<id>/, durable; the rootfs (path) must be a
			folder */
	WORK_SAVE_STATE, /* text state → containers/<id>/state.json, durable */
	WORK_REMOVE, /* containers/<id> → trash, durable; DONE as soon as that is sure, then the tree goes */
	WORK_BURY,  /* what a dead shim left: cgroup killed and removed, socket removed; persistent: exit.json
		       from  text exit, durable; transient: the folder goes */
	WORK_SWEEP, /* at start: everything below trash/, transient/ (but for ids whose socket answers) and
		       half-made folders of containers/; cgroups without a container */
	WORK_READ_BUNDLE, /* path: a bundle's folder. DONE with a memfd: its config.json, checked */
	WORK_LOGS,	  /* descriptor: the client's connection, blocking; replies with batches of records */
	WORK_UPDATE,	  /* limits: into the cgroup of a container that runs, all of them or none; then text
			     config → <id>/config.json, durable */
	WORK_PAUSE,	  /* freezes the cgroup and waits until all of it stands still; or lets it go on */
	WORK_EVENTS_FILE, /* lives on: appends each further message's text, EVENT_MAX bytes at most, to the
			     events file. It ends with its daemon */
	WORK_STATS, /* text config: {"containers":[{id,pid}…], "previous":[Stat…], "overhead":bool}. DONE with
		       a memfd: [Stat…], without names and states, of those that are there */
	WORK_TOP,	  /* text config: {"pid":first process}. DONE with a memfd: [Process…] */
	WORK_DIFF_LIMITS, /* text config: {"pid":first process, "limits":as Inspect}. DONE with a memfd:
			     [LimitDiff…] */
	WORK_COPY, /* text config: {"out":bool, "path", "follow", "archive", "source", "newline", "direct",
		      "lock"}; running; path: the rootfs. It replies to the client itself and serves it; DONE
		      when nothing of that is left, FAILED if it has not replied */
	WORK_OPS,
};

enum log_flags {
	LOGS_FOLLOW = 1 << 0,
	LOGS_MORE = 1 << 1, /* one reply a batch; else all in one */
	LOGS_STDOUT = 1 << 2,
	LOGS_STDERR = 1 << 3,
	LOGS_NEWLINE = 1 << 4, /* the connection is in newline mode */
	LOGS_RUNNING = 1 << 5,
};

/*
 * Descriptors, in this order: memfd with the texts (an empty one where there is none); the state folder
 * (STATE); the run folder's shims/; the parent cgroup's folder; WORK_LOGS, WORK_COPY: the client's
 * connection; WORK_COPY of one that runs: its first process's pidfd.
 */
struct control_work {
	struct control_head head;
	uint32_t op; /* enum work_op */
	char id[ID_TEXT_SIZE];
	uint32_t transient; /* the container's folder is below transient/, else below containers/ */
	struct control_text config, shim, state, exit;
	uint32_t log_flags;
	int64_t log_tail;		    /* -1: all */
	int64_t log_since_ns, log_until_ns; /* realtime; 0: none */
	char path[PATH_MAX];
	struct control_text limits; /* WORK_UPDATE: what changes, by limits_format */
	uint32_t running;	    /* WORK_UPDATE: it has a cgroup; WORK_COPY: it runs */
	uint32_t frozen;	    /* WORK_PAUSE: freeze it, else let it go on */
	struct control_text early;  /* WORK_COPY: bytes of the client's that the daemon had read already */
};

/* A file in the state folder, locked (flock(2), shared) by each worker that changes something there; a daemon
 * waits for it, exclusively, before it looks what there is. */
#define WORK_LOCK "work.lock"

/* WORK_READ_BUNDLE, WORK_STATS, WORK_TOP, WORK_DIFF_LIMITS: a memfd comes along. */
struct control_work_done {
	struct control_head head;
	uint32_t text_size;
};

/* Sends the struct whose head is first in it; size and version are filled in. 0, or -1 with errno. */
int control_send(int sock, void *message, enum control_type type, uint32_t size, const int *fds, unsigned n);

/* One message into buf, at least CONTROL_MESSAGE_MAX large and aligned for any type, checked: version, known
 * type, no shorter than the type's first layout; fields that it lacks are set to zero. Returns the type, 0 at
 * end of file, -1 with errno (EPROTO: not one of ours; the sender is no less alive for that). Descriptors as
 * fd_recv gives them. */
int control_recv(int sock, void *buf, int *fds, unsigned *ret_n);
