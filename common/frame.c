#include "common/frame.h"

void put_u16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t) (value >> 8);
	p[1] = (uint8_t) value;
}

void put_u32(uint8_t *p, uint32_t value)
{
	put_u16(p, (uint16_t) (value >> 16));
	put_u16(p + 2, (uint16_t) value);
}

void put_u64(uint8_t *p, uint64_t value)
{
	put_u32(p, (uint32_t) (value >> 32));
	put_u32(p + 4, (uint32_t) value);
}

uint16_t get_u16(const uint8_t *p)
{
	return (uint16_t) (p[0] << 8 | p[1]);
}

uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t) get_u16(p) << 16 | get_u16(p + 2);
}

uint64_t get_u64(const uint8_t *p)
{
	return (uint64_t) get_u32(p) << 32 | get_u32(p + 4);
}

void frame_header(uint8_t header[FRAME_HEADER], enum frame_type type, uint32_t size)
{
	put_u32(header, (uint32_t) type << 24);
	put_u32(header + 4, size);
}

/* How much a frame of each type may hold. */
static const struct {
	uint32_t min, max;
	bool known;
} sizes[] = {
	[FRAME_STDIN] = { 0, FRAME_PAYLOAD_MAX, true },
	[FRAME_STDOUT] = { 0, FRAME_PAYLOAD_MAX, true },
	[FRAME_STDERR] = { 0, FRAME_PAYLOAD_MAX, true },
	[FRAME_RESIZE] = { 4, 4, true },
	[FRAME_STDIN_END] = { 0, 0, true },
	[FRAME_SIGNAL] = { 1, 32, true },
	[FRAME_TAKEN] = { 8, 8, true },
	[FRAME_TERMINAL] = { 0, 1, true },
	[FRAME_GAP] = { 20, 20, true },
	[FRAME_EXIT] = { 2, FRAME_PAYLOAD_MAX, true },
	[FRAME_ERROR] = { 2, FRAME_PAYLOAD_MAX, true },
	[FRAME_DETACHED] = { 0, 0, true },
	[FRAME_COPIED] = { 2, FRAME_PAYLOAD_MAX, true },
};

int frame_decode(const uint8_t *data, size_t size, struct frame *ret_frame)
{
	if (size < FRAME_HEADER)
		return 0;
	uint8_t type = data[0];
	uint32_t length = get_u32(data + 4);
	if (type >= sizeof sizes / sizeof *sizes || !sizes[type].known || data[1] != 0 || data[2] != 0 ||
		data[3] != 0)
		return -1;
	if (length < sizes[type].min || length > sizes[type].max)
		return -1;
	if (size - FRAME_HEADER < length)
		return 0;
	*ret_frame = (struct frame) { .type = type, .size = length, .payload = data + FRAME_HEADER };
	return 1;
}
