/* Command lines, one a file, a word a line: the parser, and what a shell is offered in place of the last
 * word. Words that name files are left out: what is in them is not the line's. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/command.h"
#include "common/error.h"

#define WORDS_MAX 64

static void parse(char **words, int n)
{
	struct arguments root, args;
	struct error err;
	if (arguments_parse(&root_command, n, words, &root, &err) == 0 && root.count > 0) {
		const struct command *command = command_resolve(root.positional[0], &err);
		if (command != NULL) {
			arguments_parse(command, root.count - 1, root.positional + 1, &args, &err);
			arguments_done(&args);
		}
	}
	arguments_done(&root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *rest = text, *words[WORDS_MAX + 1], *word;
	int n = 0;
	if (text == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	while (n < WORDS_MAX && (word = strsep(&rest, "\n")) != NULL)
		if (strstr(word, "-file") == NULL)
			words[n++] = word;
	words[n] = NULL;
	parse(words, n);
	free(text);
	return 0;
}
