#include "client/command.h"

#include <string.h>

#include "client/option_table.h"

#define MANY "CONTAINER…"

const struct command commands[] = {
	{ "create", NULL, "IMAGE [COMMAND [ARGUMENT…]]", "make a container without starting it", 0, -1, true,
		{ config_options, common_options, later_options }, verb_create, COMPLETE_IMAGE },
	{ "run", NULL, "IMAGE [COMMAND [ARGUMENT…]]", "make a container and start it", 0, -1, true,
		{ config_options, run_options, common_options, later_options }, verb_run, COMPLETE_IMAGE },
	{ "start", NULL, MANY, "start containers that were created or have ended", 1, -1, false,
		{ start_options, help_letter_options }, verb_start, COMPLETE_STARTABLE },
	{ "stop", NULL, MANY, "ask containers to end, and kill what has not after a while", 1, -1, false,
		{ stop_options, help_letter_options }, verb_stop, COMPLETE_RUNNING },
	{ "restart", NULL, MANY, "stop containers if they run, and start them", 1, -1, false,
		{ stop_options, help_letter_options }, verb_restart, COMPLETE_CONTAINER },
	{ "kill", NULL, MANY, "send a signal to containers", 1, -1, false,
		{ kill_options, help_letter_options }, verb_kill, COMPLETE_RUNNING },
	{ "wait", NULL, MANY, "wait for containers to end and print their exit codes", 1, -1, false,
		{ wait_options, help_letter_options }, verb_wait, COMPLETE_CONTAINER },
	{ "rm", "remove", MANY, "remove containers", 1, -1, false, { rm_options, help_letter_options },
		verb_rm, COMPLETE_CONTAINER },
	{ "rename", NULL, "CONTAINER NAME", "give a container another name", 2, 2, false,
		{ help_letter_options }, verb_rename, COMPLETE_CONTAINER },
	{ "ps", "ls list", "", "list containers", 0, 0, false, { ps_options, help_letter_options }, verb_ps },
	{ "inspect", NULL, MANY, "show all that is known of containers, as JSON", 1, -1, false,
		{ inspect_options, help_letter_options }, verb_inspect, COMPLETE_CONTAINER },
	{ "logs", NULL, "CONTAINER", "show what a container has written", 1, 1, false,
		{ logs_options, help_letter_options }, verb_logs, COMPLETE_CONTAINER },
	{ "events", NULL, "", "watch what happens", 0, 0, false, { events_options, help_letter_options },
		verb_events },
	{ "info", NULL, "", "show the daemon and what this host can do", 0, 0, false,
		{ info_options, help_letter_options }, verb_info },
	{ "version", NULL, "", "show the versions of ctl and of the daemon", 0, 0, false,
		{ info_options, help_letter_options }, verb_version },
	{ "help", NULL, "[COMMAND]", "show this, or a command's options", 0, 1, false,
		{ help_letter_options }, verb_help, COMPLETE_COMMAND },
	{ "completion", NULL, "bash|zsh|fish", "print the script by which a shell completes ctl", 1, 1, false,
		{ help_letter_options }, verb_completion, COMPLETE_SHELL },
	{ "__complete", NULL, "WORD…", "what can be in place of the last word", 0, -1, true,
		{ help_letter_options }, verb_complete },
	{ 0 },
};

const struct command root_command = { .name = "",
	.arguments = "COMMAND",
	.max = -1,
	.program = true,
	.completes = COMPLETE_COMMAND,
	.sets = { help_letter_options, root_options } };

/* Is word one of the words of this list? */
static bool listed(const char *list, const char *word)
{
	size_t length = strlen(word);
	for (const char *p = list; p != NULL && *p != '\0'; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");
		if (n == length && strncmp(p, word, n) == 0)
			return true;
		p += n;
	}
	return false;
}

bool command_hidden(const struct command *command)
{
	return command->name[0] == '_';
}

const struct command *command_find(const char *name)
{
	for (const struct command *c = commands; c->name != NULL; c++)
		if (strcmp(c->name, name) == 0 || listed(c->aliases, name))
			return c;
	return NULL;
}

#define GUESS_MAX 24

static int least(int a, int b, int c)
{
	int m = a < b ? a : b;
	return m < c ? m : c;
}

/* Levenshtein's distance; a swap of two neighbours counts as one. Too long ones are far away. */
static int distance(const char *a, const char *b)
{
	int d[GUESS_MAX + 1][GUESS_MAX + 1];
	int n = (int) strnlen(a, GUESS_MAX + 1), m = (int) strnlen(b, GUESS_MAX + 1);
	if (n > GUESS_MAX || m > GUESS_MAX)
		return GUESS_MAX;
	for (int i = 0; i <= n; i++)
		for (int k = 0; k <= m; k++) {
			if (i == 0 || k == 0) {
				d[i][k] = i + k;
				continue;
			}
			d[i][k] = least(
				d[i - 1][k] + 1, d[i][k - 1] + 1, d[i - 1][k - 1] + (a[i - 1] != b[k - 1]));
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
				d[i][k] = least(d[i][k], d[i - 2][k - 2] + 1, d[i][k]);
		}
	return d[n][m];
}

/* Near enough to be a slip of the finger: one in a short word, two in a longer one. */
static void consider(const char *name, const char *candidate, int *best, const char **guess)
{
	int far = distance(name, candidate);
	if (far < *best && far <= (strlen(candidate) > 4 ? 2 : 1)) {
		*best = far;
		*guess = candidate;
	}
}

const char *command_guess(const char *name)
{
	const char *guess = NULL;
	int best = GUESS_MAX;
	for (const struct command *c = commands; c->name != NULL; c++)
		if (!command_hidden(c))
			consider(name, c->name, &best, &guess);
	return guess;
}

const char *option_guess(const struct command *command, const char *name)
{
	const char *guess = NULL;
	int best = GUESS_MAX;
	for (int i = 0; i < OPTION_SETS && command->sets[i] != NULL; i++)
		for (const struct option *o = command->sets[i]; o->name != NULL; o++)
			if (o->group != GROUP_LATER)
				consider(name, o->name, &best, &guess);
	return guess;
}
