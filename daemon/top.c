/* top.c - Top: a worker reads /proc. */
#include "common/json.h"
#include "daemon/figures.h"
#include "daemon/handlers.h"
#include "daemon/request.h"

void handle_top(struct request *rq)
{
	_cleanup_json_ struct json_object *order = json_object_new_object();

	figures_ask(rq, WORK_TOP, order, "processes");
}
