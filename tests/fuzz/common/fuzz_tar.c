/* fuzz_tar.c - somebody's archive: names have an end, the data are those that the header says, and what is
 * read can be written and read again. */
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/tar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t size;
};

static ssize_t fill(void *arg, void *data, size_t size, struct error *err)
{
	struct input *in = arg;
	size_t n = size < in->size ? size : in->size;
	(void) err;
	if (n > 0)
		memcpy(data, in->data, n);
	in->data += n;
	in->size -= n;
	return (ssize_t) n;
}

static void check(const struct tar_entry *e)
{
	static uint8_t header[TAR_HEADER_MAX];
	static struct tar_entry again;
	struct error err;
	struct input in = { header, tar_header(e, header) };
	struct tar_reader r = { .fill = fill, .arg = &in };
	if (in.size > TAR_HEADER_MAX || in.size % TAR_BLOCK != 0)
		abort();
	if (tar_next(&r, &again, &err) != 1 || again.type != e->type || again.size != e->size ||
		again.mode != e->mode || again.uid != e->uid || again.gid != e->gid ||
		strncmp(again.name, e->name, strlen(e->name)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tar_entry e;
	struct input in = { data, size };
	struct tar_reader r = { .fill = fill, .arg = &in };
	struct error err;
	uint8_t buffer[1000];
	while (tar_next(&r, &e, &err) == 1) {
		uint64_t read = 0;
		ssize_t n;
		if (memchr(e.name, '\0', sizeof e.name) == NULL ||
			memchr(e.link, '\0', sizeof e.link) == NULL)
			abort();
		check(&e);
		while ((n = tar_data(&r, buffer, sizeof buffer, &err)) > 0)
			read += (uint64_t) n;
		if (n == 0 && read != e.size)
			abort();
	}
	return 0;
}
