#include <errno.h>
#include <sys/resource.h>

#include "common/error.h"
#include "runtime/child.h"

/* The closest to what is wanted: without CAP_SYS_RESOURCE no hard limit can be raised, and none beyond the
 * kernel's own (fs.nr_open) ever. */
static int set_closest(const struct spec_rlimit *wanted)
{
	struct rlimit limit = { .rlim_cur = wanted->soft, .rlim_max = wanted->hard }, present;
	if (setrlimit((unsigned) wanted->resource, &limit) == 0)
		return 0;
	if (errno != EPERM || getrlimit((unsigned) wanted->resource, &present) < 0)
		return -1;
	if (limit.rlim_max > present.rlim_max)
		limit.rlim_max = present.rlim_max;
	if (limit.rlim_cur > limit.rlim_max)
		limit.rlim_cur = limit.rlim_max;
	return setrlimit((unsigned) wanted->resource, &limit);
}

int step_rlimits(struct child *c, struct error *err)
{
	for (size_t i = 0; i < c->spec.n_rlimits; i++)
		if (set_closest(&c->spec.rlimits[i]) < 0)
			return error_errno(err, "set resource limit %d to %ju:%ju",
				c->spec.rlimits[i].resource, (uintmax_t) c->spec.rlimits[i].soft,
				(uintmax_t) c->spec.rlimits[i].hard);
	return 0;
}
