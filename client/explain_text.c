/* explain_text.c - lines, comments and words of the script that explain makes. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "client/explain.h"
#include "common/fd.h"
#include "common/parse.h"

#define COLUMN 64 /* where the comments beside commands begin */
#define WIDTH  120

/* Columns of a line: a tab goes to the next eighth, a character of UTF-8 is one. */
static int columns(const char *text)
{
	int n = 0;
	for (const char *p = text; *p != '\0'; p++)
		if (*p == '\t')
			n += 8 - n % 8;
		else
			n += ((unsigned char) *p & 0xC0) != 0x80;
	return n;
}

__attribute__((format(printf, 1, 0))) static char *format(const char *fmt, va_list ap)
{
	char *text;
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	return text;
}

void explain_line(FILE *out, const char *why, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	_cleanup_free_ char *code = format(fmt, ap);
	va_end(ap);
	int width = columns(code), indent = (int) strspn(code, "\t");
	bool beside = width < COLUMN && strchr(code, '\n') == NULL;
	if (why != NULL && beside)
		fprintf(out, "%s%*s# %s\n", code, COLUMN - width, "", why);
	else if (why != NULL)
		fprintf(out, "%.*s# %s\n%s\n", indent, code, why, code);
	else
		fprintf(out, "%s\n", code);
}

void explain_note(FILE *out, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	_cleanup_free_ char *text = format(fmt, ap);
	va_end(ap);
	size_t size = 4 * strlen(text) + 16;
	_cleanup_free_ char *clean = malloc(size);
	if (clean == NULL)
		abort();
	int column = 1;
	putc('#', out);
	for (const char *p = escape_text(text, clean, size); *p != '\0';) {
		size_t n = strcspn(p, " ");
		if (column + 1 + (int) n > WIDTH && column > 1) {
			fputs("\n#", out);
			column = 1;
		}
		fprintf(out, " %.*s", (int) n, p);
		column += (int) n + 1;
		p += n + strspn(p + n, " ");
	}
	putc('\n', out);
}

void explain_head(FILE *out, const char *text)
{
	putc('\n', out);
	explain_note(out, "--- %s", text);
}

/* Bytes of one character that a terminal could obey (or that hides what stands before it); 0: none. */
static size_t control_bytes(const unsigned char *p)
{
	if (p[0] == 0xC2 && p[1] >= 0x80 && p[1] < 0xA0)
		return 2;
	return p[0] == 0x7F || (p[0] < 0x20 && p[0] != '\n' && p[0] != '\t');
}

static void put_quoted(FILE *out, const char *text)
{
	putc('\'', out);
	for (const unsigned char *p = (const unsigned char *) text; *p != '\0';) {
		size_t n = control_bytes(p);
		if (n == 0) {
			fputs(*p == '\'' ? "'\\''" : (char[]) { (char) *p, '\0' }, out);
			p++;
			continue;
		}
		fputs("'\"$(printf '", out);
		for (; n > 0; n--)
			fprintf(out, "\\%03o", (unsigned) *p++);
		fputs("')\"'", out);
	}
	putc('\'', out);
}

char *explain_quote(const char *text)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=,@%+-";
	char *word = NULL;
	size_t size;
	FILE *out = open_memstream(&word, &size);
	if (out == NULL)
		abort();
	if (text[0] != '\0' && text[strspn(text, plain)] == '\0')
		fputs(text, out);
	else
		put_quoted(out, text);
	if (fclose(out) != 0)
		abort();
	return word;
}
