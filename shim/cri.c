#include "shim/cri.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"

void cri_split(const char *data, size_t size, size_t *ret_bytes, bool *ret_full)
{
	size_t most = size < CRI_BYTES_MAX ? size : CRI_BYTES_MAX;
	/* One byte further: a newline right behind a full record ends that record, no empty one is needed for
	 * it. */
	const char *newline = memchr(data, '\n', most < size ? most + 1 : most);
	*ret_bytes = newline != NULL ? (size_t) (newline - data) : most;
	*ret_full = newline != NULL;
}

size_t cri_prefix(const char *time, bool is_stderr, bool full, char out[CRI_PREFIX_MAX])
{
	return (size_t) snprintf(
		out, CRI_PREFIX_MAX, "%s %s %c ", time, is_stderr ? "stderr" : "stdout", full ? 'F' : 'P');
}

int cri_parse(const char *line, size_t size, struct cri_record *ret_record)
{
	char time[CRI_PREFIX_MAX];
	const char *space = memchr(line, ' ', size < sizeof time ? size : sizeof time);
	if (space == NULL || (size_t) (space - line) >= sizeof time)
		return -1;
	size_t n = (size_t) (space - line);
	memcpy(time, line, n);
	time[n] = '\0';

	struct cri_record record = { 0 };
	const char *p = space + 1;
	size_t left = size - n - 1;
	if (time_parse(time, &record.time_ns) < 0 || left < 9)
		return -1;
	if (memcmp(p, "stdout ", 7) != 0 && memcmp(p, "stderr ", 7) != 0)
		return -1;
	if ((p[7] != 'P' && p[7] != 'F') || p[8] != ' ')
		return -1;
	record.is_stderr = p[3] == 'e';
	record.partial = p[7] == 'P';
	record.bytes = p + 9;
	record.size = left - 9;
	if (record.size > CRI_BYTES_MAX)
		return -1;
	*ret_record = record;
	return 0;
}
