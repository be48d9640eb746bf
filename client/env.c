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

/* Not fd_read_file: the user may well give a pipe here, as in --env-file <(…). */
static int read_lines(struct json_object *into, const char *path, line_handler *handle, struct error *err)
{
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return error_errno(err, "open it");
	_cleanup_free_ char *line = NULL;
	size_t capacity = 0, total = 0;
	ssize_t length;
	int number = 0, result = 0;
	while (result == 0 && (length = getline(&line, &capacity, file)) >= 0) {
		number++;
		total += (size_t) length;
		while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
			line[--length] = '\0';
		const char *start = line + strspn(line, " \t");
		if (number == 1 && strncmp(start, "\xEF\xBB\xBF", 3) == 0)
			start += 3;
		if (total > FILE_MAX)
			result = error_set(err, ERROR_USAGE, "larger than %d bytes", FILE_MAX);
		else if (!utf8_valid(line, (size_t) length))
			result = error_set(err, ERROR_USAGE, "line %d: not UTF-8", number);
		else if (*start == '\0' || *start == '#')
			continue;
		else if (strcspn(start, " \t") < strcspn(start, "="))
			result = error_set(err, ERROR_USAGE, "line %d: white space in a name", number);
		else if (handle(into, start, err) < 0)
			result = error_wrap(err, "line %d", number);
	}
	if (result == 0 && ferror(file))
		result = error_errno(err, "read it");
	fclose(file);
	return result;
}

int env_set_file(struct json_object *array, const char *path, struct error *err)
{
	return read_lines(array, path, env_set, err);
}

int label_set_file(struct json_object *map, const char *path, struct error *err)
{
	return read_lines(map, path, label_set, err);
}
