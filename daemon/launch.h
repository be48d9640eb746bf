/* launch.h - one start that a request waits for: the reply when the program has been executed, or why it was
 * not. */
#pragma once

#include <stdbool.h>

struct container;
struct request;

/* Starts c (CREATED or EXITED, idle) and answers rq, which it owns from here: with upgrade its connection
 * becomes c's console. is_new: c has been made for this and has no folder yet. */
void launch(struct request *rq, struct container *c, bool is_new);
