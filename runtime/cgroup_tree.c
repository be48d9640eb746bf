#include "runtime/cgroup_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/parse.h"
#include "runtime/cgroup.h"
#include "runtime/limits.h"
#include "runtime/sys.h"

#define BENEATH	  (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV)
#define FOLDER	  (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define TEXT_SIZE 1024

/* ---- the path ---- */

/* As the kernel calls its own files (cgroup.procs, memory.max): a folder of such a name would be in the way
 * of the controller that has the file. */
static bool is_kernels(const char *name)
{
	static const char *const prefixes[] = { "cgroup", "cpu", "cpuset", "debug", "dmem", "hugetlb", "io",
		"irq", "memory", "misc", "perf_event", "pids", "rdma" };
	size_t n = limit_controller(name);
	for (size_t i = 0; n > 0 && i < sizeof prefixes / sizeof *prefixes; i++)
		if (strlen(prefixes[i]) == n && strncmp(name, prefixes[i], n) == 0)
			return true;
	return false;
}

/* A component is what a container may be called. */
static bool component_valid(const char *name)
{
	return name_valid(name) && !is_kernels(name);
}

int cgroup_parent_check(const char *parent, struct error *err)
{
	char copy[CGROUP_PARENT_MAX], shown[80], *save = NULL;
	int depth = 0;
	escape_text(parent, shown, sizeof shown);
	if (strlen(parent) >= sizeof copy)
		return error_set(
			err, ERROR_INVALID_CONFIG, "the path is longer than %d bytes", CGROUP_PARENT_MAX - 1);
	snprintf(copy, sizeof copy, "%s", parent + (parent[0] == '/'));
	if (copy[0] == '\0' || copy[strlen(copy) - 1] == '/' || strstr(copy, "//") != NULL || copy[0] == '/')
		return error_set(
			err, ERROR_INVALID_CONFIG, "'%s' is not a cgroup's path (such as web/front)", shown);
	for (char *name = strtok_r(copy, "/", &save); name != NULL;
		name = strtok_r(NULL, "/", &save), depth++) {
		bool own = parent[0] != '/' && (id_valid(name) || strcmp(name, "shims") == 0);
		if (strcmp(name, "..") == 0)
			return error_set(err, ERROR_INVALID_CONFIG, "'%s' has '..' in it", shown);
		if (own || (parent[0] != '/' && !component_valid(name)))
			return error_set(err, ERROR_INVALID_CONFIG,
				"'%s' is not a cgroup's path (such as web/front): '%.64s' is not a name for "
				"a folder",
				shown, name);
	}
	if (parent[0] != '/' && depth > CGROUP_DEPTH_MAX)
		return error_set(err, ERROR_INVALID_CONFIG, "'%s' is more than %d folders deep", shown,
			CGROUP_DEPTH_MAX);
	return 0;
}

/* The beginning of parent that is n folders long; NULL if it has not so many. */
static const char *prefix(const char *parent, int n, char buf[CGROUP_PARENT_MAX])
{
	const char *end = parent;
	for (int i = 0; i < n; i++) {
		if (*end == '\0')
			return NULL;
		end += *end == '/';
		end += strcspn(end, "/");
	}
	snprintf(buf, CGROUP_PARENT_MAX, "%.*s", (int) (end - parent), parent);
	return buf;
}

static int open_absolute(const char *parent, int *ret_fd, struct error *err)
{
	char mount[PATH_MAX];
	_cleanup_fd_ int root = -1;
	if (cgroup_open_mount(mount, sizeof mount, &root, err) < 0)
		return -1;
	int fd = sys_openat2(root, parent + 1, FOLDER, 0, BENEATH);
	if (fd < 0) {
		error_errno(err, "open the cgroup '%s'", parent);
		return error_hint(
			err, "an absolute --cgroup-parent must be there: mkdir %s%s", mount, parent);
	}
	*ret_fd = fd;
	return 0;
}

/* Each folder of the way, made where it is missing. */
static int make_below(int instance_fd, const char *parent)
{
	char part[CGROUP_PARENT_MAX];
	for (int n = 1; prefix(parent, n, part) != NULL; n++)
		if (mkdirat(instance_fd, part, 0755) < 0 && errno != EEXIST)
			return -1;
	return 0;
}

