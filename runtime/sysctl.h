/* sysctl.h - kernel settings of the container's own namespaces, through a private procfs. */
#pragma once

#include <stdint.h>

struct child;
struct error;

/* NULL if this setting belongs to a namespace of the container's and both texts are harmless; else what is
 * wrong, to be put after the name. */
const char *sysctl_check(const char *key, const char *value);
/* Which of them (CLONE_NEW*) one that has been checked belongs to. */
uint32_t sysctl_namespace(const char *key);

int step_sysctls(struct child *c, struct error *err);
