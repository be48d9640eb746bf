#include "client/option_table.h"

const struct option common_options[] = {
	{ "socket", 0, VALUE_FILE, GROUP_COMMON, ".socket", "PATH", "the daemon's socket (else CTL_SOCKET)" },
	{ "help", 0, VALUE_FLAG, GROUP_COMMON, ".help", NULL, "print this text" },
	{ 0 },
};

const struct option help_letter_options[] = {
	{ "help", 'h', VALUE_FLAG, GROUP_COMMON, ".help", NULL, "print this text" },
	{ "socket", 0, VALUE_FILE, GROUP_COMMON, ".socket", "PATH", "the daemon's socket (else CTL_SOCKET)" },
	{ 0 },
};

const struct option root_options[] = {
	{ "version", 'v', VALUE_FLAG, GROUP_COMMON, ".version", NULL, "print ctl's version" },
	{ 0 },
};

const struct option config_options[] = {
	{ "name", 0, VALUE_TEXT, GROUP_COMMAND, "name", "NAME", "the container's name (else its short id)" },
	{ "rm", 0, VALUE_FLAG, GROUP_COMMAND, "remove", NULL, "remove the container when it has ended" },
	{ "cidfile", 0, VALUE_FILE, GROUP_COMMAND, ".cidfile", "FILE", "write the id into this new file" },
	{ "label", 'l', VALUE_LABEL, GROUP_COMMAND, "labels", "KEY=VALUE", "a label; may be repeated" },
	{ "label-file", 0, VALUE_LABEL_FILE, GROUP_COMMAND, "labels", "FILE", "labels, one a line" },
	{ "trace", 0, VALUE_FLAG, GROUP_COMMAND, "trace", NULL,
		"tell on standard error how long each step of the start took, as far as it came" },
	{ "quiet", 'q', VALUE_FLAG, GROUP_COMMAND, ".quiet", NULL, "print no progress" },

	{ "interactive", 'i', VALUE_FLAG, GROUP_CONSOLE, "open_stdin", NULL, "keep standard input open" },
	{ "tty", 't', VALUE_FLAG, GROUP_CONSOLE, "terminal", NULL, "give it a terminal" },

	{ "rootfs", 0, VALUE_PATH, GROUP_ROOT, "rootfs", "DIR",
		"this folder is the root, below an overlay that takes what is written" },
	{ "rootfs-rw", 0, VALUE_ROOTFS_RW, GROUP_ROOT, "rootfs", "[DIR]",
		"this folder (else --rootfs's) is the root and is written into, by one container at a time" },
	{ "bundle", 0, VALUE_PATH, GROUP_ROOT, "bundle", "DIR", "an OCI bundle: its config.json and root" },
	{ "read-only", 0, VALUE_FLAG, GROUP_ROOT, "read_only", NULL, "the root cannot be written" },

	{ "entrypoint", 0, VALUE_WORD, GROUP_PROCESS, "entrypoint", "PROGRAM",
		"the program, before the arguments of the command line" },
	{ "env", 'e', VALUE_ENV, GROUP_PROCESS, "env", "NAME[=VALUE]",
		"an environment variable; without a value, the caller's" },
	{ "env-file", 0, VALUE_ENV_FILE, GROUP_PROCESS, ".env_file", "FILE", "environment, one a line" },
	{ "workdir", 'w', VALUE_TEXT, GROUP_PROCESS, "cwd", "DIR", "the working directory" },
	{ "user", 'u', VALUE_TEXT, GROUP_PROCESS, "user", "USER[:GROUP]", "names or numbers" },
	{ "group-add", 0, VALUE_LIST, GROUP_PROCESS, "groups", "GROUP", "one more group of the user's" },
	{ "hostname", 'h', VALUE_TEXT, GROUP_PROCESS, "hostname", "NAME",
		"the host name (else the short id)" },
	{ "domainname", 0, VALUE_TEXT, GROUP_PROCESS, "domainname", "NAME", "the NIS domain name" },
	{ "init", 0, VALUE_FLAG, GROUP_PROCESS, "init", NULL,
		"run a small init that passes signals on and reaps" },
	{ "systemd", 0, VALUE_FLAG, GROUP_PROCESS, "systemd", NULL,
		"the program is systemd: --cgroup-rw, tmpfs on /run and /tmp, container=, SIGRTMIN+3" },
	{ "stop-signal", 0, VALUE_SIGNAL, GROUP_PROCESS, "stop_signal", "SIGNAL",
		"what stop sends first (SIGTERM)" },
	{ "stop-timeout", 0, VALUE_TIMEOUT, GROUP_PROCESS, "stop_timeout_ms", "TIME",
		"how long stop waits before it kills (10s; -1: for ever)" },
	{ "timeout", 0, VALUE_DURATION, GROUP_PROCESS, "timeout_ms", "TIME", "kill it after this time" },

	{ "volume", 'v', VALUE_VOLUME, GROUP_MOUNTS, "mounts", "SOURCE:TARGET[:OPTIONS]",
		"bind mount; options: ro, rw, …" },
	{ "mount", 0, VALUE_MOUNT, GROUP_MOUNTS, "mounts", "KEY=VALUE,…",
		"type=bind|tmpfs, source=, target=, readonly, bind-propagation=, tmpfs-size=, tmpfs-mode=" },
	{ "tmpfs", 0, VALUE_TMPFS, GROUP_MOUNTS, "mounts", "TARGET[:OPTIONS]",
		"mount a tmpfs (nosuid, nodev, noexec); options: size=, mode=, exec, …" },
	{ "shm-size", 0, VALUE_SIZE, GROUP_MOUNTS, "shm_size", "SIZE", "the size of /dev/shm (64M)" },

	{ "ulimit", 0, VALUE_PAIR, GROUP_LIMITS, "ulimits", "NAME=SOFT[:HARD]",
		"a resource limit, or unlimited; nofile is 1024:524288, core 0" },
	{ "cgroup-parent", 0, VALUE_TEXT, GROUP_LIMITS, "cgroup_parent", "CGROUP",
		"its cgroup is in this one: web/front below the daemon's own, /a/b as it is there" },
	{ "oom-score-adj", 0, VALUE_INTEGER, GROUP_LIMITS, "oom_score_adj", "N",
		"how soon the kernel ends it for lack of memory: -1000 to 1000" },

	{ "privileged", 0, VALUE_FLAG, GROUP_SECURITY, "privileged", NULL,
		"all capabilities and devices, all of /proc and /sys, no no_new_privs: root on this host" },
	{ "cgroup-rw", 0, VALUE_FLAG, GROUP_SECURITY, "cgroup_rw", NULL,
		"it may make cgroups of its own, below its limits" },
	{ "cap-add", 0, VALUE_CAPABILITY, GROUP_SECURITY, "capabilities_add", "CAP",
		"add a capability, or ALL" },
	{ "cap-drop", 0, VALUE_CAPABILITY, GROUP_SECURITY, "capabilities_drop", "CAP",
		"drop a capability, or ALL" },
	{ "security-opt", 0, VALUE_SECURITY_OPT, GROUP_SECURITY, "no_new_privileges", "OPTION",
		"no-new-privileges (on by default), or =false: set-user-id programs work" },
	{ "sysctl", 0, VALUE_PAIR, GROUP_SECURITY, "sysctls", "NAME=VALUE",
		"a kernel setting of its own namespaces: net.*, fs.mqueue.*, kernel.shm*, …" },

	{ "network", 0, VALUE_NAMESPACE, GROUP_NAMESPACES, "network", "none|host|container:NAME",
		"loopback only (none), the host's network, or that of a running container" },
	{ "net", 0, VALUE_NAMESPACE, GROUP_NAMESPACES, "network", "none|host|container:NAME", "the same" },
	{ "pid", 0, VALUE_NAMESPACE, GROUP_NAMESPACES, "pid", "private|host|container:NAME",
		"whose processes it sees, and may signal" },
	{ "ipc", 0, VALUE_NAMESPACE, GROUP_NAMESPACES, "ipc", "private|shareable|host|container:NAME",
		"whose shared memory and queues it has; shareable: its own, for others to join" },
	{ "uts", 0, VALUE_NAMESPACE, GROUP_NAMESPACES, "uts", "private|host",
		"a host name of its own, or the host's" },
	{ "cgroupns", 0, VALUE_NAMESPACE, GROUP_NAMESPACES, "cgroupns", "private|host",
		"what /sys/fs/cgroup shows: its own cgroup, or all of the host's" },

	{ "device", 0, VALUE_DEVICE, GROUP_DEVICES, "devices", "DEVICE[:TARGET][:rwm]",
		"a device of the host's, or a folder of them" },
	{ "device-cgroup-rule", 0, VALUE_LIST, GROUP_DEVICES, "device_rules", "RULE",
		"what else may be opened: 'c 1:3 rwm', 'b 8:* r'" },

	{ "log-driver", 0, VALUE_CHOICE, GROUP_LOG, "log", "file|none", "where the output is kept (file)" },
	{ "log-opt", 0, VALUE_LOG_OPT, GROUP_LOG, "", "KEY=VALUE", "max-size=SIZE (10M), max-file=N (3)" },
	{ 0 },
};