int cgroup_parent_open(int instance_fd, const char *parent, bool make, int *ret_fd, struct error *err)
{
	if (parent[0] == '/')
		return open_absolute(parent, ret_fd, err);
	if (make && make_below(instance_fd, parent) < 0)
		return error_errno(err, "make the cgroup '%s'", parent);
	int fd = sys_openat2(instance_fd, parent[0] != '\0' ? parent : ".", FOLDER, 0, BENEATH);
	if (fd < 0)
		return error_errno(err, "open the cgroup '%s'", parent);
	*ret_fd = fd;
	return 0;
}

/* On an open file of its own: descriptors that came from the daemon are one for all shims. */
int cgroup_tree_lock(int instance_fd, bool exclusive)
{
	_cleanup_fd_ int fd = openat(instance_fd, ".", FOLDER);
	while (fd >= 0 && flock(fd, exclusive ? LOCK_EX : LOCK_SH) < 0)
		if (errno != EINTR)
			return -1;
	return steal_fd(&fd);
}

/* ---- controllers ---- */

bool cgroup_has_controller(const char *words, const char *controller)
{
	size_t n = strlen(controller);
	for (const char *p = words; *p != '\0'; p += strspn(p, " \n")) {
		size_t size = strcspn(p, " \n");
		if (size == n && strncmp(p, controller, n) == 0)
			return true;
		p += size;
	}
	return false;
}

/* Empty where it cannot be read. */
static void read_words(int dir_fd, const char *file, char buf[TEXT_SIZE])
{
	_cleanup_fd_ int fd = openat(dir_fd, file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : fd_read_all(fd, buf, TEXT_SIZE - 1);
	buf[n > 0 ? n : 0] = '\0';
}

/* What /proc/cgroups says of it. 1: there; 0: the kernel has none. */
static int ask_kernel(const char *controller, unsigned *ret_hierarchy, unsigned *ret_enabled)
{
	const char *name = strcmp(controller, "io") == 0 ? "blkio" : controller;
	_cleanup_free_ char *text = NULL;
	struct error ignored;
	char *save = NULL;
	if (fd_read_file(AT_FDCWD, "/proc/cgroups", 65536, &text, NULL, &ignored) < 0)
		return 0;
	for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
		char *rest = line, *word = strsep(&rest, "\t");
		uint64_t numbers[3] = { 0 };
		if (strcmp(word, name) != 0)
			continue;
		for (int i = 0; i < 3 && rest != NULL; i++)
			parse_u64(strsep(&rest, "\t"), UINT32_MAX, &numbers[i]);
		*ret_hierarchy = (unsigned) numbers[0];
		*ret_enabled = (unsigned) numbers[2];
		return 1;
	}
	return 0;
}

int cgroup_missing(const char *controller, const char *file, const char *path, struct error *err)
{
	const char *old_name = strcmp(controller, "io") == 0 ? "blkio" : controller;
	unsigned hierarchy = 0, enabled = 0;
	if (path != NULL)
		error_set(err, ERROR_NOT_SUPPORTED,
			"%s needs the controller '%s', which is not in %s/cgroup.controllers", file,
			controller, path);
	else
		error_set(err, ERROR_NOT_SUPPORTED,
			"%s needs the controller '%s', which the cgroup above has not", file, controller);
	snprintf(err->field, sizeof err->field, "%s", file);
	if (!ask_kernel(controller, &hierarchy, &enabled))
		return error_hint(err, "this kernel was built without it");
	if (!enabled)
		return error_hint(err, "boot the kernel with cgroup_enable=%s", old_name);
	if (hierarchy != 0)
		return error_hint(
			err, "cgroup v1 has it here: boot the kernel with cgroup_no_v1=%s", old_name);
	return error_hint(err,
		"pass it on from the top: echo +%s >…/cgroup.subtree_control in each folder above "
		"(systemd: Delegate=yes does it for cpu, cpuset, io, memory and pids)",
		controller);
}

static int pass_failed(const char *controller, const char *file, struct error *err)
{
	int errnum = errno;
	if (errnum == ENOENT)
		return cgroup_missing(controller, file, NULL, err);
	error_errnum(err, errnum, "pass the controller '%s' on to the container's cgroup, for %s", controller,
		file);
	if (errnum == EBUSY)
		error_hint(err, "a cgroup above has processes of its own: they must be in a folder beside "
				"the containers");
	return -1;
}

