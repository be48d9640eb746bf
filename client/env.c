#include "client/env.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/parse.h"

#define FILE_MAX (1024 * 1024)

typedef int line_handler(struct json_object *into, const char *line, struct error *err);

/* The last one of a name counts. */
static void put(struct json_object *array, const char *entry, size_t name_length)
{
	for (size_t i = 0; i < json_length(array); i++) {
		const char *old = json_object_get_string(json_object_array_get_idx(array, i));
		if (strncmp(old, entry, name_length) == 0 && old[name_length] == '=') {
			json_object_array_put_idx(array, i, json_object_new_string(entry));
			return;
		}
	}
	json_object_array_add(array, json_object_new_string(entry));
}

int env_set(struct json_object *array, const char *text, struct error *err)
{
	size_t name_length = strcspn(text, "=");
	if (name_length == 0)
		return error_set(err, ERROR_USAGE, "the variable has no name");
	if (text[name_length] == '=') {
		put(array, text, name_length);
		return 0;
	}
	const char *value = getenv(text);
	if (value == NULL)
		return 0;
	if (!utf8_valid(value, strlen(value)))
		return error_set(err, ERROR_USAGE, "the caller's value is not UTF-8");
	_cleanup_free_ char *entry = NULL;
	if (asprintf(&entry, "%s=%s", text, value) < 0)
		abort();
	put(array, entry, name_length);
	return 0;
}

int label_set(struct json_object *map, const char *text, struct error *err)
{
	size_t key_length = strcspn(text, "=");
	if (key_length == 0)
		return error_set(err, ERROR_USAGE, "the label has no key");
	_cleanup_free_ char *key = strndup(text, key_length);
	if (key == NULL)
		abort();
	json_add_string(map, key, text[key_length] == '=' ? text + key_length + 1 : "");
	return 0;
}

/* Not fd_read_file: the user may well give a pipe here, as in --env-file <(…). Caller frees. */
static char *read_text(const char *path, size_t *ret_size, struct error *err)
{
	_cleanup_free_ char *text = malloc(FILE_MAX + 2);
	if (text == NULL)
		abort();
	FILE *file = fopen(path, "re");
	if (file == NULL) {
		error_errno(err, "open it");
		return NULL;
	}
	size_t size = fread(text, 1, FILE_MAX + 1, file);
	int errnum = ferror(file) ? errno : 0;
	fclose(file);
	if (errnum != 0)
		error_errnum(err, errnum, "read it");
	else if (size > FILE_MAX)
		error_set(err, ERROR_USAGE, "larger than %d bytes", FILE_MAX);
	else {
		text[size] = '\0';
		*ret_size = size;
		return steal_pointer(&text);
	}
	return NULL;
}

static int read_line(struct json_object *into, char *line, size_t length, bool first, line_handler *handle,
	struct error *err)
{
	if (!utf8_valid(line, length) || strlen(line) != length)
		return error_set(err, ERROR_USAGE, "not UTF-8");
	if (length > 0 && line[length - 1] == '\r')
		line[length - 1] = '\0';
	const char *start = line + strspn(line, " \t");
	if (first && strncmp(start, "\xEF\xBB\xBF", 3) == 0)
		start += 3;
	if (*start == '\0' || *start == '#')
		return 0;
	if (strcspn(start, " \t") < strcspn(start, "="))
		return error_set(err, ERROR_USAGE, "white space in a name");
	return handle(into, start, err);
}

static int read_lines(struct json_object *into, const char *path, line_handler *handle, struct error *err)
{
	size_t size, at = 0;
	_cleanup_free_ char *text = read_text(path, &size, err);
	if (text == NULL)
		return -1;
	for (int number = 1; at < size; number++) {
		char *line = text + at, *end = memchr(line, '\n', size - at);
		size_t length = end != NULL ? (size_t) (end - line) : size - at;
		line[length] = '\0';
		if (read_line(into, line, length, number == 1, handle, err) < 0)
			return error_wrap(err, "line %d", number);
		at += length + 1;
	}
	return 0;
}

int env_set_file(struct json_object *array, const char *path, struct error *err)
{
	return read_lines(array, path, env_set, err);
}

int label_set_file(struct json_object *map, const char *path, struct error *err)
{
	return read_lines(map, path, label_set, err);
}
