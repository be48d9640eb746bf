#include "shim/place.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "runtime/cgroup.h"

#define TEXT_MAX (100 * 1024)

char *place_read(int dir, const char *name)
{
	struct error ignored;
	char *text = NULL;
	return fd_read_file(dir, name, TEXT_MAX, &text, NULL, &ignored) < 0 ? NULL : text;
}

/* Of "0::/a/b/<id>/c" (cgroups(7)) the "a/b/<id>", in place; NULL if the id is no part of it. */
static char *cut_path(char *text, const char *id)
{
	char *line = strncmp(text, "0::/", 4) == 0 ? text : strstr(text, "\n0::/");
	if (line == NULL)
		return NULL;
	line += line[0] == '\n' ? 5 : 4;
	line[strcspn(line, "\n")] = '\0';
	size_t size = strlen(id);
	for (char *part = line; *part != '\0'; part += strspn(part, "/")) {
		size_t n = strcspn(part, "/");
		if (n == size && strncmp(part, id, n) == 0) {
			part[n] = '\0';
			return line;
		}
		part += n;
	}
	return NULL;
}

int place_open(const char *id, pid_t pid, struct place *ret_place)
{
	char name[32], mount[PATH_MAX];
	struct error ignored;
	_cleanup_fd_ int proc = -1, root = -1, cgroup = -1;
	snprintf(name, sizeof name, "/proc/%d", (int) pid);
	proc = pid > 0 ? open(name, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	_cleanup_free_ char *text = proc < 0 ? NULL : place_read(proc, "cgroup");
	char *path = text == NULL ? NULL : cut_path(text, id);
	if (path == NULL || cgroup_open_mount(mount, sizeof mount, &root, &ignored) < 0)
		return -1;
	cgroup = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (cgroup < 0)
		return -1;
	int depth = 1;
	for (const char *p = path; (p = strchr(p, '/')) != NULL; p++)
		depth++;
	*ret_place = (struct place) { .cgroup = steal_fd(&cgroup), .proc = steal_fd(&proc), .depth = depth };
	return 0;
}

void place_close(struct place *place)
{
	fd_close(&place->cgroup);
	fd_close(&place->proc);
}