/* From dir_fd to its children. */
static int pass_on(int dir_fd, const char *controller)
{
	char words[TEXT_SIZE], text[LIMIT_FILE_MAX];
	read_words(dir_fd, "cgroup.subtree_control", words);
	if (cgroup_has_controller(words, controller))
		return 0;
	_cleanup_fd_ int fd = openat(dir_fd, "cgroup.subtree_control", O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	int size = snprintf(text, sizeof text, "+%s", controller);
	return fd < 0 || write(fd, text, (size_t) size) != size ? -1 : 0;
}

/* Through every folder of ours, and the one that we were given to work in, which is one above. */
static int pass_down(int instance_fd, const char *parent, int parent_fd, const char *controller)
{
	char part[CGROUP_PARENT_MAX];
	if (parent[0] == '/')
		return pass_on(parent_fd, controller);
	_cleanup_fd_ int above = openat(instance_fd, "..", FOLDER);
	/* There is none where the instance's is the root of them all. */
	bool is_cgroup = above >= 0 && faccessat(above, "cgroup.procs", F_OK, 0) == 0;
	if ((is_cgroup && pass_on(above, controller) < 0) || pass_on(instance_fd, controller) < 0)
		return -1;
	for (int n = 1; prefix(parent, n, part) != NULL; n++) {
		_cleanup_fd_ int fd = sys_openat2(instance_fd, part, FOLDER, 0, BENEATH);
		if (fd < 0 || pass_on(fd, controller) < 0)
			return -1;
	}
	return 0;
}

/* What is counted for stats and limited by nobody, as far as that changes no root of all cgroups. */
static void pass_counters(int instance_fd, const char *parent, int parent_fd)
{
	char words[TEXT_SIZE];
	read_words(parent_fd, "cgroup.subtree_control", words);
	if (parent[0] == '/' || cgroup_has_controller(words, "io"))
		return;
	_cleanup_fd_ int above = openat(instance_fd, "..", FOLDER);
	bool is_root = above < 0 || faccessat(above, "cgroup.type", F_OK, 0) < 0;
	read_words(is_root ? instance_fd : above, "cgroup.controllers", words);
	if (cgroup_has_controller(words, "io"))
		pass_down(instance_fd, parent, parent_fd, "io");
}

static int pass_all(
	int instance_fd, const char *parent, int parent_fd, const struct limits *limits, struct error *err)
{
	char words[TEXT_SIZE];
	read_words(parent_fd, "cgroup.subtree_control", words);
	for (size_t i = 0; i < limits->n; i++) {
		const struct limit *l = &limits->v[i];
		char controller[LIMIT_FILE_MAX];
		snprintf(controller, sizeof controller, "%.*s", (int) limit_controller(l->file), l->file);
		if (strcmp(controller, "cgroup") == 0 || cgroup_has_controller(words, controller))
			continue;
		if (pass_down(instance_fd, parent, parent_fd, controller) < 0 && l->asked)
			return pass_failed(controller, l->file, err);
		read_words(parent_fd, "cgroup.subtree_control", words);
	}
	return 0;
}

int cgroup_pass_controllers(
	int instance_fd, const char *parent, const struct limits *limits, struct error *err)
{
	_cleanup_fd_ int parent_fd = -1;
	if (cgroup_parent_open(instance_fd, parent, false, &parent_fd, err) < 0)
		return -1;
	return pass_all(instance_fd, parent, parent_fd, limits, err);
}

/* A folder on the way that is empty now is not removed before the container's is in it. */
static int make_locked(int instance_fd, const char *parent, const char *name, const struct limits *limits,
	int *ret_parent_fd, int *ret_fd, struct error *err)
{
	bool shared = parent[0] != '\0' && parent[0] != '/';
	_cleanup_fd_ int lock = shared ? cgroup_tree_lock(instance_fd, false) : -1, parent_fd = -1;
	if (shared && lock < 0)
		return error_errno(err, "lock the cgroup's folder");
	if (cgroup_parent_open(instance_fd, parent, true, &parent_fd, err) < 0)
		return -1;
	pass_counters(instance_fd, parent, parent_fd);
	if (pass_all(instance_fd, parent, parent_fd, limits, err) < 0 ||
		cgroup_make(parent_fd, name, ret_fd, err) < 0) {
		fd_close(&lock);
		cgroup_parent_leave(instance_fd, parent);
		return -1;
	}
	*ret_parent_fd = steal_fd(&parent_fd);
	return 0;
}

int cgroup_create(int instance_fd, const char *parent, const char *name, const struct limits *limits,
	int *ret_parent_fd, int *ret_fd, struct error *err)
{
	_cleanup_fd_ int parent_fd = -1, fd = -1;
	if (make_locked(instance_fd, parent, name, limits, &parent_fd, &fd, err) < 0)
		return -1;
	if (limits_apply(fd, limits, err) < 0) {
		unlinkat(parent_fd, name, AT_REMOVEDIR);
		cgroup_parent_leave(instance_fd, parent);
		return -1;
	}
	if (limits_protect(limits))
		cgroup_protect(instance_fd, parent);
	*ret_parent_fd = steal_fd(&parent_fd);
	*ret_fd = steal_fd(&fd);
	return 0;
}

/* ---- protection of memory ---- */

bool limits_protect(const struct limits *limits)
{
	return limits_find(limits, "memory.low") != NULL || limits_find(limits, "memory.min") != NULL;
}

static const char *const protections[] = { "memory.low", "memory.min" };

/* What the folders below ask for together; "max" of one of them is all there is. */
static void sum_below(int dir_fd, uint64_t sums[2])
{
	int fd = openat(dir_fd, ".", FOLDER);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	char path[NAME_MAX + 16];
	sums[0] = sums[1] = 0;
	if (dir == NULL) {
		fd_close(&fd);
		return;
	}
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		for (int i = 0; i < 2; i++) {
			char text[TEXT_SIZE];
			uint64_t value = UINT64_MAX;
			snprintf(path, sizeof path, "%s/%s", e->d_name, protections[i]);
			read_words(dir_fd, path, text);
			text[strcspn(text, "\n")] = '\0';
			if (text[0] == '\0')
				continue;
			parse_u64(text, INT64_MAX, &value); /* "max": stays */
			if (__builtin_add_overflow(sums[i], value, &sums[i]))
				sums[i] = UINT64_MAX;
		}
	}
	closedir(dir);
}

