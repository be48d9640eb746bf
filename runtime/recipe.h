/*
 * recipe.h - what an exec needs of its container's configuration, as the container's first exec has parsed
 * it: a file in memory that the shim keeps and does not look into. Parsing both JSON files anew would be a
 * twentieth of every exec. Written and read by joiners only, outside of the container.
 */
#pragma once

struct error;
struct spec;

/* 1: *spec is as the recipe says, what it has no use for is zero; 0: nothing has been saved yet; -1. Nothing
 * of it is ever freed, since the process ends. */
int recipe_load(int fd, struct spec *spec, struct error *err);
/* The last write makes it whole, so that a joiner that dies, or another one beside it, does no harm. */
int recipe_save(int fd, const struct spec *spec, struct error *err);
