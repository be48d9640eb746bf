/* spec_process.h - the "process" object of config.json; part of spec.c. */
#pragma once

struct error;
struct field;

int spec_take_process(void *spec, const struct field *f, struct error *err);

/* "RLIMIT_NOFILE" to its number, -1 for an unknown one. */
int rlimit_parse(const char *name);
