#include "client/copy_wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "client/connection.h"
#include "common/error.h"
#include "common/json.h"

int copy_wire_call(struct copy_wire *w, const char *method, struct json_object *parameters,
	struct reply *ret_reply, struct error *err)
{
	w->said = true;
	if (connection_send(w->conn, method, parameters, CALL_UPGRADE, err) < 0 ||
		connection_receive(w->conn, true, ret_reply, err) < 0)
		return -1;
	w->said = false;
	const char *rest = wire_rest(&w->conn->wire, &w->early_size);
	if (w->early_size > 0)
		memcpy(w->early, rest, w->early_size);
	return 0;
}

static int lost(struct copy_wire *w, struct error *err)
{
	w->said = true;
	return error_set(err, ERROR_DISCONNECTED, "the connection was lost before all was copied");
}

/* First what came with the reply. */
static int read_whole(struct copy_wire *w, void *data, size_t size, struct error *err)
{
	uint8_t *p = data;
	while (size > 0) {
		size_t rest = w->early_size - w->early_at;
		ssize_t n = (ssize_t) (rest < size ? rest : size);
		if (n > 0) {
			memcpy(p, w->early + w->early_at, (size_t) n);
			w->early_at += (size_t) n;
		} else {
			n = recv(w->conn->fd, p, size, 0);
		}
		if (n == 0 || (n < 0 && errno != EINTR))
			return lost(w, err);
		p += n > 0 ? n : 0;
		size -= n > 0 ? (size_t) n : 0;
	}
	return 0;
}

/* A text that says how it ended. */
static int take_last(struct copy_wire *w, uint8_t type, struct error *err)
{
	_cleanup_json_ struct json_object *text = NULL;
	if (type == FRAME_COPIED) {
		w->over = true;
		return 0;
	}
	w->said = true;
	if (json_parse((const char *) w->payload, w->size, &text, err) < 0)
		return error_wrap(err, "the daemon's answer is not one");
	error_from_json(json_string(text, "error", ""), json_get(text, "parameters"), err);
	return -1;
}

static int next_frame(struct copy_wire *w, struct error *err)
{
	uint8_t header[FRAME_HEADER];
	struct frame frame;
	if (read_whole(w, header, sizeof header, err) < 0)
		return -1;
	uint8_t type = header[0];
	w->said = true;
	bool known = type == FRAME_STDOUT || type == FRAME_COPIED || type == FRAME_ERROR;
	if (frame_decode(header, sizeof header, &frame) < 0 || !known)
		return error_set(err, ERROR_DISCONNECTED, "what comes from the daemon is no archive");
	w->said = false;
	w->at = 0;
	w->size = get_u32(header + 4);
	if (read_whole(w, w->payload, w->size, err) < 0)
		return -1;
	return type == FRAME_STDOUT ? 0 : take_last(w, type, err);
}

ssize_t copy_wire_fill(void *arg, void *data, size_t size, struct error *err)
{
	struct copy_wire *w = arg;
	while (!w->over && w->at == w->size)
		if (next_frame(w, err) < 0)
			return -1;
	if (w->over)
		return 0;
	size_t there = w->size - w->at, n = size < there ? size : there;
	memcpy(data, w->payload + w->at, n);
	w->at += n;
	progress_add(&w->progress, n);
	return (ssize_t) n;
}

static int send_all(struct copy_wire *w, const void *data, size_t size)
{
	const uint8_t *p = data;
	while (size > 0) {
		ssize_t n = send(w->conn->fd, p, size, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return -1;
		p += n > 0 ? n : 0;
		size -= n > 0 ? (size_t) n : 0;
	}
	return 0;
}

/* Why nobody reads any more has been said before. */
static int refused(struct copy_wire *w, struct error *err)
{
	while (!w->over)
		if (next_frame(w, err) < 0)
			return -1;
	return lost(w, err);
}

static int send_frame(
	struct copy_wire *w, enum frame_type type, const void *data, size_t size, struct error *err)
{
	uint8_t header[FRAME_HEADER];
	frame_header(header, type, (uint32_t) size);
	if (send_all(w, header, sizeof header) < 0 || send_all(w, data, size) < 0)
		return refused(w, err);
	return 0;
}

int copy_wire_put(void *arg, const void *data, size_t size, struct error *err)
{
	struct copy_wire *w = arg;
	progress_add(&w->progress, size);
	return send_frame(w, FRAME_STDIN, data, size, err);
}

int copy_wire_end(struct copy_wire *w, struct error *err)
{
	if (send_frame(w, FRAME_STDIN_END, NULL, 0, err) < 0)
		return -1;
	while (!w->over)
		if (next_frame(w, err) < 0)
			return -1;
	return 0;
}
