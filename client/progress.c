#include "client/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "client/format.h"
#include "common/clock.h"

#define LARGE	   (16 << 20)
#define PATIENT_NS INT64_C(500000000)
#define AGAIN_NS   INT64_C(100000000)
#define LINE	   70

void progress_begin(struct progress *p, bool wanted, uint64_t total)
{
	*p = (struct progress) { .wanted = wanted && isatty(STDERR_FILENO), .total = total };
	p->next_ns = clock_monotonic_ns() + (total >= LARGE ? 0 : PATIENT_NS);
}

static void write_line(const struct progress *p)
{
	static const char bar[] = "==============================";
	char done[FORMAT_TEXT], all[FORMAT_TEXT];
	int n;
	format_size(p->bytes, done);
	if (p->total == 0) {
		n = fprintf(stderr, "\r%s", done);
	} else {
		/* A file that grows meanwhile has no more than all of it. */
		double part = p->bytes < p->total ? (double) p->bytes / (double) p->total : 1;
		int full = (int) (part * (sizeof bar - 1));
		n = fprintf(stderr, "\r[%-*.*s] %3d%% %s of %s", (int) sizeof bar - 1, full, bar,
			(int) (part * 100), done, format_size(p->total, all));
	}
	fprintf(stderr, "%*s", n < LINE ? LINE - n : 0, "");
}

void progress_add(struct progress *p, size_t bytes)
{
	p->bytes += bytes;
	if (!p->wanted)
		return;
	int64_t now_ns = clock_monotonic_ns();
	if (now_ns < p->next_ns)
		return;
	p->next_ns = now_ns + AGAIN_NS;
	p->shown = true;
	write_line(p);
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fprintf(stderr, "\r%*s\r", LINE, "");
	*p = (struct progress) { 0 };
}
