/*
 * resources.h - the table of what can limit a container: the interface's field, the file of cgroup v2 that it
 * is, and what may be in it. Everything that speaks of limits goes through it: ctl's options, the daemon's
 * checks of a call, OCI's linux.resources, and the order of the writes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct json_object;
struct limits;

/* Below it no start gets as far as its program. */
#define MEMORY_LEAST (INT64_C(1024) * 1024)

#define PIDS_DEFAULT 2048

/* What a field of Resources looks like. */
enum resource_kind {
	RESOURCE_BYTES,	   /* int; -1 is "max" */
	RESOURCE_NUMBER,   /* int; -1 is "max" where the file has that */
	RESOURCE_FLAG,	   /* bool */
	RESOURCE_SET,	   /* string: a list of numbers and ranges, "0-3,7" */
	RESOURCE_QUOTA,	   /* int: the first half of cpu.max */
	RESOURCE_PERIOD,   /* int: the second one */
	RESOURCE_WEIGHT,   /* int: of all devices that have none of their own */
	RESOURCE_RATES,	   /* [string]string: a device's "rbps=… wbps=… riops=… wiops=…" */
	RESOURCE_WEIGHTS,  /* [string]int: a device's weight */
	RESOURCE_PAGES,	   /* [string]int: bytes in huge pages of a size */
	RESOURCE_VERBATIM, /* [string]string: any file of the cgroup */
	RESOURCE_KINDS,
};

struct resource {
	const char *field; /* of Resources */
	const char *file;
	enum resource_kind kind;
	int64_t least, most;
	bool has_max;	   /* "max" (-1) is a value, too */
	const char *reset; /* the kernel's default; of a file of many lines, what follows a device */
};

extern const struct resource resources[]; /* field NULL at the end; in the order of the writes */
const struct resource *resource_find(const char *field);
/* Of several rows the first; NULL: the table has no such file. */
const struct resource *resource_of_file(const char *file);

/* One line for a file, checked and as the kernel will show it: sizes in bytes, rates in order. ret_line has
 * LIMIT_VALUE_MAX bytes. The error's sentence is about the value alone. Files that the table does not know
 * are left to the kernel, but for those that are the engine's own. */
int resource_check(const char *file, const char *value, char *ret_line, struct error *err);

/* The place of a file's write among the others. */
size_t resource_order(const char *file);
/* Is it a file of several lines, each of which begins with what it is about (a device)? */
bool resource_of_lines(const char *file, const char *line);
/* The kernel's default for such a line; -1: it is not known. */
int resource_reset(const char *file, const char *line, char *ret_line);

/* The interface's Resources into limits. path is what the user calls the object ("config.resources"), for
 * errors. */
int resources_read(struct json_object *obj, const char *path, struct limits *limits, struct error *err);

/* And back: those that were asked for. Caller puts. */
struct json_object *resources_show(const struct limits *limits);

/* "8:0", or the path of a block device below /dev, to "MAJ:MIN"; touches nothing but /dev and /sys. */
int device_number(const char *name, char ret_number[24], struct error *err);

/* The numbers of a list like "0-3,7", each checked to be one of allowed (likewise a list, the machine's own),
 * in time and memory that depend on allowed only. what: "CPU". */
int number_set_check(const char *list, const char *allowed, const char *what, struct error *err);

/* Docker's and OCI's older scales onto cgroup v2's 1 to 10000. */
uint64_t weight_from_shares(uint64_t shares);	   /* 2 to 262144 */
uint64_t weight_from_blkio(uint64_t blkio_weight); /* 10 to 1000 */
