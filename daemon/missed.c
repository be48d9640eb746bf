#include "daemon/missed.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <unistd.h>

#include "common/parse.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/events.h"
#include "daemon/registry.h"
#include "daemon/session.h"
#include "daemon/store.h"

void missed_tell_exit(struct container *c)
{
	if (!c->ended || c->state != STATE_EXITED || !events_reach_back_to(c->d->events, c->exit.finished_ns))
		return;
	sessions_tell_missed(c);
	container_tell_exit(c);
}

/* A --rm container leaves nothing: all that can be told of its end is that there was one. One whose shim's
 * name is still there may not have said yet how it is, and one whose folder cannot be read is not gone. */
static void tell_gone(struct daemon *d)
{
	struct json_object *left = events_left(d->events);

	json_object_object_foreach (left, id, name) {
		if (registry_by_id(d->registry, id) || !id_valid(id) ||
			faccessat(d->store->shims, id, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
			faccessat(d->store->containers, id, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		if (events_exit_missing(d->events, id))
			events_add_gone(d->events, "exit", id, json_object_get_string(name));
		events_add_gone(d->events, "remove", id, json_object_get_string(name));
	}
}

void missed_tell(struct daemon *d)
{
	struct container *c;

	for (size_t i = 0; (c = registry_at(d->registry, i)); i++)
		if (!c->adopting)
			missed_tell_exit(c);
	tell_gone(d);
}
