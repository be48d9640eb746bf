/*
 * attach.h - a client at a console: what its call asks for, and how its connection gets to the shim. The shim
 * answers on a socket that goes along with the connection: answers need no numbers, and its death shows as
 * end of file there.
 */
#pragma once

#include <stdbool.h>

#include "common/control.h"

struct container;
struct error;
struct json_object;
struct request;

/* Of the process that the console is of. */
struct attach_target {
	bool terminal, open_stdin;
	enum flow flow; /* where the client says nothing */
};

/* What the wire's Console (NULL: nothing said) asks for, checked. */
int attach_wants(struct json_object *console, const struct attach_target *target,
	struct control_console *ret_wants, struct error *err);
/* The reply of a call that becomes c's console. Caller puts. */
struct json_object *attach_reply(
	const struct container *c, bool terminal, const struct control_console *wants);
