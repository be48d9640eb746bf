#include "client/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/detach.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/parse.h"

#define FILE_MAX    65536
#define SYSTEM_FILE "/etc/containerd-lite/ctl.conf"

static int set_detach_keys(struct settings *settings, const char *value, struct error *err)
{
	uint8_t keys[DETACH_KEYS_MAX];
	if (detach_parse(value, keys, err) < 0)
		return -1;
	snprintf(settings->detach_keys, sizeof settings->detach_keys, "%s", value);
	return 0;
}

static const struct {
	const char *key;
	int (*set)(struct settings *settings, const char *value, struct error *err);
} keys[] = {
	{ "detach_keys", set_detach_keys },
};

static char *trim(char *text)
{
	text += strspn(text, " \t");
	size_t n = strlen(text);
	while (n > 0 && strchr(" \t\r", text[n - 1]) != NULL)
		text[--n] = '\0';
	return text;
}

static int read_line(struct settings *settings, char *line, struct error *err)
{
	char shown[80], *value = strchr(line, '=');
	if (value != NULL)
		*value++ = '\0';
	char *key = trim(line);
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (value != NULL && strcmp(keys[i].key, key) == 0)
			return keys[i].set(settings, trim(value), err);
	return error_set(err, ERROR_USAGE, "'%s' is no setting", escape_text(key, shown, sizeof shown));
}

static int read_text(struct settings *settings, const char *path, char *text, struct error *err)
{
	int number = 1;
	for (char *line = text, *next; line != NULL; line = next, number++) {
		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		line += strspn(line, " \t");
		if (*line == '\0' || *line == '#' || *line == '\r')
			continue;
		if (read_line(settings, line, err) < 0) {
			err->kind = ERROR_USAGE;
			return error_wrap(err, "%s:%d", path, number);
		}
	}
	return 0;
}

/* Where the user's own file would be. False: nowhere. */
static bool find_own(char path[PATH_MAX])
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int n = -1;
	if (config != NULL && config[0] == '/')
		n = snprintf(path, PATH_MAX, "%s/containerd-lite/ctl.conf", config);
	else if (home != NULL && home[0] == '/')
		n = snprintf(path, PATH_MAX, "%s/.config/containerd-lite/ctl.conf", home);
	return n > 0 && n < PATH_MAX;
}

int settings_read(struct settings *ret_settings, struct error *err)
{
	char own[PATH_MAX];
	const char *paths[] = { find_own(own) ? own : NULL, SYSTEM_FILE };
	*ret_settings = (struct settings) { .detach_keys = DETACH_KEYS_DEFAULT };
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		_cleanup_free_ char *text = NULL;
		if (paths[i] == NULL)
			continue;
		if (fd_read_file(AT_FDCWD, paths[i], FILE_MAX, &text, NULL, err) == 0)
			return read_text(ret_settings, paths[i], text, err);
		if (err->errnum != ENOENT && err->errnum != ENOTDIR && err->errnum != EACCES)
			return -1;
	}
	return 0;
}
