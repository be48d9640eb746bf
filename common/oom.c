#include "common/oom.h"

#include <json-c/json.h>
#include <string.h>

#include "common/json.h"

static const char *const names[OOM_WHOSE] = {
	[OOM_NOBODY] = "",
	[OOM_OWN] = "own",
	[OOM_INSIDE] = "inside",
	[OOM_ANCESTOR] = "ancestor",
	[OOM_HOST] = "host",
};

const char *oom_whose_name(unsigned whose)
{
	return whose < OOM_WHOSE ? names[whose] : "";
}

unsigned oom_whose_parse(const char *name)
{
	unsigned whose = OOM_WHOSE - 1;
	while (whose > OOM_NOBODY && strcmp(names[whose], name) != 0)
		whose--;
	return whose;
}

struct json_object *oom_to_json(const struct oom *oom)
{
	if (oom->killed == 0)
		return NULL;
	struct json_object *obj = json_object_new_object();
	json_add_int(obj, "killed", oom->killed);
	if (oom->whose > OOM_NOBODY && oom->whose < OOM_WHOSE)
		json_add_string(obj, "whose", names[oom->whose]);
	if (oom->limit > 0)
		json_add_int(obj, "limit", oom->limit);
	if (oom->whose == OOM_ANCESTOR)
		json_add_int(obj, "levels", oom->levels);
	return obj;
}
