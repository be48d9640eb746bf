#include "daemon/texts.h"

#include <stdlib.h>
#include <string.h>

#include "common/fd.h"

struct control_text texts_add(struct texts *texts, const char *text, size_t size)
{
	struct control_text place = { .offset = (uint32_t) texts->size, .size = (uint32_t) size };

	if (size == 0)
		return (struct control_text) { 0 };
	texts->data = realloc(texts->data, texts->size + size);
	if (!texts->data)
		abort();
	memcpy(texts->data + texts->size, text, size);
	texts->size += size;
	return place;
}

int texts_memfd(struct texts *texts)
{
	int fd = fd_memfd("texts", texts->data ? texts->data : "", texts->size);

	free(texts->data);
	*texts = (struct texts) { 0 };
	return fd;
}
