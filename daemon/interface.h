/* interface.h - the interface descriptions that are compiled in, parsed once at start. */
#pragma once

struct error;
struct idl;

/* interface/org.varlink.service.varlink and ours; checked against the table of handlers by dispatch.c. */
int interfaces_open(struct error *err);
void interfaces_close(void);
/* By its name, or NULL. */
const struct idl *interface_find(const char *name);
/* The i-th, NULL behind the last. */
const struct idl *interface_at(unsigned i);
