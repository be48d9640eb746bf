/* info.c - the daemon about itself: GetInfo, GetInterfaceDescription, Info. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/error.h"
#include "common/idl.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/parse.h"
#include "common/wire.h"
#include "daemon/config.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/handlers.h"
#include "daemon/interface.h"
#include "daemon/registry.h"
#include "daemon/request.h"
#include "daemon/server.h"
#include "daemon/store.h"
#include "runtime/device_filter.h"

void handle_get_info(struct request *rq)
{
	struct json_object *reply = json_object_new_object(), *interfaces = json_object_new_array();
	const struct idl *idl;

	json_add_string(reply, "vendor", "containerd-lite");
	json_add_string(reply, "product", "containerd-lite");
	json_add_string(reply, "version", VERSION);
	json_add_string(reply, "url", "");
	for (unsigned i = 0; (idl = interface_at(i)); i++)
		json_object_array_add(interfaces, json_object_new_string(idl_name(idl)));
	json_add(reply, "interfaces", interfaces);
	request_reply(rq, reply);
}

void handle_get_interface_description(struct request *rq)
{
	const char *name = json_string(rq->parameters, "interface", "");
	const struct idl *idl = interface_find(name);
	struct json_object *reply;
	struct error err;
	char shown[100];

	if (!idl) {
		error_set(&err, ERROR_INTERFACE_NOT_FOUND, "there is no interface '%s'",
			escape_text(name, shown, sizeof(shown)));
		snprintf(err.field, sizeof(err.field), "%s", shown);
		request_error(rq, &err);
		return;
	}
	reply = json_object_new_object();
	json_add_string(reply, "description", idl_text(idl));
	request_reply(rq, reply);
}

static struct json_object *count_states(const struct registry *reg)
{
	struct json_object *obj = json_object_new_object();
	int64_t counts[STATES] = { 0 }, total = 0;
	const struct container *c;

	for (size_t i = 0; (c = registry_at(reg, i)); i++)
		if (!c->hidden) {
			counts[c->state]++;
			total++;
		}
	json_add_int(obj, "total", total);
	for (int i = 0; i < STATES; i++)
		json_add_int(obj, state_name((enum state) i), counts[i]);
	return obj;
}

static struct json_object *list_features(void)
{
	static const char *const features[] = { "overlay", "bundle", "init", "log", "events", "upgrade",
		"terminal", "attach", "exec", "limits", "pause", "update", "stats", "trace" };
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		json_object_array_add(array, json_object_new_string(features[i]));
	if (device_filter_possible())
		json_object_array_add(array, json_object_new_string("device-filter"));
	return array;
}

static struct json_object *split(const char *words)
{
	struct json_object *array = json_object_new_array();

	while (*words) {
		size_t size = strcspn(words, " ");

		json_object_array_add(array, json_object_new_string_len(words, (int) size));
		words += size + strspn(words + size, " ");
	}
	return array;
}

/* The limits that each container would have, did the machine have their controllers. */
static struct json_object *left_out(const char *controllers)
{
	const struct limits nothing = { 0 };
	_cleanup_limits_ struct limits all = { 0 }, some = { 0 };
	struct json_object *array = json_object_new_array();

	bundle_limits_defaults(&nothing, NULL, &all);
	bundle_limits_defaults(&nothing, controllers, &some);
	for (size_t i = 0; i < all.n; i++)
		if (!limits_find(&some, all.v[i].file))
			json_object_array_add(array, json_object_new_string(all.v[i].file));
	return array;
}

void handle_info(struct request *rq)
{
	const struct daemon *d = rq->d;
	struct json_object *reply = json_object_new_object(), *cgroup = json_object_new_object();
	struct json_object *limits = json_object_new_object();
	struct utsname name;

	uname(&name);
	json_add_string(reply, "version", VERSION);
	json_add_int(reply, "pid", getpid());
	json_add_time(reply, "started_at", d->started_ns);
	json_add_string(reply, "kernel", name.release);
	json_add_string(reply, "state_dir", d->config->state_dir);
	json_add_string(reply, "run_dir", d->config->run_dir);
	json_add_string(cgroup, "path", d->store->cgroup_path);
	json_add(cgroup, "controllers", split(d->store->controllers));
	json_add(cgroup, "left_out", left_out(d->store->controllers));
	json_add(reply, "cgroup", cgroup);
	json_add(reply, "features", list_features());
	json_add_int(limits, "message_bytes", WIRE_MESSAGE_MAX);
	json_add_int(limits, "nesting", JSON_DEPTH_MAX);
	json_add_int(limits, "connections", (int64_t) server_connections(d->server));
	json_add_int(limits, "connections_per_uid", SERVER_CONNECTIONS_PER_UID);
	json_add(reply, "limits", limits);
	json_add(reply, "containers", count_states(d->registry));
	request_reply(rq, reply);
}
