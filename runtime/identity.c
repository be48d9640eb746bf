/* Who the program will be: read from the container's own files while descriptors are still to be had, put on
 * at the end. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "runtime/capabilities.h"
#include "runtime/child.h"
#include "runtime/enter.h"
#include "runtime/sys.h"
#include "runtime/user.h"

/* A regular file of at most USER_FILE_MAX below the root; one that is missing is empty. An image may have a
 * fifo, a device or a link out of it there. */
static int read_root_file(struct child *c, const char *path, char **ret_text, struct error *err)
{
	struct stat st;
	_cleanup_free_ char *text = NULL;
	_cleanup_fd_ int fd = sys_openat2(c->root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0,
		RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	bool missing = fd < 0 && (errno == ENOENT || errno == ENOTDIR);
	if (!missing && (fd < 0 || fstat(fd, &st) < 0))
		return error_errno(err, "open '%s'", path);
	if (!missing && !S_ISREG(st.st_mode))
		return error_set(err, ERROR_FAILED, "'%s' is not a regular file", path);
	if (!missing && st.st_size > USER_FILE_MAX)
		return error_errnum(err, EFBIG, "read '%s'", path);
	size_t size = missing ? 0 : (size_t) st.st_size;
	text = malloc(size + 1);
	ssize_t n = text == NULL ? -1 : missing ? 0 : fd_read_all(fd, text, size);
	if (n < 0)
		return error_errno(err, "read '%s'", path);
	text[n] = '\0';
	*ret_text = steal_pointer(&text);
	return 0;
}

static bool has_home(const struct strings *env)
{
	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], "HOME=", 5) == 0)
			return true;
	return false;
}

/* Whether nothing but names and a home could come from the files: then an image whose passwd is no file, or
 * endless, harms only itself. */
static bool is_sure(const struct child *c)
{
	const char *user = c->spec.user;
	return user == NULL || c->spec.user_is_default ||
	       (strchr(user, ':') != NULL && user[strspn(user, "0123456789:")] == '\0');
}

static int read_users(struct child *c, const char *path, char **ret_text, struct error *err)
{
	struct error why = { 0 };
	if (read_root_file(c, path, ret_text, &why) == 0)
		return 0;
	if (is_sure(c) && (*ret_text = calloc(1, 1)) != NULL)
		return 0;
	*err = why;
	return -1;
}

static int lookup_named(struct child *c, const char *passwd, struct error *err)
{
	_cleanup_free_ char *group = NULL;
	_cleanup_free_ struct user *u = fields_alloc(1, sizeof *u);
	char numbers[32];
	snprintf(numbers, sizeof numbers, "%u:%u", (unsigned) c->uid, (unsigned) c->gid);
	if (read_users(c, "/etc/group", &group, err) < 0)
		return -1;
	if (user_resolve(c->spec.user != NULL ? c->spec.user : numbers, &c->spec.groups, passwd, group, u,
		    err) < 0)
		return -1;
	c->uid = u->uid;
	c->gid = u->gid;
	memcpy(c->gids, u->gids, u->n_gids * sizeof *u->gids);
	c->n_gids = u->n_gids;
	snprintf(c->home, sizeof c->home, "%s", u->home);
	return 0;
}

_Static_assert(sizeof(gid_t) == sizeof(uint32_t) && USER_GROUPS_MAX <= SPEC_GROUPS_MAX, "gids fit");

int step_user(struct child *c, struct error *err)
{
	_cleanup_free_ char *passwd = NULL;
	bool named = c->spec.user != NULL || c->spec.groups.n > 0, home = has_home(&c->spec.env);
	c->uid = c->spec.uid;
	c->gid = c->spec.gid;
	/* The primary group is always in the list: what a group is denied, its members are denied. */
	c->gids[c->n_gids++] = c->gid;
	for (size_t i = 0; i < c->spec.n_gids; i++)
		c->gids[c->n_gids++] = c->spec.gids[i];
	if (!named && home)
		return 0;
	if (read_users(c, "/etc/passwd", &passwd, err) < 0)
		return -1;
	if (!named)
		user_home(passwd, c->uid, c->home, sizeof c->home);
	else if (lookup_named(c, passwd, err) < 0)
		return -1;
	if (home)
		c->home[0] = '\0';
	return 0;
}

/* /dev/stdout is the pipe behind it, opened anew: for its user the pipe has to be the user's own, as a
 * terminal would be. Only pipes without a name: whatever else a caller left as stdio stays as it is. */
static int give_stdio(struct child *c, struct error *err)
{
	for (int i = 0; i < 3; i++) {
		struct statfs fs;
		if (fstatfs(i, &fs) < 0)
			return error_errno(err, "look at descriptor %d", i);
		if (fs.f_type == PIPEFS_MAGIC && fchown(i, c->uid, c->gid) < 0)
			return error_errno(err, "give descriptor %d to user %u", i, (unsigned) c->uid);
	}
	return 0;
}

int step_no_new_privs(struct child *c, struct error *err)
{
	if (c->spec.no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_errno(err, "set no_new_privs");
	return 0;
}

/* The order is the kernel's: the bounding set and the groups while we still may, then the user, and the
 * capabilities that go with it last. */
int step_privileges(struct child *c, struct error *err)
{
	uint64_t granted[CAPABILITY_SETS], held = c->enter != NULL ? c->enter->caller->bounding : 0;
	if ((c->enter == NULL && capabilities_held(&held, err) < 0) ||
		capabilities_grant(c->spec.capabilities, held, granted, err) < 0 ||
		capabilities_drop(held & ~granted[CAPABILITIES_BOUNDING], err) < 0 || give_stdio(c, err) < 0)
		return -1;
	if (c->uid != 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return error_errno(err, "keep capabilities over the change of the user");
	if (setgroups(c->n_gids, c->gids) < 0)
		return error_errno(err, "set %zu additional groups", c->n_gids);
	if (setresgid(c->gid, c->gid, c->gid) < 0)
		return error_errno(err, "become group %u", (unsigned) c->gid);
	if (setresuid(c->uid, c->uid, c->uid) < 0)
		return error_errno(err, "become user %u", (unsigned) c->uid);
	if (capabilities_set(granted, err) < 0)
		return -1;
	if (c->uid != 0 && prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return error_errno(err, "stop keeping capabilities");
	return 0;
}
