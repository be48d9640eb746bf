/* sys.h - system calls that glibc 2.36 has no function for, as they are. */
#pragma once

#include <linux/sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/openat2.h"

static inline pid_t sys_clone3(struct clone_args *args)
{
	return (pid_t) syscall(SYS_clone3, args, sizeof *args);
}

static inline int sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int) syscall(SYS_pivot_root, new_root, put_old);
}
