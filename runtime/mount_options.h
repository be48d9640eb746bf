/* mount_options.h - one entry of config.json's mounts: its kind, and the options of mount(8) as what the
 * mount system calls take. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct field;
struct strings;

enum mount_kind {
	MOUNT_BIND,
	MOUNT_PROC,
	MOUNT_SYSFS,
	MOUNT_TMPFS,
	MOUNT_DEVPTS,
	MOUNT_MQUEUE,
	MOUNT_CGROUP,
	MOUNT_KINDS,
};

struct mount_data {
	char *key;	   /* owned; value points behind its '=' */
	const char *value; /* NULL: a flag */
};

struct mount {
	enum mount_kind kind;
	const char *destination;     /* as the user wrote it */
	const char *source;	     /* as the user wrote it; of a file system only a label, NULL: none */
	char *target;		     /* destination without doubled and trailing slashes; owned */
	bool recursive;		     /* bind: with what is mounted below */
	uint64_t attr_set, attr_clr; /* MOUNT_ATTR_* */
	uint64_t propagation;	     /* MS_PRIVATE, MS_SLAVE, MS_SHARED or MS_UNBINDABLE */
	struct mount_data *data;     /* the file system's own options; owned */
	size_t n_data;
};

/* "proc", "bind", …; -1: none of ours. */
int mount_kind_parse(const char *type, enum mount_kind *ret_kind);
/* The file system's name for fsopen(2); NULL for a bind mount. */
const char *mount_kind_filesystem(enum mount_kind kind);

/* Sets attributes, propagation and data; kind is set already. options: a list of strings, f its name. */
int mount_options_read(
	struct mount *m, const struct strings *options, const struct field *f, struct error *err);

/* A path in its plainest form: no doubled, no trailing slash, no "." component; caller frees. */
char *path_simplify(const char *path);

void mount_done(struct mount *m);
