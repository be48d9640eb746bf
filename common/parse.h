/*
 * parse.h - text to numbers, sizes, durations, names. All of it strict: the whole string, no white space, no
 * sign where none belongs, overflow is an error. Each returns 0, or -1 and leaves the result untouched.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int parse_u64(const char *text, uint64_t max, uint64_t *ret_value);
int parse_i64(const char *text, int64_t *ret_value); /* with an optional '-' */

/* "512", "64k", "10M", "1.5G", "2GiB", "10mb": binary units b k m g t p, in either case. */
int parse_size(const char *text, uint64_t *ret_bytes);

/* "1", "0.25": in parts of 1 / unit, rounded up. */
int parse_decimal(const char *text, uint64_t unit, uint64_t *ret_parts);

/* "10", "1.5s", "300ms", "2m", "1h30m", "100us", "1d": a bare number is seconds. Milliseconds, rounded up. */
int parse_duration_ms(const char *text, int64_t *ret_ms);

/* A name as users give it: [A-Za-z0-9][A-Za-z0-9_.-]{0,63}, and not 32 hex digits. */
bool name_valid(const char *name);

#define ID_LENGTH 32
/* 32 lower-case hex digits. */
bool id_valid(const char *id);
/* 1 to 32 lower-case hex digits: may be the beginning of an id. */
bool id_prefix_valid(const char *prefix);

/* "KILL", "SIGKILL", "kill", "9", "RTMIN+3", "SIGRTMAX-1". 0 is no signal. */
int signal_parse(const char *text, int *ret_signal);
/* "SIGKILL", "SIGRTMIN+3"; buf at least 16 bytes. Returns buf. */
const char *signal_format(int sig, char buf[16]);

/* "CAP_SYS_ADMIN", "sys_admin", "SYS_ADMIN" to its number; "ALL" is not one. */
int capability_parse(const char *text, int *ret_capability);
/* "CAP_SYS_ADMIN", or NULL for an unknown number. */
const char *capability_name(int capability);

/* An absolute path without empty, "." and ".." components and without a trailing slash; "/" is one. */
bool path_clean(const char *path);

/* Whole and well-formed UTF-8 (no surrogates, no overlong forms, no NUL inside size). */
bool utf8_valid(const char *text, size_t size);

/* A copy of text of which nothing can be a terminal's command: C0, DEL, C1 and invalid UTF-8 bytes become
 * \xNN. Cut to size (at least 8) with an ending "…" if it must be. Returns buf. */
const char *escape_text(const char *text, char *buf, size_t size);
