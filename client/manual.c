/* manual.c - ctl's part of its own manual: ctl __manual prints the verbs and their options in mdoc(7), from
 * the tables that parse them. docs/man/make puts it into ctl(1). */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "client/command.h"
#include "client/help.h"
#include "client/option_table.h"
#include "client/report.h"
#include "client/resources.h"
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
		/* "/." is a path, and no end of a sentence. */
		bool stop = n > 0 && text[n - 1] == '.' && (n == 1 || text[n - 2] != '/');
		begins = paragraph || text[n] == '\0' || stop;
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

/* The options of one heading, from all of these tables. */
static void put_group(const struct option *const *sets, enum option_group group, bool heading)
{
	int n = 0;
	for (; *sets != NULL; sets++)
		for (const struct option *o = *sets; o->name != NULL; o++) {
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
}

static void put_sets(const struct option *const *sets, bool headings)
{
	for (enum option_group group = 0; group < GROUP_LATER; group++)
		put_group(sets, group, headings);
}

/* What several commands have is told once. */
static const struct option *const making[] = { config_options, resource_options, NULL };
static const struct option *const everywhere[] = { help_letter_options, NULL };

static bool makes_container(const struct command *c)
{
	for (int i = 0; i < OPTION_SETS && c->sets[i] != NULL; i++)
		if (c->sets[i] == config_options)
			return true;
	return false;
}

static void put_own_options(const struct command *c)
{
	const struct option *own[OPTION_SETS + 1] = { NULL };
	bool makes = makes_container(c);
	int n = 0;
	for (int i = 0; i < OPTION_SETS && c->sets[i] != NULL; i++) {
		const struct option *set = c->sets[i];
		if (set != common_options && set != help_letter_options && set != later_options &&
			!(makes && (set == config_options || set == resource_options)))
			own[n++] = set;
	}
	if (n > 0)
		puts(".Pp");
	put_sets(own, false);
	if (makes)
		puts(".Pp\nIts other options are those of\n.Sx Making a container .");
}

static void put_command(const struct command *c)
{
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
	if (c->aliases != NULL) {
		fputs("Also: ", stdout);
		help_aliases(c);
		puts(".");
	}
	if (c->about != NULL) {
		puts(".Pp");
		put_text(c->about);
	}
	put_own_options(c);
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
	put_sets(making, true);
	put_later();
	puts(".Ss Everywhere");
	put_sets(everywhere, false);
	puts("In\n.Ic create\nand\n.Ic run\nthe letter\n.Fl h\nis the host name's.");
	return finish_output(0);
}
