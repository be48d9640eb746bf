#include "daemon/config.h"

#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/parse.h"

#define CONFIG_FILE_MAX (64 * 1024)

enum kind { KIND_PATH, KIND_LEVEL, KIND_DURATION, KIND_SIZE, KIND_COUNT };

static const struct key {
	const char *name; /* in the file; the option has dashes */
	enum kind kind;
	size_t offset;
	bool while_running; /* a reload changes it: all but paths */
	const char *value, *help;
} keys[] = {
	{ "state_dir", KIND_PATH, offsetof(struct config, state_dir), false, "DIR",
		"what survives a reboot (/var/lib/containerd-lite)" },
	{ "run_dir", KIND_PATH, offsetof(struct config, run_dir), false, "DIR",
		"sockets and locks (/run/containerd-lite)" },
	{ "socket", KIND_PATH, offsetof(struct config, socket), false, "PATH",
		"where to listen (RUN_DIR/containerd-lite.sock)" },
	{ "cgroup_parent", KIND_PATH, offsetof(struct config, cgroup_parent), false, "DIR",
		"a cgroup v2 folder to work below (the mount's root)" },
	{ "log_level", KIND_LEVEL, offsetof(struct config, log_level), true, "LEVEL",
		"error, warning, info or debug (info)" },
	{ "stop_timeout", KIND_DURATION, offsetof(struct config, stop_timeout_ms), true, "TIME",
		"from the stop signal to the end (10s; -1: for ever)" },
	{ "log_max_size", KIND_SIZE, offsetof(struct config, log_max_size), true, "SIZE",
		"a container's log is rotated at this size (10M)" },
	{ "log_max_files", KIND_COUNT, offsetof(struct config, log_max_files), true, "N",
		"so many files of it are kept (3)" },
};
#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

static struct config *config_new(void)
{
	struct config *config = calloc(1, sizeof(*config));

	if (!config)
		abort();
	config->log_level = LOG_LEVEL_INFO;
	config->stop_timeout_ms = 10000;
	config->log_max_size = 10 * 1024 * 1024;
	config->log_max_files = 3;
	return config;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	free(config->state_dir);
	free(config->run_dir);
	free(config->socket);
	free(config->cgroup_parent);
	free(config->file);
	free(config);
}

static void cleanup_config(struct config **config)
{
	config_free(*config);
}
#define _cleanup_config_ __attribute__((cleanup(cleanup_config)))

static void *field(struct config *config, const struct key *key)
{
	return (char *) config + key->offset;
}

static int set_path(char **path, const char *value, struct error *err)
{
	_cleanup_free_ char *absolute = NULL, *cwd = NULL;

	if (!value[0])
		return error_set(err, ERROR_USAGE, "an empty path");
	if (value[0] != '/') {
		cwd = getcwd(NULL, 0);
		if (!cwd || asprintf(&absolute, "%s/%s", strcmp(cwd, "/") == 0 ? "" : cwd, value) < 0)
			return error_errno(err, "make '%s' absolute", value);
	} else {
		absolute = strdup(value);
	}
	if (!absolute)
		abort();
	if (strlen(absolute) >= PATH_MAX / 2)
		return error_set(err, ERROR_USAGE, "the path is too long");
	free(*path);
	*path = steal_pointer(&absolute);
	return 0;
}

static int set_key(struct config *config, const struct key *key, const char *value, struct error *err)
{
	uint64_t number;

	switch (key->kind) {
	case KIND_PATH: return set_path(field(config, key), value, err);
	case KIND_LEVEL:
		if (log_level_parse(value, field(config, key)) < 0)
			return error_set(
				err, ERROR_USAGE, "'%s' is not error, warning, info or debug", value);
		return 0;
	case KIND_DURATION:
		if (strcmp(value, "-1") == 0)
			*(int64_t *) field(config, key) = -1;
		else if (parse_duration_ms(value, field(config, key)) < 0)
			return error_set(err, ERROR_USAGE, "'%s' is not a time like 10s or 1m", value);
		return 0;
	case KIND_SIZE:
		if (parse_size(value, &number) < 0 || number < 4096 || number > INT64_MAX)
			return error_set(err, ERROR_USAGE, "'%s' is not a size like 10M, at least 4k", value);
		*(int64_t *) field(config, key) = (int64_t) number;
		return 0;
	case KIND_COUNT:
		if (parse_u64(value, 1000, &number) < 0 || number == 0)
			return error_set(err, ERROR_USAGE, "'%s' is not a number from 1 to 1000", value);
		*(int64_t *) field(config, key) = (int64_t) number;
		return 0;
	}
	abort();
}

