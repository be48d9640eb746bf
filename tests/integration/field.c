/* field CONTAINER .PATH.TO.FIELD: a value of what Inspect says, as `jq -r` would print it. The tests ask for
 * many, and a jq takes longer to start than a container. */
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { REPLY_MAX = 1 << 20 };

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

int main(int argc, char **argv)
{
	if (argc != 3 || argv[2][0] != '.')
		return 2;
	json_object *value = NULL, *reply = inspect(argv[1]);
	if (!reply || !json_object_object_get_ex(reply, "parameters", &value) ||
		!json_object_object_get_ex(value, "container", &value)) {
		puts("null");
		return 1;
	}
	char *save = NULL;
	for (char *name = strtok_r(argv[2], ".", &save); name; name = strtok_r(NULL, ".", &save)) {
		if (!json_object_object_get_ex(value, name, &value)) {
			value = NULL;
			break;
		}
	}
	bool text = json_object_is_type(value, json_type_string);
	puts(text	? json_object_get_string(value)
		: value ? json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN)
			: "null");
	json_object_put(reply);
	return 0;
}
