/*
 * copy_stream.h - the client's connection while files are copied: frames with an archive's bytes out of the
 * container or into it, and at the end COPIED or ERROR. Waiting for a client that does not read or write ends
 * when the container, or what else the copy depends on, does.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/frame.h"

struct error;
struct json_object;

struct copy_stream {
	int client_fd; /* borrowed; in non-blocking mode, which the daemon shares */
	int end_fd;    /* readable: it is over (over says why); borrowed */
	const char *over;
	const char *ended_by_request; /* over, where a message says so instead of the end of file */
	int stall_ms;		      /* a client that is silent for so long is given up; -1: never */
	bool gone;		      /* the client */

	uint32_t left; /* of the frame that is being read */
	bool ended;    /* the client has sent all */
	size_t at, size;
	uint8_t in[65536];

	size_t out_at, out_size; /* of the frame that is being sent */
	uint8_t out[FRAME_HEADER + FRAME_PAYLOAD_MAX];
};

/* What the daemon had read already comes first; at most sizeof in. */
int copy_stream_init(struct copy_stream *s, int texts_fd, uint32_t offset, uint32_t size, struct error *err);

/* The call's reply; a frame of the archive's (pack's put, at most FRAME_PAYLOAD_MAX); the archive's bytes
 * from the client (tar_fill_fn). -1: the client is gone (then err is nobody's), or it is over. */
int copy_stream_reply(struct copy_stream *s, const char *text, size_t size, struct error *err);
int copy_stream_put(void *arg, const void *data, size_t size, struct error *err);
ssize_t copy_stream_fill(void *arg, void *data, size_t size, struct error *err);

/* The last frame. */
void copy_stream_finish(struct copy_stream *s, enum frame_type type, struct json_object *text);
