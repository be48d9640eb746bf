#include "client/host.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/parse.h"

#define FILE_MAX (1024 * 1024)

uint64_t host_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };
	if (syscall(SYS_capget, &head, data) < 0)
		return 0;
	return data[0].effective | (uint64_t) data[1].effective << 32;
}

/* NULL: it cannot be read. Caller frees. */
static char *read_text(const char *path)
{
	char *text = NULL;
	size_t size;
	struct error ignored;
	return fd_read_file(AT_FDCWD, path, FILE_MAX, &text, &size, &ignored) < 0 ? NULL : text;
}

/* "36 35 98:0 /root /point options … - cgroup2 source options" */
static bool take_mount(char *line, char *path, size_t size)
{
	char *field = line;
	if (strstr(line, " - cgroup2 ") == NULL)
		return false;
	for (int i = 0; i < 4 && field != NULL; i++)
		field = strsep(&line, " ") != NULL ? line : NULL;
	if (field == NULL)
		return false;
	snprintf(path, size, "%s", strsep(&line, " "));
	return true;
}

int host_cgroup(char *path, size_t size)
{
	_cleanup_free_ char *text = read_text("/proc/self/mountinfo");
	char *rest = text, *line;
	while (text != NULL && (line = strsep(&rest, "\n")) != NULL)
		if (take_mount(line, path, size))
			return 0;
	return -1;
}

int host_number(const char *path, uint64_t *ret_value)
{
	_cleanup_free_ char *text = read_text(path);
	if (text == NULL)
		return -1;
	text[strcspn(text, "\n")] = '\0';
	return parse_u64(text, UINT64_MAX, ret_value);
}

bool host_has_word(const char *path, const char *word)
{
	_cleanup_free_ char *text = read_text(path);
	char *rest = text, *part;
	while (text != NULL && (part = strsep(&rest, " \t\n")) != NULL)
		if (strcmp(part, word) == 0)
			return true;
	return false;
}

bool host_has_entry(const char *path, const char *name)
{
	_cleanup_free_ char *text = read_text(path);
	char *rest = text, *line;
	size_t n = strlen(name);
	while (text != NULL && (line = strsep(&rest, "\n")) != NULL)
		if (strncmp(line, name, n) == 0 && line[n] == ':')
			return true;
	return false;
}

bool host_in_list(struct json_object *array, const char *word)
{
	for (size_t i = 0; i < json_length(array); i++)
		if (strcmp(json_object_get_string(json_object_array_get_idx(array, i)), word) == 0)
			return true;
	return false;
}
