#include "client/table.h"

#include <stdlib.h>
#include <string.h>

#include "client/format.h"

#define GAP 3 /* blanks between two columns */

void table_init(struct table *t, unsigned columns)
{
	*t = (struct table) { .columns = columns };
}

void table_done(struct table *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->cells[i]);
	free(t->cells);
}

void table_take(struct table *t, char *cell)
{
	if (t->count == t->capacity) {
		t->capacity = t->capacity == 0 ? 64 : 2 * t->capacity;
		t->cells = realloc(t->cells, t->capacity * sizeof *t->cells);
		if (t->cells == NULL)
			abort();
	}
	t->cells[t->count++] = cell;
}

void table_add(struct table *t, const char *cell)
{
	table_take(t, format_clean(cell));
}

/* Characters, not bytes: each is taken to be one column wide. */
static size_t width(const char *text)
{
	size_t n = 0;
	for (; *text != '\0'; text++)
		n += (*text & 0xC0) != 0x80;
	return n;
}

void table_print(const struct table *t, FILE *out)
{
	size_t widest[TABLE_COLUMNS] = { 0 };
	for (size_t i = 0; i < t->count; i++) {
		size_t n = width(t->cells[i]);
		if (n > widest[i % t->columns])
			widest[i % t->columns] = n;
	}
	for (size_t i = 0; i < t->count; i++) {
		unsigned column = (unsigned) (i % t->columns);
		fputs(t->cells[i], out);
		if (column + 1 == t->columns)
			fputc('\n', out);
		else
			fprintf(out, "%*s", (int) (widest[column] - width(t->cells[i]) + GAP), "");
	}
}
