/* copy_wire.h - ctl's end of CopyOut and CopyIn: frames with an archive's bytes over the connection, which
 * blocks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "client/connection.h"
#include "client/progress.h"
#include "common/frame.h"

struct error;
struct json_object;
struct reply;

struct copy_wire {
	struct connection *conn;
	struct progress progress; /* of the archive */
	bool over;		  /* the last frame has come, and said that all was copied */
	bool said;		  /* err is what the other side has said, or that the connection was lost */
	size_t at, size;	  /* of the payload that is in hand */
	uint8_t payload[FRAME_PAYLOAD_MAX];
	size_t early_at, early_size; /* what came together with the reply */
	uint8_t early[CONNECTION_READ];
};

/* The call and its reply; caller puts its root. */
int copy_wire_call(struct copy_wire *w, const char *method, struct json_object *parameters,
	struct reply *ret_reply, struct error *err);

/* What comes out of the container (tar_fill_fn); 0 once all was copied. */
ssize_t copy_wire_fill(void *arg, void *data, size_t size, struct error *err);
/* What goes in (pack's put), at most FRAME_PAYLOAD_MAX; the error is the other side's, if it says why. */
int copy_wire_put(void *arg, const void *data, size_t size, struct error *err);
/* Nothing more goes in: waits until all was copied. */
int copy_wire_end(struct copy_wire *w, struct error *err);
