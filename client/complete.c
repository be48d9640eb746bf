/* complete.c - what a shell may put in the place of a command line's last word: ctl __complete -- WORD…,
 * which the scripts of etc/completion call. The first line of the answer says what kind it is (words,
 * partial: no blank behind them, files, folders), the others are the words, each with its explanation behind
 * a tab. It is silent whatever goes wrong. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/command.h"
#include "client/connection.h"
#include "client/format.h"
#include "client/output.h"
#include "client/value.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/parse.h"

#define ANSWER_TIMEOUT_S 2 /* of the daemon: nobody waits longer for a tab */

/* What the words before the last one mean. */
struct scan {
	const struct command *command; /* NULL: there is no such verb */
	const struct option *pending;  /* the next word is its value */
	bool options;		       /* may still come */
	bool has_root;		       /* --rootfs or --bundle: then there is no IMAGE */
	struct arguments args;	       /* --socket, for the connection */
	char **given;		       /* positional arguments so far: borrowed, overwrites what was read */
	int count;
};

static const struct option *take_letters(const struct command *command, const char *letters)
{
	const struct option *o = NULL;
	for (; *letters != '\0'; letters++) {
		o = option_find_letter(command, *letters);
		if (o == NULL || letters[1] == '=' || (letters[1] != '\0' && !value_types[o->value].flag))
			return NULL;
	}
	return o;
}

/* One that is not supported has no field. */
static bool is_socket(const struct option *o)
{
	return o->field != NULL && strcmp(o->field, ".socket") == 0;
}

static void take_option(struct scan *s, const char *word)
{
	const char *name = word + 2;
	size_t n = strcspn(name, "=");
	bool is_long = word[1] == '-', whole = is_long && name[n] == '=';
	const struct option *o =
		is_long ? option_find(s->command, name, n) : take_letters(s->command, word + 1);
	if (o == NULL)
		return;
	if (o->value == VALUE_PATH || o->value == VALUE_ROOTFS_RW)
		s->has_root = true;
	if (whole && is_socket(o))
		json_add_string(s->args.local, "socket", name + n + 1);
	if (!whole && !value_types[o->value].flag)
		s->pending = o;
}

/* `ctl explain run …` is completed as `ctl run …`. */
static void take_argument(struct scan *s, char *word)
{
	if (s->count == 0 && s->command == command_find("explain") &&
		command_find(word) == command_find("run")) {
		s->command = command_find("run");
		return;
	}
	s->given[s->count++] = word;
	s->options = s->options && !s->command->program;
}

static void take_word(struct scan *s, char *word)
{
	if (s->pending != NULL) {
		if (is_socket(s->pending))
			json_add_string(s->args.local, "socket", word);
		s->pending = NULL;
	} else if (s->command == NULL) {
		return;
	} else if (s->options && strcmp(word, "--") == 0) {
		s->options = false;
	} else if (s->options && word[0] == '-' && word[1] != '\0') {
		take_option(s, word);
	} else if (s->command == &root_command) {
		s->command = command_find(word);
	} else {
		take_argument(s, word);
	}
}

