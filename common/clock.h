/* clock.h - wall-clock and monotonic times as nanoseconds, and RFC 3339. */
#pragma once

#include <stdint.h>

int64_t clock_realtime_ns(void);
int64_t clock_monotonic_ns(void); /* CLOCK_MONOTONIC */

#define TIME_TEXT 48
/* "2026-11-22T04:13:00.123456789Z"; always nine digits, UTC. Returns buf. */
const char *time_format(int64_t realtime_ns, char buf[TIME_TEXT]);
/* RFC 3339 with any fraction and offset. 0 or -1. */
int time_parse(const char *text, int64_t *ret_realtime_ns);
/* What --since takes: RFC 3339, a date, a date and time (local), unix seconds with a fraction, or a duration
 * before now. */
int time_parse_since(const char *text, int64_t now_ns, int64_t *ret_realtime_ns);
