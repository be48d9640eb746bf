/*
 * frame.h - the console's frames: an 8-byte header (type, 0, 0, 0, length as 32 bits, most significant byte
 * first) and a payload of at most FRAME_PAYLOAD_MAX bytes. docs/protocol.md says what each type means.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_HEADER	   8
#define FRAME_PAYLOAD_MAX  65536
#define FRAME_STDIN_WINDOW (256 * 1024) /* stdin bytes that a client may have sent and not seen taken */

enum frame_type {
	FRAME_STDIN = 0,
	FRAME_STDOUT = 1,
	FRAME_STDERR = 2,
	FRAME_RESIZE = 16,    /* rows, columns: 16 bits each */
	FRAME_STDIN_END = 17, /* empty */
	FRAME_SIGNAL = 18,    /* a signal's name */
	FRAME_TAKEN = 19,     /* 64 bits: stdin bytes that the container has taken so far */
	FRAME_TERMINAL = 20,  /* the client's terminal is handed over: docs/protocol.md */
	FRAME_GAP = 32,	  /* stream, 3 zero bytes, 64 bits lost, 64 bits position in the stream where the loss
			     begins */
	FRAME_EXIT = 33,  /* JSON: {"exit":Exit,"stdout":bytes,"stderr":bytes} */
	FRAME_ERROR = 34, /* JSON: {"error":name,"parameters":{…}}; the sender closes after it */
	FRAME_DETACHED =
		35, /* empty: the client has typed the keys that let go; the sender closes after it */
	FRAME_COPIED =
		36, /* JSON: {"entries":N,"bytes":N}: all of it was copied; the sender closes after it */
};

struct frame {
	uint8_t type;
	uint32_t size;
	const uint8_t *payload;
};

void frame_header(uint8_t header[FRAME_HEADER], enum frame_type type, uint32_t size);
void put_u16(uint8_t *p, uint16_t value);
void put_u32(uint8_t *p, uint32_t value);
void put_u64(uint8_t *p, uint64_t value);
uint16_t get_u16(const uint8_t *p);
uint32_t get_u32(const uint8_t *p);
uint64_t get_u64(const uint8_t *p);

/* Looks at data for one whole frame. 1 and the frame (payload points into data; it takes FRAME_HEADER + size
 * bytes), 0 if more bytes are needed, -1 if this is not a frame (a reserved byte is set, the type is unknown,
 * the length is too large or wrong for the type). */
int frame_decode(const uint8_t *data, size_t size, struct frame *ret_frame);
