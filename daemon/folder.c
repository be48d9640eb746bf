/* folder.c - a container out of its folder: the texts that it was made from, its name, its last run. */
#include "daemon/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/log.h"
#include "common/parse.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/registry.h"
#include "daemon/session.h"
#include "daemon/store.h"

#define SMALL_FILE_MAX 65536

static void warn(const char *id, const struct error *err)
{
	char text[2048];

	log_warning("container %s: %s", id, error_format(err, text, sizeof(text)));
}

static int read_text(int folder, const char *name, size_t max, char **ret_text, struct error *err)
{
	return fd_read_file(folder, name, max, ret_text, NULL, err);
}

/* NULL where it is not there; or not to be used, which is told. */
static struct json_object *read_json(const char *id, int folder, const char *name)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ struct json_object *obj = NULL;
	struct error err;

	if (read_text(folder, name, SMALL_FILE_MAX, &text, &err) < 0) {
		if (err.errnum != ENOENT)
			warn(id, &err);
		return NULL;
	}
	if (json_parse(text, strlen(text), &obj, &err) < 0)
		error_wrap(&err, "%s", name);
	else if (json_int(obj, "version", 0) != 1)
		error_set(&err, ERROR_FAILED, "%s is not of version 1", name);
	else
		return steal_pointer(&obj);
	warn(id, &err);
	return NULL;
}

/* An exit record that cannot be read stays as evidence: how the run ended is not known, but it has. */
static void set_unknown_exit(struct container *c, const struct error *why)
{
	char text[512];

	c->run = c->run > 0 ? c->run : 1;
	c->ended = true;
	c->exit = (struct exit_status) { .run = c->run,
		.code = -1,
		.reason = c->rebooted ? EXIT_REASON_REBOOT : EXIT_REASON_SHIM_DIED,
		.started_ns = c->started_ns };
	snprintf(c->exit.error, sizeof(c->exit.error), "its exit record cannot be read: %s",
		error_format(why, text, sizeof(text)));
	log_warning("container %s: %s", container_id(c), c->exit.error);
}

/* Its last run and how that ended, if it did. */
static void load_run(struct container *c, int folder)
{
	_cleanup_json_ struct json_object *run = read_json(container_id(c), folder, "run.json");
	_cleanup_free_ char *text = NULL;
	struct error err;

	if (run && json_int(run, "run", 0) <= 0)
		log_warning("container %s: run.json has no run", container_id(c));
	c->run = json_int(run, "run", 0) > 0 ? (uint64_t) json_int(run, "run", 0) : 0;
	if (time_parse(json_string(run, "started_at", ""), &c->started_ns) < 0)
		c->started_ns = 0;
	c->rebooted = strcmp(json_string(run, "boot_id", ""), c->d->store->boot_id) != 0;
	if (read_text(folder, "exit.json", EXIT_JSON_MAX, &text, &err) == 0 &&
		exit_load_text(text, &c->exit, &err) == 0) {
		c->ended = c->exit.run >= c->run;
		c->run = c->ended ? c->exit.run : c->run;
	} else if (err.errnum != ENOENT) {
		set_unknown_exit(c, &err);
	}
	c->state = c->ended ? STATE_EXITED : STATE_CREATED;
	_cleanup_json_ struct json_object *sessions = read_json(container_id(c), folder, "sessions.json");
	sessions_load(c, sessions);
}

struct container *folder_load(struct daemon *d, int parent, const char *id, struct error *err)
{
	_cleanup_fd_ int folder = openat(parent, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_free_ char *config = NULL, *shim = NULL;
	_cleanup_json_ struct json_object *state = NULL;
	struct bundle bundle;
	struct container *c;
	const char *name;
	char short_id[16];

	if (folder < 0)
		return error_errno(err, "open its folder"), NULL;
	if (read_text(folder, "config.json", BUNDLE_TEXT_MAX, &config, err) < 0 ||
		read_text(folder, "shim.json", BUNDLE_TEXT_MAX, &shim, err) < 0)
		return NULL;
	if (bundle_load(id, steal_pointer(&config), steal_pointer(&shim), &bundle, err) < 0)
		return NULL;
	bundle.transient = parent == d->store->transient;
	state = read_json(id, folder, "state.json");
	snprintf(short_id, sizeof(short_id), "%.12s", id);
	name = json_string(state, "name", "");
	if (!name_valid(name)) {
		log_warning("container %s: state.json has no name: it is called %s", id, short_id);
		name = short_id;
	}
	c = container_new(d, &bundle, name);
	load_run(c, folder);
	if (registry_add(d->registry, c, err) == 0)
		return c;
	/* Two of one name can only come of a crash between two renames. */
	warn(id, err);
	snprintf(c->name, sizeof(c->name), "%s", short_id);
	if (registry_add(d->registry, c, err) == 0)
		return c;
	container_free(c);
	return NULL;
}
