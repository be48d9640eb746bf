#include "client/command.h"

#include <string.h>

#include "client/option_table.h"
#include "client/resources.h"
#include "common/error.h"
#include "common/parse.h"

#define MANY "CONTAINER…"

const struct command commands[] = {
	{ "run", NULL, "IMAGE [COMMAND [ARGUMENT…]]", "make a container and start it", 0, -1, true,
		{ config_options, resource_options, run_options, common_options, later_options }, verb_run,
		COMPLETE_IMAGE,
		"Without -d the program's output is ctl's output, signals that ctl gets go to the program, "
		"and the exit code is the program's. The third interrupt within two seconds ends ctl alone; "
		"the container goes on, as it does when ctl is killed.\n"
		"IMAGE is a root file system that is built in: busybox. With --rootfs, --rootfs-rw or "
		"--bundle there is none, and the first argument is the program.",
		.heading = "Make, run, remove" },
	{ "create", NULL, "IMAGE [COMMAND [ARGUMENT…]]", "make a container without starting it", 0, -1, true,
		{ config_options, resource_options, common_options, later_options }, verb_create,
		COMPLETE_IMAGE,
		"The container is written down, durably unless --rm is given, and its id printed. `ctl "
		"start` "
		"runs it. What stands behind IMAGE is the program and its arguments; options end there." },
	{ "start", NULL, MANY, "start containers that were created or have ended", 1, -1, false,
		{ start_options, help_letter_options }, verb_start, COMPLETE_STARTABLE,
		"The id or name of each is printed once its program has been executed. With -a or -i it is "
		"one container, and ctl becomes its console as with run." },
	{ "attach", NULL, "CONTAINER", "be the console of a container that runs", 1, 1, false,
		{ attach_options, help_letter_options }, verb_attach, COMPLETE_RUNNING,
		"Shows the last that the container has put out, and then what it puts out; what is typed "
		"goes "
		"to it if it was made with -i. Several can be attached to one container. The detach keys let "
		"go of it; else the exit code is the container's. What a slow reader misses is told, and "
		"never holds the container up, unless --flow=block is given." },
	{ "stop", NULL, MANY, "ask containers to end, and kill what has not after a while", 1, -1, false,
		{ stop_options, help_letter_options }, verb_stop, COMPLETE_RUNNING,
		"Each gets its stop signal and, where it has not ended after a while, is killed with all of "
		"its processes. Returns when nothing of it runs any more. All are stopped at the same time. "
		"A "
		"first process that has no handler for a signal ignores it: --init helps." },
	{ "restart", NULL, MANY, "stop containers if they run, and start them", 1, -1, false,
		{ stop_options, help_letter_options }, verb_restart, COMPLETE_CONTAINER,
		"As stop and then start. A container that does not run is only started; one made with --rm "
		"cannot be restarted." },
	{ "kill", NULL, MANY, "send a signal to containers", 1, -1, false,
		{ kill_options, help_letter_options }, verb_kill, COMPLETE_RUNNING,
		"The signal goes to the first process. A first process ignores every signal that it has no "
		"handler for, but KILL and STOP." },
	{ "pause", NULL, MANY, "make containers stand still", 1, -1, false, { help_letter_options },
		verb_pause, COMPLETE_RUNNING,
		"All processes are frozen where they are; they take no time and keep their memory. `ctl "
		"unpause` lets them go on, and so does stop, which they could not notice otherwise." },
	{ "unpause", NULL, MANY, "let paused containers go on", 1, -1, false, { help_letter_options },
		verb_unpause, COMPLETE_PAUSED, "Those that were made to stand still by `ctl pause`." },
	{ "wait", NULL, MANY, "wait for containers to end and print their exit codes", 1, -1, false,
		{ wait_options, help_letter_options }, verb_wait, COMPLETE_CONTAINER,
		"The exit code of each is printed on a line of its own, in the order of the arguments. One "
		"that has ended already is answered at once. The exit code of wait itself is 0 unless a "
		"container is not known." },
	{ "rename", NULL, "CONTAINER NAME", "give a container another name", 2, 2, false,
		{ help_letter_options }, verb_rename, COMPLETE_CONTAINER,
		"A name has letters, digits, dots, dashes and underscores, at most 64 of them, begins with a "
		"letter or a digit, and is not 32 hexadecimal digits." },
	{ "rm", "remove", MANY, "remove containers", 1, -1, false, { rm_options, help_letter_options },
		verb_rm, COMPLETE_CONTAINER,
		"With -f from any state; a second time finishes what the first one may have left." },
	{ "exec", NULL, "CONTAINER COMMAND [ARGUMENT…]", "run one more program in a running container", 2, -1,
		true, { exec_options, help_letter_options }, verb_exec, COMPLETE_RUNNING,
		"It gets the container's environment, user, working directory, limits and privileges. Its "
		"output is ctl's, and its exit code, too; 126 is one that cannot be executed, 127 one that "
		"is "
		"not found, 125 any other failure before it ran. It is over when the program itself has "
		"ended, whoever still holds its output. `ctl exec ls CONTAINER` is `ctl sessions CONTAINER`.",
		.heading = "Inside a container" },
	{ "sh", NULL, "CONTAINER", "a shell in a running container", 1, 1, false,
		{ sh_options, help_letter_options }, verb_sh, COMPLETE_RUNNING,
		"The first of bash, ash and sh that is there." },
	{ "cp", NULL, "SOURCE TARGET", "copy files between a container and this host", 2, 2, false,
		{ cp_options, help_letter_options }, verb_cp, COMPLETE_COPY,
		"One of the two is CONTAINER:PATH, where PATH begins at the container's root; the other is a "
		"path of this host, or - for a tar archive on standard input or output. Into a folder that "
		"is there SOURCE is copied under its own name, else TARGET is the name that it gets; the "
		"folder above must be there. Of a SOURCE that ends in /. the contents are copied. A name "
		"with a colon in it is written ./NAME.\nThe container may run, be paused, or not run. Modes "
		"and times are kept. Without -a what is copied belongs to root in the container, and to the "
		"caller here, without set-user-ID and set-group-ID bits. Hard links stay links, holes are "
		"filled, extended attributes are left out; sockets are left out, and devices refused. Of / "
		"the contents of /dev, /proc and /sys are left out. Folders that are made after the copy "
		"began are left out: so a tree can be copied into itself. Of a container that does not run "
		"its tmpfs mounts are not there. What takes the place of a file does so when it is "
		"complete." },
	{ "sessions", NULL, "CONTAINER", "list what exec has started in a container", 1, 1, false,
		{ sessions_options, help_letter_options }, verb_sessions, COMPLETE_CONTAINER,
		"Those that run, and the last 64 that have ended in its present or last run. `ctl wait "
		"--session` and `ctl kill --session` take what stands in the first column, or the beginning "
		"of it." },
	{ "ps", "ls list", "", "list containers", 0, 0, false, { ps_options, help_letter_options }, verb_ps,
		COMPLETE_NONE,
		"The newest comes first. Without -a only those that run are shown, unless a filter asks for "
		"a "
		"state. The same key twice means or, different keys mean and.",
		.heading = "What there is" },
	{ "inspect", NULL, MANY, "show all that is known of containers, as JSON", 1, -1, false,
		{ inspect_options, help_letter_options }, verb_inspect, COMPLETE_CONTAINER,
		"The OCI configuration that is executed (config), what OCI cannot say (shim), state, last "
		"exit, limits, paths." },
	{ "logs", NULL, "CONTAINER", "show what a container has written", 1, 1, false,
		{ logs_options, help_letter_options }, verb_logs, COMPLETE_CONTAINER,
		"With --follow until the container ends. The log outlives the container's end and is gone "
		"with the container. What could not be written because the disk was full is told in a "
		"line." },
	{ "top", NULL, "CONTAINER", "show what runs in a container", 1, 1, false,
		{ top_options, help_letter_options }, verb_top, COMPLETE_RUNNING,
		"PID is the process's number on this host, INSIDE the one that it has in the container. CPU "
		"% "
		"is the share of one CPU over the process's whole life." },
	{ "stats", NULL, "[CONTAINER…]", "show what containers use, live", 0, -1, false,
		{ stats_options, help_letter_options }, verb_stats, COMPLETE_RUNNING,
		"A look a second, on a terminal always in the same place, until it is interrupted; "
		"--no-stream ends after the first. What the kernel does not count here, because a controller "
		"of the cgroup is not there, is --. Memory is what cannot be given back at once: without the "
		"file cache that nobody uses. Pressure is the share of the last ten seconds in which "
		"something of the container had to wait for a CPU, for memory, for a disk." },
	{ "events", NULL, "", "watch what happens", 0, 0, false, { events_options, help_letter_options },
		verb_events, COMPLETE_NONE,
		"Each has a number that is never given twice, so that --since-seq goes on where a reader has "
		"stopped, without a gap or a repetition; and says who asked for what happened." },
	{ "why", NULL, "CONTAINER", "tell why a container has ended", 1, 1, false,
		{ why_options, help_letter_options }, verb_why, COMPLETE_CONTAINER,
		"The cause in a sentence, the exit code and times of the last run, who asked for what "
		"happened to it, what it used, and its last twenty lines. A signal that nobody has sent "
		"through this daemon came from outside of it." },
	{ "explain", NULL, "CONTAINER | run ARGUMENT…", "print a container as a commented shell script", 1,
		-1, true, { help_letter_options }, verb_explain, COMPLETE_CONTAINER,
		"The script does by hand what the engine does: cgroup, namespaces, mounts, devices, "
		"pivot_root, capabilities. It really runs, as root, with the tools of util-linux, "
		"libcap2-bin "
		"and iproute2, and leaves nothing behind. `ctl explain run` takes run's options and makes "
		"nothing." },
	{ "update", NULL, MANY, "change the limits of containers", 1, -1, false,
		{ resource_options, help_letter_options }, verb_update, COMPLETE_CONTAINER,
		"At once where a container runs, and for each of its starts from now on. Of one container "
		"all "
		"changes are made, or none. What has changed is printed, old -> new. A memory limit below "
		"what is in use is refused if the rest cannot be reclaimed.",
		.heading = "Limits" },
	{ "diff-limits", NULL, "CONTAINER", "compare a container's limits with what is in force", 1, 1, false,
		{ diff_limits_options, help_letter_options }, verb_diff_limits, COMPLETE_RUNNING,
		"Of each limit: what was wanted (asked for, or a default), what is in the file now, what "
		"counts below the limits of the cgroups above, and whether the file has drifted away from "
		"what was wanted. A file that somebody has set by hand is there, too." },
	{ "info", NULL, "", "show the daemon and what this host can do", 0, 0, false,
		{ info_options, help_letter_options }, verb_info, COMPLETE_NONE,
		"Also the versions, folders, cgroup controllers that can be used, and how many containers "
		"there are. `ctl doctor` looks at the host itself.",
		.heading = "The daemon and the host" },
	{ "version", NULL, "", "show the versions of ctl and of the daemon", 0, 0, false,
		{ info_options, help_letter_options }, verb_version, COMPLETE_NONE,
		"ctl's own version is printed even where no daemon answers; then the exit code is 125." },
	{ "doctor", NULL, "", "look for what this host lacks, and tell the fix", 0, 0, false,
		{ doctor_options, help_letter_options }, verb_doctor, COMPLETE_NONE,
		"Works without a daemon, and changes nothing. A warning is something that cannot be had "
		"while "
		"containers run all the same: limits without their cgroup controllers, say. A problem keeps "
		"every container from running. The exit code is 0 where there is no problem, 1 where there "
		"is "
		"one." },
	{ "help", NULL, "[COMMAND]", "show this, or a command's options", 0, 1, false,
		{ help_letter_options }, verb_help, COMPLETE_COMMAND, "The same as --help." },
	{ "completion", NULL, "bash|zsh|fish", "print the script by which a shell completes ctl", 1, 1, false,
		{ help_letter_options }, verb_completion, COMPLETE_SHELL,
		"In bash: source <(ctl completion bash). make install puts all three where the shells look "
		"for them." },
	{ "__complete", NULL, "WORD…", "what can be in place of the last word", 0, -1, true,
		{ help_letter_options }, verb_complete },
	{ "__manual", NULL, "", "the part of ctl(1) that is in ctl's own tables", 0, 0, false,
		{ help_letter_options }, verb_manual },
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

static const char *command_guess(const char *name)
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

/* Commands of other engines that are not here, and what there is instead. */
static const struct {
	const char *names, *hint;
} elsewhere[] = {
	{ "pull push search login logout trust", "there are no images from registries yet: unpack one into a "
						 "folder for --rootfs, or take busybox" },
	{ "images image build builder buildx commit history load save import tag rmi manifest",
		"there are no images: busybox is built in, --rootfs takes a folder, --bundle an OCI bundle" },
	{ "export", "ctl cp CONTAINER:/ - writes a container's files as a tar archive" },
	{ "network port",
		"there are no networks: --network host, or container:NAME, shares one that is there" },
	{ "diff", "what a container has written is in upper, below paths.folder of ctl inspect" },
	{ "secret config", "-v mounts files of the host, also read-only" },
	{ "plugin", "there are none: all there is, is built in" },
	{ "volume", "-v mounts folders of the host" },
	{ "compose stack service swarm node", "one container at a time: a shell script starts several" },
	{ "container", "leave it out: ctl ps, ctl rm, …" },
	{ "system context", "ctl info and ctl doctor tell of the daemon and the host" },
	{ "checkpoint restore", "a process cannot be saved and brought back" },
	{ "prune", "ctl rm $(ctl ps -aq -f status=exited) removes what has ended" },
};

const struct command *command_resolve(const char *name, struct error *err)
{
	const struct command *command = command_find(name);
	char shown[64];
	if (command != NULL)
		return command;
	error_set(err, ERROR_USAGE, "there is no command '%s'", escape_text(name, shown, sizeof shown));
	for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
		if (listed(elsewhere[i].names, name)) {
			error_hint(err, "%s", elsewhere[i].hint);
			return NULL;
		}
	const char *guess = command_guess(name);
	if (guess != NULL)
		error_hint(err, "did you mean %s?", guess);
	return NULL;
}
