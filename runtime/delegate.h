/*
 * delegate.h - a container that makes cgroups of its own (--cgroup-rw), as systemd does. Its limits are in
 * its own cgroup, which becomes an inner one and is out of its reach: the branch that it sees and writes into
 * begins one level below, and what exec brings in lies beside that, wherever the container puts its own
 * processes.
 */
#pragma once

struct error;

/* Makes both in the container's cgroup, with all controllers that it can pass on. Removed with it. */
int delegate_make(int cgroup_fd, int *ret_inner_fd, int *ret_exec_fd, struct error *err);
