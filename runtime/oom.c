#include "runtime/oom.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/fd.h"
#include "runtime/cgroup.h"

#define NAME_SIZE (3 * OOM_LEVELS_MAX + 32)

/* "../../memory.max": of the cgroup so many levels above. */
static const char *name_above(char buf[NAME_SIZE], unsigned levels, const char *file)
{
	size_t at = 0;
	while (levels-- > 0) {
		memcpy(buf + at, "../", 3);
		at += 3;
	}
	snprintf(buf + at, NAME_SIZE - at, "%s", file);
	return buf;
}

/* How often the limit of the cgroup so many levels above was hit; -1: there is none. */
static int64_t hits_above(int cgroup_fd, unsigned levels)
{
	char name[NAME_SIZE];
	return cgroup_read_key(cgroup_fd, name_above(name, levels, "memory.events.local"), "oom");
}

/* Its own epoll set, since an event loop asks for POLLIN only, and a file of a cgroup tells of changes by
 * POLLPRI. */
static int watch_file(int file)
{
	struct epoll_event event = { .events = EPOLLPRI };
	int fd = epoll_create1(EPOLL_CLOEXEC);
	if (fd >= 0 && epoll_ctl(fd, EPOLL_CTL_ADD, file, &event) < 0)
		fd_close(&fd);
	return fd;
}

void oom_watch_open(struct oom_watch *watch, int cgroup_fd)
{
	*watch = (struct oom_watch) { .fd = -1, .events = -1 };
	watch->events = openat(cgroup_fd, "memory.events", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (watch->events < 0)
		return;
	watch->below = cgroup_read_key(cgroup_fd, "memory.events", "oom");
	for (unsigned i = 0; i < OOM_LEVELS_MAX; i++) {
		watch->local[i] = hits_above(cgroup_fd, i);
		if (watch->local[i] < 0)
			break;
	}
	watch->fd = watch_file(watch->events);
	if (watch->fd < 0)
		fd_close(&watch->events);
}

void oom_watch_close(struct oom_watch *watch)
{
	fd_close(&watch->fd);
	fd_close(&watch->events);
}

/* The nearest one whose limit was hit since the last look. */
static void find_whose(struct oom_watch *watch, int cgroup_fd, struct oom *oom)
{
	char name[NAME_SIZE];
	int64_t below = cgroup_read_key(cgroup_fd, "memory.events", "oom");
	bool inside = below > watch->below;
	const struct oom before = *oom;
	*oom = (struct oom) { .killed = before.killed };
	for (unsigned i = 0; i < OOM_LEVELS_MAX && oom->whose == OOM_NOBODY; i++) {
		int64_t hits = hits_above(cgroup_fd, i);
		if (hits < 0)
			break;
		if (hits > watch->local[i]) {
			int64_t limit = cgroup_read_number(cgroup_fd, name_above(name, i, "memory.max"));
			oom->whose = i == 0 ? OOM_OWN : OOM_ANCESTOR;
			oom->levels = (uint16_t) i;
			oom->limit = limit > 0 ? limit : 0;
		} else if (i == 0 && inside) {
			oom->whose = OOM_INSIDE;
		}
		watch->local[i] = hits;
	}
	watch->below = below;
	if (oom->whose != OOM_NOBODY)
		return;
	/* All of it is killed, one after the other, for the same reason. */
	if (before.whose != OOM_NOBODY && cgroup_read_number(cgroup_fd, "memory.oom.group") == 1)
		*oom = before;
	else
		oom->whose = OOM_HOST;
}

bool oom_look(struct oom_watch *watch, int cgroup_fd, struct oom *oom)
{
	char text[512];
	/* Only a read makes it quiet. */
	if (watch->events >= 0 && pread(watch->events, text, sizeof text, 0) < 0)
		return false;
	int64_t killed = cgroup_read_key(cgroup_fd, "memory.events", "oom_kill");
	if (killed <= oom->killed)
		return false;
	oom->killed = killed > UINT32_MAX ? UINT32_MAX : (uint32_t) killed;
	find_whose(watch, cgroup_fd, oom);
	return true;
}
