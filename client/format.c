#include "client/format.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/parse.h"

#define MINUTE 60
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

/* Docker's words, so that what reads them goes on reading them. below: the row is for durations less than it.
 */
static const struct {
	int64_t below, unit;
	const char *text;
} durations[] = {
	{ 1, 1, "Less than a second" },
	{ 2, 1, "1 second" },
	{ MINUTE, 1, "%jd seconds" },
	{ 2 * MINUTE, 1, "About a minute" },
	{ HOUR, MINUTE, "%jd minutes" },
	{ HOUR + HOUR / 2, 1, "About an hour" },
	{ 48 * HOUR, HOUR, "%jd hours" },
	{ 14 * DAY, DAY, "%jd days" },
	{ 60 * DAY, 7 * DAY, "%jd weeks" },
	{ 730 * DAY, 30 * DAY, "%jd months" },
	{ INT64_MAX, 365 * DAY, "%jd years" },
};

const char *format_duration(int64_t seconds, char buf[FORMAT_TEXT])
{
	size_t i = 0;
	if (seconds >= HOUR + HOUR / 2)
		seconds += HOUR / 2; /* to the nearest hour */
	while (seconds >= durations[i].below && durations[i].below != INT64_MAX)
		i++;
	const char *number = strstr(durations[i].text, "%jd");
	if (number == NULL)
		snprintf(buf, FORMAT_TEXT, "%s", durations[i].text);
	else
		snprintf(buf, FORMAT_TEXT, "%jd%s", (intmax_t) (seconds / durations[i].unit), number + 3);
	return buf;
}

static int64_t seconds_since(const char *time, int64_t now_ns)
{
	int64_t ns;
	if (time == NULL || time_parse(time, &ns) < 0)
		return -1;
	/* A clock that was set back makes a future of the past. */
	return now_ns > ns ? (now_ns - ns) / 1000000000 : 0;
}

const char *format_ago(const char *time, int64_t now_ns, char buf[FORMAT_TEXT])
{
	int64_t seconds = seconds_since(time, now_ns);
	buf[0] = '\0';
	if (seconds < 0)
		return buf;
	format_duration(seconds, buf);
	size_t length = strlen(buf);
	snprintf(buf + length, FORMAT_TEXT - length, " ago");
	return buf;
}

const char *format_short_id(const char *id, char buf[13])
{
	snprintf(buf, 13, "%s", id);
	return buf;
}

/* As limits are given: "64M". */
static const char *format_limit(uint64_t bytes, char buf[FORMAT_TEXT])
{
	static const char units[] = "bKMGTPE";
	size_t unit = 0;
	while (bytes > 0 && bytes % 1024 == 0 && units[unit + 1] != '\0') {
		bytes /= 1024;
		unit++;
	}
	snprintf(buf, FORMAT_TEXT, "%ju%.*s", (uintmax_t) bytes, unit > 0, units + unit);
	return buf;
}

const char *format_oom(struct json_object *oom, char buf[FORMAT_TEXT])
{
	static const struct {
		const char *whose, *text;
	} rows[] = { { "own", ", limit %s" }, { "ancestor", ", limit %s of a cgroup above" },
		{ "inside", ", limit of a cgroup inside" }, { "host", ", the host had no more" } };
	const char *whose = json_string(oom, "whose", ""), *text = "";
	char limit[FORMAT_TEXT] = "";
	if (json_get(oom, "limit") != NULL)
		format_limit((uint64_t) json_int(oom, "limit", 0), limit);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (strcmp(rows[i].whose, whose) == 0)
			text = rows[i].text;
	const char *place = strstr(text, "%s");
	if (place == NULL)
		snprintf(buf, FORMAT_TEXT, "OOM%s", text);
	else
		snprintf(buf, FORMAT_TEXT, "OOM%.*s%s%s", (int) (place - text), text, limit, place + 2);
	return buf;
}

/* Why it ended, where that is more than its code says. */
static const char *cause(struct json_object *exit, char buf[FORMAT_TEXT])
{
	const char *reason = json_string(exit, "reason", "");
	const char *sig = json_string(exit, "signal", "");
	if (json_flag(exit, "oom_killed", false))
		return format_oom(json_get(exit, "oom"), buf);
	if (strcmp(reason, "timeout") == 0)
		return reason;
	if (sig[0] != '\0') {
		snprintf(buf, FORMAT_TEXT, "%s%s", sig,
			json_flag(exit, "core_dumped", false) ? ", core dumped" : "");
		return buf;
	}
	return strcmp(reason, "exited") == 0 || strcmp(reason, "signaled") == 0 ? "" : reason;
}

