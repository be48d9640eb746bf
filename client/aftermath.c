#include "client/aftermath.h"

#include <json-c/json.h>
#include <poll.h>
#include <stdint.h>

#include "client/command.h"
#include "client/connection.h"
#include "client/report.h"
#include "client/value.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/json.h"

int aftermath_code(const char *subject, struct json_object *exit)
{
	int64_t code = json_int(exit, "code", -1);
	if (code >= 0 && code <= 255)
		return (int) code;
	report_text(subject, "its exit status is not known: %s", json_string(exit, "reason", "no record"));
	return CTL_UNKNOWN;
}

/* Like connection_receive, but not for ever. */
static int receive_until(
	struct connection *conn, int64_t deadline_ns, struct reply *ret_reply, struct error *err)
{
	for (;;) {
		int result = connection_receive(conn, false, ret_reply, err);
		int64_t left_ms = (deadline_ns - clock_monotonic_ns()) / 1000000;
		if (result != 0)
			return result;
		if (left_ms <= 0)
			return error_set(err, ERROR_FAILED, "the container goes on without ctl");
		struct pollfd p = { .fd = conn->fd, .events = POLLIN };
		poll(&p, 1, (int) left_ms);
	}
}

static int ask(struct connection *conn, struct json_object *parameters, int64_t deadline_ns,
	struct reply *ret_reply, struct error *err)
{
	do {
		if (connection_reopen(conn, err) < 0 ||
			connection_send(conn, "container.Wait", parameters, 0, err) < 0)
			return -1;
		if (receive_until(conn, deadline_ns, ret_reply, err) == 1)
			return 0;
	} while (err->kind == ERROR_DISCONNECTED && clock_monotonic_ns() < deadline_ns);
	return -1;
}

int aftermath_ask(struct connection *conn, const char *subject, const char *id, const char *session)
{
	_cleanup_json_ struct json_object *parameters = json_object_new_object();
	struct reply reply;
	struct error err;
	int64_t deadline_ns = clock_monotonic_ns() + RETRY_S * INT64_C(1000000000);
	json_object_array_add(value_array(parameters, "containers"), json_object_new_string(id));
	json_add_string(parameters, "session", session);
	report_text(subject, "the connection to the container was lost; asking the daemon");
	if (ask(conn, parameters, deadline_ns, &reply, &err) < 0) {
		error_wrap(&err, "its exit status is not known");
		report(subject, &err);
		return CTL_UNKNOWN;
	}
	struct json_object *outcomes = json_get(reply.parameters, "outcomes");
	struct json_object *outcome =
		json_length(outcomes) > 0 ? json_object_array_get_idx(outcomes, 0) : NULL;
	const char *error = json_string(outcome, "error", NULL);
	int code = CTL_UNKNOWN;
	if (error == NULL)
		code = aftermath_code(subject, json_get(outcome, "exit"));
	else
		report_text(
			subject, "its exit status is not known: %s", json_string(outcome, "message", error));
	json_put(&reply.root);
	return code;
}
