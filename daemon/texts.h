/* texts.h - the texts that go along with one control message, one after the other in one memfd. */
#pragma once

#include <stddef.h>

#include "common/control.h"

struct texts {
	char *data; /* owned */
	size_t size;
};

/* Where it lies then; text may be NULL with size 0. */
struct control_text texts_add(struct texts *texts, const char *text, size_t size);
/* A memfd with all of them, or -1 with errno. Also empties texts. */
int texts_memfd(struct texts *texts);
