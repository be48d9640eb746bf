/*
 * config.h - the daemon's settings: one table of keys, each of them a line `key = value` of the configuration
 * file and an option --key on the command line, which wins.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/log.h"

struct error;

#define CONFIG_FILE "/etc/containerd-lite/containerd-lite.conf"

struct config {
	char *state_dir, *run_dir, *socket,
		*cgroup_parent; /* absolute; socket and cgroup_parent may be NULL */
	enum log_level log_level;
	int64_t stop_timeout_ms; /* -1: for ever */
	int64_t log_max_size;
	int64_t log_max_files;
	char *file; /* where it was read from; NULL: nowhere */
};

/* Defaults, then the configuration file, then the command line. 0; 1 if --help or --version has been
 * answered; -1 with a sentence. On success caller frees with config_free. */
int config_load(int argc, char **argv, struct config **ret_config, struct error *err);
void config_free(struct config *config);

/* Takes from fresh what can change while the daemon runs; logs what cannot. */
void config_take(struct config *config, const struct config *fresh);

/* The text of a configuration file into config; name is for the sentence ("NAME:3: …"). */
int config_parse(struct config *config, const char *text, const char *name, struct error *err);

void config_usage(FILE *out);
