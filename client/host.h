/* host.h - what this machine's own files say: small questions, each answered at once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

/* Our effective capabilities, as a mask of 1 << CAP_…. */
uint64_t host_capabilities(void);
/* Where cgroup2 is mounted; -1: nowhere. */
int host_cgroup(char *path, size_t size);
/* A file with one number; -1 if it is not there, or no number. */
int host_number(const char *path, uint64_t *ret_value);
/* Whether one of a file's words is this one; false without the file. */
bool host_has_word(const char *path, const char *word);
/* Whether a file as /etc/group has an entry of this name. (Not by getgrnam(3): we are static.) */
bool host_has_entry(const char *path, const char *name);
bool host_in_list(struct json_object *array, const char *word);
