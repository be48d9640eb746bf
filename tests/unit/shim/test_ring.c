/* The ring of the last output against a model: all that was put out, of which it has the end. */
#include <stdlib.h>
#include <string.h>

#include "shim/ring.h"
#include "tests/unit/unit.h"

struct replayed {
	uint8_t bytes[2 * RING_SIZE], streams[2 * RING_SIZE];
	size_t size;
};

static void collect(void *arg, int stream, const void *data, size_t size)
{
	struct replayed *r = arg;
	assert_true(size > 0 && size <= RING_PAYLOAD && r->size + size <= sizeof r->bytes);
	memcpy(r->bytes + r->size, data, size);
	memset(r->streams + r->size, stream, size);
	r->size += size;
}

/* What it gives is the end of what went in, both streams in order; at most `most` bytes. */
static void check(
	const struct ring *ring, const uint8_t *bytes, const uint8_t *streams, size_t size, size_t most)
{
	static struct replayed r;
	r.size = 0;
	ring_replay(ring, most, collect, &r);
	assert_true(r.size <= most && r.size <= size);
	assert_memory_equal(r.bytes, bytes + size - r.size, r.size);
	assert_memory_equal(r.streams, streams + size - r.size, r.size);
	/* All there is, but for what the frames' own heads take. */
	size_t least = size < RING_SIZE - 2 * RING_PAYLOAD ? size : RING_SIZE - 2 * RING_PAYLOAD;
	assert_true(r.size >= (least < most ? least : most));
}

static void test_nothing(void **state)
{
	struct ring ring = { 0 };
	(void) state;
	check(&ring, (const uint8_t *) "", (const uint8_t *) "", 0, RING_SIZE);
	assert_null(ring.data);
	ring_done(&ring);
}

/* Echoes come byte by byte and share a frame. */
static void test_single_bytes(void **state)
{
	struct ring ring = { 0 };
	static uint8_t bytes[3 * RING_SIZE], streams[sizeof bytes];
	(void) state;
	for (size_t i = 0; i < sizeof bytes; i++) {
		bytes[i] = (uint8_t) (i * 7);
		ring_add(&ring, 0, &bytes[i], 1);
	}
	check(&ring, bytes, streams, sizeof bytes, RING_SIZE);
	check(&ring, bytes, streams, sizeof bytes, 10);
	check(&ring, bytes, streams, sizeof bytes, 0);
	ring_done(&ring);
}

static void test_random(void **state)
{
	enum { TOTAL = 4 << 20 };
	uint8_t *bytes = malloc(TOTAL), *streams = malloc(TOTAL);
	(void) state;
	assert_true(bytes != NULL && streams != NULL);
	for (unsigned seed = 1; seed < 6; seed++) {
		struct ring ring = { 0 };
		unsigned random = seed;
		size_t size = 0, largest = seed < 3 ? 100 : seed < 5 ? 5000 : 150000;
		while (size < TOTAL / 2) {
			size_t n = 1 + (size_t) rand_r(&random) % largest;
			int stream = rand_r(&random) % 4 == 0;
			for (size_t i = 0; i < n; i++)
				bytes[size + i] = (uint8_t) rand_r(&random);
			memset(streams + size, stream, n);
			ring_add(&ring, stream, bytes + size, n);
			size += n;
			if (largest > 100 || rand_r(&random) % 100 == 0)
				check(&ring, bytes, streams, size, RING_SIZE);
		}
		check(&ring, bytes, streams, size, RING_SIZE);
		check(&ring, bytes, streams, size, 12345);
		ring_done(&ring);
	}
	free(bytes);
	free(streams);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_single_bytes),
		cmocka_unit_test(test_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
