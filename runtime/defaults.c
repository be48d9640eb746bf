#include "runtime/defaults.h"

#include <linux/capability.h>
#include <stddef.h>

#include "runtime/device_filter.h"

#define CAP(c) (UINT64_C(1) << (c))

const uint64_t default_capabilities =
	CAP(CAP_CHOWN) | CAP(CAP_DAC_OVERRIDE) | CAP(CAP_FOWNER) | CAP(CAP_FSETID) | /* package managers */
	CAP(CAP_SETUID) | CAP(CAP_SETGID) | CAP(CAP_SETPCAP) | /* services that give up root */
	CAP(CAP_SETFCAP) |				       /* packages with file capabilities (ping) */
	CAP(CAP_KILL) |					       /* supervisors of other users' processes */
	CAP(CAP_SYS_CHROOT) | CAP(CAP_NET_BIND_SERVICE);

/* What tells about, or reaches, the whole machine and has no namespace of its own. */
const char *const default_masked_paths[] = {
	"/proc/acpi",
	"/proc/asound",
	"/proc/interrupts", /* its counters tell what others type and compute */
	"/proc/kcore",
	"/proc/keys",
	"/proc/kpagecgroup",
	"/proc/kpagecount",
	"/proc/kpageflags",
	"/proc/latency_stats",
	"/proc/sched_debug",
	"/proc/scsi",
	"/proc/timer_list",
	"/proc/timer_stats",
	"/sys/devices/virtual/powercap", /* energy counters leak keys */
	"/sys/firmware",
	"/sys/fs/selinux",
	NULL,
};

const char *const default_readonly_paths[] = {
	"/proc/bus",
	"/proc/fs",
	"/proc/irq",
	"/proc/sys",
	"/proc/sysrq-trigger",
	NULL,
};

const char *const default_env[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	NULL,
};

const struct default_mount default_mounts[] = {
	{ "/proc", "proc", "proc", "nosuid,noexec,nodev" },
	{ "/dev", "tmpfs", "tmpfs", "nosuid,noexec,strictatime,mode=755,size=65536k" },
	{ "/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5" },
	{ "/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=65536k" },
	{ "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev" },
	{ "/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro" },
	{ "/sys/fs/cgroup", "cgroup", "cgroup", "nosuid,noexec,nodev,relatime,ro" },
	{ NULL, NULL, NULL, NULL },
};

const struct default_mount systemd_mounts[] = {
	/* Whatever the root file system has there: what was written by a boot before must be gone. */
	{ "/run", "tmpfs", "tmpfs", "nosuid,nodev,mode=755" },
	{ "/run/lock", "tmpfs", "tmpfs", "nosuid,nodev,noexec,mode=1777,size=5m" },
	{ "/tmp", "tmpfs", "tmpfs", "nosuid,nodev,mode=1777" },
	{ NULL, NULL, NULL, NULL },
};

const struct default_rlimit default_rlimits[] = {
	/* More than 1024 by default breaks programs that use select(2) or close every possible descriptor. */
	{ "RLIMIT_NOFILE", 1024, 524288 },
	/* A core would go where the host's core_pattern says, maybe into a program of the host's. */
	{ "RLIMIT_CORE", 0, 0 },
	{ NULL, 0, 0 },
};

const struct default_device default_devices[] = {
	{ "null", 1, 3 },
	{ "zero", 1, 5 },
	{ "full", 1, 7 },
	{ "random", 1, 8 },
	{ "urandom", 1, 9 },
	{ "tty", 5, 0 },
	{ NULL, 0, 0 },
};

const struct device_rule default_device_rules[] = {
	/* A node alone is nothing: package managers unpack them, and they can't be opened. */
	{ true, 'a', DEVICE_MKNOD, DEVICE_ANY, DEVICE_ANY },
	/* Those of default_devices. */
	{ true, 'c', DEVICE_ALL, 1, 3 },
	{ true, 'c', DEVICE_ALL, 1, 5 },
	{ true, 'c', DEVICE_ALL, 1, 7 },
	{ true, 'c', DEVICE_ALL, 1, 8 },
	{ true, 'c', DEVICE_ALL, 1, 9 },
	{ true, 'c', DEVICE_ALL, 5, 0 },
	/* The container's own terminals: ptmx, and what its devpts has. */
	{ true, 'c', DEVICE_ALL, 5, 2 },
	{ true, 'c', DEVICE_ALL, 136, DEVICE_ANY },
};
const size_t default_device_rules_count = sizeof default_device_rules / sizeof *default_device_rules;
