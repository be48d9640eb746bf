#include "daemon/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/idl.h"
#include "common/json.h"
#include "common/log.h"
#include "common/wire.h"
#include "daemon/config.h"
#include "daemon/daemon.h"
#include "daemon/interface.h"

struct request *request_new(struct conn *conn)
{
	struct request *rq = calloc(1, sizeof(*rq));

	if (!rq)
		abort();
	rq->d = conn_daemon(conn);
	rq->conn = conn;
	rq->caller = *conn_caller(conn);
	conn_hold(conn, rq);
	return rq;
}

static void request_free(struct request *rq)
{
	json_put(&rq->root);
	free(rq);
}

/* For developers: a reply that is not as the interface says. */
static void check_reply(const struct request *rq, struct json_object *parameters)
{
	struct error err;
	char text[2048];

	if (rq->d->config->log_level < LOG_LEVEL_DEBUG || !rq->method)
		return;
	if (idl_check_reply(rq->method, parameters, &err) < 0)
		log_error("the reply to %s does not fit its interface: %s", idl_method_name(rq->method),
			error_format(&err, text, sizeof(text)));
}

static void check_error(const struct request *rq, const struct error *told)
{
	const char *name = error_name(told->kind), *dot = strrchr(name, '.');
	_cleanup_json_ struct json_object *parameters = NULL;
	char interface[64], text[2048];
	const struct idl *idl;
	struct error err;

	if (rq->d->config->log_level < LOG_LEVEL_DEBUG)
		return;
	parameters = error_to_json(told);
	snprintf(interface, sizeof(interface), "%.*s", (int) (dot ? dot - name : 0), name);
	idl = interface_find(interface);
	if (!idl)
		log_error("the error %s does not fit: no interface has it", name);
	else if (idl_check_error(idl, dot + 1, parameters, &err) < 0)
		log_error("the error %s does not fit its interface: %s", name,
			error_format(&err, text, sizeof(text)));
}

static void end(struct request *rq)
{
	struct conn *conn = rq->conn;

	request_free(rq);
	if (conn)
		conn_answered(conn);
}

static void send_reply(struct request *rq, struct json_object *parameters, bool continues)
{
	if (rq->conn && !rq->oneway) {
		size_t size;
		char *text;

		check_reply(rq, parameters);
		text = reply_format(parameters, continues, conn_terminator(rq->conn), &size);
		conn_send(rq->conn, text, size);
	}
	json_put(&parameters);
}

void request_reply(struct request *rq, struct json_object *parameters)
{
	send_reply(rq, parameters, false);
	end(rq);
}

void request_continue(struct request *rq, struct json_object *parameters)
{
	send_reply(rq, parameters, true);
}

void request_error(struct request *rq, const struct error *err)
{
	if (rq->conn && !rq->oneway) {
		size_t size;
		char *text;

		check_error(rq, err);
		text = error_reply_format(err, conn_terminator(rq->conn), &size);

		conn_send(rq->conn, text, size);
	}
	end(rq);
}

void request_answered_elsewhere(struct request *rq)
{
	if (rq->conn)
		conn_take_back(rq->conn);
	end(rq);
}

void request_given_away(struct request *rq)
{
	struct conn *conn = rq->conn;

	request_free(rq);
	if (conn) {
		conn_hold(conn, NULL);
		conn_free(conn);
	}
}

void request_drop(struct request *rq)
{
	request_free(rq);
}

void request_client_left(struct request *rq)
{
	rq->conn = NULL;
	if (rq->on_left)
		rq->on_left(rq);
}

int request_time(struct request *rq, const char *key, int64_t *ret_ns, struct error *err)
{
	const char *text = json_string(rq->parameters, key, NULL);

	if (!text)
		return 0;
	if (time_parse(text, ret_ns) == 0) {
		*ret_ns = *ret_ns == 0 ? 1 : *ret_ns; /* 0 is no time at all */
		return 0;
	}
	error_set(err, ERROR_INVALID_PARAMETER, "%s is not a time like 2026-01-31T12:00:00Z", key);
	snprintf(err->field, sizeof(err->field), "%s", key);
	return -1;
}
