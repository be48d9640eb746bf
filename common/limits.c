#include "common/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/resources.h"

void limits_done(struct limits *limits)
{
	for (size_t i = 0; i < limits->n; i++) {
		free(limits->v[i].value);
		free(limits->v[i].before);
	}
	free(limits->v);
	*limits = (struct limits) { 0 };
}

static char *copy(const char *text)
{
	char *result = strdup(text);
	if (result == NULL)
		abort();
	return result;
}

size_t limit_controller(const char *file)
{
	size_t n = strcspn(file, ".");
	return file[n] == '.' && file[n + 1] != '\0' ? n : 0;
}

/* How much of a line says what it is about: the device of io.max; 0: the file has one line only. */
static size_t subject_size(const char *file, const char *line)
{
	return resource_of_lines(file, line) ? strcspn(line, " ") + 1 : 0;
}

static struct limit *find(const struct limits *limits, const char *file, const char *line)
{
	size_t n = subject_size(file, line);
	for (size_t i = 0; i < limits->n; i++)
		if (strcmp(limits->v[i].file, file) == 0 && strncmp(limits->v[i].value, line, n) == 0)
			return &limits->v[i];
	return NULL;
}

const struct limit *limits_find(const struct limits *limits, const char *file)
{
	for (size_t i = 0; i < limits->n; i++)
		if (strcmp(limits->v[i].file, file) == 0)
			return &limits->v[i];
	return NULL;
}

/* Zeroed but for its file, behind all that are written before it. */
static struct limit *insert(struct limits *limits, const char *file)
{
	size_t at = limits->n;
	limits->v = reallocarray(limits->v, limits->n + 1, sizeof *limits->v);
	if (limits->v == NULL)
		abort();
	while (at > 0 && resource_order(limits->v[at - 1].file) > resource_order(file))
		at--;
	memmove(limits->v + at + 1, limits->v + at, (limits->n - at) * sizeof *limits->v);
	limits->n++;
	limits->v[at] = (struct limit) { 0 };
	snprintf(limits->v[at].file, sizeof limits->v[at].file, "%s", file);
	return &limits->v[at];
}

/* Keys of the old line that the new one does not have: the kernel keeps them, too. */
static int merge(const char *file, const char *old, char *line, struct error *err)
{
	char both[2 * LIMIT_VALUE_MAX];
	if (strcmp(file, "io.max") != 0)
		return 0;
	/* The later of two values of one key counts. */
	snprintf(both, sizeof both, "%s%s", old, line + strcspn(line, " "));
	return resource_check(file, both, line, err);
}

static size_t text_size(const struct limits *limits)
{
	size_t size = 0;
	for (size_t i = 0; i < limits->n; i++)
		size += strlen(limits->v[i].value);
	return size;
}

static int set_line(struct limits *limits, const char *file, const char *text, bool asked, struct error *err)
{
	char line[LIMIT_VALUE_MAX];
	if (resource_check(file, text, line, err) < 0)
		return -1;
	struct limit *l = find(limits, file, line);
	if (l != NULL && merge(file, l->value, line, err) < 0)
		return -1;
	if (l == NULL && limits->n == LIMITS_MAX)
		return error_set(err, ERROR_INVALID_CONFIG, "there are more than %d limits", LIMITS_MAX);
	if (text_size(limits) + strlen(line) > LIMITS_TEXT_MAX)
		return error_set(err, ERROR_INVALID_CONFIG, "the limits are longer than %d bytes together",
			LIMITS_TEXT_MAX);
	if (l == NULL)
		l = insert(limits, file);
	free(l->value);
	l->value = copy(line);
	l->asked = asked;
	return 0;
}

void limits_copy(const struct limits *limits, struct limits *ret_copy)
{
	*ret_copy = (struct limits) { 0 };
	for (size_t i = 0; i < limits->n; i++) {
		struct limit *l = insert(ret_copy, limits->v[i].file);
		l->value = copy(limits->v[i].value);
		l->asked = limits->v[i].asked;
		if (limits->v[i].before != NULL)
			l->before = copy(limits->v[i].before);
	}
}

