/* devices.h - the container's /dev: its nodes and links, made through one descriptor, so that no link in the
 * root can lead any of it elsewhere. */
#pragma once

struct child;
struct error;

/* In the folder dev_fd (takes it). */
int devices_make(struct child *c, int dev_fd, struct error *err);
/* Only finds what the rest of the start needs there: /dev is a folder of the user's. */
int devices_find(struct child *c, int dev_fd, struct error *err);
