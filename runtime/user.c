#include "runtime/user.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "common/parse.h"
#include "runtime/fields.h"

#define ID_MAX	       (UINT32_MAX - 1) /* 4294967295 means "leave it" to setresuid(2) */
#define NAME_MAX_BYTES 256
#define FIELDS_MAX     7

/* One line of either file, in place: fields are not terminated. */
struct line {
	const char *field[FIELDS_MAX];
	size_t size[FIELDS_MAX];
	size_t n;
};

/* The line at *p, split at ':'; *p moves behind it. False at the end. The last field takes the rest. */
static bool next_line(const char **p, size_t fields, struct line *l)
{
	for (;;) {
		if (**p == '\0')
			return false;
		const char *at = *p;
		size_t n = strcspn(at, "\n");
		*p = at + n + (at[n] == '\n');
		if (n > USER_LINE_MAX)
			continue;
		l->n = 0;
		for (const char *end = at + n;;) {
			const char *colon = memchr(at, ':', (size_t) (end - at));
			if (colon == NULL || l->n == fields - 1)
				colon = end;
			l->field[l->n] = at;
			l->size[l->n++] = (size_t) (colon - at);
			if (colon == end)
				break;
			at = colon + 1;
		}
		if (l->n == fields)
			return true;
	}
}

static bool field_is(const struct line *l, size_t i, const char *text)
{
	return strlen(text) == l->size[i] && memcmp(l->field[i], text, l->size[i]) == 0;
}

static int field_id(const struct line *l, size_t i, uint32_t *ret_id)
{
	char digits[16];
	uint64_t id;
	if (l->size[i] >= sizeof digits)
		return -1;
	snprintf(digits, sizeof digits, "%.*s", (int) l->size[i], l->field[i]);
	if (parse_u64(digits, ID_MAX, &id) < 0)
		return -1;
	*ret_id = (uint32_t) id;
	return 0;
}

enum { PASSWD_NAME, PASSWD_PASSWORD, PASSWD_UID, PASSWD_GID, PASSWD_GECOS, PASSWD_HOME, PASSWD_FIELDS = 7 };
enum { GROUP_NAME, GROUP_PASSWORD, GROUP_GID, GROUP_MEMBERS, GROUP_FIELDS };

/* By name, or by number where name is NULL. Entries whose numbers are none are passed over. */
static bool passwd_find(const char *passwd, const char *name, uint32_t uid, struct line *l, uint32_t *ret_uid,
	uint32_t *ret_gid)
{
	while (next_line(&passwd, PASSWD_FIELDS, l)) {
		uint32_t u, g;
		if (field_id(l, PASSWD_UID, &u) < 0 || field_id(l, PASSWD_GID, &g) < 0)
			continue;
		if (name != NULL ? !field_is(l, PASSWD_NAME, name) : u != uid)
			continue;
		*ret_uid = u;
		*ret_gid = g;
		return true;
	}
	return false;
}

static bool group_find(const char *group, const char *name, uint32_t *ret_gid)
{
	struct line l;
	while (next_line(&group, GROUP_FIELDS, &l))
		if (field_is(&l, GROUP_NAME, name) && field_id(&l, GROUP_GID, ret_gid) == 0)
			return true;
	return false;
}

/* Whether name is one of "a,b,c". */
static bool is_member(const char *members, size_t size, const char *name, size_t name_size)
{
	for (const char *end = members + size; members < end;) {
		const char *comma = memchr(members, ',', (size_t) (end - members));
		size_t n = (size_t) ((comma != NULL ? comma : end) - members);
		if (n == name_size && memcmp(members, name, n) == 0)
			return true;
		members += n + 1;
	}
	return false;
}

static int add_gid(struct user *u, uint32_t gid, struct error *err)
{
	for (size_t i = 0; i < u->n_gids; i++)
		if (u->gids[i] == gid)
			return 0;
	if (u->n_gids == USER_GROUPS_MAX)
		return error_set(err, ERROR_FAILED, "the user is in more than %d groups", USER_GROUPS_MAX);
	u->gids[u->n_gids++] = gid;
	return 0;
}

static int add_groups_of(
	struct user *u, const char *group, const char *name, size_t name_size, struct error *err)
{
	struct line l;
	uint32_t gid;
	while (next_line(&group, GROUP_FIELDS, &l))
		if (is_member(l.field[GROUP_MEMBERS], l.size[GROUP_MEMBERS], name, name_size) &&
			field_id(&l, GROUP_GID, &gid) == 0 && add_gid(u, gid, err) < 0)
			return -1;
	return 0;
}

