/*
 * sealed.h - executables as sealed files in memory. What runs from one cannot be changed by anybody, neither
 * by a container that gets hold of /proc/PID/exe (CVE-2019-5736) nor by a package's upgrade.
 */
#pragma once

#include <stdbool.h>

struct error;

/* A sealed copy of exe_fd's whole content, or, if that is sealed already, one more descriptor of it. name is
 * what ps and /proc show. */
int sealed_copy(int exe_fd, const char *name, int *ret_fd, struct error *err);

/* Whether nothing can change this file any more. */
bool sealed_is(int fd);
