/* fuzz_cri.c - a log file's lines as records, and a container's bytes split into records and put together
 * again. */
#include <stdlib.h>
#include <string.h>

#include "shim/cri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_records(const char *text, size_t size)
{
	while (size > 0) {
		const char *end = memchr(text, '\n', size);
		size_t n = end ? (size_t) (end - text) : size;
		struct cri_record record;

		if (cri_parse(text, n, &record) == 0 &&
			(record.bytes < text || record.bytes + record.size != text + n ||
				record.size > CRI_BYTES_MAX))
			abort();
		if (!end)
			return;
		size -= n + 1;
		text = end + 1;
	}
}

static void write_records(const char *data, size_t size)
{
	while (size > 0) {
		char line[CRI_RECORD_MAX];
		struct cri_record record;
		size_t bytes;
		bool full;

		cri_split(data, size, &bytes, &full);
		if (bytes > CRI_BYTES_MAX || bytes + full == 0 || bytes + full > size ||
			(full && data[bytes] != '\n') || memchr(data, '\n', bytes))
			abort();
		size_t n = cri_prefix("2026-11-22T04:13:00.123456789Z", false, full, line);
		memcpy(line + n, data, bytes);
		if (cri_parse(line, n + bytes, &record) < 0 || record.size != bytes ||
			record.partial == full || record.is_stderr || memcmp(record.bytes, data, bytes) != 0)
			abort();
		data += bytes + full;
		size -= bytes + full;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_records((const char *) data, size);
	write_records((const char *) data, size);
	return 0;
}
