/* target.h - places inside the container's root, found and made without ever leaving it: every step of the
 * way is resolved below the root's descriptor, whatever symbolic links lie there and whoever exchanges them.
 */
#pragma once

#include <stdbool.h>

struct error;

/* The folder (or, with is_file, the file) at path, made with its parents where missing; an O_PATH descriptor.
 * strict: no symbolic link on the way, for what must be where it says. -1 with errno. */
int target_open(int root_fd, const char *path, bool is_file, bool strict);
