/*
 * input_end.h - the end of what is typed on a terminal. There it is a key, and not a state as with a pipe;
 * what the key does is up to the terminal's mode at the moment in which the kernel looks at it. In canonical
 * mode it ends a read. Behind a shell's prompt it is a byte that the shell takes for an end. But what was
 * queued in canonical mode is no end any more once the mode is another (Linux makes it a null byte), and a
 * shell changes the mode before and behind each command: so there it is typed while the shell is at rest, and
 * typed again if it may have been lost.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct event;
struct event_base;

struct input_end {
	int master, peer; /* borrowed */
	struct event *timer;
	unsigned due; /* so many keys are still to be typed */
	bool in_line; /* one was typed in canonical mode */
	bool output;  /* something was put out since the last look */
	unsigned looks, quiet;
};

void input_end_init(struct input_end *e, struct event_base *base, int master, int peer);
void input_end_done(struct input_end *e);

/* Everything that was typed is written; last is its last byte, 0: nothing was. */
void input_end_type(struct input_end *e, uint8_t last);
/* The program has put something out. */
void input_end_output(struct input_end *e);
