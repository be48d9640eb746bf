#include "runtime/recipe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "runtime/fields.h"
#include "runtime/spec.h"

#define FIRST_READ 8192 /* holds nearly every one whole */

/* In front; behind it come the gids, and then the texts, each with its NUL: cwd, user (if there is one), env,
 * groups. */
struct head {
	uint64_t size; /* of all; 0: not whole yet */
	uint32_t uid, gid, umask, n_gids, n_rlimits, n_env, n_groups;
	int32_t oom_score_adj;
	bool no_new_privileges, has_oom_score_adj, has_user, user_is_default;
	uint64_t capabilities[CAPABILITY_SETS];
	struct spec_rlimit rlimits[SPEC_RLIMITS_MAX];
};

/* ---- saved ---- */

static size_t list_size(const struct strings *list)
{
	size_t size = 0;
	for (size_t i = 0; i < list->n; i++)
		size += strlen(list->v[i]) + 1;
	return size;
}

static char *put(char *at, const char *text)
{
	return stpcpy(at, text) + 1;
}

static char *put_list(char *at, const struct strings *list)
{
	for (size_t i = 0; i < list->n; i++)
		at = put(at, list->v[i]);
	return at;
}

static struct head make_head(const struct spec *s)
{
	struct head h = { .uid = s->uid,
		.gid = s->gid,
		.umask = s->umask,
		.n_gids = (uint32_t) s->n_gids,
		.n_rlimits = (uint32_t) s->n_rlimits,
		.n_env = (uint32_t) s->env.n,
		.n_groups = (uint32_t) s->groups.n,
		.oom_score_adj = s->oom_score_adj,
		.no_new_privileges = s->no_new_privileges,
		.has_oom_score_adj = s->has_oom_score_adj,
		.has_user = s->user != NULL,
		.user_is_default = s->user_is_default };
	memcpy(h.capabilities, s->capabilities, sizeof h.capabilities);
	memcpy(h.rlimits, s->rlimits, sizeof h.rlimits);
	h.size = sizeof h + s->n_gids * sizeof *s->gids + strlen(s->cwd) + 1 +
		 (h.has_user ? strlen(s->user) + 1 : 0) + list_size(&s->env) + list_size(&s->groups);
	return h;
}

int recipe_save(int fd, const struct spec *s, struct error *err)
{
	struct head h = make_head(s);
	_cleanup_free_ char *bytes = fields_alloc(h.size, 1);
	char *at = bytes + sizeof h;
	memcpy(bytes, &h, sizeof h);
	memcpy(at, s->gids, s->n_gids * sizeof *s->gids);
	at = put(at + s->n_gids * sizeof *s->gids, s->cwd);
	if (h.has_user)
		at = put(at, s->user);
	put_list(put_list(at, &s->env), &s->groups);
	size_t rest = h.size - sizeof h.size;
	if (pwrite(fd, bytes + sizeof h.size, rest, sizeof h.size) != (ssize_t) rest ||
		pwrite(fd, &h.size, sizeof h.size, 0) != sizeof h.size)
		return error_errno(err, "keep what the configuration says");
	return 0;
}

/* ---- loaded ---- */

struct reader {
	const char *at, *end;
	bool broken;
};

static const char *take(struct reader *r)
{
	const char *text = r->at, *nul = memchr(r->at, '\0', (size_t) (r->end - r->at));
	r->broken |= nul == NULL;
	r->at = nul == NULL ? r->end : nul + 1;
	return text;
}

static void take_list(struct reader *r, size_t n, struct strings *ret_list)
{
	*ret_list = (struct strings) { fields_alloc(n + 1, sizeof *ret_list->v), n };
	for (size_t i = 0; i < n && !r->broken; i++)
		ret_list->v[i] = take(r);
}

/* The whole file; NULL: it is not whole yet. */
static char *read_all(int fd, size_t *ret_size, struct error *err)
{
	char *bytes = fields_alloc(FIRST_READ, 1);
	uint64_t size = 0;
	ssize_t n = pread(fd, bytes, FIRST_READ, 0);
	if (n >= (ssize_t) sizeof(struct head))
		memcpy(&size, bytes, sizeof size);
	*ret_size = size;
	if (n >= 0 && size > (size_t) n && size <= 3 * SPEC_TEXT_MAX) {
		free(bytes);
		bytes = fields_alloc(size, 1);
		n = pread(fd, bytes, size, 0);
	}
	if (n < 0 || (size_t) n < size) {
		error_errno(err, "read what the configuration says");
		*ret_size = 1;
		return NULL;
	}
	return size == 0 ? NULL : bytes;
}

int recipe_load(int fd, struct spec *s, struct error *err)
{
	struct head h;
	size_t size;
	const char *bytes = read_all(fd, &size, err);
	if (bytes == NULL)
		return size == 0 ? 0 : -1;
	memcpy(&h, bytes, sizeof h);
	struct reader r = { bytes + sizeof h + h.n_gids * sizeof *s->gids, bytes + size, false };
	if (h.n_gids > SPEC_GROUPS_MAX || h.n_rlimits > SPEC_RLIMITS_MAX || r.at >= r.end)
		return error_errnum(err, EBADMSG, "read what the configuration says");
	*s = (struct spec) { .uid = h.uid,
		.gid = h.gid,
		.umask = h.umask,
		.n_gids = h.n_gids,
		.n_rlimits = h.n_rlimits,
		.no_new_privileges = h.no_new_privileges,
		.has_oom_score_adj = h.has_oom_score_adj,
		.oom_score_adj = h.oom_score_adj,
		.user_is_default = h.user_is_default };
	memcpy(s->capabilities, h.capabilities, sizeof h.capabilities);
	memcpy(s->rlimits, h.rlimits, sizeof h.rlimits);
	memcpy(s->gids, bytes + sizeof h, h.n_gids * sizeof *s->gids);
	s->cwd = take(&r);
	s->user = h.has_user ? take(&r) : NULL;
	take_list(&r, h.n_env, &s->env);
	take_list(&r, h.n_groups, &s->groups);
	return r.broken ? error_errnum(err, EBADMSG, "read what the configuration says") : 1;
}
