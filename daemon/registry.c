#include "daemon/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/parse.h"
#include "daemon/container.h"

/* Sorted by one key; some thousand containers at most, so that moving pointers is cheaper than any tree. */
struct index {
	const char *(*key)(const struct container *c);
	struct container **items;
	size_t n, capacity;
};

struct registry {
	struct index ids, names;
};

static const char *key_id(const struct container *c)
{
	return c->bundle.id;
}

static const char *key_name(const struct container *c)
{
	return c->name;
}

struct registry *registry_new(void)
{
	struct registry *reg = calloc(1, sizeof(*reg));

	if (!reg)
		abort();
	reg->ids.key = key_id;
	reg->names.key = key_name;
	return reg;
}

void registry_free(struct registry *reg)
{
	if (!reg)
		return;
	for (size_t i = 0; i < reg->ids.n; i++)
		container_free(reg->ids.items[i]);
	free(reg->ids.items);
	free(reg->names.items);
	free(reg);
}

/* The first whose key is not less than this. */
static size_t lower_bound(const struct index *index, const char *key)
{
	size_t low = 0, high = index->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (strcmp(index->key(index->items[middle]), key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct container *index_find(const struct index *index, const char *key)
{
	size_t i = lower_bound(index, key);

	return i < index->n && strcmp(index->key(index->items[i]), key) == 0 ? index->items[i] : NULL;
}

static void index_add(struct index *index, struct container *c)
{
	size_t i = lower_bound(index, index->key(c));

	if (index->n == index->capacity) {
		index->capacity = index->capacity ? index->capacity * 2 : 64;
		index->items = reallocarray(index->items, index->capacity, sizeof(struct container *));
		if (!index->items)
			abort();
	}
	memmove(&index->items[i + 1], &index->items[i], (index->n - i) * sizeof(struct container *));
	index->items[i] = c;
	index->n++;
}

static void index_remove(struct index *index, struct container *c)
{
	size_t i = lower_bound(index, index->key(c));

	if (i == index->n || index->items[i] != c)
		return;
	index->n--;
	memmove(&index->items[i], &index->items[i + 1], (index->n - i) * sizeof(struct container *));
}

static int in_use(const char *what, const char *value, const struct container *by, struct error *err)
{
	error_set(err, ERROR_NAME_IN_USE, "the %s '%s' is in use by container %.12s", what, value,
		by->bundle.id);
	snprintf(err->field, sizeof(err->field), "%s", value);
	error_path(err, by->bundle.id);
	return -1;
}

int registry_add(struct registry *reg, struct container *c, struct error *err)
{
	struct container *other = index_find(&reg->ids, c->bundle.id);

	if (other)
		return in_use("id", c->bundle.id, other, err);
	other = index_find(&reg->names, c->name);
	if (other)
		return in_use("name", c->name, other, err);
	index_add(&reg->ids, c);
	index_add(&reg->names, c);
	return 0;
}

void registry_remove(struct registry *reg, struct container *c)
{
	index_remove(&reg->ids, c);
	index_remove(&reg->names, c);
}

int registry_rename(struct registry *reg, struct container *c, const char *name, struct error *err)
{
	struct container *other = index_find(&reg->names, name);

	if (other && other != c)
		return in_use("name", name, other, err);
	index_remove(&reg->names, c);
	snprintf(c->name, sizeof(c->name), "%s", name);
	index_add(&reg->names, c);
	return 0;
}

struct container *registry_by_id(struct registry *reg, const char *id)
{
	return index_find(&reg->ids, id);
}

/* The only one whose id begins so; NULL with *ret_n their number, and the candidates in err if there are
 * several. */
static struct container *find_prefix(
	struct registry *reg, const char *prefix, size_t *ret_n, struct error *err)
{
	struct container *found = NULL;
	size_t size = strlen(prefix), used = 0, n = 0;
	char candidates[sizeof(err->path)] = "", shown[sizeof(err->hint)] = "";
	size_t used_shown = 0;

	for (size_t i = lower_bound(&reg->ids, prefix); i < reg->ids.n; i++) {
		struct container *c = reg->ids.items[i];

		if (strncmp(c->bundle.id, prefix, size) != 0)
			break;
		if (c->hidden)
			continue;
		n++;
		found = c;
		/* As many as there is room for; whole ids only. */
		if (used + ID_LENGTH + 1 < sizeof(candidates))
			used += (size_t) snprintf(candidates + used, sizeof(candidates) - used, "%s%s",
				used > 0 ? " " : "", c->bundle.id);
		if (used_shown < sizeof(shown))
			used_shown += (size_t) snprintf(shown + used_shown, sizeof(shown) - used_shown,
				"%s%.12s", used_shown > 0 ? ", " : "", c->bundle.id);
	}
	*ret_n = n;
	if (n > 1) {
		error_set(err, ERROR_AMBIGUOUS, "'%s' is the beginning of %zu ids", prefix, n);
		snprintf(err->field, sizeof(err->field), "%s", prefix);
		error_path(err, candidates);
		error_hint(err, "they are %s", shown);
	}
	return n == 1 ? found : NULL;
}

struct container *registry_find(struct registry *reg, const char *text, struct error *err)
{
	struct container *c = index_find(&reg->ids, text);
	char shown[80];
	size_t n = 0;

	if (!c || c->hidden)
		c = index_find(&reg->names, text);
	if (c && !c->hidden)
		return c;
	if (id_prefix_valid(text)) {
		c = find_prefix(reg, text, &n, err);
		if (c || n > 1)
			return c;
	}
	error_set(err, ERROR_NO_SUCH_CONTAINER, "no such container '%s'",
		escape_text(text, shown, sizeof(shown)));
	snprintf(err->field, sizeof(err->field), "%s", shown);
	return NULL;
}

struct container *registry_at(const struct registry *reg, size_t i)
{
	return i < reg->ids.n ? reg->ids.items[i] : NULL;
}

size_t registry_count(const struct registry *reg)
{
	return reg->ids.n;
}
