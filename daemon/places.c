#include "daemon/places.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"

/* The first that exists; beside and below: relative to the executable's folder and to its prefix. */
static int find(const char *beside, const char *below, const char *name, char *path, struct error *err)
{
	char exe[PATH_MAX / 2], *slash;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	exe[n > 0 ? n : 0] = 0;
	slash = strrchr(exe, '/');
	if (slash) {
		*slash = 0;
		snprintf(path, PATH_MAX, "%s/%s%s", exe, beside, name);
		if (access(path, F_OK) == 0)
			return 0;
		slash = strrchr(exe, '/');
	}
	if (slash) {
		*slash = 0;
		snprintf(path, PATH_MAX, "%s/%s%s", exe, below, name);
		if (access(path, F_OK) == 0)
			return 0;
	}
	snprintf(path, PATH_MAX, "%s/%s%s", PREFIX, below, name);
	return access(path, F_OK) == 0 ? 0 : error_errno(err, "find '%s'", path);
}

int places_shim(char *path, struct error *err)
{
	return find("", "libexec/containerd-lite/", "containerd-lite-shim", path, err);
}

int places_image(const char *name, char *path, struct error *err)
{
	return find("rootfs/", "share/containerd-lite/rootfs/", name, path, err);
}
