/* fuzz_frame.c - a client's bytes as frames: whatever is taken for one lies in the input, and encodes to
 * itself. */
#include <stdlib.h>
#include <string.h>

#include "common/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	while (size > 0) {
		struct frame frame;
		uint8_t header[FRAME_HEADER];

		if (frame_decode(data, size, &frame) != 1)
			return 0;
		if (frame.payload != data + FRAME_HEADER || frame.size > FRAME_PAYLOAD_MAX ||
			frame.size > size - FRAME_HEADER)
			abort();
		frame_header(header, frame.type, frame.size);
		if (memcmp(header, data, FRAME_HEADER) != 0)
			abort();
		/* One byte less is never a frame. */
		if (frame_decode(data, FRAME_HEADER + frame.size - 1, &frame) == 1)
			abort();
		data += FRAME_HEADER + frame.size;
		size -= FRAME_HEADER + frame.size;
	}
	return 0;
}
