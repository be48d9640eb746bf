/* process.h - one process, out of its folder in /proc. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct process {
	char comm[64]; /* as the process has set it: anything may be in it */
	char state;    /* proc(5)'s letter */
	pid_t ppid;
	int64_t cpu_us, started_ns; /* started: realtime */
	int64_t rss_bytes, threads;
	uint32_t uid;	  /* the effective one */
	pid_t pid, inner; /* in our namespace, and in its own */
};

/* proc: an open folder of /proc. -1: it is gone. */
int process_read(int proc, struct process *ret_process);

/* The fields of the files' texts, for tests. -1: not like proc(5). */
int process_parse_stat(const char *text, struct process *process);
void process_parse_status(const char *text, struct process *process);
