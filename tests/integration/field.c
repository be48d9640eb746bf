/* field CONTAINER .PATH: a value of what Inspect says. field .PATH: one of each JSON text on stdin. Both
 * print as `jq -r -c .PATH` would; the tests ask for many, and a jq takes longer to start than a container.
 * PATH: names `.a.b["c.d"]`, indices `[0]`, `[-1]`, and `[]` for each element, a line each. Missing is null.
 */
#include <ctype.h>
#include <err.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { REPLY_MAX = 1 << 20, NAME_SIZE = 64 };

static int socket_connect(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (!path || strlen(path) >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, path, strlen(path));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
		return -1;
	return fd;
}

/* The answer to one call in newline mode, or NULL. */
static json_object *inspect(const char *container)
{
	static char reply[REPLY_MAX];
	int fd = socket_connect(getenv("CTL_SOCKET"));
	if (fd < 0 || dprintf(fd,
			      "{\"method\":\"io.containerdlite.container.Inspect\","
			      "\"parameters\":{\"container\":\"%s\"}}\n",
			      container) < 0)
		return NULL;
	size_t size = 0;
	ssize_t n;
	while (size < sizeof(reply) - 1 && (n = read(fd, reply + size, sizeof(reply) - 1 - size)) > 0) {
		size += n;
		if (reply[size - 1] == '\n')
			break;
	}
	close(fd);
	return json_tokener_parse(reply);
}

static void print(json_object *value)
{
	if (json_object_is_type(value, json_type_string))
		fwrite(json_object_get_string(value), json_object_get_string_len(value), 1, stdout);
	else
		fputs(json_object_to_json_string_ext(
			      value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
			stdout);
	putchar('\n');
}

/* NULL stands for null. An index below 0 counts from the end. */
static json_object *element(json_object *value, int index)
{
	if (!json_object_is_type(value, json_type_array))
		return NULL;
	size_t length = json_object_array_length(value);
	return json_object_array_get_idx(value, index < 0 ? length + index : (size_t) index);
}

/* All that the path leads to from the value. */
static void print_path(json_object *value, const char *path)
{
	if (!*path || strcmp(path, ".") == 0) {
		print(value);
		return;
	}
	if (strncmp(path, ".[", 2) == 0)
		path++;
	char name[NAME_SIZE];
	int index, end = 0;
	if (strncmp(path, "[]", 2) == 0) {
		if (!json_object_is_type(value, json_type_array))
			return;
		for (size_t i = 0; i < json_object_array_length(value); i++)
			print_path(json_object_array_get_idx(value, i), path + 2);
		return;
	}
	if ((sscanf(path, ".%63[a-zA-Z0-9_]%n", name, &end) == 1 ||
		    sscanf(path, "[\"%63[^\"]\"]%n", name, &end) == 1) &&
		end)
		json_object_object_get_ex(value, name, &value);
	else if (sscanf(path, "[%d]%n", &index, &end) == 1 && end)
		value = element(value, index);
	else
		errx(2, "'%s' is no path", path);
	print_path(value, path + end);
}

/* Returns whether all of stdin is JSON. */
static bool print_path_of_stdin(const char *path)
{
	char *text = NULL;
	size_t size = 0;
	ssize_t length = getdelim(&text, &size, '\0', stdin);
	const char *at = text, *end = text + (length > 0 ? length : 0);
	json_tokener *parser = json_tokener_new();
	json_tokener_set_flags(parser, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS);
	bool good = true;
	for (;;) {
		while (at < end && isspace((unsigned char) *at))
			at++;
		if (at == end)
			break;
		/* with the NUL behind it, which ends a number */
		json_object *value = json_tokener_parse_ex(parser, at, end - at + 1);
		good = json_tokener_get_error(parser) == json_tokener_success;
		if (!good)
			break;
		print_path(value, path);
		json_object_put(value);
		at += json_tokener_get_parse_end(parser);
		json_tokener_reset(parser);
	}
	json_tokener_free(parser);
	free(text);
	return good;
}

int main(int argc, char **argv)
{
	if (argc < 2 || argc > 3 || argv[argc - 1][0] != '.')
		return 2;
	if (argc == 2)
		return print_path_of_stdin(argv[1]) ? 0 : 1;
	json_object *value = NULL, *reply = inspect(argv[1]);
	if (!reply || !json_object_object_get_ex(reply, "parameters", &value) ||
		!json_object_object_get_ex(value, "container", &value)) {
		puts("null");
		return 1;
	}
	print_path(value, argv[2]);
	json_object_put(reply);
	return 0;
}