#define LATER(name, letter, metavar, same, hint)                                                      \
	{                                                                                             \
		name, letter, metavar[0] != '\0' ? VALUE_LATER : VALUE_LATER_FLAG, GROUP_LATER, same, \
			metavar, hint                                                                 \
	}

static const char limits_hint[] = "cgroup v2 has no such thing";
static const char network_hint[] =
	"there are no networks: --network host, or container:NAME, shares one that is there";
static const char health_hint[] = "health checks come with a later version";

/* `same` is the value that asks for what happens anyway: it is accepted. */
const struct option later_options[] = {

	LATER("publish", 'p', "PORT", NULL, network_hint),
	LATER("publish-all", 'P', "", "false", network_hint),
	LATER("expose", 0, "PORT", NULL, network_hint),
	LATER("ip", 0, "ADDRESS", NULL, network_hint),
	LATER("ip6", 0, "ADDRESS", NULL, network_hint),
	LATER("link-local-ip", 0, "ADDRESS", NULL, network_hint),
	LATER("network-alias", 0, "NAME", NULL, network_hint),
	LATER("net-alias", 0, "NAME", NULL, network_hint),
	LATER("mac-address", 0, "ADDRESS", NULL, network_hint),
	LATER("link", 0, "NAME", NULL, network_hint),
	LATER("add-host", 0, "NAME:ADDRESS", NULL, "mount a file of your own on /etc/hosts"),
	LATER("dns", 0, "ADDRESS", NULL, "mount a file of your own on /etc/resolv.conf"),
	LATER("dns-search", 0, "DOMAIN", NULL, "mount a file of your own on /etc/resolv.conf"),
	LATER("dns-opt", 0, "OPTION", NULL, "mount a file of your own on /etc/resolv.conf"),
	LATER("dns-option", 0, "OPTION", NULL, "mount a file of your own on /etc/resolv.conf"),

	LATER("restart", 0, "POLICY", "no", "restart policies come with a later version"),
	LATER("health-cmd", 0, "COMMAND", NULL, health_hint),
	LATER("health-interval", 0, "TIME", NULL, health_hint),
	LATER("health-timeout", 0, "TIME", NULL, health_hint),
	LATER("health-retries", 0, "N", NULL, health_hint),
	LATER("health-start-period", 0, "TIME", NULL, health_hint),
	LATER("health-start-interval", 0, "TIME", NULL, health_hint),
	LATER("no-healthcheck", 0, "", "true", health_hint),

	LATER("cpu-rt-period", 0, "TIME", NULL, limits_hint),
	LATER("cpu-rt-runtime", 0, "TIME", NULL, limits_hint),
	LATER("kernel-memory", 0, "SIZE", NULL, limits_hint),
	LATER("memory-swappiness", 0, "N", NULL, limits_hint),
	LATER("oom-kill-disable", 0, "", "false", limits_hint),

	LATER("gpus", 0, "LIST", NULL, "--device gives a container the nodes of a device"),
	LATER("userns", 0, "MODE", "host", "a container's ids are the host's"),

	LATER("volumes-from", 0, "CONTAINER", NULL, "give the mounts again by -v"),
	LATER("volume-driver", 0, "NAME", NULL, "-v mounts folders of the host"),
	LATER("pull", 0, "WHEN", "never", "images are local: busybox, or --rootfs DIR"),
	LATER("annotation", 0, "KEY=VALUE", NULL, "--label is for what you want to note"),
	LATER("disable-content-trust", 0, "", "true", "images are local, and nothing is signed"),
	LATER("isolation", 0, "NAME", "default", "there is one kind"),
	LATER("storage-opt", 0, "KEY=VALUE", NULL, "a container may fill the disk that state_dir is on"),
	LATER("platform", 0, "NAME", NULL, "programs are this machine's"),
	LATER("runtime", 0, "NAME", NULL, "the runtime is built in"),
	{ 0 },
};

