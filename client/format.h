/* format.h - texts for people: how long ago, ids, a container's status. Nothing here reads a clock. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct json_object;

#define FORMAT_TEXT 64

/* "Less than a second", "3 minutes", "About an hour", "2 weeks". Returns buf. */
const char *format_duration(int64_t seconds, char buf[FORMAT_TEXT]);
/* "3 minutes ago" of an RFC 3339 time; "" where there is none. */
const char *format_ago(const char *time, int64_t now_ns, char buf[FORMAT_TEXT]);
/* The first twelve digits. */
const char *format_short_id(const char *id, char buf[13]);

/* "Up 3 minutes", "Exited (137) 2 minutes ago: SIGKILL" of a Summary. Returns buf. */
const char *format_status(struct json_object *summary, int64_t now_ns, char *buf, size_t size);
/* The words in double quotes, escaped, cut to this many characters ("…" at the end); 0: not cut. Caller
 * frees.
 */
char *format_command(struct json_object *words, size_t characters);
/* The same without the quotes. */
char *format_words(struct json_object *words, size_t characters);
/* "512B", "1.50KiB", "12.3MiB", "640MiB". Returns buf. */
const char *format_size(uint64_t bytes, char buf[FORMAT_TEXT]);
/* "OOM, limit 64M", of an Oom or of a record that has none. Returns buf. */
const char *format_oom(struct json_object *oom, char buf[FORMAT_TEXT]);
/* Escaped for a terminal; caller frees. */
char *format_clean(const char *text);