static bool is_number(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static bool is_name(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
	static const char more[] = "0123456789.-";
	if (text[0] == '\0' || strchr(letters, text[0]) == NULL)
		return false;
	for (const char *p = text; *p != '\0'; p++)
		if (strchr(letters, *p) == NULL && strchr(more, *p) == NULL)
			return false;
	return true;
}

static int resolve_group(const char *text, const char *group, uint32_t *ret_gid, struct error *err)
{
	uint64_t id;
	if (is_number(text)) {
		if (parse_u64(text, ID_MAX, &id) < 0)
			return error_set(err, ERROR_FAILED, "group '%s' is larger than 4294967294", text);
		*ret_gid = (uint32_t) id;
		return 0;
	}
	if (!is_name(text))
		return error_set(err, ERROR_FAILED, "'%s' is neither a group's name nor a number", text);
	if (!group_find(group, text, ret_gid))
		return error_set(err, ERROR_FAILED, "group '%s' is not in the container's /etc/group", text);
	return 0;
}

static void set_home(const struct line *l, char *home, size_t size)
{
	bool usable =
		l->size[PASSWD_HOME] > 0 && l->field[PASSWD_HOME][0] == '/' && l->size[PASSWD_HOME] < size;
	if (usable)
		snprintf(home, size, "%.*s", (int) l->size[PASSWD_HOME], l->field[PASSWD_HOME]);
	else
		snprintf(home, size, "/");
}

/* uid, gid and home of "name|uid"; *ret_name is the entry's, borrowed, NULL where there is none. */
static int resolve_user(const char *text, const char *passwd, struct user *u, const char **ret_name,
	size_t *ret_name_size, struct error *err)
{
	bool number = is_number(text);
	struct line l;
	uint64_t id = 0;
	if (number && parse_u64(text, ID_MAX, &id) < 0)
		return error_set(err, ERROR_FAILED, "user '%s' is larger than 4294967294", text);
	if (!number && !is_name(text))
		return error_set(err, ERROR_FAILED, "'%s' is neither a user's name nor a number", text);
	*ret_name = NULL;
	if (passwd_find(passwd, number ? NULL : text, (uint32_t) id, &l, &u->uid, &u->gid)) {
		*ret_name = l.field[PASSWD_NAME];
		*ret_name_size = l.size[PASSWD_NAME];
		set_home(&l, u->home, sizeof u->home);
		return 0;
	}
	if (!number)
		return error_set(err, ERROR_FAILED, "user '%s' is not in the container's /etc/passwd", text);
	u->uid = (uint32_t) id;
	u->gid = 0;
	snprintf(u->home, sizeof u->home, "/");
	return 0;
}

int user_resolve(const char *text, const struct strings *groups, const char *passwd, const char *group,
	struct user *ret_user, struct error *err)
{
	struct user u = { 0 };
	char name[NAME_MAX_BYTES];
	const char *colon = strchr(text, ':'), *found = NULL;
	size_t n = colon != NULL ? (size_t) (colon - text) : strlen(text), found_size = 0;
	if (n >= sizeof name)
		return error_set(err, ERROR_FAILED, "the user's name is too long");
	snprintf(name, sizeof name, "%.*s", (int) n, text);
	if (resolve_user(name, passwd, &u, &found, &found_size, err) < 0)
		return -1;
	if (colon != NULL && resolve_group(colon + 1, group, &u.gid, err) < 0)
		return -1;
	if (add_gid(&u, u.gid, err) < 0)
		return -1;
	/* Who names a group wants that one, not the user's others. */
	if (colon == NULL && found != NULL && add_groups_of(&u, group, found, found_size, err) < 0)
		return -1;
	for (size_t i = 0; i < groups->n; i++) {
		uint32_t gid;
		if (resolve_group(groups->v[i], group, &gid, err) < 0 || add_gid(&u, gid, err) < 0)
			return -1;
	}
	*ret_user = u;
	return 0;
}

void user_home(const char *passwd, uint32_t uid, char *home, size_t size)
{
	struct line l;
	uint32_t u, g;
	snprintf(home, size, "/");
	if (passwd_find(passwd, NULL, uid, &l, &u, &g))
		set_home(&l, home, size);
}

bool user_name(const char *passwd, uint32_t uid, char *name, size_t size)
{
	struct line l;
	uint32_t u, g;
	if (!passwd_find(passwd, NULL, uid, &l, &u, &g) || l.size[PASSWD_NAME] == 0)
		return false;
	snprintf(name, size, "%.*s", (int) l.size[PASSWD_NAME], l.field[PASSWD_NAME]);
	return true;
}
