#include "common/detach.h"

#include <ctype.h>
#include <string.h>

#include "common/error.h"
#include "common/parse.h"

static int parse_key(const char *key, size_t length, uint8_t *ret_key)
{
	static const char prefix[] = "ctrl-";
	if (length == 1 && isprint((unsigned char) key[0])) {
		*ret_key = (uint8_t) key[0];
		return 0;
	}
	if (length != sizeof prefix || strncmp(key, prefix, sizeof prefix - 1) != 0)
		return -1;
	int c = toupper((unsigned char) key[length - 1]);
	if (c < '@' || c > '_')
		return -1;
	*ret_key = (uint8_t) (c & 0x1f);
	return 0;
}

int detach_parse(const char *text, uint8_t ret_keys[DETACH_KEYS_MAX], struct error *err)
{
	uint8_t keys[DETACH_KEYS_MAX];
	char shown[80];
	int n = 0;
	if (strcmp(text, "none") == 0)
		return 0;
	for (const char *p = text;; p++) {
		size_t length = strcspn(p, ",");
		if (n == DETACH_KEYS_MAX)
			return error_set(
				err, ERROR_INVALID_CONFIG, "there are more than %d keys", DETACH_KEYS_MAX);
		if (parse_key(p, length, &keys[n]) < 0) {
			error_set(err, ERROR_INVALID_CONFIG,
				"'%s' is not a list of keys: characters, and ctrl- with a letter or one of "
				"@[\\]^_",
				escape_text(text, shown, sizeof shown));
			return error_hint(err, "such as " DETACH_KEYS_DEFAULT ", or none");
		}
		n++;
		p += length;
		if (*p == '\0')
			break;
	}
	memcpy(ret_keys, keys, (size_t) n);
	return n;
}

/* One more byte: what cannot become the keys any more, oldest first, goes to out. */
static size_t take_byte(struct detach *d, uint8_t byte, uint8_t *out)
{
	uint8_t typed[DETACH_KEYS_MAX + 1];
	unsigned n = d->held, gone = 0;
	memcpy(typed, d->keys, n);
	typed[n++] = byte;
	while (memcmp(typed + gone, d->keys, n - gone) != 0)
		gone++;
	memcpy(out, typed, gone);
	d->held = n - gone;
	return gone;
}

size_t detach_filter(struct detach *d, const uint8_t *in, size_t size, uint8_t *out, bool *ret_found)
{
	size_t n = 0;
	*ret_found = false;
	if (d->size == 0) {
		memcpy(out, in, size);
		return size;
	}
	for (size_t i = 0; i < size; i++) {
		n += take_byte(d, in[i], out + n);
		if (d->held == d->size) {
			d->held = 0;
			*ret_found = true;
			break;
		}
	}
	return n;
}

size_t detach_release(struct detach *d, uint8_t out[DETACH_KEYS_MAX])
{
	size_t n = d->held;
	memcpy(out, d->keys, n);
	d->held = 0;
	return n;
}
