/*
 * session.h - the further programs of a container (exec), as its daemon knows them: what the shim has told.
 * It remembers those of the last run that have ended, too, as many as the shim does: who waits for one may
 * come late. Owned by their container.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/control.h"
#include "daemon/conn.h"

#define SESSION_TEXT 13 /* 12 hex digits and NUL: how a session is called on the wire */

struct container;
struct error;
struct json_object;

struct session {
	TAILQ_ENTRY(session) link;
	uint64_t id;
	struct control_exec_status status;
	struct error *error;  /* why it never ran; owned, NULL where that is not so */
	bool awaited;	      /* a call waits for its beginning, and frees it if it fails */
	struct caller caller; /* who asked for it; pid 0: a daemon before this one was asked */
};

/* A new one that is being started, with an id of its own. LIMIT_EXCEEDED: there are too many. */
struct session *session_new(struct container *c, const struct caller *caller, struct error *err);
/* By its id or the beginning of it; NULL with NO_SUCH_SESSION or AMBIGUOUS. */
struct session *session_find(struct container *c, const char *text, struct error *err);
struct session *session_by_id(struct container *c, uint64_t id);
void session_free(struct container *c, struct session *session);

const char *session_format(uint64_t id, char buf[SESSION_TEXT]);
static inline bool session_over(const struct session *session)
{
	return session->status.state == EXEC_EXITED;
}
static inline bool session_terminal(const struct session *session)
{
	return session->status.flags & EXEC_TERMINAL;
}
static inline bool session_stdin(const struct session *session)
{
	return session->status.flags & EXEC_STDIN;
}
/* As the wire's Session, and its end as the wire's Exit; caller puts. */
struct json_object *session_to_json(const struct session *session);
struct json_object *session_exit(const struct session *session);
/* All that are known, the newest first. Caller puts. */
struct json_object *sessions_to_json(const struct container *c);

/* What the shim says: who waits is told, and an end becomes an event. */
void session_take_status(struct container *c, const struct control_exec_status *status);
void session_failed(struct container *c, uint64_t id, const struct error *why);

/* From what a shim has left whose container ended while there was no daemon; and the events of those that no
 * daemon has told. */
void sessions_load(struct container *c, struct json_object *saved);
void sessions_tell_missed(struct container *c);

/* The run is over: those of which no end was told have one that nobody knows. */
void sessions_end(struct container *c);
/* A new run begins, or the container goes. */
void sessions_forget(struct container *c);
