/* Any text as config.json and as shim.json: refused with a sentence or read, never anything else. */
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "runtime/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct spec spec;
	struct error err = { 0 };
	/* What follows a NUL is a shim.json. */
	const uint8_t *nul = size > 0 ? memchr(data, 0, size) : NULL;
	size_t config_size = nul != NULL ? (size_t) (nul - data) : size;
	const char *shim = nul != NULL ? (const char *) nul + 1 : NULL;
	size_t shim_size = nul != NULL ? size - config_size - 1 : 0;
	int result = spec_parse((const char *) data, config_size, shim, shim_size, &spec, &err);
	if (result < 0 && (err.kind == ERROR_NONE || err.msg[0] == '\0'))
		abort();
	if (result == 0 && (err.kind != ERROR_NONE || spec.args.n == 0))
		abort();
	spec_done(&spec);
	return 0;
}
