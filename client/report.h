/* report.h - what goes to stderr: one sentence, and a hint where there is one. Everything is escaped. */
#pragma once

struct error;

/* "ctl: subject: sentence", "hint: …"; subject may be NULL. Each call is one write. */
void report(const char *subject, const struct error *err);
/* "ctl: subject: " and this text. */
void report_text(const char *subject, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Reports, and tells ctl's exit code: 125 for an unreachable daemon and for a usage error, whether ctl or the
 * daemon found it; else otherwise. */
int report_code(const char *subject, const struct error *err, int otherwise);

/* Flushes stdout. Output that could not be written is an error: code becomes 1 if it was 0. */
int finish_output(int code);