static void protect_one(int dir_fd)
{
	uint64_t sums[2];
	sum_below(dir_fd, sums);
	for (int i = 0; i < 2; i++) {
		char text[32];
		_cleanup_fd_ int fd = openat(dir_fd, protections[i], O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
		int size = sums[i] > INT64_MAX ? snprintf(text, sizeof text, "max")
					       : snprintf(text, sizeof text, "%ju", (uintmax_t) sums[i]);
		/* The instance's folder has no such file without the controller: then none below has. */
		if (fd >= 0 && write(fd, text, (size_t) size) < 0)
			return;
	}
}

void cgroup_protect(int instance_fd, const char *parent)
{
	char part[CGROUP_PARENT_MAX];
	int n = 0;
	if (parent[0] == '/')
		return; /* not ours */
	_cleanup_fd_ int lock = cgroup_tree_lock(instance_fd, true);
	if (lock < 0)
		return;
	while (prefix(parent, n + 1, part) != NULL)
		n++;
	for (; n > 0; n--) {
		_cleanup_fd_ int fd = sys_openat2(instance_fd, prefix(parent, n, part), FOLDER, 0, BENEATH);
		if (fd >= 0)
			protect_one(fd);
	}
	protect_one(lock);
}

/* Some of its containers has, or had, memory that is protected: limits also change while one runs. */
static bool is_protected(int instance_fd)
{
	for (int i = 0; i < 2; i++) {
		char text[TEXT_SIZE];
		read_words(instance_fd, protections[i], text);
		if (text[0] != '\0' && strcmp(text, "0\n") != 0)
			return true;
	}
	return false;
}

void cgroup_parent_leave(int instance_fd, const char *parent)
{
	char part[CGROUP_PARENT_MAX];
	int n = 0;
	if (is_protected(instance_fd))
		cgroup_protect(instance_fd, parent);
	if (parent[0] == '/' || parent[0] == '\0')
		return;
	_cleanup_fd_ int lock = cgroup_tree_lock(instance_fd, true);
	(void) lock; /* clang does not count its cleanup as a use */
	while (prefix(parent, n + 1, part) != NULL)
		n++;
	for (; n > 0; n--)
		if (unlinkat(instance_fd, prefix(parent, n, part), AT_REMOVEDIR) < 0)
			return;
}

int cgroup_tree_remove(
	int instance_fd, const char *parent, const char *name, int timeout_ms, struct error *err)
{
	_cleanup_fd_ int parent_fd = -1;
	if (cgroup_parent_open(instance_fd, parent, false, &parent_fd, err) < 0)
		return err->errnum == ENOENT ? 0 : -1;
	if (cgroup_remove(parent_fd, name, timeout_ms, err) < 0)
		return -1;
	cgroup_parent_leave(instance_fd, parent);
	return 0;
}
