/* dispatch.h - the table of methods: which handler answers what, and what holds before it runs. */
#pragma once

struct error;

/* That table and interface descriptions name the same methods. */
int dispatch_check(struct error *err);
