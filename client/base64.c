#include "client/base64.h"

#include <stdint.h>
#include <string.h>

static int digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;
	return at != NULL ? (int) (at - digits) : -1;
}

ssize_t base64_decode(const char *text, char *buf)
{
	size_t length = strlen(text), padding = 0, out = 0;
	if (length % 4 != 0)
		return -1;
	while (padding < 2 && length > 0 && text[length - 1 - padding] == '=')
		padding++;
	for (size_t i = 0; i < length; i += 4) {
		uint32_t bits = 0;
		for (size_t k = i; k < i + 4; k++) {
			int d = k >= length - padding ? 0 : digit(text[k]);
			if (d < 0)
				return -1;
			bits = bits << 6 | (uint32_t) d;
		}
		for (int shift = 16; shift >= 0; shift -= 8)
			buf[out++] = (char) (bits >> shift);
	}
	return (ssize_t) (out - padding);
}
