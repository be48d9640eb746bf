/* proc.h - a procfs of the container's own pid namespace, reached by descriptor only: what is mounted over
 * /proc, or what a neighbour who shares the root does there, cannot redirect what is written here. */
#pragma once

struct child;
struct error;

/* Makes c->proc_fd if there is none yet. */
int proc_open(struct child *c, struct error *err);

/* Writes text to a file of it ("sys/kernel/msgmax"); -1 with errno. */
int proc_write(struct child *c, const char *file, const char *text);
