/*
 * session_private.h - what the two halves of a session share: session.c, its life and what it is sent, and
 * session_input.c, what comes from it. For these two alone.
 */
#pragma once

#include <event2/util.h>

#include "common/frame.h"
#include "shim/session.h"

/* session.c. A frame goes at once, or is queued; session_drop closes the connection, and the session may be
 * freed by then; the others end it on a later turn. */
void session_send(struct session *s, enum frame_type type, const void *payload, size_t size);
void session_send_gaps(struct session *s);
void session_drop(struct session *s);
void session_starve(struct session *s);
void session_detach(struct session *s);
void session_tell_vanished(struct session *s);
void session_give_terminal_back(struct session *s);
void session_on_writable(evutil_socket_t fd, short what, void *arg);

/* session_input.c. What has come already is taken by session_take_input; what has come of the keys that let
 * go is typed by session_release_keys. */
void session_take_input(struct session *s);
void session_release_keys(struct session *s);
void session_on_readable(evutil_socket_t fd, short what, void *arg);
void session_on_detach_timeout(evutil_socket_t fd, short what, void *arg);
void session_on_look(evutil_socket_t fd, short what, void *arg);
