/*
 * visit.h - this process goes where a container's files are, as the container sees them: afterwards its root
 * is the container's, and no path leads to the host's files. It executes nothing and stays out of every other
 * namespace. Only for a process that ends afterwards; its descriptors are its own affair.
 */
#pragma once

struct error;
struct start;

/* Into the mount namespace of a container that runs; INVALID_STATE: it has just ended. */
int visit_running(int first_pidfd, struct error *err);

/* Into a mount namespace of its own, with the container's root and its bind mounts as a start makes them.
 * Nobody else may have the root mounted meanwhile. It ends with this process. */
int visit_stopped(const struct start *start, struct error *err);

/* Gives up all privileges but those that reading and writing anybody's files take. */
int visit_privileges(struct error *err);
