#include "shim/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/parse.h"
#include "shim/place.h"

/* Of /proc/PID/stat, counted from the state on, which is behind the name in parentheses (proc(5)). */
enum {
	STAT_PPID = 1,
	STAT_UTIME = 11,
	STAT_STIME = 12,
	STAT_THREADS = 17,
	STAT_STARTED = 19,
	STAT_RSS = 21,
	STAT_FIELDS
};

static int64_t number_at(const char *text)
{
	char digits[24];
	uint64_t value;
	snprintf(digits, sizeof digits, "%.*s", (int) strspn(text, "0123456789"), text);
	return parse_u64(digits, INT64_MAX, &value) == 0 ? (int64_t) value : 0;
}

static int64_t boot_ns(void)
{
	struct timespec up;
	clock_gettime(CLOCK_BOOTTIME, &up);
	return clock_realtime_ns() - up.tv_sec * INT64_C(1000000000) - up.tv_nsec;
}

int process_parse_stat(const char *text, struct process *process)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	int64_t fields[STAT_FIELDS] = { 0 }, hz = sysconf(_SC_CLK_TCK);
	if (open == NULL || close == NULL || close < open || close[1] != ' ' || close[2] == '\0' || hz <= 0)
		return -1;
	const char *p = close + 2;
	process->state = *p;
	for (int i = 0; i < STAT_FIELDS; i++) {
		fields[i] = number_at(p);
		p += strcspn(p, " ");
		if (*p == '\0' && i + 1 < STAT_FIELDS)
			return -1;
		p += *p == ' ';
	}
	snprintf(process->comm, sizeof process->comm, "%.*s", (int) (close - open - 1), open + 1);
	process->pid = (pid_t) number_at(text);
	process->ppid = (pid_t) fields[STAT_PPID];
	process->cpu_us = (fields[STAT_UTIME] + fields[STAT_STIME]) * 1000000 / hz;
	process->threads = fields[STAT_THREADS];
	process->started_ns = boot_ns() + fields[STAT_STARTED] * (INT64_C(1000000000) / hz);
	process->rss_bytes = fields[STAT_RSS] * sysconf(_SC_PAGESIZE);
	return 0;
}

void process_parse_status(const char *text, struct process *process)
{
	const char *uid = strstr(text, "\nUid:\t"), *inner = strstr(text, "\nNSpid:\t");
	/* real, effective, …; and of NSpid the last one is the innermost namespace's. */
	if (uid != NULL) {
		uid += strlen("\nUid:\t");
		uid += strcspn(uid, "\t");
		process->uid = (uint32_t) number_at(uid + 1);
	}
	process->inner = process->pid;
	if (inner == NULL)
		return;
	inner++;
	for (const char *end = inner + strcspn(inner, "\n"); end > inner; end--)
		if (end[-1] == '\t') {
			process->inner = (pid_t) number_at(end);
			return;
		}
}

int process_read(int proc, struct process *ret_process)
{
	struct process process = { 0 };
	_cleanup_free_ char *stat = place_read(proc, "stat"), *status = place_read(proc, "status");
	if (stat == NULL || status == NULL || process_parse_stat(stat, &process) < 0)
		return -1;
	process_parse_status(status, &process);
	*ret_process = process;
	return 0;
}
