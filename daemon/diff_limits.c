/* diff_limits.c - DiffLimits: a worker compares. */
#include <stdio.h>

#include "common/error.h"
#include "common/json.h"
#include "daemon/container.h"
#include "daemon/figures.h"
#include "daemon/handlers.h"
#include "daemon/request.h"

void handle_diff_limits(struct request *rq)
{
	_cleanup_json_ struct json_object *order = json_object_new_object();

	json_add(order, "limits", container_limits_json(rq->target));
	figures_ask(rq, WORK_DIFF_LIMITS, order, "limits");
}
