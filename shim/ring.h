/*
 * ring.h - the last of what a console has put out: whole frames in their order, of both streams, for those
 * who attach later. Made at the first byte, since most consoles of sleeping containers never have one.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define RING_SIZE    (64 * 1024)
#define RING_PAYLOAD 4096 /* of a frame in it at most: what makes room goes frame by frame */

struct ring {
	uint8_t *data;	   /* RING_SIZE bytes; NULL: nothing yet */
	size_t first, end; /* positions that only grow; modulo RING_SIZE they are places in data */
	size_t last;	   /* the newest frame's */
	size_t bytes;	   /* of payload in it */
};

/* stream: 0 stdout, 1 stderr. Without memory for a ring there is none. */
void ring_add(struct ring *r, int stream, const void *data, size_t size);
/* Hands on the last `most` bytes at most, a piece of one stream after the other. */
void ring_replay(const struct ring *r, size_t most,
	void (*fn)(void *arg, int stream, const void *data, size_t size), void *arg);
void ring_done(struct ring *r);
