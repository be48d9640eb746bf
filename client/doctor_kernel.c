/* doctor_kernel.c - what the kernel, and whoever started us, grant. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/doctor.h"
#include "client/host.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/parse.h"

#define KERNEL_MAJOR 6
#define KERNEL_MINOR 1
#define MANY	     1000 /* of anything that the kernel counts: enough for some hundred containers */

void doctor_kernel(const struct doctor *d, struct finding *f)
{
	struct utsname name;
	(void) d;
	uname(&name);
	char number[16];
	uint64_t major_number = 0, minor_number = 0;
	size_t n = strspn(name.release, "0123456789");
	snprintf(number, sizeof number, "%.*s", (int) n, name.release);
	parse_u64(number, 1000, &major_number);
	if (name.release[n] == '.') {
		const char *rest = name.release + n + 1;
		snprintf(number, sizeof number, "%.*s", (int) strspn(rest, "0123456789"), rest);
		parse_u64(number, 1000, &minor_number);
	}
	if (major_number > KERNEL_MAJOR || (major_number == KERNEL_MAJOR && minor_number >= KERNEL_MINOR))
		finding_ok(f, "Linux %s", name.release);
	else
		finding_set(
			f, VERDICT_PROBLEM, "boot Linux 6.1 or newer", "Linux %s is too old", name.release);
}

/* What a container's start needs, and what it is better with. */
static const struct {
	int capability;
	enum verdict without;
} needed[] = {
	{ CAP_CHOWN, VERDICT_PROBLEM }, { CAP_DAC_OVERRIDE, VERDICT_PROBLEM },
	{ CAP_FOWNER, VERDICT_PROBLEM }, { CAP_KILL, VERDICT_PROBLEM }, { CAP_SETGID, VERDICT_PROBLEM },
	{ CAP_SETUID, VERDICT_PROBLEM }, { CAP_SETPCAP, VERDICT_PROBLEM }, { CAP_NET_ADMIN, VERDICT_PROBLEM },
	{ CAP_SYS_ADMIN, VERDICT_PROBLEM }, { CAP_MKNOD, VERDICT_PROBLEM },
	{ CAP_SYS_RESOURCE, VERDICT_WARNING }, /* raising limits, lowering oom_score_adj */
};

void doctor_privileges(const struct doctor *d, struct finding *f)
{
	uint64_t have = host_capabilities();
	char missing[160] = "";
	enum verdict verdict = VERDICT_OK;
	if (geteuid() != 0) {
		/* With a daemon that answers, it is the daemon's privileges that count. */
		if (d->info != NULL)
			finding_ok(f, "uid %d; the daemon has its own", (int) geteuid());
		else
			finding_set(f, VERDICT_WARNING, "run ctl doctor as root: the daemon has to be",
				"uid %d is not root, and cannot tell all", (int) geteuid());
		return;
	}
	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
		if (!(have >> needed[i].capability & 1)) {
			size_t n = strlen(missing);
			snprintf(missing + n, sizeof missing - n, " %s",
				capability_name(needed[i].capability));
			verdict = needed[i].without > verdict ? needed[i].without : verdict;
		}
	if (verdict == VERDICT_OK)
		finding_ok(f, "root, with the capabilities that it takes");
	else if (verdict == VERDICT_PROBLEM)
		finding_set(f, verdict, "run it where root is not restricted", "root without%s", missing);
	else
		finding_set(f, verdict, "give the daemon CAP_SYS_RESOURCE",
			"root without%s: limits cannot be raised, nor OOM scores lowered", missing);
}

