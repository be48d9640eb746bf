#include "client/help.h"

#include <stdio.h>
#include <string.h>

#include "client/command.h"
#include "client/report.h"
#include "client/value.h"
#include "common/error.h"

#define WIDTH  79
#define INDENT 30 /* where the explanations begin */

static const char *const headings[OPTION_GROUPS] = {
	[GROUP_COMMAND] = "Options",
	[GROUP_CONSOLE] = "Console",
	[GROUP_ROOT] = "Root file system",
	[GROUP_PROCESS] = "Process",
	[GROUP_MOUNTS] = "Mounts",
	[GROUP_LIMITS] = "Limits",
	[GROUP_DEVICES] = "Devices",
	[GROUP_NAMESPACES] = "Namespaces",
	[GROUP_SECURITY] = "Security",
	[GROUP_LOG] = "Log",
	[GROUP_OUTPUT] = "Output",
	[GROUP_COMMON] = "Everywhere",
	[GROUP_LATER] = "Not supported yet",
};
_Static_assert(sizeof headings / sizeof *headings == OPTION_GROUPS, "every group has its heading");

const char *help_heading(enum option_group group)
{
	return headings[group];
}

/* Characters, not bytes. */
static int width(const char *text, size_t bytes)
{
	int n = 0;
	for (size_t i = 0; i < bytes; i++)
		n += (text[i] & 0xC0) != 0x80;
	return n;
}

void help_wrapped(const char *text, int column, int indent)
{
	for (bool first = true; *text != '\0'; first = false) {
		size_t n = strcspn(text, " ");
		int needs = width(text, n);
		if (!first && column + 1 + needs > WIDTH) {
			printf("\n%*s", indent, "");
			column = indent;
		} else if (!first) {
			putchar(' ');
			column++;
		}
		printf("%.*s", (int) n, text);
		column += needs;
		text += n;
		text += strspn(text, " ");
	}
	putchar('\n');
}

static void print_option(const struct option *o)
{
	char left[96], letter[8] = "    ";
	if (o->letter != '\0')
		snprintf(letter, sizeof letter, "-%c, ", o->letter);
	bool valued = !value_types[o->value].flag;
	snprintf(left, sizeof left, "  %s--%s%s%s", letter, o->name, valued ? " " : "",
		valued ? o->metavar : "");
	int column = width(left, strlen(left));
	printf("%s", left);
	if (column + 2 > INDENT) {
		putchar('\n');
		column = 0;
	}
	printf("%*s", INDENT - column, "");
	help_wrapped(o->help, INDENT, INDENT);
}

/* These have no explanation: a list of names is enough. */
static void print_later(const struct command *command)
{
	int column = 0;
	for (int i = 0; i < OPTION_SETS && command->sets[i] != NULL; i++)
		for (const struct option *o = command->sets[i]; o->name != NULL; o++) {
			if (o->group != GROUP_LATER)
				continue;
			int needs = (int) strlen(o->name) + 3;
			if (column == 0 || column + needs > WIDTH) {
				printf("%s ", column == 0 ? "" : "\n");
				column = 1;
			}
			printf(" --%s", o->name);
			column += needs;
		}
	putchar('\n');
}

static bool has_group(const struct command *command, enum option_group group)
{
	for (int i = 0; i < OPTION_SETS && command->sets[i] != NULL; i++)
		for (const struct option *o = command->sets[i]; o->name != NULL; o++)
			if (o->group == group)
				return true;
	return false;
}

static void print_group(const struct command *command, enum option_group group)
{
	printf("\n%s:\n", headings[group]);
	if (group == GROUP_LATER) {
		print_later(command);
		return;
	}
	for (int i = 0; i < OPTION_SETS && command->sets[i] != NULL; i++)
		for (const struct option *o = command->sets[i]; o->name != NULL; o++)
			if (o->group == group)
				print_option(o);
}

void help_aliases(const struct command *command)
{
	for (const char *p = command->aliases; *p != '\0'; p++)
		printf("%s%c", *p == ' ' ? "," : "", *p);
}

void help_command(const struct command *command)
{
	printf("Usage: ctl %s [OPTION…]%s%s\n\n", command->name, command->arguments[0] != '\0' ? " " : "",
		command->arguments);
	printf("ctl %s: %s.\n", command->name, command->summary);
	if (command->aliases != NULL) {
		fputs("Also: ", stdout);
		help_aliases(command);
		puts(".");
	}
	for (enum option_group group = 0; group < OPTION_GROUPS; group++)
		if (has_group(command, group))
			print_group(command, group);
}

void help_overview(void)
{
	printf("Usage: ctl [OPTION…] COMMAND [ARGUMENT…]\n");
	for (const struct command *c = commands; c->name != NULL; c++) {
		if (c->heading != NULL)
			printf("\n%s:\n", c->heading);
		if (!command_hidden(c))
			printf("  %-12s%s\n", c->name, c->summary);
	}
	print_group(&root_command, GROUP_COMMON);
	printf("\n`ctl COMMAND --help` lists a command's options.\n");
}

int verb_help(struct arguments *args)
{
	const char *name = args->positional[0];
	struct error err;
	const struct command *command = name != NULL ? command_resolve(name, &err) : NULL;
	if (name != NULL && command == NULL)
		return report_code("help", &err, CTL_ENGINE);
	if (command != NULL)
		help_command(command);
	else
		help_overview();
	return finish_output(0);
}