/* Of every verb that becomes a console. */
#define CONSOLE_OPTIONS                                                                               \
	{ "detach-keys", 0, VALUE_KEYS, GROUP_CONSOLE, ".detach_keys", "KEYS",                        \
		"what typed lets go of the container (ctrl-p,ctrl-q); or none" },                     \
		{ "sig-proxy", 0, VALUE_FLAG, GROUP_CONSOLE, ".sig_proxy", NULL,                      \
			"without a terminal, pass signals on (true)" },                               \
		{ "no-replay", 0, VALUE_FLAG, GROUP_CONSOLE, ".no_replay", NULL,                      \
			"do not begin with the last output" },                                        \
	{                                                                                             \
		"flow", 0, VALUE_CHOICE, GROUP_CONSOLE, ".flow", "block|drop",                        \
			"when output is not taken: hold the program up, or go on and report the loss" \
	}

const struct option attach_options[] = {
	{ "no-stdin", 0, VALUE_FLAG, GROUP_CONSOLE, ".no_stdin", NULL, "only watch" },
	{ "session", 0, VALUE_TEXT, GROUP_CONSOLE, "session", "SESSION", "a program that exec has started" },
	CONSOLE_OPTIONS,
	{ 0 },
};

const struct option run_options[] = {
	{ "detach", 'd', VALUE_FLAG, GROUP_CONSOLE, ".detach", NULL, "print the id and leave it running" },
	{ "attach", 'a', VALUE_CHOICES, GROUP_CONSOLE, ".streams", "stdin|stdout|stderr",
		"only this stream; may be repeated" },
	CONSOLE_OPTIONS,
	{ 0 },
};

