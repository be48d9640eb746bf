/* help.h - `ctl help` and --help, made from the tables; at most 80 columns. */
#pragma once

#include "client/option.h"

struct command;

void help_overview(void);
void help_command(const struct command *command);
const char *help_heading(enum option_group group);
