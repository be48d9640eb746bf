/* registry.h - the containers by id and by name. Holds them; does not own those that are gone (container.h).
 */
#pragma once

#include <stddef.h>

struct container;
struct error;
struct registry;

struct registry *registry_new(void);
void registry_free(struct registry *reg); /* and all its containers */

/* NAME_IN_USE if its name or id is taken, also by one that is being created. */
int registry_add(struct registry *reg, struct container *c, struct error *err);
void registry_remove(struct registry *reg, struct container *c);
int registry_rename(struct registry *reg, struct container *c, const char *name, struct error *err);

/* Exact id, exact name, unique prefix of an id, in this order. NULL with NO_SUCH_CONTAINER or AMBIGUOUS,
 * which names the candidates. Those that are being created are not seen. */
struct container *registry_find(struct registry *reg, const char *text, struct error *err);
struct container *registry_by_id(struct registry *reg, const char *id); /* or NULL */

/* The i-th in order of ids, NULL behind the last. */
struct container *registry_at(const struct registry *reg, size_t i);
size_t registry_count(const struct registry *reg);
