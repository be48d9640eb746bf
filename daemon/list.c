/* list.c - List and Inspect: answered from memory. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/parse.h"
#include "common/resources.h"
#include "daemon/config.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/events.h"
#include "daemon/filters.h"
#include "daemon/handlers.h"
#include "daemon/not_granted.h"
#include "daemon/registry.h"
#include "daemon/request.h"
#include "daemon/session.h"
#include "daemon/store.h"
#include "daemon/ulimits.h"
#include "runtime/device_filter.h"

/* ---- filters; their context is the registry, their subject a container ---- */

static int check_code(void *context, const char *value, struct error *err)
{
	uint64_t code;
	char shown[80];

	(void) context;
	if (parse_u64(value, 255, &code) == 0)
		return 0;
	return error_set(err, ERROR_INVALID_PARAMETER, "exited='%s' is not an exit code, 0 to 255",
		escape_text(value, shown, sizeof(shown)));
}

static int check_state(void *context, const char *value, struct error *err)
{
	enum state state;
	char shown[80];

	(void) context;
	if (state_parse(value, &state) == 0)
		return 0;
	error_set(err, ERROR_INVALID_PARAMETER, "status='%s' is not a state",
		escape_text(value, shown, sizeof(shown)));
	return error_hint(err, "states are created, starting, running, paused, stopping, exited, removing");
}

/* Of a pattern nobody would be told that it finds nothing. */
static int check_name(void *context, const char *value, struct error *err)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	char shown[80];

	(void) context;
	if (value[strspn(value, letters)] == '\0')
		return 0;
	error_set(err, ERROR_INVALID_PARAMETER, "name='%s' is no part of a name",
		escape_text(value, shown, sizeof(shown)));
	return error_hint(err, "there are no patterns: what is given is found anywhere in a name, as it is");
}

static int check_container(void *context, const char *value, struct error *err)
{
	return registry_find(context, value, err) ? 0 : -1;
}

static bool match_id(void *context, const void *subject, const char *value)
{
	const struct container *c = subject;

	(void) context;
	return strncmp(container_id(c), value, strlen(value)) == 0;
}

static bool match_name(void *context, const void *subject, const char *value)
{
	const struct container *c = subject;

	(void) context;
	return strstr(c->name, value) != NULL;
}

static bool match_label(void *context, const void *subject, const char *value)
{
	const struct container *c = subject;
	const char *equals = strchr(value, '='), *found;
	_cleanup_free_ char *key = equals ? strndup(value, (size_t) (equals - value)) : strdup(value);

	(void) context;
	found = key ? json_string(bundle_labels(&c->bundle), key, NULL) : NULL;
	return found && (!equals || strcmp(found, equals + 1) == 0);
}

static bool match_exited(void *context, const void *subject, const char *value)
{
	const struct container *c = subject;
	uint64_t code;

	(void) context;
	return c->state == STATE_EXITED && parse_u64(value, 255, &code) == 0 && c->exit.code == (int) code;
}

static bool match_status(void *context, const void *subject, const char *value)
{
	const struct container *c = subject;

	(void) context;
	return strcmp(state_name(c->state), value) == 0;
}

static bool match_before(void *context, const void *subject, const char *value)
{
	const struct container *c = subject, *other;
	struct error ignored;

	other = registry_find(context, value, &ignored);
	return other && c->bundle.created_ns < other->bundle.created_ns;
}

static bool match_since(void *context, const void *subject, const char *value)
{
	const struct container *c = subject, *other;
	struct error ignored;

	other = registry_find(context, value, &ignored);
	return other && c->bundle.created_ns > other->bundle.created_ns;
}

static const struct filter_key keys[] = {
	{ "id", NULL, match_id },
	{ "name", check_name, match_name },
	{ "label", NULL, match_label },
	{ "exited", check_code, match_exited },
	{ "status", check_state, match_status },
	{ "before", check_container, match_before },
	{ "since", check_container, match_since },
};
#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

/* ---- List ---- */

static bool runs(const struct container *c)
{
	return c->state == STATE_STARTING || container_runs(c);
}

static int newer_first(const void *a, const void *b)
{
	const struct container *x = *(struct container *const *) a, *y = *(struct container *const *) b;

	if (x->bundle.created_ns != y->bundle.created_ns)
		return x->bundle.created_ns < y->bundle.created_ns ? 1 : -1;
	return strcmp(container_id(x), container_id(y));
}