static const struct key *key_find(const char *name)
{
	for (size_t i = 0; i < N_KEYS; i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

static char *trim(char *text)
{
	char *end;

	text += strspn(text, " \t\r");
	end = text + strlen(text);
	while (end > text && strchr(" \t\r", end[-1]))
		end--;
	*end = 0;
	return text;
}

/* One line, which is changed. */
static int parse_line(struct config *config, char *line, struct error *err)
{
	char *text = trim(line), *equals, shown[128];
	const struct key *key;

	if (!text[0] || text[0] == '#')
		return 0;
	equals = strchr(text, '=');
	if (!equals)
		return error_set(err, ERROR_USAGE, "'key = value' expected");
	*equals = 0;
	text = trim(text);
	key = key_find(text);
	if (!key)
		return error_set(
			err, ERROR_USAGE, "unknown key '%s'", escape_text(text, shown, sizeof(shown)));
	if (set_key(config, key, trim(equals + 1), err) < 0)
		return error_wrap(err, "%s", key->name);
	return 0;
}

int config_parse(struct config *config, const char *text, const char *name, struct error *err)
{
	_cleanup_free_ char *copy = strdup(text);
	char *rest = copy, *line;

	if (!copy)
		abort();
	for (int number = 1; (line = strsep(&rest, "\n")); number++)
		if (parse_line(config, line, err) < 0)
			return error_wrap(err, "%s:%d", name, number);
	return 0;
}

static int read_file(struct config *config, const char *name, bool must_exist, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t size;

	if (!must_exist && access(name, F_OK) < 0)
		return 0;
	if (fd_read_file(AT_FDCWD, name, CONFIG_FILE_MAX, &text, &size, err) < 0)
		return -1;
	if (strlen(text) != size)
		return error_set(err, ERROR_USAGE, "%s: is not a text", name);
	config->file = strdup(name);
	return config_parse(config, text, name, err);
}

enum { OPTION_CONFIG = 256, OPTION_HELP, OPTION_VERSION, OPTION_KEY };

/* The key as an option: state-dir. */
static const char *option_name(const struct key *key, char name[32])
{
	snprintf(name, 32, "%s", key->name);
	for (char *p = name; *p; p++)
		if (*p == '_')
			*p = '-';
	return name;
}

static void make_options(struct option options[N_KEYS + 4], char names[N_KEYS][32])
{
	for (size_t i = 0; i < N_KEYS; i++) {
		options[i] = (struct option) { option_name(&keys[i], names[i]), required_argument, NULL,
			OPTION_KEY + (int) i };
	}
	options[N_KEYS] = (struct option) { "config", required_argument, NULL, OPTION_CONFIG };
	options[N_KEYS + 1] = (struct option) { "help", no_argument, NULL, OPTION_HELP };
	options[N_KEYS + 2] = (struct option) { "version", no_argument, NULL, OPTION_VERSION };
	options[N_KEYS + 3] = (struct option) { 0 };
}

/* What the command line says; values are borrowed from argv. */
struct options {
	const char *values[N_KEYS], *file;
};

static int parse_options(int argc, char **argv, struct options *ret_options, struct error *err)
{
	struct option options[N_KEYS + 4];
	char names[N_KEYS][32];
	int c;

	make_options(options, names);
	optind = 0; /* a reload parses them again */
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", options, NULL)) >= 0) {
		if (c == OPTION_CONFIG) {
			ret_options->file = optarg;
		} else if (c == OPTION_HELP) {
			config_usage(stdout);
			return 1;
		} else if (c == OPTION_VERSION) {
			puts("containerd-lite " VERSION);
			return 1;
		} else if (c >= OPTION_KEY) {
			ret_options->values[c - OPTION_KEY] = optarg;
		} else {
			return error_set(err, ERROR_USAGE, "%s '%s'",
				c == ':' ? "a value is missing after" : "unknown option", argv[optind - 1]);
		}
	}
	if (optind < argc)
		return error_set(err, ERROR_USAGE, "unknown argument '%s'", argv[optind]);
	return 0;
}

int config_load(int argc, char **argv, struct config **ret_config, struct error *err)
{
	_cleanup_config_ struct config *config = config_new();
	struct options options = { 0 };
	/* A private instance must not be led astray by the system's configuration. */
	bool is_private;
	char name[32];
	int r = parse_options(argc, argv, &options, err);

	if (r != 0)
		return r;
	is_private = options.values[0] || options.values[1];
	set_path(&config->state_dir, "/var/lib/containerd-lite", err);
	set_path(&config->run_dir, "/run/containerd-lite", err);
	if ((options.file || !is_private) &&
		read_file(config, options.file ? options.file : CONFIG_FILE, options.file != NULL, err) < 0)
		return -1;
	for (size_t i = 0; i < N_KEYS; i++)
		if (options.values[i] && set_key(config, &keys[i], options.values[i], err) < 0)
			return error_wrap(err, "--%s", option_name(&keys[i], name));
	if (!config->socket && asprintf(&config->socket, "%s/containerd-lite.sock", config->run_dir) < 0)
		abort();
	*ret_config = steal_pointer(&config);
	return 0;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

void config_take(struct config *config, const struct config *fresh)
{
	for (size_t i = 0; i < N_KEYS; i++) {
		void *old = field(config, &keys[i]);
		const void *new = (const char *) fresh + keys[i].offset;

		if (!keys[i].while_running) {
			if (!same_text(*(char **) old, *(char *const *) new))
				log_warning("%s changes only when the daemon is started again", keys[i].name);
		} else {
			memcpy(old, new,
				keys[i].kind == KIND_LEVEL ? sizeof(enum log_level) : sizeof(int64_t));
		}
	}
}

void config_usage(FILE *out)
{
	char name[32], option[64];

	fputs("Usage: containerd-lite [OPTION…]\n\nThe container daemon, in the foreground. Options:\n", out);
	for (size_t i = 0; i < N_KEYS; i++) {
		snprintf(option, sizeof(option), "%s %s", option_name(&keys[i], name), keys[i].value);
		fprintf(out, "  --%-21s %s\n", option, keys[i].help);
	}
	fputs("  --config FILE           lines `key = value`, the keys as above with _ for -\n"
	      "                          (" CONFIG_FILE
	      ",\n                          unless --state-dir or --run-dir is given)\n"
	      "  --help, --version\n",
		out);
}
