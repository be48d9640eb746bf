/*
 * detach.h - the keys that let go of a console: how they are written ("ctrl-p,ctrl-q"), and how they are
 * found in what is typed, wherever one read ends and the next begins.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

#define DETACH_KEYS_MAX	    16
#define DETACH_KEYS_DEFAULT "ctrl-p,ctrl-q"

/* Keys separated by commas, each a character or ctrl- and a letter or one of @ [ \ ] ^ _; "none" is no keys.
 * Returns how many. */
int detach_parse(const char *text, uint8_t ret_keys[DETACH_KEYS_MAX], struct error *err);

struct detach {
	uint8_t keys[DETACH_KEYS_MAX];
	unsigned size; /* 0: there is no letting go */
	unsigned held; /* so many of the keys have been typed, and are kept back */
};

/* What of `in` is for the program goes to out, which has room for size + DETACH_KEYS_MAX bytes; returns how
 * much. *ret_found: the keys are complete; what was typed after them is for nobody. */
size_t detach_filter(struct detach *d, const uint8_t *in, size_t size, uint8_t *out, bool *ret_found);
/* Nothing came after the keys that are held: they are the program's. Returns how many, at out. */
size_t detach_release(struct detach *d, uint8_t out[DETACH_KEYS_MAX]);
