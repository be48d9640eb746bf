/*
 * folder.h - a container's folder on disk: made whole or not at all, its run and exit records. `durable`
 * everywhere: fsync before success, so that it survives a power cut; transient containers do without.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/control.h"

#define FOLDER_NEW ".new-" /* and the id: a folder that is not complete yet */

/* Makes parent/<id> with config.json, shim.json and state.json from texts_fd; visible under its name only
 * when it is complete. */
int folder_create(int parent_fd, const char *id, int texts_fd, const struct control_text *config,
	const struct control_text *shim, const struct control_text *state, bool durable, struct error *err);

int folder_open(int parent_fd, const char *id, int *ret_fd, struct error *err);

/* A copy may have the container's root mounted, and outlives its daemon where it cannot be killed. So it
 * holds the folder, until all descriptors like this one are closed; and who mounts the root, or takes the
 * folder away, looks whether one does: INVALID_STATE after a few seconds. */
int folder_hold(int dir_fd, struct error *err);
int folder_await_holders(int dir_fd, struct error *err);

/* Replaces dir/name by the text at that place of texts_fd. */
int folder_save_text(int dir_fd, const char *name, int texts_fd, const struct control_text *text,
	bool durable, struct error *err);

/* Writes run.json, and takes the space that exit.json will need. */
int folder_begin_run(int dir_fd, uint64_t run, struct error *err);
/* Writes exit.json into that space. */
int folder_end_run(int dir_fd, const struct exit_status *st, struct error *err);

/* The same with the text at that place of texts_fd. */
int folder_save_exit(int dir_fd, int texts_fd, const struct control_text *text, struct error *err);

/* What a crash has left of a folder that was being made. */
void folder_remove_half_made(int parent_fd, const char *id);

/* Moves parent/<id> into trash_fd: once this has succeeded the container is gone for good, also after a power
 * cut. The tree itself goes with tree_remove(trash_fd, id). Missing is success. */
int folder_trash(int parent_fd, int trash_fd, const char *id, struct error *err);
