/* output.h - --format: json is one value, jsonl one value a line, and both have the protocol's fields. */
#pragma once

#include <stdbool.h>

struct arguments;
struct json_object;

enum format { FORMAT_TABLE, FORMAT_JSON, FORMAT_JSONL };

enum format output_format(const struct arguments *args, enum format otherwise);

/* Whether people read it on a terminal, and want colours (NO_COLOR). */
bool output_coloured(void);

/* One value, indented as people read it, and a newline. */
void output_json(struct json_object *value);
/* One value on one line. */
void output_jsonl(struct json_object *value);
/* An array in either way. */
void output_list(struct json_object *array, enum format format);

/* An array whose elements come one after the other, and may be looked at as they come. */
struct output_stream {
	enum format format;
	bool any;
};
void output_stream_add(struct output_stream *s, struct json_object *value);
void output_stream_end(struct output_stream *s);
