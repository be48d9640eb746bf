/* help.h - `ctl help` and --help, made from the tables; at most 80 columns. */
#pragma once

#include "client/option.h"

struct command;

void help_overview(void);
/* "ls, list" */
void help_aliases(const struct command *command);
void help_command(const struct command *command);
/* Words from this column on, in lines that begin at indent and end before the 80th column. */
void help_wrapped(const char *text, int column, int indent);
const char *help_heading(enum option_group group);