const struct option start_options[] = {
	{ "attach", 'a', VALUE_FLAG, GROUP_COMMAND, ".attach", NULL, "attach its output; one container" },
	{ "interactive", 'i', VALUE_FLAG, GROUP_COMMAND, ".interactive", NULL, "attach standard input, too" },
	CONSOLE_OPTIONS,
	{ 0 },
};

#define ON_DISCONNECT                                                                              \
	{                                                                                          \
		"on-disconnect", 0, VALUE_CHOICE, GROUP_CONSOLE, ".on_disconnect", "hangup|keep",  \
			"the program's fate when ctl is killed: INT and HUP, or to go on (hangup)" \
	}

const struct option exec_options[] = {
	{ "detach", 'd', VALUE_FLAG, GROUP_CONSOLE, ".detach", NULL,
		"print the session's id and leave it running" },
	{ "interactive", 'i', VALUE_FLAG, GROUP_CONSOLE, "open_stdin", NULL, "pass standard input on" },
	{ "tty", 't', VALUE_FLAG, GROUP_CONSOLE, "terminal", NULL, "give it a terminal" },
	CONSOLE_OPTIONS,
	ON_DISCONNECT,
	{ "env", 'e', VALUE_ENV, GROUP_PROCESS, "env", "NAME[=VALUE]",
		"an environment variable; without a value, the caller's" },
	{ "env-file", 0, VALUE_ENV_FILE, GROUP_PROCESS, ".env_file", "FILE", "environment, one a line" },
	{ "workdir", 'w', VALUE_TEXT, GROUP_PROCESS, "cwd", "DIR", "the working directory" },
	{ "user", 'u', VALUE_TEXT, GROUP_PROCESS, "user", "USER[:GROUP]", "names or numbers" },
	{ "privileged", 0, VALUE_FLAG, GROUP_SECURITY, "privileged", NULL,
		"all capabilities that the daemon has; whatever else the container lacks is lacking" },
	{ 0 },
};

