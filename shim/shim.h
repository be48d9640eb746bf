/* shim.h - the entry points of containerd-lite-shim's three lives; each returns an exit code and is called by
 * main only. */
#pragma once

/* The spawner: forks a shim or a worker for each message on the daemon's socket, until its end of file. */
int spawner_main(int daemon_sock);

/* A shim's name in /proc/PID/comm, by which the holder knows it. */
#define SHIM_COMM "ctl-shim"
/* A forked shim or worker, with nothing open but its control socket (and, for a shim, the sealed executable).
 */
int shim_main(int control_sock);
int worker_main(int control_sock);

/* containerd-lite-shim --bundle DIR …: runs one bundle on its caller's stdio, with no daemon. */
int bundle_main(int argc, char **argv);

/* containerd-lite-shim --hold: sleeps in the cgroup of the containers' systemd unit. */
int hold_main(void);
