#include "client/output.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/option.h"
#include "common/json.h"

static const char *const names[] = {
	[FORMAT_TABLE] = "table",
	[FORMAT_JSON] = "json",
	[FORMAT_JSONL] = "jsonl",
};
_Static_assert(sizeof names / sizeof *names == FORMAT_JSONL + 1, "every format has its name");

enum format output_format(const struct arguments *args, enum format otherwise)
{
	const char *name = json_string(args->local, "format", "");
	for (enum format f = FORMAT_TABLE; f <= FORMAT_JSONL; f++)
		if (strcmp(names[f], name) == 0)
			return f;
	return otherwise;
}

bool output_coloured(void)
{
	const char *no = getenv("NO_COLOR");
	return (no == NULL || no[0] == '\0') && isatty(STDOUT_FILENO);
}

/* json-c leaves DEL and the C1 controls as they are; \u escapes keep a terminal safe, and the value the same.
 */
static void put_safely(const char *text)
{
	for (const unsigned char *p = (const unsigned char *) text; *p != '\0'; p++) {
		bool c1 = p[0] == 0xC2 && p[1] >= 0x80 && p[1] < 0xA0;
		if (*p == 0x7F || c1)
			printf("\\u%04x", c1 ? *++p : *p);
		else
			putchar(*p);
	}
	putchar('\n');
}

void output_json(struct json_object *value)
{
	put_safely(json_object_to_json_string_ext(
		value, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE));
}

void output_jsonl(struct json_object *value)
{
	put_safely(json_object_to_json_string_ext(
		value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

void output_list(struct json_object *array, enum format format)
{
	if (format == FORMAT_JSON) {
		output_json(array);
		return;
	}
	for (size_t i = 0; i < json_length(array); i++)
		output_jsonl(json_object_array_get_idx(array, i));
}

void output_stream_add(struct output_stream *s, struct json_object *value)
{
	if (s->format == FORMAT_JSON)
		fputs(s->any ? "," : "[", stdout);
	s->any = true;
	output_jsonl(value);
}

void output_stream_end(struct output_stream *s)
{
	if (s->format == FORMAT_JSON)
		puts(s->any ? "]" : "[]");
}
