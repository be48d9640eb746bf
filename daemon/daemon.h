/*
 * daemon.h - what one daemon consists of. main.c makes and owns it; everybody else borrows it and finds the
 * others through it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct config;
struct event_base;
struct events;
struct registry;
struct server;
struct spawner;
struct store;

struct daemon {
	struct config *config;
	struct event_base *base;
	struct store *store;
	struct registry *registry;
	struct spawner *spawner;
	struct events *events;
	struct server *server;
	int64_t started_ns;
	bool ending; /* what is still under way is only let go of */
};
