/*
 * limits.h - limits out of an OCI config.json, and into a cgroup's files. What the files mean and what may be
 * in them is common/resources.h's.
 */
#pragma once

#include <stdint.h>

struct error;
struct field;
struct limits;

/* OCI's linux.resources, checked: its fields are those of cgroup v1, and become v2's as in other runtimes;
 * `unified` counts more than all of them. Adds to limits. */
int limits_read(const struct field *object, struct limits *limits, struct error *err);

/* Into a cgroup that is new: what was asked for must succeed, a default is left out where it cannot be. */
int limits_apply(int cgroup_fd, const struct limits *limits, struct error *err);

/* What limits_update has changed, back; what cannot be stays. */
void limits_restore(int cgroup_fd, const struct limits *diff);

/* Into one that is in use: the changes of limits_diff, all or none of them. A memory limit below what is used
 * is refused where the rest cannot be reclaimed: nothing is killed by it. May block for a while. */
int limits_update(int cgroup_fd, const struct limits *diff, struct error *err);
