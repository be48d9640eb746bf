#include "daemon/figures.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"

int figures_read(int fd, size_t size, struct json_object **ret_value, struct error *err)
{
	_cleanup_free_ char *text = malloc(size + 1);

	if (!text)
		abort();
	if (fd < 0 || pread(fd, text, size, 0) != (ssize_t) size)
		return error_set(err, ERROR_FAILED, "a worker's answer was cut");
	return json_parse(text, size, ret_value, err);
}
