/* fuzz_call.c - bytes of a client: cut into messages, parsed, held against the interfaces, and a Config made
 * into a bundle. What comes back as an error must format, and be read again as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/idl.h"
#include "common/json.h"
#include "common/wire.h"
#include "daemon/bundle.h"
#include "daemon/config.h"
#include "daemon/interface.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct config defaults = {
	.stop_timeout_ms = 10000, .log_max_size = 1 << 20, .log_max_files = 3
};

static void check_error(const struct error *err)
{
	size_t size;
	_cleanup_free_ char *text = error_reply_format(err, '\n', &size);
	struct reply reply;
	struct error own, again;

	if (!err->msg[0] || reply_parse(text, size - 1, &reply, &own) < 0 || !reply.error)
		abort();
	error_from_json(reply.error, reply.parameters, &again);
	if (again.kind != err->kind)
		abort();
	json_put(&reply.root);
}

static void try_config(struct json_object *config)
{
	struct bundle bundle;
	struct error err = { 0 };
	char name[65];

	if (bundle_build(config, &defaults, &bundle, name, &err) < 0) {
		check_error(&err);
		return;
	}
	bundle_done(&bundle);
}

static void try_message(const char *text, size_t size)
{
	const struct idl *idl;
	struct call call = { 0 };
	struct error err = { 0 };

	if (call_parse(text, size, &call, &err) < 0) {
		check_error(&err);
		return;
	}
	for (unsigned i = 0; (idl = interface_at(i)); i++) {
		const struct idl_method *m = idl_method_find(idl, call.method);

		if (m && idl_check_call(m, call.parameters, &err) < 0)
			check_error(&err);
		else if (m && json_get(call.parameters, "config"))
			try_config(json_get(call.parameters, "config"));
	}
	json_put(&call.root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire w;
	struct error err = { 0 };
	char *space, *message;
	size_t length;

	if (!interface_at(0) && interfaces_open(&err) < 0)
		abort();
	if (size > WIRE_MESSAGE_MAX)
		return 0;
	wire_init(&w);
	wire_space(&w, size + 1, &space);
	memcpy(space, data, size);
	wire_added(&w, size);
	while (wire_take(&w, &message, &length, &err) == 1)
		try_message(message, length);
	wire_done(&w);
	return 0;
}