/* errno of doing it in a process of its own, 0 if it works. */
static int attempt(int (*act)(void))
{
	int status;
	pid_t pid = fork();
	if (pid < 0)
		return errno;
	if (pid == 0)
		_exit(act() < 0 ? errno : 0);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

static int make_namespaces(void)
{
	return unshare(
		CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP);
}

/* Where nobody but root may try, what the kernel says of itself has to do. */
static int look_for_namespaces(void)
{
	static const char *const names[] = { "mnt", "pid", "uts", "ipc", "net", "cgroup" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char path[40];
		snprintf(path, sizeof path, "/proc/self/ns/%s", names[i]);
		if (access(path, F_OK) < 0)
			return ENOSYS;
	}
	return 0;
}

void doctor_namespaces(const struct doctor *d, struct finding *f)
{
	(void) d;
	int errnum = geteuid() == 0 ? attempt(make_namespaces) : look_for_namespaces();
	if (errnum == 0)
		finding_ok(f, "mount, pid, uts, ipc, network, cgroup");
	else if (errnum == ENOSPC)
		finding_set(f, VERDICT_PROBLEM,
			"raise them: sysctl user.max_net_namespaces=10000, and the others",
			"the limits of /proc/sys/user/max_*_namespaces are reached");
	else
		finding_set(f, VERDICT_PROBLEM, "a kernel with namespaces, and CAP_SYS_ADMIN",
			"cannot be made: %s", strerror(errnum));
}

void doctor_user_namespaces(const struct doctor *d, struct finding *f)
{
	uint64_t max;
	(void) d;
	if (host_number("/proc/sys/user/max_user_namespaces", &max) < 0 || max == 0)
		finding_set(f, VERDICT_WARNING, "sysctl user.max_user_namespaces=10000",
			"are switched off (nothing here needs them yet)");
	else
		finding_ok(f, "at most %ju", (uintmax_t) max);
}

static int open_overlay(void)
{
	return fsopen("overlay", FSOPEN_CLOEXEC);
}

/* Opening it loads its module. */
void doctor_overlay(const struct doctor *d, struct finding *f)
{
	(void) d;
	int errnum = geteuid() == 0 ? attempt(open_overlay)
				    : (host_has_word("/proc/filesystems", "overlay") ? 0 : ENODEV);
	if (errnum == 0)
		finding_ok(f, "the kernel has it");
	else
		finding_set(f, geteuid() == 0 ? VERDICT_PROBLEM : VERDICT_WARNING,
			"modprobe overlay, or give each container a root of its own (--rootfs-rw)",
			"there is no overlay file system: %s", strerror(errnum));
}

void doctor_cgroup(const struct doctor *d, struct finding *f)
{
	char path[256];
	(void) d;
	if (host_cgroup(path, sizeof path) == 0)
		finding_ok(f, "cgroup2 on %s", path);
	else
		finding_set(f, VERDICT_PROBLEM,
			"mount -t cgroup2 none /sys/fs/cgroup, or boot with "
			"systemd.unified_cgroup_hierarchy=1",
			"no cgroup2 is mounted");
}

/* Of the daemon's own part of the tree where it answers, else of the root. */
void doctor_controllers(const struct doctor *d, struct finding *f)
{
	static const char *const wanted[] = { "cpu", "cpuset", "io", "memory", "pids" };
	char mount[256], path[300], missing[64] = "";
	struct json_object *of_daemon = json_get(json_get(d->info, "cgroup"), "controllers");
	if (host_cgroup(mount, sizeof mount) < 0)
		mount[0] = '\0';
	snprintf(path, sizeof path, "%s/cgroup.controllers", mount);
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		bool there = of_daemon != NULL ? host_in_list(of_daemon, wanted[i])
					       : host_has_word(path, wanted[i]);
		size_t n = strlen(missing);
		if (!there)
			snprintf(missing + n, sizeof missing - n, "%s%s", n > 0 ? ", " : "", wanted[i]);
	}
	if (missing[0] == '\0')
		finding_ok(f, "cpu, cpuset, io, memory, pids");
	else
		finding_set(f, VERDICT_WARNING,
			"boot with cgroup_no_v1=all, so that no cgroup v1 hierarchy holds them; under "
			"systemd the unit "
			"needs Delegate=yes",
			"no %s: their limits cannot be set", missing);
}

static int load_device_program(void)
{
	const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = { 0 };
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uint64_t) (uintptr_t) program;
	attr.insn_cnt = sizeof program / sizeof *program;
	attr.license = (uint64_t) (uintptr_t) "GPL";
	return (int) syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr);
}

void doctor_devices(const struct doctor *d, struct finding *f)
{
	static const char fix[] = "a kernel with CONFIG_CGROUP_BPF, and CAP_BPF; without it what a container "
				  "may do with a device is "
				  "decided by the nodes in its /dev alone";
	(void) d;
	if (geteuid() != 0) {
		finding_ok(f, "only root can tell");
		return;
	}
	int errnum = attempt(load_device_program);
	if (errnum == 0)
		finding_ok(f, "BPF device programs can be loaded");
	else
		finding_set(
			f, VERDICT_WARNING, fix, "no BPF device program can be loaded: %s", strerror(errnum));
}

void doctor_limits(const struct doctor *d, struct finding *f)
{
	static const char *const files[] = { "/proc/sys/kernel/pid_max", "/proc/sys/fs/mount-max",
		"/proc/sys/fs/file-max", "/proc/sys/user/max_mnt_namespaces",
		"/proc/sys/user/max_pid_namespaces", "/proc/sys/user/max_net_namespaces",
		"/proc/sys/user/max_ipc_namespaces", "/proc/sys/user/max_uts_namespaces",
		"/proc/sys/user/max_cgroup_namespaces" };
	uint64_t value;
	(void) d;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (host_number(files[i], &value) == 0 && value < MANY) {
			finding_set(f, VERDICT_WARNING, "write a larger number there", "%s is only %ju",
				files[i], (uintmax_t) value);
			return;
		}
	finding_ok(f, "processes, mounts, files and namespaces enough");
}
