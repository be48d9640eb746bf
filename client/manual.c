/* manual.c - ctl's part of its own manual: ctl __manual prints the verbs and their options in mdoc(7), from
 * the tables that parse them. docs/man/make puts it into ctl(1). */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "client/command.h"
#include "client/help.h"
#include "client/option_table.h"
#include "client/report.h"
#include "client/value.h"

/* One word, as it is: nothing in it means anything to the formatter. */
static void put_word(const char *word, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (word[i] == '\\')
			fputs("\\e", stdout);
		else
			putchar(word[i]);
}

/* A sentence a line, as mdoc has it. */
static void put_text(const char *text)
{
	bool begins = true;
	while (*text != '\0') {
		size_t n = strcspn(text, " \n");
		bool paragraph = text[n] == '\n';
		if (begins && (text[0] == '.' || text[0] == '\''))
			fputs("\\&", stdout);
		put_word(text, n);
		begins = paragraph || text[n] == '\0' || (n > 0 && text[n - 1] == '.');
		fputs(begins ? "\n" : " ", stdout);
		if (paragraph)
			puts(".Pp");
		text += n + (text[n] != '\0');
	}
}

/* A macro's argument: one word, quoted where it has several. */
static void put_argument(const char *text)
{
	bool several = strchr(text, ' ') != NULL;
	fputs(several ? " \"" : " ", stdout);
	put_word(text, strlen(text));
	if (several)
		putchar('"');
}

static void put_option(const struct option *o)
{
	fputs(".It", stdout);
	if (o->letter != '\0')
		printf(" Fl %c ,", o->letter);
	printf(" Fl -%s", o->name);
	if (!value_types[o->value].flag) {
		fputs(" Ar", stdout);
		put_argument(o->metavar);
	}
	putchar('\n');
	put_text(o->help);
}

/* One heading's options of a table; 0: there are none. */
static int put_group(const struct option *set, enum option_group group, bool heading)
{
	int n = 0;
	for (const struct option *o = set; o->name != NULL; o++) {
		if (o->group != group)
			continue;
		if (n++ == 0) {
			if (heading)
				printf(".Pp\n%s:\n", help_heading(group));
			puts(".Bl -tag -width Ds -compact");
		}
		put_option(o);
	}
	if (n > 0)
		puts(".El");
	return n;
}

static void put_set(const struct option *set, bool headings)
{
	for (enum option_group group = 0; group < GROUP_LATER; group++)
		put_group(set, group, headings);
}

/* --help and --socket are every command's: they are told once. */
static bool is_own(const struct option *set)
{
	return set != common_options && set != help_letter_options && set != config_options &&
	       set != later_options;
}

static void put_command(const struct command *c)
{
	bool makes = false;
	char summary[128];
	printf(".Ss ctl %s\n.Nm ctl\n.Ic %s\n", c->name, c->name);
	puts(".Op Ar OPTION…");
	if (c->arguments[0] != '\0') {
		fputs(".Ar", stdout);
		put_argument(c->arguments);
		putchar('\n');
	}
	puts(".Pp");
	snprintf(summary, sizeof summary, "%c%s.", toupper((unsigned char) c->summary[0]), c->summary + 1);
	put_text(summary);
	if (c->aliases != NULL)
		printf("Also:\n.Ic %s .\n", c->aliases);
	if (c->about != NULL) {
		puts(".Pp");
		put_text(c->about);
	}
	for (int i = 0; i < OPTION_SETS && c->sets[i] != NULL; i++) {
		makes = makes || c->sets[i] == config_options;
		if (is_own(c->sets[i])) {
			puts(".Pp");
			put_set(c->sets[i], false);
		}
	}
	if (makes)
		puts(".Pp\nIts other options are those of\n.Sx Making a container .");
}

static void put_later(void)
{
	puts(".Pp\nThese options of other engines are known and refused, each with a word about what there "
	     "is instead, "
	     "unless\ntheir value asks for what happens anyway:");
	const char *before = "";
	for (const struct option *o = later_options; o->name != NULL; o++) {
		printf("%s.Fl -%s", before, o->name);
		before = " ,\n";
	}
	puts(" .");
}

int verb_manual(struct arguments *args)
{
	(void) args;
	for (const struct command *c = commands; c->name != NULL; c++)
		if (!command_hidden(c))
			put_command(c);
	puts(".Ss Making a container\nThe options of\n.Ic create\nand\n.Ic run :");
	put_set(config_options, true);
	put_later();
	puts(".Ss Everywhere");
	put_set(help_letter_options, false);
	puts("In\n.Ic create\nand\n.Ic run\nthe letter\n.Fl h\nis the host name's.");
	return finish_output(0);
}
