/* tree.h - removing whole folders whatever a container has put into them. Blocks; for shims at their end and
 * workers. */
#pragma once

struct error;

/* Removes parent/name with everything below it. Links are not followed, other file systems not entered, depth
 * is no limit. Missing is success. On an error it goes on with what it can, and tells the first. */
int tree_remove(int parent_fd, const char *name, struct error *err);