static bool begins(const char *text, const char *beginning)
{
	return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* One answer: before it what stands in front of it in the same word ("--name="). */
struct answer {
	const char *before;
	const char *word; /* what has been typed of it */
};

static void offer(const struct answer *a, const char *text, const char *explanation)
{
	if (begins(text, a->word))
		printf("%s%s\t%s\n", a->before, text, explanation);
}

/* ---- the kinds of answers ---- */

static void offer_words(const struct answer *a, const char *words)
{
	puts("words");
	for (const char *p = words; *p != '\0'; p += *p == '|') {
		size_t n = strcspn(p, "|");
		/* "container:NAME": of the name nothing is known yet. */
		_cleanup_free_ char *choice = strndup(p, strcspn(p, ":|") < n ? strcspn(p, ":") + 1 : n);
		if (choice != NULL)
			offer(a, choice, "");
		p += n;
	}
}

static void offer_signals(const struct answer *a)
{
	char name[16];
	puts("words");
	for (int sig = 1; sig < 32; sig++) {
		const char *text = signal_format(sig, name);
		offer(a, begins(a->word, "SIG") ? text : text + strlen("SIG"), "");
	}
}

static void offer_variables(const struct answer *a)
{
	puts("partial");
	for (char **p = environ; *p != NULL; p++) {
		_cleanup_free_ char *name = strndup(*p, strcspn(*p, "="));
		if (name != NULL && utf8_valid(name, strlen(name)) && strpbrk(name, "\t\n") == NULL)
			offer(a, name, "");
	}
}

static void offer_capabilities(const struct answer *a)
{
	puts("words");
	offer(a, "ALL", "");
	for (int i = 0; i < 64 && capability_name(i) != NULL; i++)
		offer(a, capability_name(i) + (begins(a->word, "CAP_") ? 0 : strlen("CAP_")), "");
}

/* "id, name, label; may be repeated" */
static void offer_filters(const struct answer *a, const char *help)
{
	puts("partial");
	for (const char *p = help; *p != '\0' && *p != ';';) {
		size_t n = strcspn(p, ",;");
		char key[32];
		snprintf(key, sizeof key, "%.*s=", (int) n, p);
		offer(a, key, "");
		p += n + strspn(p + n, ", ");
	}
}

static void offer_commands(const struct answer *a)
{
	puts("words");
	for (const struct command *c = commands; c->name != NULL; c++)
		if (!command_hidden(c))
			offer(a, c->name, c->summary);
}

static void offer_options(const struct scan *s, const struct answer *a)
{
	puts("words");
	for (int i = 0; i < OPTION_SETS && s->command->sets[i] != NULL; i++)
		for (const struct option *o = s->command->sets[i]; o->name != NULL; o++) {
			char name[64];
			snprintf(name, sizeof name, "--%s", o->name);
			if (o->group != GROUP_LATER)
				offer(a, name, o->help);
		}
}

/* ---- containers ---- */

/* The states that make sense, of those kinds that are not any. */
static const struct {
	enum complete kind;
	const char *states[4];
} states[] = {
	{ COMPLETE_RUNNING, { "running", "stopping", "paused" } },
	{ COMPLETE_STARTABLE, { "created", "exited" } },
	{ COMPLETE_PAUSED, { "paused" } },
};

static bool makes_sense(enum complete kind, const char *state)
{
	for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
		if (states[i].kind != kind)
			continue;
		for (int k = 0; k < 4 && states[i].states[k] != NULL; k++)
			if (strcmp(states[i].states[k], state) == 0)
				return true;
		return false;
	}
	return true;
}

static struct json_object *ask_list(struct scan *s)
{
	struct connection conn;
	struct error ignored;
	struct json_object *list = NULL;
	_cleanup_json_ struct json_object *all = json_object_new_object(), *answer = NULL;
	json_add_bool(all, "all", true);
	if (connection_open(&conn, &s->args, &ignored) < 0)
		return NULL;
	connection_limit(&conn, ANSWER_TIMEOUT_S);
	if (connection_ask_once(&conn, "container.List", all, &answer, &ignored) == 0)
		list = json_object_get(json_get(answer, "containers"));
	connection_done(&conn);
	return list;
}

static bool is_given(const struct scan *s, struct json_object *summary)
{
	for (int i = 0; i < s->count; i++)
		if (strcmp(s->given[i], json_string(summary, "name", "")) == 0 ||
			strcmp(s->given[i], json_string(summary, "id", "")) == 0)
			return true;
	return false;
}

static void offer_container(const struct answer *a, struct json_object *summary, const char *text)
{
	char status[4 * FORMAT_TEXT];
	_cleanup_free_ char *image = format_clean(json_string(summary, "image", ""));
	_cleanup_free_ char *explanation = NULL;
	if (asprintf(&explanation, "%s, %s",
		    format_status(summary, clock_realtime_ns(), status, sizeof status), image) < 0)
		abort();
	offer(a, text, explanation);
}

/* Names; ids only to somebody who has begun to type one. */
static void offer_containers(struct scan *s, const struct answer *a, enum complete kind)
{
	_cleanup_json_ struct json_object *list = ask_list(s);
	puts("words");
	for (size_t i = 0; i < json_length(list); i++) {
		struct json_object *summary = json_object_array_get_idx(list, i);
		const char *name = json_string(summary, "name", ""), *id = json_string(summary, "id", "");
		char short_id[13];
		format_short_id(id, short_id);
		if (!makes_sense(kind, json_string(summary, "state", "")) || is_given(s, summary))
			continue;
		offer_container(a, summary, name);
		if (a->word[0] != '\0' && strcmp(name, short_id) != 0)
			offer_container(
				a, summary, begins(id, a->word) && strlen(a->word) > 12 ? id : short_id);
	}
}

/* A container's name and a colon; what is no beginning of one is a file of the host's, and behind a colon
 * nobody knows. */
static void offer_copy(struct scan *s, const struct answer *a)
{
	_cleanup_json_ struct json_object *list = NULL;
	size_t found = 0;
	if (strpbrk(a->word, "/.:") == NULL)
		list = ask_list(s);
	for (size_t i = 0; i < json_length(list); i++)
		found += begins(json_string(json_object_array_get_idx(list, i), "name", ""), a->word);
	puts(strchr(a->word, ':') != NULL ? "words" : found > 0 ? "partial" : "files");
	for (size_t i = 0; i < json_length(list) && found > 0; i++) {
		char name[128];
		struct json_object *summary = json_object_array_get_idx(list, i);
		snprintf(name, sizeof name, "%s:", json_string(summary, "name", ""));
		offer_container(a, summary, name);
	}
}

