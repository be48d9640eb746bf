/* folder.h - what a container's folder says of it: how a daemon that starts comes to know a container. */
#pragma once

struct container;
struct daemon;
struct error;

/* The container of parent/id, in the registry. NULL: there is none, or one that cannot be understood. What is
 * damaged but not needed is told and left alone. */
struct container *folder_load(struct daemon *d, int parent, const char *id, struct error *err);
