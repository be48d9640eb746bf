/* doctor_service.c - what was installed, and whether it runs. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "client/doctor.h"
#include "client/format.h"
#include "client/host.h"
#include "common/json.h"

#define GROUP	   "containerd-lite"
#define UNIT	   "containerd-lite.service"
#define HOLDER	   "containerd-lite-containers.service"
#define SPACE_LOW  (UINT64_C(1) << 30)
#define SPACE_NONE (UINT64_C(64) << 20)
#define NODES_LOW  1000

void doctor_group(const struct doctor *d, struct finding *f)
{
	(void) d;
	if (host_has_entry("/etc/group", GROUP))
		finding_ok(f, "%s may use the socket, and is root by that", GROUP);
	else
		finding_set(f, VERDICT_WARNING, "systemd-sysusers, or groupadd --system " GROUP,
			"there is no group %s: only root can use the socket", GROUP);
}

/* A unit with a process has its cgroup. */
static bool is_active(const char *unit)
{
	char mount[256], path[400];
	if (host_cgroup(mount, sizeof mount) < 0)
		return false;
	snprintf(path, sizeof path, "%s/system.slice/%s", mount, unit);
	return access(path, F_OK) == 0;
}

static bool is_installed(const char *unit)
{
	static const char *const folders[] = { "/etc/systemd/system", "/usr/local/lib/systemd/system",
		"/usr/lib/systemd/system", "/lib/systemd/system" };
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		char path[128];
		snprintf(path, sizeof path, "%s/%s", folders[i], unit);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

void doctor_units(const struct doctor *d, struct finding *f)
{
	if (strcmp(d->socket, d->own_socket) != 0)
		finding_ok(f, "not asked: %s is no service's socket", d->socket);
	else if (access("/run/systemd/system", F_OK) < 0)
		finding_ok(f, "there is no systemd here: the daemon is started in another way");
	else if (!is_installed(UNIT) || !is_installed(HOLDER))
		finding_set(f, VERDICT_WARNING, "make install PREFIX=/usr; systemctl daemon-reload",
			"%s or %s is not installed", UNIT, HOLDER);
	else if (!is_active(UNIT))
		finding_set(f, VERDICT_WARNING, "systemctl enable --now containerd-lite", "%s is not active",
			UNIT);
	else if (!is_active(HOLDER))
		finding_set(
			f, VERDICT_WARNING, "systemctl restart containerd-lite", "%s is not active", HOLDER);
	else
		finding_ok(f, "%s and %s are active", UNIT, HOLDER);
}

void doctor_daemon(const struct doctor *d, struct finding *f)
{
	if (d->info != NULL)
		finding_ok(f, "containerd-lite %s answers at %s", json_string(d->info, "version", "?"),
			d->socket);
	else if (access(d->socket, W_OK) < 0 && errno == EACCES)
		finding_set(f, VERDICT_PROBLEM, "be root, or in the group " GROUP, "%s", d->silence);
	else
		finding_set(f, VERDICT_PROBLEM,
			"systemctl start containerd-lite, or start containerd-lite by hand", "%s",
			d->silence);
}

/* Of the file system that the folder is on, or will be. */
static int stat_space(const char *folder, struct statvfs *ret_fs)
{
	char path[4096];
	snprintf(path, sizeof path, "%s", folder);
	while (statvfs(path, ret_fs) < 0) {
		char *slash = strrchr(path, '/');
		if (slash == NULL || errno == EACCES)
			return -1;
		slash[slash == path] = '\0';
		if (strcmp(path, "/") == 0)
			return statvfs(path, ret_fs);
	}
	return 0;
}

void doctor_disk(const struct doctor *d, struct finding *f)
{
	struct statvfs fs;
	if (stat_space(d->state_dir, &fs) < 0) {
		finding_set(f, VERDICT_WARNING, "run ctl doctor as root", "%s: %s", d->state_dir,
			strerror(errno));
		return;
	}
	uint64_t space = (uint64_t) fs.f_bavail * fs.f_frsize;
	bool counted = fs.f_files > 0; /* btrfs does not count */
	if (fs.f_flag & ST_RDONLY)
		finding_set(f, VERDICT_PROBLEM, "mount it writable, or set state_dir",
			"%s: the file system is read-only", d->state_dir);
	else if (space < SPACE_NONE || (counted && fs.f_favail == 0))
		finding_set(f, VERDICT_PROBLEM, "make room, or set state_dir", "%s: the disk is full",
			d->state_dir);
	else if (space < SPACE_LOW || (counted && fs.f_favail < NODES_LOW))
		finding_set(f, VERDICT_WARNING, "make room, or set state_dir",
			"%s: %ju MiB and %ju files are left", d->state_dir, (uintmax_t) (space >> 20),
			(uintmax_t) fs.f_favail);
	else
		finding_ok(f, "%s: %ju GiB are free", d->state_dir, (uintmax_t) (space >> 30));
}
