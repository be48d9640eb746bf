#include "runtime/mount_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "common/error.h"
#include "runtime/fields.h"

#define DATA_MAX 32 /* options of one mount for its file system */

static const struct {
	const char *type, *filesystem;
	const char *data; /* its own options, each between spaces; those with '=' take a value */
} kinds[MOUNT_KINDS] = {
	[MOUNT_BIND] = { "bind", NULL, "" },
	[MOUNT_PROC] = { "proc", "proc", " hidepid= gid= subset= " },
	[MOUNT_SYSFS] = { "sysfs", "sysfs", "" },
	[MOUNT_TMPFS] = { "tmpfs", "tmpfs",
		" size= mode= uid= gid= nr_inodes= nr_blocks= huge= inode32 inode64 " },
	[MOUNT_DEVPTS] = { "devpts", "devpts", " newinstance ptmxmode= mode= uid= gid= max= " },
	[MOUNT_MQUEUE] = { "mqueue", "mqueue", "" },
	[MOUNT_CGROUP] = { "cgroup", "cgroup2", "" },
};
_Static_assert(sizeof kinds / sizeof *kinds == MOUNT_KINDS, "every kind has its row");

enum option_effect {
	OPTION_NOTHING, /* what is so anyway */
	OPTION_SET,
	OPTION_CLEAR,
	OPTION_ATIME, /* replaces the whole atime group */
	OPTION_PROPAGATION,
	OPTION_BIND,
	OPTION_RBIND,
};

static const struct {
	const char *name;
	enum option_effect effect;
	uint64_t value;
} options_table[] = {
	{ "defaults", OPTION_NOTHING, 0 },
	{ "async", OPTION_NOTHING, 0 },
	{ "noiversion", OPTION_NOTHING, 0 },
	{ "ro", OPTION_SET, MOUNT_ATTR_RDONLY },
	{ "rro", OPTION_SET, MOUNT_ATTR_RDONLY },
	{ "rw", OPTION_CLEAR, MOUNT_ATTR_RDONLY },
	{ "rrw", OPTION_CLEAR, MOUNT_ATTR_RDONLY },
	{ "nosuid", OPTION_SET, MOUNT_ATTR_NOSUID },
	{ "suid", OPTION_CLEAR, MOUNT_ATTR_NOSUID },
	{ "nodev", OPTION_SET, MOUNT_ATTR_NODEV },
	{ "dev", OPTION_CLEAR, MOUNT_ATTR_NODEV },
	{ "noexec", OPTION_SET, MOUNT_ATTR_NOEXEC },
	{ "exec", OPTION_CLEAR, MOUNT_ATTR_NOEXEC },
	{ "nodiratime", OPTION_SET, MOUNT_ATTR_NODIRATIME },
	{ "diratime", OPTION_CLEAR, MOUNT_ATTR_NODIRATIME },
	{ "nosymfollow", OPTION_SET, MOUNT_ATTR_NOSYMFOLLOW },
	{ "symfollow", OPTION_CLEAR, MOUNT_ATTR_NOSYMFOLLOW },
	{ "relatime", OPTION_ATIME, MOUNT_ATTR_RELATIME },
	{ "norelatime", OPTION_ATIME, MOUNT_ATTR_RELATIME },
	{ "atime", OPTION_ATIME, MOUNT_ATTR_RELATIME },
	{ "noatime", OPTION_ATIME, MOUNT_ATTR_NOATIME },
	{ "strictatime", OPTION_ATIME, MOUNT_ATTR_STRICTATIME },
	{ "nostrictatime", OPTION_ATIME, MOUNT_ATTR_RELATIME },
	/* One call sets the propagation of a whole tree: "slave" and "rslave" are the same here. */
	{ "private", OPTION_PROPAGATION, MS_PRIVATE },
	{ "rprivate", OPTION_PROPAGATION, MS_PRIVATE },
	{ "slave", OPTION_PROPAGATION, MS_SLAVE },
	{ "rslave", OPTION_PROPAGATION, MS_SLAVE },
	{ "shared", OPTION_PROPAGATION, MS_SHARED },
	{ "rshared", OPTION_PROPAGATION, MS_SHARED },
	{ "unbindable", OPTION_PROPAGATION, MS_UNBINDABLE },
	{ "runbindable", OPTION_PROPAGATION, MS_UNBINDABLE },
	{ "bind", OPTION_BIND, 0 },
	{ "rbind", OPTION_RBIND, 0 },
};