/* "private|host|container:NAME" */
static void offer_namespaces(struct scan *s, const struct answer *a, const char *choices)
{
	static const char other[] = "container:";
	const char *container = strstr(choices, other);
	if (container != NULL && a->word[0] != '\0' && begins(other, a->word) &&
		strcmp(other, a->word) != 0) {
		puts("partial");
		offer(a, other, "");
		return;
	}
	if (container == NULL || !begins(a->word, other)) {
		offer_words(a, choices);
		return;
	}
	_cleanup_free_ char *before = NULL;
	if (asprintf(&before, "%s%s", a->before, other) < 0)
		abort();
	struct answer name = { before, a->word + strlen(other) };
	offer_containers(s, &name, COMPLETE_RUNNING);
}

/* ---- the last word ---- */

static void offer_kind(struct scan *s, const struct answer *a, enum complete kind)
{
	switch (kind) {
	case COMPLETE_CHOICE:
	case COMPLETE_NAMESPACE:
	case COMPLETE_FILTER: /* an option's, offer_value */
	case COMPLETE_NONE: puts("words"); break;
	case COMPLETE_FILE: puts("files"); break;
	case COMPLETE_FOLDER: puts("folders"); break;
	case COMPLETE_SIGNAL: offer_signals(a); break;
	case COMPLETE_VARIABLE: offer_variables(a); break;
	case COMPLETE_CAPABILITY: offer_capabilities(a); break;
	case COMPLETE_COMMAND: offer_commands(a); break;
	case COMPLETE_COPY: offer_copy(s, a); break;
	case COMPLETE_SHELL: offer_words(a, s->command->arguments); break;
	case COMPLETE_IMAGE:
		puts("words");
		offer(a, "busybox", "the root file system that is built in");
		break;
	case COMPLETE_CONTAINER:
	case COMPLETE_RUNNING:
	case COMPLETE_STARTABLE:
	case COMPLETE_PAUSED: offer_containers(s, a, kind); break;
	}
}

/* The host's file, of a mount or a device, stands before the first colon. */
static void offer_value(struct scan *s, const struct answer *a, const struct option *o)
{
	bool target = (o->value == VALUE_VOLUME || o->value == VALUE_DEVICE) && strchr(a->word, ':') != NULL;
	enum complete kind = target ? COMPLETE_NONE : value_types[o->value].completes;
	if (kind == COMPLETE_CHOICE)
		offer_words(a, o->metavar);
	else if (kind == COMPLETE_NAMESPACE)
		offer_namespaces(s, a, o->metavar);
	else if (kind == COMPLETE_FILTER)
		offer_filters(a, o->help);
	else
		offer_kind(s, a, kind);
}

static void offer_argument(struct scan *s, const struct answer *a)
{
	const struct command *c = s->command;
	bool program = c->program && (s->count > 0 || (c->completes == COMPLETE_IMAGE && s->has_root));
	bool one = c->max == 2 && c->completes != COMPLETE_COPY; /* NAME, of rename, is free */
	bool full = (c->max >= 0 && s->count >= c->max) || (one && s->count == 1);
	if (c == &root_command)
		offer_commands(a);
	else
		offer_kind(s, a, program || full ? COMPLETE_NONE : c->completes);
}

static void offer_last(struct scan *s, char *word)
{
	struct answer whole = { "", word };
	size_t n = strcspn(word, "=");
	bool is_long = s->options && strncmp(word, "--", 2) == 0;
	if (s->pending != NULL) {
		offer_value(s, &whole, s->pending);
	} else if (s->command == NULL) {
		return;
	} else if (is_long && word[n] == '=') {
		const struct option *o = option_find(s->command, word + 2, n - 2);
		_cleanup_free_ char *before = strndup(word, n + 1);
		struct answer value = { before, word + n + 1 };
		if (o != NULL && before != NULL)
			offer_value(s, &value, o);
	} else if (s->options && word[0] == '-') {
		offer_options(s, &whole);
	} else {
		offer_argument(s, &whole);
	}
}

int verb_complete(struct arguments *args)
{
	struct scan s = { .command = &root_command,
		.options = true,
		.given = args->positional,
		.args = { .local = json_object_new_object() } };
	if (args->count > 0) {
		for (int i = 0; i < args->count - 1; i++)
			take_word(&s, args->positional[i]);
		offer_last(&s, args->positional[args->count - 1]);
	}
	json_put(&s.args.local);
	fflush(stdout);
	return 0;
}
