#include "shim/ring.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#define HEADER 4 /* stream, 0, 16 bits of length */

static void put(struct ring *r, size_t at, const void *data, size_t size)
{
	size_t place = at % RING_SIZE, first = size < RING_SIZE - place ? size : RING_SIZE - place;
	memcpy(r->data + place, data, first);
	memcpy(r->data, (const uint8_t *) data + first, size - first);
}

static void get(const struct ring *r, size_t at, void *data, size_t size)
{
	size_t place = at % RING_SIZE, first = size < RING_SIZE - place ? size : RING_SIZE - place;
	memcpy(data, r->data + place, first);
	memcpy((uint8_t *) data + first, r->data, size - first);
}

static void put_header(struct ring *r, size_t at, int stream, size_t size)
{
	uint8_t header[HEADER] = { (uint8_t) stream, 0, (uint8_t) (size >> 8), (uint8_t) size };
	put(r, at, header, sizeof header);
}

static size_t get_header(const struct ring *r, size_t at, int *ret_stream)
{
	uint8_t header[HEADER];
	get(r, at, header, sizeof header);
	*ret_stream = header[0];
	return (size_t) header[2] << 8 | header[3];
}

/* The oldest frames go until so much more fits. */
static void make_room(struct ring *r, size_t size)
{
	int stream;
	while (RING_SIZE - (r->end - r->first) < size) {
		size_t length = get_header(r, r->first, &stream);
		r->first += HEADER + length;
		r->bytes -= length;
	}
}

/* What still fits into the newest frame, if it is of the same stream: echoes come byte by byte. */
static size_t append(struct ring *r, int stream, const uint8_t *data, size_t size)
{
	int last_stream;
	if (r->first == r->end)
		return 0;
	size_t length = get_header(r, r->last, &last_stream), room = RING_PAYLOAD - length;
	size = size < room ? size : room;
	if (last_stream != stream || size == 0)
		return 0;
	make_room(r, size);
	put(r, r->end, data, size);
	put_header(r, r->last, stream, length + size);
	r->end += size;
	r->bytes += size;
	return size;
}

void ring_add(struct ring *r, int stream, const void *data, size_t size)
{
	const uint8_t *p = data;
	if (r->data == NULL) {
		void *memory =
			mmap(NULL, RING_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (memory == MAP_FAILED)
			return;
		r->data = memory;
	}
	/* More than fits would only push itself out. */
	if (size > RING_SIZE) {
		p += size - RING_SIZE;
		size = RING_SIZE;
	}
	for (size_t n = append(r, stream, p, size); n < size;) {
		size_t piece = size - n < RING_PAYLOAD ? size - n : RING_PAYLOAD;
		make_room(r, HEADER + piece);
		r->last = r->end;
		put_header(r, r->end, stream, piece);
		put(r, r->end + HEADER, p + n, piece);
		r->end += HEADER + piece;
		r->bytes += piece;
		n += piece;
	}
}

void ring_replay(const struct ring *r, size_t most,
	void (*fn)(void *arg, int stream, const void *data, size_t size), void *arg)
{
	uint8_t piece[RING_PAYLOAD];
	size_t skip = r->bytes > most ? r->bytes - most : 0;
	for (size_t at = r->first; at < r->end;) {
		int stream;
		size_t length = get_header(r, at, &stream);
		size_t skipped = skip < length ? skip : length;
		skip -= skipped;
		get(r, at + HEADER + skipped, piece, length - skipped);
		if (length > skipped)
			fn(arg, stream, piece, length - skipped);
		at += HEADER + length;
	}
}

void ring_done(struct ring *r)
{
	if (r->data != NULL)
		munmap(r->data, RING_SIZE);
	*r = (struct ring) { 0 };
}