void handle_list(struct request *rq)
{
	struct registry *reg = rq->d->registry;
	struct json_object *filters = json_get(rq->parameters, "filters"), *reply, *list;
	bool all = json_flag(rq->parameters, "all", false) || filters_have(filters, "status") ||
		   filters_have(filters, "exited");
	_cleanup_free_ struct container **found = calloc(registry_count(reg) + 1, sizeof(*found));
	struct container *c;
	struct error err;
	size_t n = 0;

	if (!found)
		abort();
	if (filters_check(filters, keys, N_KEYS, reg, &err) < 0) {
		request_error(rq, &err);
		return;
	}
	for (size_t i = 0; (c = registry_at(reg, i)); i++)
		if (!c->hidden && (all || runs(c)) && filters_match(filters, keys, N_KEYS, reg, c))
			found[n++] = c;
	qsort(found, n, sizeof(*found), newer_first);
	list = json_object_new_array();
	for (size_t i = 0; i < n; i++)
		json_object_array_add(list, container_summary(found[i]));
	reply = json_object_new_object();
	json_add(reply, "containers", list);
	json_add_int(reply, "event", events_last(rq->d->events));
	request_reply(rq, reply);
}

/* ---- Inspect ---- */

static struct json_object *usage(const struct exit_status *exit)
{
	struct json_object *obj = json_object_new_object();

	json_add_int(obj, "user_us", (int64_t) exit->user_us);
	json_add_int(obj, "system_us", (int64_t) exit->system_us);
	json_add_int(obj, "max_rss_bytes", (int64_t) exit->max_rss_bytes);
	json_add_int(obj, "log_lost_bytes", (int64_t) exit->log_lost_bytes);
	return obj;
}

static struct json_object *paths(const struct container *c)
{
	struct json_object *obj = json_object_new_object();
	const char *state = c->d->config->state_dir, *kind = c->bundle.transient ? "transient" : "containers";
	char path[PATH_MAX + 128];

	snprintf(path, sizeof(path), "%s/%s/%s", state, kind, container_id(c));
	json_add_string(obj, "folder", path);
	json_add_string(obj, "rootfs", c->bundle.rootfs);
	if (c->bundle.log) {
		snprintf(path, sizeof(path), "%s/%s/%s/container.log", state, kind, container_id(c));
		json_add_string(obj, "log", path);
	}
	if (c->pid > 0) {
		container_cgroup_path(c, path, sizeof(path));
		json_add_string(obj, "cgroup", path);
	}
	return obj;
}

static void add_device_filter(struct json_object *obj, const struct container *c)
{
	char path[PATH_MAX + CGROUP_PARENT_MAX];
	_cleanup_fd_ int cgroup = -1;
	int attached;

	if (c->pid <= 0)
		return;
	container_cgroup_path(c, path, sizeof(path));
	cgroup = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	attached = cgroup < 0 ? -1 : device_filter_attached(cgroup);
	if (attached >= 0)
		json_add_bool(obj, "device_filter", attached);
}

/* What a running container has of its limits; nothing once the pid may be another process's. */
static void add_ulimits(struct json_object *obj, const struct container *c, struct json_object *config)
{
	struct pollfd ended = { .fd = c->pidfd, .events = POLLIN };
	struct json_object *ulimits = c->pid > 0 && c->pidfd >= 0 ? ulimits_of(c->pid, config) : NULL;

	if (ulimits && poll(&ended, 1, 0) == 0)
		json_add(obj, "ulimits", ulimits);
	else
		json_put(&ulimits);
}

void handle_inspect(struct request *rq)
{
	struct container *c = rq->target;
	struct json_object *obj = container_summary(c), *config = NULL, *missing, *reply;
	struct error ignored;

	json_add_int(obj, "run", (int64_t) c->run);
	if (c->ended)
		json_add(obj, "usage", usage(&c->exit));
	if (c->bundle.config && json_parse(c->bundle.config, c->bundle.config_size, &config, &ignored) == 0)
		json_add(obj, "config", config);
	json_add(obj, "shim", json_object_get(c->bundle.shim_json));
	add_ulimits(obj, c, config);
	add_device_filter(obj, c);
	missing = config ? not_granted(config) : NULL;
	if (missing)
		json_add(obj, "not_granted", missing);
	if (bundle_limits(&c->bundle, &ignored))
		json_add(obj, "resources", resources_show(&c->bundle.limits));
	json_add(obj, "limits", container_limits_json(c));
	json_add(obj, "paths", paths(c));
	json_add(obj, "sessions", sessions_to_json(c));
	reply = json_object_new_object();
	json_add(reply, "container", obj);
	request_reply(rq, reply);
}
