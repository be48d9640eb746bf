/* main.c - ctl, the command line of containerd-lite. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "client/command.h"
#include "client/help.h"
#include "client/report.h"
#include "common/error.h"
#include "common/json.h"

static int usage(const char *subject, struct error *err, const struct command *command)
{
	if (err->hint[0] == '\0' && command->name[0] != '\0')
		error_hint(err, "ctl %s --help lists its options", command->name);
	else if (err->hint[0] == '\0')
		error_hint(err, "ctl help lists the commands");
	report(subject, err);
	return CTL_ENGINE;
}

static int run_command(const struct command *command, const struct arguments *root, int argc, char **argv)
{
	struct arguments args;
	struct error err;
	int code;
	if (arguments_parse(command, argc, argv, &args, &err) < 0)
		code = usage(command->name, &err, command);
	else if (json_flag(args.local, "help", false)) {
		help_command(command);
		code = finish_output(0);
	} else {
		if (json_get(args.local, "socket") == NULL)
			json_add_string(args.local, "socket", json_string(root->local, "socket", NULL));
		code = command->run(&args);
	}
	arguments_done(&args);
	return code;
}

static int run_root(const struct arguments *root)
{
	struct error err;
	if (json_flag(root->local, "version", false)) {
		printf("ctl %s\n", VERSION);
		return finish_output(0);
	}
	if (json_flag(root->local, "help", false)) {
		help_overview();
		return finish_output(0);
	}
	if (root->count == 0) {
		error_set(&err, ERROR_USAGE, "needs a command");
		return usage(NULL, &err, root->command);
	}
	const struct command *command = command_resolve(root->positional[0], &err);
	if (command == NULL)
		return usage(NULL, &err, root->command);
	return run_command(command, root, root->count - 1, root->positional + 1);
}

/* What is opened next would become our stdin, or be taken for our output. */
static void fill_stdio(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
			return;
}

int main(int argc, char **argv)
{
	struct arguments root;
	struct error err;
	int code;
	fill_stdio();
	if (argc < 1)
		return CTL_ENGINE;
	if (arguments_parse(&root_command, argc - 1, argv + 1, &root, &err) < 0)
		code = usage(NULL, &err, &root_command);
	else
		code = run_root(&root);
	arguments_done(&root);
	return code;
}
