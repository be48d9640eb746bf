#include "shim/exec_told.h"

#include <stdbool.h>
#include <stdlib.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "shim/exec.h"
#include "shim/execs.h"
#include "shim/link.h"

#define AGAIN_MS 100

struct exec_record {
	TAILQ_ENTRY(exec_record) entry;
	struct control_exec_status status;
	bool sent;
};

void exec_told_begin(struct exec *e)
{
	struct execs *x = e->owner;
	e->unsent = link_send(x->link, &e->status, CONTROL_EXEC_STATUS, sizeof e->status, -1) < 0;
	if (e->unsent && x->link->sock >= 0)
		execs_later(x, AGAIN_MS);
}

int exec_told_failure(struct execs *x, uint64_t session, const struct error *why)
{
	struct control_exec_failed failed = { .session = session, .error = *why };
	if (failed.error.kind == ERROR_FAILED)
		failed.error.kind = ERROR_EXEC_FAILED;
	if (failed.error.kind == ERROR_EXEC_FAILED && failed.error.exit_code == 0)
		failed.error.exit_code = 125;
	return link_send(x->link, &failed, CONTROL_EXEC_FAILED, sizeof failed, -1);
}

/* Why it never ran; while the daemon's socket is full, somebody there still waits for that. */
int exec_told_failed(struct exec *e)
{
	struct execs *x = e->owner;
	if (exec_told_failure(x, e->status.session, e->failure) == 0 || x->link->sock < 0)
		return 0;
	execs_later(x, AGAIN_MS);
	return -1;
}

static void forget_oldest(struct execs *x)
{
	struct exec_record *r;
	TAILQ_FOREACH (r, &x->ended, entry)
		if (r->status.told)
			break;
	/* With no daemon to hear of them no session is begun: so those not told are bounded, too. */
	if (r == NULL)
		return;
	TAILQ_REMOVE(&x->ended, r, entry);
	free(r);
	x->n_ended--;
}

static void tell_record(struct execs *x, struct exec_record *r)
{
	r->sent = link_send(x->link, &r->status, CONTROL_EXEC_STATUS, sizeof r->status, -1) == 0;
	/* Its socket is full; without one, the next daemon asks. */
	if (!r->sent && x->link->sock >= 0)
		execs_later(x, AGAIN_MS);
}

void exec_told_end(struct execs *x, const struct control_exec_status *status)
{
	struct exec_record *r = calloc(1, sizeof *r);
	if (r == NULL)
		return;
	r->status = *status;
	TAILQ_INSERT_TAIL(&x->ended, r, entry);
	x->n_ended++;
	if (x->n_ended > EXEC_SESSIONS_MAX)
		forget_oldest(x);
	tell_record(x, r);
}

void exec_told_again(struct execs *x)
{
	struct exec_record *r;
	TAILQ_FOREACH (r, &x->ended, entry)
		if (!r->sent)
			tell_record(x, r);
}

void exec_told_taken(struct execs *x, uint64_t session)
{
	struct exec_record *r;
	TAILQ_FOREACH (r, &x->ended, entry)
		if (r->status.session == session)
			r->status.told = 1;
}

void exec_told_all(struct execs *x)
{
	struct exec_record *r;
	struct exec *e;
	TAILQ_FOREACH (r, &x->ended, entry)
		tell_record(x, r);
	LIST_FOREACH (e, &x->list, entry)
		if (!e->done && e->status.state != EXEC_EXITED)
			exec_told_begin(e);
}

static struct json_object *record_to_json(const struct control_exec_status *status)
{
	struct json_object *obj = json_object_new_object();
	json_add_int(obj, "session", (int64_t) status->session);
	json_add_string(obj, "command", status->command);
	json_add_int(obj, "flags", status->flags);
	json_add_int(obj, "code", status->code);
	json_add_int(obj, "signal", status->sig);
	json_add_bool(obj, "core_dumped", status->core_dumped);
	json_add_time(obj, "started_at", status->started_ns);
	json_add_time(obj, "finished_at", status->finished_ns);
	return obj;
}

int exec_told_save(const struct execs *x, int dir_fd, uint64_t run, struct error *err)
{
	_cleanup_json_ struct json_object *saved = NULL;
	struct json_object *list = NULL;
	const struct exec_record *r;
	size_t size;
	TAILQ_FOREACH (r, &x->ended, entry) {
		if (r->status.told)
			continue;
		if (saved == NULL) {
			saved = json_object_new_object();
			json_add_int(saved, "version", 1);
			json_add_int(saved, "run", (int64_t) run);
			json_add(saved, "sessions", list = json_object_new_array());
		}
		json_object_array_add(list, record_to_json(&r->status));
	}
	if (saved == NULL)
		return 0;
	const char *text = json_text(saved, &size);
	return fd_write_file(dir_fd, "sessions.json", text, size, true, err);
}

void exec_told_done(struct execs *x)
{
	struct exec_record *r;
	while ((r = TAILQ_FIRST(&x->ended)) != NULL) {
		TAILQ_REMOVE(&x->ended, r, entry);
		free(r);
	}
}
