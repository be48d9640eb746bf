/* completion.c - ctl completion SHELL: the scripts of etc/completion, which are built in. */
#include <stdio.h>
#include <string.h>

#include "client/command.h"
#include "client/report.h"
#include "common/error.h"

/* The file's text with a NUL behind it. */
#define EMBED(symbol, file)                                                                  \
	__asm__(".section .rodata\n.balign 16\n" #symbol ":\n.incbin \"etc/completion/" file \
		"\"\n.byte 0\n.previous\n");                                                 \
	extern const char symbol[]

EMBED(completion_bash, "ctl.bash");
EMBED(completion_zsh, "_ctl");
EMBED(completion_fish, "ctl.fish");

static const struct {
	const char *shell, *script;
} scripts[] = {
	{ "bash", completion_bash },
	{ "zsh", completion_zsh },
	{ "fish", completion_fish },
};

int verb_completion(struct arguments *args)
{
	struct error err;
	for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
		if (strcmp(scripts[i].shell, args->positional[0]) == 0) {
			fputs(scripts[i].script, stdout);
			return finish_output(0);
		}
	error_set(&err, ERROR_USAGE, "there is no script for '%s'", args->positional[0]);
	error_hint(&err, "there is one for bash, zsh and fish");
	return report_code(args->command->name, &err, CTL_ENGINE);
}
