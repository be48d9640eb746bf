#include "client/option.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/command.h"
#include "client/value.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/parse.h"

const struct option *option_find(const struct command *command, const char *name, size_t length)
{
	for (int i = 0; i < OPTION_SETS && command->sets[i] != NULL; i++)
		for (const struct option *o = command->sets[i]; o->name != NULL; o++)
			if (strncmp(o->name, name, length) == 0 && o->name[length] == '\0')
				return o;
	return NULL;
}

const struct option *option_find_letter(const struct command *command, char letter)
{
	for (int i = 0; i < OPTION_SETS && command->sets[i] != NULL; i++)
		for (const struct option *o = command->sets[i]; o->name != NULL; o++)
			if (o->letter == letter && letter != '\0')
				return o;
	return NULL;
}

/* Which option made which of the mounts: only it can say what is wrong with one. */
static void note_mount(struct arguments *args, const struct option *o, const char *text)
{
	_cleanup_free_ char *option = NULL;
	char shown[192];
	if (strcmp(o->field != NULL ? o->field : "", "mounts") != 0)
		return;
	if (asprintf(&option, "--%s '%s'", o->name, escape_text(text, shown, sizeof shown)) < 0)
		abort();
	if (args->mounts == NULL)
		args->mounts = json_object_new_array();
	json_object_array_add(args->mounts, json_object_new_string(option));
}

int arguments_set(struct arguments *args, const struct option *o, const char *value, struct error *err)
{
	const struct value_type *type = &value_types[o->value];
	bool later = o->value == VALUE_LATER || o->value == VALUE_LATER_FLAG;
	bool own = !later && o->field[0] == '.';
	char shown[64];
	const char *text = value != NULL ? value : "true";
	int result = utf8_valid(text, strlen(text)) ? 0 : error_set(err, ERROR_USAGE, "not UTF-8");
	if (result == 0)
		result = type->set(
			own ? args->local : args->request, later ? "" : o->field + own, o, text, err);
	if (result == 0)
		note_mount(args, o, text);
	if (result == 0)
		return 0;
	if (later || value == NULL)
		return error_wrap(err, "--%s", o->name);
	return error_wrap(err, "--%s '%s'", o->name, escape_text(value, shown, sizeof shown));
}

struct parser {
	struct arguments *args;
	char **argv;
	int argc, at;
};

static int needs_value(const struct option *o, struct error *err)
{
	return error_set(err, ERROR_USAGE, "--%s: needs a value (%s)", o->name, o->metavar);
}

/* --rootfs DIR --rootfs-rw, in either order: the folder is not --rootfs-rw's own. */
static bool folder_is_named(const struct parser *p, const struct option *o)
{
	return o->value == VALUE_ROOTFS_RW &&
	       (json_get(p->args->request, o->field) != NULL || p->at == p->argc || p->argv[p->at][0] == '-');
}

static int parse_long(struct parser *p, const char *text, struct error *err)
{
	size_t length = strcspn(text, "=");
	const char *value = text[length] == '=' ? text + length + 1 : NULL;
	const struct option *o = option_find(p->args->command, text, length);
	if (o == NULL) {
		char name[64], shown[64];
		size_t n = length < sizeof name - 1 ? length : sizeof name - 1;
		memcpy(name, text, n);
		name[n] = '\0';
		const char *guess = option_guess(p->args->command, name);
		error_set(err, ERROR_USAGE, "unknown option '--%s'", escape_text(name, shown, sizeof shown));
		return guess != NULL ? error_hint(err, "did you mean --%s?", guess) : -1;
	}
	if (value == NULL && folder_is_named(p, o))
		value = "";
	if (value == NULL && !value_types[o->value].flag) {
		if (p->at == p->argc)
			return needs_value(o, err);
		value = p->argv[p->at++];
	}
	return arguments_set(p->args, o, value, err);
}

/* -dit, -fn100, -fn 100, -n=100, -d=false. */
static int parse_cluster(struct parser *p, const char *letters, struct error *err)
{
	while (*letters != '\0') {
		const struct option *o = option_find_letter(p->args->command, *letters);
		if (o == NULL) {
			char one[2] = { *letters, '\0' }, shown[16];
			return error_set(err, ERROR_USAGE, "unknown option '-%s'",
				escape_text(one, shown, sizeof shown));
		}
		const char *value = NULL;
		letters++;
		if (*letters == '=' || (*letters != '\0' && !value_types[o->value].flag)) {
			value = letters + (*letters == '=');
			letters = "";
		} else if (!value_types[o->value].flag) {
			if (p->at == p->argc)
				return needs_value(o, err);
			value = p->argv[p->at++];
		}
		if (arguments_set(p->args, o, value, err) < 0)
			return -1;
	}
	return 0;
}

static int check_count(const struct arguments *args, struct error *err)
{
	const struct command *c = args->command;
	char shown[64];
	if (args->count < c->min)
		return error_set(err, ERROR_USAGE, "needs %s", c->arguments);
	if (c->max >= 0 && args->count > c->max)
		return error_set(err, ERROR_USAGE, "one argument too many: '%s'",
			escape_text(args->positional[c->max], shown, sizeof shown));
	return 0;
}

int arguments_parse(
	const struct command *command, int argc, char **argv, struct arguments *ret_args, struct error *err)
{
	*ret_args = (struct arguments) { .command = command,
		.request = json_object_new_object(),
		.local = json_object_new_object(),
		.positional = argv };
	/* The root's positional arguments are a verb's whole command line, which is parsed in its turn. */
	struct parser p = { .args = ret_args, .argc = argc, .argv = argv };
	bool options = true;
	while (p.at < argc) {
		char *word = argv[p.at++];
		int result = 0;
		if (options && strcmp(word, "--") == 0)
			options = false;
		else if (options && strncmp(word, "--", 2) == 0)
			result = parse_long(&p, word + 2, err);
		else if (options && word[0] == '-' && word[1] != '\0')
			result = parse_cluster(&p, word + 1, err);
		else if (command->name[0] == '\0' || utf8_valid(word, strlen(word))) {
			/* What was read is free to be overwritten, since the count never passes it. */
			argv[ret_args->count++] = word;
			options = options && !command->program;
		} else
			result = error_set(err, ERROR_USAGE, "an argument is not UTF-8");
		if (result < 0)
			return -1;
	}
	argv[ret_args->count] = NULL;
	if (json_flag(ret_args->local, "help", false) || json_flag(ret_args->local, "version", false))
		return 0;
	return check_count(ret_args, err);
}

void arguments_done(struct arguments *args)
{
	json_put(&args->request);
	json_put(&args->local);
	json_put(&args->mounts);
}
