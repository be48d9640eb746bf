/* base64.h - RFC 4648, strictly: what is not base64 is refused. */
#pragma once

#include <sys/types.h>

/* buf: at least three bytes for each four characters. Bytes, or -1. */
ssize_t base64_decode(const char *text, char *buf);
