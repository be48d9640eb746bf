/*
 * terminal.h - the user's terminal: its size, and its raw mode, in which every key is the container's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

struct terminal {
	bool raw;
	struct termios saved;
};

/* Of the first standard descriptor that is a terminal; false: none is. */
bool terminal_size(uint16_t *ret_rows, uint16_t *ret_columns);

/* Standard input becomes raw. Also once more, after somebody else has changed it. -1 with errno. */
int terminal_make_raw(struct terminal *t);
void terminal_restore(struct terminal *t);

/* The descriptor of the terminal that is both standard input and output, open for both; -1: there is none. */
int terminal_shared(void);
