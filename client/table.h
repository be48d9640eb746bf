/* table.h - rows of cells, printed in columns as wide as their widest cell. */
#pragma once

#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS 16 /* at most */

struct table {
	char **cells; /* owned; row by row, the header first */
	size_t count, capacity;
	unsigned columns;
};

void table_init(struct table *t, unsigned columns);
void table_done(struct table *t);
/* The next cell; takes the text, which malloc made. */
void table_take(struct table *t, char *cell);
/* The next cell: a copy, escaped. */
void table_add(struct table *t, const char *cell);
void table_print(const struct table *t, FILE *out);
