#include "common/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/parse.h"

#define NS INT64_C(1000000000)

static int64_t now_ns(clockid_t clock)
{
	struct timespec ts;
	clock_gettime(clock, &ts);
	return (int64_t) ts.tv_sec * NS + ts.tv_nsec;
}

int64_t clock_realtime_ns(void)
{
	return now_ns(CLOCK_REALTIME);
}

int64_t clock_monotonic_ns(void)
{
	return now_ns(CLOCK_MONOTONIC);
}

/* Days since 1970-01-01 of a civil date and back, valid for all years of RFC 3339 (proleptic Gregorian
 * calendar). */
static int64_t days_from_civil(int64_t y, int m, int d)
{
	y -= m <= 2;
	int64_t era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
	int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void civil_from_days(int64_t z, int *y, int *m, int *d)
{
	z += 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	*d = (int) (doy - (153 * mp + 2) / 5 + 1);
	*m = (int) (mp < 10 ? mp + 3 : mp - 9);
	*y = (int) (yoe + era * 400 + (*m <= 2));
}

const char *time_format(int64_t realtime_ns, char buf[TIME_TEXT])
{
	int64_t seconds = realtime_ns / NS, ns = realtime_ns % NS;
	if (ns < 0) {
		ns += NS;
		seconds--;
	}
	int64_t days = seconds / 86400, rest = seconds % 86400;
	if (rest < 0) {
		rest += 86400;
		days--;
	}
	int y, m, d;
	civil_from_days(days, &y, &m, &d);
	snprintf(buf, TIME_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d.%09dZ", y % 10000, m, d, (int) (rest / 3600),
		(int) (rest / 60 % 60), (int) (rest % 60), (int) ns);
	return buf;
}

/* Exactly n digits at *p, which moves on; -1 if there are not. */
static int digits(const char **p, int n)
{
	int value = 0;
	for (int i = 0; i < n; i++, (*p)++) {
		if (**p < '0' || **p > '9')
			return -1;
		value = value * 10 + (**p - '0');
	}
	return value;
}

static bool literal(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

static int date_parse(const char **p, int64_t *ret_days)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int y = digits(p, 4);
	if (y < 0 || !literal(p, '-'))
		return -1;
	int m = digits(p, 2);
	if (m < 1 || m > 12 || !literal(p, '-'))
		return -1;
	int d = digits(p, 2);
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
	if (d < 1 || d > lengths[m - 1] + (m == 2 && leap))
		return -1;
	*ret_days = days_from_civil(y, m, d);
	return 0;
}

/* "15:04:05" or "15:04", with a fraction of up to nine digits that count. */
static int clock_parse(const char **p, int64_t *ret_ns)
{
	int h = digits(p, 2), min = -1, s = 0;
	if (h < 0 || h > 23 || !literal(p, ':') || (min = digits(p, 2)) < 0 || min > 59)
		return -1;
	if (literal(p, ':') && ((s = digits(p, 2)) < 0 || s > 60))
		return -1;
	int64_t ns = 0, unit = NS / 10;
	if (literal(p, '.')) {
		if (**p < '0' || **p > '9')
			return -1;
		for (; **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
			ns += unit * (**p - '0');
	}
	*ret_ns = ((int64_t) h * 3600 + min * 60 + s) * NS + ns;
	return 0;
}

/* "Z" or "+01:00"; seconds east. */
static int offset_parse(const char **p, int64_t *ret_seconds)
{
	if (literal(p, 'Z') || literal(p, 'z')) {
		*ret_seconds = 0;
		return 0;
	}
	int sign = **p == '-' ? -1 : 1;
	if (!literal(p, '+') && !literal(p, '-'))
		return -1;
	int h = digits(p, 2), m;
	if (h < 0 || h > 23 || !literal(p, ':') || (m = digits(p, 2)) < 0 || m > 59)
		return -1;
	*ret_seconds = sign * (h * 3600 + m * 60);
	return 0;
}

/* int64_t nanoseconds end in 2262. */
static int join(int64_t days, int64_t ns, int64_t offset, int64_t *ret_realtime_ns)
{
	int64_t seconds = days * 86400 - offset;
	if (seconds < -9200000000 || seconds > 9200000000)
		return -1;
	*ret_realtime_ns = seconds * NS + ns;
	return 0;
}

int time_parse(const char *text, int64_t *ret_realtime_ns)
{
	const char *p = text;
	int64_t days, ns, offset;
	if (date_parse(&p, &days) < 0 || (*p != 'T' && *p != 't'))
		return -1;
	p++;
	if (clock_parse(&p, &ns) < 0 || offset_parse(&p, &offset) < 0 || *p != '\0')
		return -1;
	return join(days, ns, offset, ret_realtime_ns);
}

/* A date and perhaps a time with no offset are in the local time zone. */
static int local_parse(const char *text, int64_t *ret_realtime_ns)
{
	const char *p = text;
	int64_t days, ns = 0;
	if (date_parse(&p, &days) < 0)
		return -1;
	if (*p != '\0') {
		if (!literal(&p, 'T') && !literal(&p, ' '))
			return -1;
		if (clock_parse(&p, &ns) < 0 || *p != '\0')
			return -1;
	}
	int64_t seconds = days * 86400 + ns / NS;
	time_t as_utc = (time_t) seconds;
	struct tm tm;
	if (gmtime_r(&as_utc, &tm) == NULL)
		return -1;
	tm.tm_isdst = -1;
	time_t local = mktime(&tm);
	return join(0, ns % NS, -(int64_t) local, ret_realtime_ns);
}

static int unix_parse(const char *text, int64_t *ret_realtime_ns)
{
	char whole[24];
	size_t n = strcspn(text, ".");
	uint64_t seconds;
	if (n == 0 || n >= sizeof whole)
		return -1;
	memcpy(whole, text, n);
	whole[n] = '\0';
	if (parse_u64(whole, INT64_MAX / NS - 1, &seconds) < 0)
		return -1;
	int64_t ns = 0, unit = NS / 10;
	if (text[n] == '.' && text[n + 1] == '\0')
		return -1;
	for (const char *p = text + n + (text[n] == '.'); *p != '\0'; p++, unit /= 10) {
		if (*p < '0' || *p > '9')
			return -1;
		ns += unit * (*p - '0');
	}
	*ret_realtime_ns = (int64_t) seconds * NS + ns;
	return 0;
}

int time_parse_since(const char *text, int64_t now, int64_t *ret_realtime_ns)
{
	int64_t ms;
	if (time_parse(text, ret_realtime_ns) == 0 || local_parse(text, ret_realtime_ns) == 0)
		return 0;
	/* A bare number is unix seconds here, so a duration must name its unit. */
	if (unix_parse(text, ret_realtime_ns) == 0)
		return 0;
	if (parse_duration_ms(text, &ms) < 0 || ms > INT64_MAX / 1000000)
		return -1;
	*ret_realtime_ns = now - ms * 1000000;
	return 0;
}