static void format_exited(struct json_object *exit, int64_t now_ns, char *buf, size_t size)
{
	char ago[FORMAT_TEXT], code[16] = "unknown", why[FORMAT_TEXT];
	if (json_get(exit, "code") != NULL)
		snprintf(code, sizeof code, "%d", (int) json_int(exit, "code", 0));
	format_ago(json_string(exit, "finished_at", NULL), now_ns, ago);
	const char *because = cause(exit, why);
	snprintf(buf, size, "Exited (%s)%s%s%s%s", code, ago[0] != '\0' ? " " : "", ago,
		because[0] != '\0' ? ": " : "", because);
}

/* How each state of the interface is told; up: with the time since its start. */
static const struct {
	const char *state, *text;
	bool up;
} states[] = {
	{ "created", "Created", false },
	{ "starting", "Starting", false },
	{ "running", "", true },
	{ "paused", " (Paused)", true },
	{ "stopping", " (Stopping)", true },
	{ "removing", "Removing", false },
};

const char *format_status(struct json_object *summary, int64_t now_ns, char *buf, size_t size)
{
	const char *state = json_string(summary, "state", "");
	char up[FORMAT_TEXT], why[FORMAT_TEXT];
	if (strcmp(state, "exited") == 0) {
		format_exited(json_get(summary, "exit"), now_ns, buf, size);
		return buf;
	}
	for (size_t i = 0; i < sizeof states / sizeof *states; i++)
		if (strcmp(states[i].state, state) == 0) {
			int64_t seconds = seconds_since(json_string(summary, "started_at", NULL), now_ns);
			struct json_object *oom = json_get(summary, "oom");
			if (states[i].up)
				snprintf(buf, size, "Up %s%s%s%s", format_duration(seconds, up),
					states[i].text, oom != NULL ? ": " : "",
					oom != NULL ? format_oom(oom, why) : "");
			else
				snprintf(buf, size, "%s", states[i].text);
			return buf;
		}
	escape_text(state, buf, size);
	return buf;
}

char *format_clean(const char *text)
{
	size_t size = strlen(text) * 4 + 8;
	char *clean = malloc(size);
	if (clean == NULL)
		abort();
	escape_text(text, clean, size);
	return clean;
}

/* Cuts at a whole character, of which the last one becomes "…". */
static void cut(char *text, size_t characters)
{
	size_t n = 0;
	char *last = text;
	for (char *p = text; *p != '\0'; p++) {
		if ((*p & 0xC0) == 0x80)
			continue;
		if (++n == characters)
			last = p;
	}
	/* The caller's buffer has room for the three bytes. */
	if (characters > 0 && n > characters)
		memcpy(last, "…", sizeof "…");
}

char *format_words(struct json_object *words, size_t characters)
{
	_cleanup_free_ char *joined = NULL;
	size_t size;
	FILE *stream = open_memstream(&joined, &size);
	if (stream == NULL)
		abort();
	for (size_t i = 0; i < json_length(words); i++)
		fprintf(stream, "%s%s", i > 0 ? " " : "",
			json_object_get_string(json_object_array_get_idx(words, i)));
	fclose(stream);
	char *clean = format_clean(joined);
	cut(clean, characters);
	return clean;
}

char *format_command(struct json_object *words, size_t characters)
{
	_cleanup_free_ char *clean = format_words(words, characters);
	char *quoted = NULL;
	if (asprintf(&quoted, "\"%s\"", clean) < 0)
		abort();
	return quoted;
}

const char *format_size(uint64_t bytes, char buf[FORMAT_TEXT])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double) bytes;
	size_t unit = 0;
	/* What would be rounded to 1024 is one of the next. */
	while (value >= 1023.5 && unit + 1 < sizeof units / sizeof *units) {
		value /= 1024;
		unit++;
	}
	int digits = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
	snprintf(buf, FORMAT_TEXT, "%.*f%s", digits, value, units[unit]);
	return buf;
}
