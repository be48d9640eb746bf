/* capabilities.h - the five sets of a process. What is wanted is cut to what this machine grants us. */
#pragma once

#include <stdint.h>

struct error;

/* Our bounding set. */
int capabilities_held(uint64_t *ret_bounding, struct error *err);
/* granted: wanted cut to what we have and may give away; ambient also to inheritable and permitted, as the
 * kernel demands. Both arrays are indexed by enum capability_set. */
int capabilities_grant(const uint64_t *wanted, uint64_t bounding, uint64_t *ret_granted, struct error *err);
/* The same, pure: what we have is given. */
void capabilities_cut(const uint64_t *wanted, uint64_t permitted, uint64_t bounding, uint64_t *ret_granted);

/* Drops what is in mask from the bounding set. */
int capabilities_drop(uint64_t mask, struct error *err);
/* Effective, permitted, inheritable and ambient. */
int capabilities_set(const uint64_t *granted, struct error *err);