const struct option sh_options[] = {
	{ "user", 'u', VALUE_TEXT, GROUP_COMMAND, "user", "USER[:GROUP]", "names or numbers" },
	{ "workdir", 'w', VALUE_TEXT, GROUP_COMMAND, "cwd", "DIR", "the working directory" },
	ON_DISCONNECT,
	{ 0 },
};

const struct option cp_options[] = {
	{ "archive", 'a', VALUE_FLAG, GROUP_COMMAND, ".archive", NULL, "keep users and groups" },
	{ "follow-link", 'L', VALUE_FLAG, GROUP_COMMAND, ".follow", NULL,
		"of a link that SOURCE is, copy what it leads to" },
	{ "quiet", 'q', VALUE_FLAG, GROUP_OUTPUT, ".quiet", NULL,
		"show no progress, and not how much it was" },
	{ 0 },
};

const struct option stop_options[] = {
	{ "time", 't', VALUE_TIMEOUT, GROUP_COMMAND, "timeout_ms", "TIME",
		"wait so long before killing (10s; 0: at once; -1: for ever)" },
	{ "timeout", 0, VALUE_TIMEOUT, GROUP_COMMAND, "timeout_ms", "TIME", "the same" },
	{ "signal", 's', VALUE_SIGNAL, GROUP_COMMAND, "signal", "SIGNAL", "instead of its stop signal" },
	{ 0 },
};

const struct option kill_options[] = {
	{ "signal", 's', VALUE_SIGNAL, GROUP_COMMAND, "signal", "SIGNAL", "name or number (KILL)" },
	{ "all", 'a', VALUE_FLAG, GROUP_COMMAND, "all", NULL, "every process of it; with SIGKILL only" },
	{ "session", 0, VALUE_TEXT, GROUP_COMMAND, "session", "SESSION", "a program that exec has started" },
	{ 0 },
};

const struct option wait_options[] = {
	{ "condition", 0, VALUE_CHOICE, GROUP_COMMAND, "condition", "exited|running|removed",
		"what to wait for (exited)" },
	{ "session", 0, VALUE_TEXT, GROUP_COMMAND, "session", "SESSION", "a program that exec has started" },
	{ 0 },
};

const struct option rm_options[] = {
	{ "force", 'f', VALUE_FLAG, GROUP_COMMAND, "force", NULL, "kill it first if it runs" },
	{ "volumes", 'v', VALUE_FLAG, GROUP_COMMAND, ".volumes", NULL,
		"changes nothing: what it has written goes with it, a folder of the host's never" },
	{ 0 },
};

#define FORMAT(choices, help)                                                     \
	{                                                                         \
		"format", 0, VALUE_CHOICE, GROUP_OUTPUT, ".format", choices, help \
	}

const struct option ps_options[] = {
	{ "all", 'a', VALUE_FLAG, GROUP_COMMAND, "all", NULL, "also those that do not run" },
	{ "filter", 'f', VALUE_FILTER, GROUP_COMMAND, "filters", "KEY=VALUE",
		"id, name, label, exited, status, before, since; may be repeated" },
	{ "last", 'n', VALUE_COUNT, GROUP_COMMAND, ".last", "N", "the N newest, in whatever state" },
	{ "latest", 'l', VALUE_FLAG, GROUP_COMMAND, ".latest", NULL, "the newest, in whatever state" },
	{ "quiet", 'q', VALUE_FLAG, GROUP_OUTPUT, ".quiet", NULL, "ids only" },
	{ "no-trunc", 0, VALUE_FLAG, GROUP_OUTPUT, ".no_trunc", NULL, "whole ids and commands" },
	FORMAT("table|json|jsonl", "json: one array; jsonl: an object a line"),
	{ 0 },
};

