/* openat2.h - the system call, which glibc 2.36 has no function for. */
#pragma once

#include <errno.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct open_how how = { .flags = flags, .mode = mode, .resolve = resolve };
	return (int) syscall(SYS_openat2, dirfd, path, &how, sizeof how);
}

/* EAGAIN: something was renamed meanwhile, and the kernel is not sure that we stayed inside. */
static inline int openat2_retry(int dirfd, const char *path, uint64_t flags, uint64_t resolve)
{
	for (int turn = 0;; turn++) {
		int fd = sys_openat2(dirfd, path, flags, 0, resolve);
		if (fd >= 0 || errno != EAGAIN || turn == 100)
			return fd;
	}
}