int limits_set(struct limits *limits, const char *file, const char *value, bool asked, struct error *err)
{
	char line[LIMIT_VALUE_MAX];
	const char *end = resource_of_lines(file, "a line") ? strchr(value, '\n') : NULL;
	for (; end != NULL; value = end + 1, end = strchr(value, '\n')) {
		if (end - value >= (long) sizeof line)
			return error_set(err, ERROR_INVALID_CONFIG, "the value is too long");
		snprintf(line, sizeof line, "%.*s", (int) (end - value), value);
		if (set_line(limits, file, line, asked, err) < 0)
			return -1;
		if (end[1] == '\0')
			return 0;
	}
	return set_line(limits, file, value, asked, err);
}

int limits_merge(struct limits *limits, const struct limits *from, struct error *err)
{
	for (size_t i = 0; i < from->n; i++)
		if (limits_set(limits, from->v[i].file, from->v[i].value, from->v[i].asked, err) < 0)
			return -1;
	return 0;
}

static void add_change(struct limits *diff, const struct limit *to, const struct limit *from)
{
	char reset[LIMIT_VALUE_MAX];
	struct limit *l = insert(diff, to->file);
	l->value = copy(to->value);
	l->asked = to->asked;
	if (from != NULL)
		l->before = copy(from->value);
	else if (resource_reset(to->file, to->value, reset) >= 0)
		l->before = copy(reset);
}

/* The kernel forgets the weight of what was idle. */
static bool is_reset(const struct limits *diff, const char *file)
{
	return strcmp(file, "cpu.weight") == 0 && limits_find(diff, "cpu.idle") != NULL;
}

void limits_diff(const struct limits *before, const struct limits *after, struct limits *ret_diff)
{
	*ret_diff = (struct limits) { 0 };
	for (size_t i = 0; i < after->n; i++) {
		const struct limit *to = &after->v[i], *from = find(before, to->file, to->value);
		if (from == NULL || strcmp(from->value, to->value) != 0 || is_reset(ret_diff, to->file))
			add_change(ret_diff, to, from);
	}
}

/* "a FILE TAB VALUE TAB BEFORE": a for asked, d for a default; no TAB where nothing was before. */
char *limits_format(const struct limits *limits)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	if (f == NULL)
		abort();
	for (size_t i = 0; i < limits->n; i++) {
		const struct limit *l = &limits->v[i];
		fprintf(f, "%c%s\t%s%s%s\n", l->asked ? 'a' : 'd', l->file, l->value,
			l->before != NULL ? "\t" : "", l->before != NULL ? l->before : "");
	}
	if (fclose(f) != 0)
		abort();
	return text;
}

static int parse_line(char *line, struct limits *limits)
{
	char *save = line + 1, *file = strsep(&save, "\t"), *value = strsep(&save, "\t");
	if ((line[0] != 'a' && line[0] != 'd') || file[0] == '\0' || strlen(file) >= LIMIT_FILE_MAX ||
		value == NULL || limits->n == LIMITS_MAX)
		return -1;
	struct limit *l = insert(limits, file);
	l->asked = line[0] == 'a';
	l->value = copy(value);
	if (save != NULL)
		l->before = copy(save);
	return 0;
}

int limits_parse(const char *text, struct limits *ret_limits, struct error *err)
{
	_cleanup_free_ char *lines = copy(text);
	_cleanup_limits_ struct limits limits = { 0 };
	char *rest = lines;
	for (char *line; (line = strsep(&rest, "\n")) != NULL;)
		if (line[0] != '\0' && parse_line(line, &limits) < 0)
			return error_set(err, ERROR_FAILED, "the text of limits is damaged");
	*ret_limits = limits;
	limits = (struct limits) { 0 };
	return 0;
}

struct json_object *limits_unified(const struct limits *limits)
{
	struct json_object *obj = json_object_new_object();
	for (size_t i = 0; i < limits->n; i++) {
		const struct limit *l = &limits->v[i];
		const char *present = json_string(obj, l->file, NULL);
		_cleanup_free_ char *both = NULL;
		if (!l->asked)
			continue;
		if (present != NULL && asprintf(&both, "%s\n%s", present, l->value) < 0)
			abort();
		json_add_string(obj, l->file, both != NULL ? both : l->value);
	}
	return obj;
}