int mount_kind_parse(const char *type, enum mount_kind *ret_kind)
{
	/* The one name of ours that is another's too: version 1 does not exist inside. */
	if (strcmp(type, "cgroup2") == 0)
		type = "cgroup";
	for (int i = 0; i < MOUNT_KINDS; i++)
		if (strcmp(kinds[i].type, type) == 0) {
			*ret_kind = i;
			return 0;
		}
	return -1;
}

const char *mount_kind_filesystem(enum mount_kind kind)
{
	return kinds[kind].filesystem;
}

/* Whether the kind's file system takes this "key" or "key=value". */
static bool takes_data(enum mount_kind kind, const char *option)
{
	char word[40];
	size_t n = strcspn(option, "=");
	bool value = option[n] == '=';
	if (n == 0 || n > 20 || strchr(option, ',') != NULL || (value && option[n + 1] == '\0'))
		return false;
	snprintf(word, sizeof word, " %.*s%s ", (int) n, option, value ? "=" : "");
	return strstr(kinds[kind].data, word) != NULL;
}

static void add_data(struct mount *m, const char *option)
{
	struct mount_data *d = &m->data[m->n_data++];
	d->key = strdup(option);
	if (d->key == NULL)
		abort();
	char *equals = strchr(d->key, '=');
	if (equals != NULL) {
		*equals = '\0';
		d->value = equals + 1;
	}
}

static bool apply(struct mount *m, const char *option)
{
	size_t rows = sizeof options_table / sizeof *options_table, i = 0;
	while (i < rows && strcmp(options_table[i].name, option) != 0)
		i++;
	if (i == rows)
		return false;
	uint64_t value = options_table[i].value;
	switch (options_table[i].effect) {
	case OPTION_NOTHING: return true;
	case OPTION_SET:
		m->attr_set |= value;
		m->attr_clr &= ~value;
		return true;
	case OPTION_CLEAR:
		m->attr_clr |= value;
		m->attr_set &= ~value;
		return true;
	case OPTION_ATIME:
		m->attr_set = (m->attr_set & ~(uint64_t) MOUNT_ATTR__ATIME) | value;
		m->attr_clr |= MOUNT_ATTR__ATIME;
		return true;
	case OPTION_PROPAGATION: m->propagation = value; return true;
	case OPTION_BIND: return m->kind == MOUNT_BIND;
	case OPTION_RBIND: m->recursive = true; return m->kind == MOUNT_BIND;
	}
	return false;
}

int mount_options_read(
	struct mount *m, const struct strings *options, const struct field *f, struct error *err)
{
	m->propagation = MS_PRIVATE;
	m->data = fields_alloc(DATA_MAX, sizeof *m->data);
	for (size_t i = 0; i < options->n; i++) {
		const char *option = options->v[i];
		if (apply(m, option))
			continue;
		if (!takes_data(m->kind, option)) {
			char place[FIELD_PATH + 24];
			snprintf(place, sizeof place, "%s[%zu]", f->path, i);
			return error_config(err, place, "config.json: %s: unknown option '%s' of a %s mount",
				place, option, kinds[m->kind].type);
		}
		if (m->n_data == DATA_MAX)
			return field_invalid(f, err, "has too many options");
		add_data(m, option);
	}
	return 0;
}

char *path_simplify(const char *path)
{
	char *simple = fields_alloc(strlen(path) + 2, 1);
	size_t n = 0;
	for (const char *p = path; *p != '\0';) {
		size_t length = strcspn(p, "/");
		if (length > 0 && !(length == 1 && p[0] == '.')) {
			simple[n++] = '/';
			memcpy(simple + n, p, length);
			n += length;
		}
		p += length + (p[length] == '/');
	}
	if (n == 0)
		simple[n++] = '/';
	simple[n] = '\0';
	return simple;
}

void mount_done(struct mount *m)
{
	for (size_t i = 0; i < m->n_data; i++)
		free(m->data[i].key);
	free(m->data);
	free(m->target);
	*m = (struct mount) { 0 };
}
