/*
 * user.h - who a container's process is, from the container's own /etc/passwd and /etc/group: texts of an
 * image's author, so they are read strictly and bounded, by the child only. Digits are a number and nothing
 * else, and a name is never taken for one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct strings;

#define USER_FILE_MAX	(1024 * 1024)
#define USER_LINE_MAX	65536 /* longer lines are passed over */
#define USER_GROUPS_MAX 1024

struct user {
	uint32_t uid, gid;
	uint32_t gids[USER_GROUPS_MAX]; /* the primary group is among them */
	size_t n_gids;
	char home[1024]; /* "/" where nothing says otherwise */
};

/* "name|uid[:group|gid]" and additional groups (names or numbers), looked up in the texts of both files (""
 * where there is none). A user with no group named has those of the files. */
int user_resolve(const char *text, const struct strings *groups, const char *passwd, const char *group,
	struct user *ret_user, struct error *err);

/* The home of a number; "/" if no entry has it. */
void user_home(const char *passwd, uint32_t uid, char *home, size_t size);

/* The name of a number; false, and nothing, if no entry has it. */
bool user_name(const char *passwd, uint32_t uid, char *name, size_t size);
