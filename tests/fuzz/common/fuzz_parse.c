/* fuzz_parse.c - what users type, through every parser of parse.c and clock.c; what is formatted parses to
 * the same. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trips(const char *text)
{
	int sig, again;
	int64_t ns, ns_again;
	char buf[TIME_TEXT];

	if (signal_parse(text, &sig) == 0) {
		char name[16];

		if (signal_parse(signal_format(sig, name), &again) < 0 || again != sig)
			abort();
	}
	if (time_parse(text, &ns) == 0 && (time_parse(time_format(ns, buf), &ns_again) < 0 || ns_again != ns))
		abort();
	if (capability_parse(text, &sig) == 0 && capability_name(sig) == NULL)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	char escaped[64];
	uint64_t bytes;
	int64_t number;

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	parse_u64(text, UINT64_MAX, &bytes);
	parse_i64(text, &number);
	parse_size(text, &bytes);
	parse_duration_ms(text, &number);
	time_parse_since(text, 1, &number);
	name_valid(text);
	id_valid(text);
	id_prefix_valid(text);
	path_clean(text);
	check_round_trips(text);
	escape_text(text, escaped, sizeof(escaped));
	if (strlen(escaped) >= sizeof(escaped) || !utf8_valid(escaped, strlen(escaped)))
		abort();
	for (const char *p = escaped; *p; p++)
		if ((unsigned char) *p < ' ' || *p == 0x7f)
			abort();
	utf8_valid(text, size);
	free(text);
	return 0;
}
