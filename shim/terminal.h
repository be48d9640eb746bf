/*
 * terminal.h - a client's own terminal, which it has handed over: the shim reads keys from it and writes to
 * it, so that no other process stands in between. It is opened anew here: O_NONBLOCK belongs to the
 * description, and the client's is shared with its shell. While the client is stopped (SIGSTOP) its shell has
 * the terminal: then no key is taken from there, and what is written waits.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct terminal;

struct terminal_events {
	void (*on_keys)(void *arg, const uint8_t *keys, size_t size);
	void (*on_written)(void *arg); /* nothing waits any more */
	void (*on_gone)(void *arg);
	void *arg;
};

/* fd is borrowed; sock is the connection of the client that it belongs to. NULL: it is no terminal that is
 * open for reading and writing, or cannot be opened anew, or the client cannot be looked at. */
struct terminal *terminal_new(
	struct event_base *base, int fd, int sock, const struct terminal_events *events);
void terminal_free(struct terminal *t);

/* Until then what is written waits, and no key is read. */
void terminal_start(struct terminal *t);
/* Whether keys are read. */
void terminal_listen(struct terminal *t, bool on);
/* At once, as far as it goes; the rest waits. False: there is no memory for the rest, which is lost. */
bool terminal_write(struct terminal *t, const void *data, size_t size);
size_t terminal_waiting(const struct terminal *t);
