#include "client/report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/command.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/parse.h"

#define LINE_MAX_SIZE 8192

static size_t add_line(char *out, size_t at, const char *prefix, const char *subject, const char *text)
{
	char clean[3072], name[256];
	if (subject != NULL && subject[0] == '\0')
		subject = "''";
	int n = snprintf(out + at, LINE_MAX_SIZE - at, "%s: %s%s%s\n", prefix,
		subject != NULL ? escape_text(subject, name, sizeof name) : "", subject != NULL ? ": " : "",
		escape_text(text, clean, sizeof clean));
	return at + (size_t) n;
}

/* The daemon's sentences name the container; in front of them ctl has done so already: "container 'web' is
 * running" → "is running", "no such container 'web'" → "no such container". */
static void drop_name(char *text, const char *subject)
{
	char named[256];
	int n = snprintf(named, sizeof named, "container '%s'", subject);
	char *at = n < (int) sizeof named ? strstr(text, named) : NULL;
	if (at == NULL)
		return;
	const char *rest = at + n;
	if (at == text)
		rest += *rest == ' ';
	else
		at += strlen("container");
	memmove(at, rest, strlen(rest) + 1);
}

void report(const char *subject, const struct error *err)
{
	char text[2048], out[LINE_MAX_SIZE];
	error_format(err, text, sizeof text);
	if (subject != NULL)
		drop_name(text, subject);
	size_t size = add_line(out, 0, "ctl", subject, text);
	if (err->hint[0] != '\0')
		size = add_line(out, size, "hint", NULL, err->hint);
	/* What is on stdout was said before this. */
	fflush(stdout);
	fd_write_all(STDERR_FILENO, out, size);
}

void report_text(const char *subject, const char *fmt, ...)
{
	struct error err = { .kind = ERROR_FAILED };
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(err.msg, sizeof err.msg, fmt, ap);
	va_end(ap);
	report(subject, &err);
}

int report_code(const char *subject, const struct error *err, int otherwise)
{
	report(subject, err);
	switch (err->kind) {
	case ERROR_USAGE:
	case ERROR_DISCONNECTED:
	case ERROR_INVALID_CONFIG:
	case ERROR_INVALID_PARAMETER:
	case ERROR_NOT_SUPPORTED: return CTL_ENGINE;
	default: return otherwise;
	}
}

int finish_output(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	if (errno != EPIPE)
		report_text(NULL, "write to standard output: %s", strerror(errno));
	return code == 0 ? CTL_FAILED : code;
}