const struct option sessions_options[] = {
	{ "quiet", 'q', VALUE_FLAG, GROUP_OUTPUT, ".quiet", NULL, "session ids only" },
	FORMAT("table|json|jsonl", "json: one array; jsonl: an object a line"),
	{ 0 },
};

const struct option inspect_options[] = {
	{ "format", 'f', VALUE_CHOICE, GROUP_OUTPUT, ".format", "json|jsonl",
		"json: one array; jsonl: an object a line" },
	{ 0 },
};

const struct option logs_options[] = {
	{ "follow", 'f', VALUE_FLAG, GROUP_COMMAND, "follow", NULL, "go on until the container ends" },
	{ "tail", 'n', VALUE_TAIL, GROUP_COMMAND, "tail", "N|all", "only the last N lines" },
	{ "since", 0, VALUE_TIME, GROUP_COMMAND, "since", "TIME",
		"RFC 3339, a date, unix seconds, or so long ago (10m)" },
	{ "until", 0, VALUE_TIME, GROUP_COMMAND, "until", "TIME", "likewise" },
	{ "stdout", 0, VALUE_FLAG, GROUP_COMMAND, "stdout", NULL, "only standard output" },
	{ "stderr", 0, VALUE_FLAG, GROUP_COMMAND, "stderr", NULL, "only standard error" },
	{ "timestamps", 't', VALUE_FLAG, GROUP_OUTPUT, ".timestamps", NULL, "each line's time in front" },
	{ 0 },
};

const struct option stats_options[] = {
	{ "no-stream", 0, VALUE_FLAG, GROUP_COMMAND, ".no_stream", NULL, "one look, and end" },
	{ "all", 'a', VALUE_FLAG, GROUP_COMMAND, "all", NULL, "also those that do not run" },
	{ "overhead", 0, VALUE_FLAG, GROUP_COMMAND, "overhead", NULL, "also what each one's shim takes" },
	{ "no-trunc", 0, VALUE_FLAG, GROUP_OUTPUT, ".no_trunc", NULL, "whole ids" },
	FORMAT("table|json|jsonl|openmetrics", "json and openmetrics: one look; jsonl: an object a line"),
	{ 0 },
};

const struct option diff_limits_options[] = {
	FORMAT("table|json|jsonl", "json: one array; jsonl: an object a line"),
	{ 0 },
};

const struct option top_options[] = {
	{ "no-trunc", 0, VALUE_FLAG, GROUP_OUTPUT, ".no_trunc", NULL, "whole commands" },
	FORMAT("table|json|jsonl", "json: one array; jsonl: an object a line"),
	{ 0 },
};

const struct option events_options[] = {
	{ "since", 0, VALUE_TIME, GROUP_COMMAND, "since", "TIME",
		"RFC 3339, a date, unix seconds, or so long ago (10m)" },
	{ "until", 0, VALUE_TIME, GROUP_COMMAND, "until", "TIME", "likewise; ends there" },
	{ "since-seq", 0, VALUE_NUMBER, GROUP_COMMAND, "since_seq", "N", "those after number N" },
	{ "filter", 'f', VALUE_FILTER, GROUP_COMMAND, "filters", "KEY=VALUE",
		"container, name, kind; may be repeated" },
	{ "no-follow", 0, VALUE_FLAG, GROUP_COMMAND, ".no_follow", NULL, "end after what has happened" },
	FORMAT("table|json|jsonl", "json: one array; jsonl: an object a line"),
	{ 0 },
};

const struct option info_options[] = {
	FORMAT("table|json|jsonl", "json: one object"),
	{ 0 },
};

const struct option doctor_options[] = {
	FORMAT("table|json|jsonl", "json: one array of check, verdict, message, fix"),
	{ 0 },
};

const struct option why_options[] = {
	FORMAT("table|json|jsonl", "json: one object"),
	{ 0 },
};
