#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/parse.h"

static const struct {
	const char *name;
	int priority; /* syslog(3) */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", 3 },
	[LOG_LEVEL_WARNING] = { "warning", 4 },
	[LOG_LEVEL_INFO] = { "info", 6 },
	[LOG_LEVEL_DEBUG] = { "debug", 7 },
};

static enum log_level log_max = LOG_LEVEL_INFO;
static bool to_journal;

/* JOURNAL_STREAM names the journal's socket by device and inode; it counts only while stderr still is that
 * one. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	char text[64];
	if (stream == NULL || fstat(STDERR_FILENO, &st) < 0)
		return false;
	snprintf(text, sizeof text, "%ju:%ju", (uintmax_t) st.st_dev, (uintmax_t) st.st_ino);
	return strcmp(stream, text) == 0;
}

void log_init(enum log_level level)
{
	log_max = level;
	to_journal = stderr_is_journal();
}

int log_level_parse(const char *text, enum log_level *ret_level)
{
	for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
		if (strcmp(levels[i].name, text) == 0) {
			*ret_level = (enum log_level) i;
			return 0;
		}
	return -1;
}

static void log_line(enum log_level level, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

static void log_line(enum log_level level, const char *fmt, va_list ap)
{
	char text[2048], clean[2 * sizeof text], line[sizeof clean + 64];
	if (level > log_max)
		return;
	int saved = errno;
	vsnprintf(text, sizeof text, fmt, ap);
	escape_text(text, clean, sizeof clean);
	int n = to_journal
			? snprintf(line, sizeof line, "<%d>%s\n", levels[level].priority, clean)
			: snprintf(line, sizeof line, "containerd-lite: %s: %s\n", levels[level].name, clean);
	/* One write a line. Nobody can be told that the log is lost. */
	if (n > 0 && write(STDERR_FILENO, line, (size_t) n) < 0)
		errno = saved;
	errno = saved;
}

#define DEFINE_LOG(name, level)           \
	void name(const char *fmt, ...)   \
	{                                 \
		va_list ap;               \
		va_start(ap, fmt);        \
		log_line(level, fmt, ap); \
		va_end(ap);               \
	}

DEFINE_LOG(log_error, LOG_LEVEL_ERROR)
DEFINE_LOG(log_warning, LOG_LEVEL_WARNING)
DEFINE_LOG(log_info, LOG_LEVEL_INFO)
DEFINE_LOG(log_debug, LOG_LEVEL_DEBUG)

void log_fatal(const char *text)
{
	char clean[4096];
	if (to_journal)
		log_error("%s", text);
	else
		fprintf(stderr, "containerd-lite: %s\n", escape_text(text, clean, sizeof clean));
}
