/* limits.c - limits into a cgroup's files, in an order that works, and back where one of them fails. */
#include "runtime/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/parse.h"
#include "runtime/cgroup.h"

/* The kernel's errnos say little about what is wrong with a limit. */
static const struct {
	const char *file; /* NULL: any */
	int errnum;
	const char *hint;
} hints[] = {
	{ "io.max", ENODEV, "limits are for whole disks, by MAJOR:MINOR as in lsblk" },
	{ "io.weight", EOPNOTSUPP, "no scheduler of this device knows weights: try bfq, or io.cost.qos" },
	{ "memory.swap.max", ENOENT, "the kernel does not count swap: boot with swapaccount=1" },
	{ "io.weight", ENOENT, "the kernel has no weights for devices (CONFIG_BLK_CGROUP_IOCOST)" },
	{ NULL, ENOENT, "the kernel has no such file: see Documentation/admin-guide/cgroup-v2.rst" },
	{ NULL, EACCES, "it can only be read" },
};

static int write_failed(const struct limit *l, int errnum, struct error *err)
{
	error_errnum(err, errnum, "write '%s' into the cgroup's %s", l->value, l->file);
	for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
		if (hints[i].errnum == errnum &&
			(hints[i].file == NULL || strcmp(hints[i].file, l->file) == 0))
			return error_hint(err, "%s", hints[i].hint);
	return -1;
}

/* A whole line; -1 with errno. */
static int write_line(int cgroup_fd, const char *file, const char *line)
{
	_cleanup_fd_ int fd = openat(cgroup_fd, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	/* An empty write would not reach the file at all. */
	const char *text = line[0] != '\0' ? line : "\n";
	return fd < 0 || write(fd, text, strlen(text)) < 0 ? -1 : 0;
}

/* What is idle has no weight: the kernel would refuse it. It counts again when it is idle no more. */
static bool is_void(int cgroup_fd, const struct limit *l)
{
	return strcmp(l->file, "cpu.weight") == 0 && cgroup_read_number(cgroup_fd, "cpu.idle") == 1;
}

int limits_apply(int cgroup_fd, const struct limits *limits, struct error *err)
{
	for (size_t i = 0; i < limits->n; i++) {
		const struct limit *l = &limits->v[i];
		if (is_void(cgroup_fd, l) || write_line(cgroup_fd, l->file, l->value) == 0 || !l->asked)
			continue;
		return write_failed(l, errno, err);
	}
	return 0;
}

/* ---- of a cgroup in use ---- */

/* UINT64_MAX: "max". */
static uint64_t amount(const char *line)
{
	uint64_t value = UINT64_MAX;
	parse_u64(line, INT64_MAX, &value);
	return value;
}

static int cannot_lower(uint64_t wanted, int64_t used, struct error *err)
{
	error_set(err, ERROR_FAILED,
		"memory.max of %ju bytes is less than the %jd bytes in use that cannot be reclaimed",
		(uintmax_t) wanted, (intmax_t) used);
	err->errnum = EBUSY;
	return error_hint(err, "stop something in the container first; nothing was changed");
}

/* memory.max kills when it cannot reclaim. memory.high never does: so it goes ahead, and what it cannot get
 * below the new limit is the answer. It stays until memory.max is there, so that nothing grows in between. */
static int lower_memory(int cgroup_fd, const struct limit *l, struct error *err)
{
	char high[32] = "max";
	uint64_t wanted = amount(l->value);
	int64_t used = cgroup_read_number(cgroup_fd, "memory.current");
	if (used < 0 || (uint64_t) used <= wanted)
		return write_line(cgroup_fd, l->file, l->value) < 0 ? write_failed(l, errno, err) : 0;
	int64_t present = cgroup_read_number(cgroup_fd, "memory.high");
	if (present >= 0)
		snprintf(high, sizeof high, "%jd", (intmax_t) present);
	if (write_line(cgroup_fd, "memory.high", l->value) < 0)
		return write_failed(l, errno, err);
	used = cgroup_read_number(cgroup_fd, "memory.current");
	int result = 0;
	if (used > 0 && (uint64_t) used > wanted)
		result = cannot_lower(wanted, used, err);
	else if (write_line(cgroup_fd, l->file, l->value) < 0)
		result = write_failed(l, errno, err);
	write_line(cgroup_fd, "memory.high", high);
	return result;
}

static bool lowers_memory(const struct limit *l)
{
	return strcmp(l->file, "memory.max") == 0 && l->before != NULL &&
	       amount(l->value) < amount(l->before);
}

static int change(int cgroup_fd, const struct limit *l, struct error *err)
{
	if (is_void(cgroup_fd, l))
		return 0;
	if (lowers_memory(l))
		return lower_memory(cgroup_fd, l, err);
	return write_line(cgroup_fd, l->file, l->value) < 0 && l->asked ? write_failed(l, errno, err) : 0;
}

static void take_back(int cgroup_fd, const struct limit *l)
{
	if (l->before != NULL)
		write_line(cgroup_fd, l->file, l->before);
}

void limits_restore(int cgroup_fd, const struct limits *diff)
{
	for (size_t i = diff->n; i > 0; i--)
		take_back(cgroup_fd, &diff->v[i - 1]);
}

int limits_update(int cgroup_fd, const struct limits *diff, struct error *err)
{
	const struct limit *lowered = NULL;
	size_t done = 0;
	int result = 0;
	for (; done < diff->n && result == 0; done++) {
		const struct limit *l = &diff->v[done];
		/* Raised, memory comes before swap (that is the table's order); lowered, after it. */
		if (lowers_memory(l))
			lowered = l;
		else
			result = change(cgroup_fd, l, err);
	}
	if (result == 0 && lowered != NULL)
		result = change(cgroup_fd, lowered, err);
	while (result < 0 && done > 0)
		if (&diff->v[--done] != lowered)
			take_back(cgroup_fd, &diff->v[done]);
	return result;
}
