/*
 * log.h - the log of the daemon and of its shims: one line an event on stderr, with the journal's priority in
 * front where stderr is the journal (sd-daemon(3)). Text is escaped. Never in a library function that takes
 * an error.
 */
#pragma once

#include <stdbool.h>

struct error;

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_init(enum log_level level);
int log_level_parse(const char *text, enum log_level *ret_level);

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Why the daemon ends: outside the journal the sentence alone, as for somebody who has just typed its name.
 */
void log_fatal(const char *text);
