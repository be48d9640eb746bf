/*
 * error.h - the one error object: fixed size, by value, no allocation, so that it works after clone3 and
 * crosses a socket in one message.
 *
 * A function that can fail takes a `struct error *err` last and returns -1 (or NULL); on success it leaves
 * err untouched, and it never logs. The function that made the system call writes what it did, with the path
 * that the user wrote; callers add to it only what is new. The errno's text is appended once, by
 * error_format().
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* What a caller can act on; each has its name on the wire (error_name). */
enum error_kind {
	ERROR_NONE,
	ERROR_FAILED, /* the daemon's own failure: no space for its state, say */
	ERROR_NO_SUCH_CONTAINER,
	ERROR_AMBIGUOUS,
	ERROR_NAME_IN_USE,
	ERROR_INVALID_STATE,
	ERROR_INVALID_CONFIG,	 /* a value that cannot be; field says which */
	ERROR_INVALID_PARAMETER, /* org.varlink.service: unknown or mistyped; field says which */
	ERROR_START_FAILED,	 /* phase and exit_code are set */
	ERROR_EXEC_FAILED,
	ERROR_NOT_SUPPORTED, /* field names the feature */
	ERROR_NOT_PERMITTED,
	ERROR_LIMIT_EXCEEDED,
	ERROR_UPGRADE_REQUIRED,
	ERROR_BAD_MESSAGE,
	ERROR_METHOD_NOT_FOUND,	   /* org.varlink.service */
	ERROR_INTERFACE_NOT_FOUND, /* org.varlink.service */
	ERROR_EVENTS_LOST,
	ERROR_NO_SUCH_SESSION,
	ERROR_DISCONNECTED, /* ctl's own: the daemon cannot be reached, or went away; never on the wire */
	ERROR_USAGE,	    /* ctl's own; never on the wire */
	ERROR_COPY_FAILED,  /* of CopyOut and CopyIn: a path that is not there, a full disk, a bad archive */
	ERROR_KINDS,
};

/* Where the wire's error has a datum of its own, it lies in field, path or phase (common/error_json.c has the
 * table): NO_SUCH_CONTAINER field: the container; AMBIGUOUS field: the container, path: the candidates,
 * separated by blanks; NO_SUCH_SESSION field: the session; NAME_IN_USE field: the name, path: the id that has
 * it; INVALID_STATE field: the container, phase: its state; NOT_SUPPORTED field: the feature; LIMIT_EXCEEDED
 * field: the limit; EVENTS_LOST field: oldest_seq in decimal. */
struct error {
	enum error_kind kind;
	int errnum;	   /* 0: none */
	int exit_code;	   /* START_FAILED, EXEC_FAILED: 125, 126 or 127; else 0 */
	char phase[24];	   /* the start step ("mounts"), or empty */
	char field[128];   /* the offending field ("config.mounts[2].target"), or empty */
	char path[512];	   /* the path that errnum is about, or empty */
	char msg[1536];	   /* no newline, no errno text, never empty where kind is set */
	char hint[256];	   /* what would help, or empty */
	char reserved[92]; /* zero; for later fields: shims of other builds send this struct (control.h) */
};

/* All of these return -1, so that `return error_set(…);` reads as it should. A message that is too long is
 * cut. */
int error_set(struct error *err, enum error_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* kind ERROR_FAILED with the present errno. */
int error_errno(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* kind ERROR_FAILED with this errno; 0 is none. */
int error_errnum(struct error *err, int errnum, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* kind ERROR_INVALID_CONFIG about this field. */
int error_config(struct error *err, const char *field, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Puts "context: " before the message. */
int error_wrap(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int error_hint(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Copies path into err->path. */
int error_path(struct error *err, const char *path);

/* The sentence for a person: "phase: msg: errno text" (phase and errno text where set). Returns buf. */
const char *error_format(const struct error *err, char *buf, size_t size);

/* "io.containerdlite.container.NoSuchContainer" and back; ERROR_FAILED for an unknown name. */
const char *error_name(enum error_kind kind);
enum error_kind error_kind_of(const char *name);

/* "ENOENT" ("EUNKNOWN" for an unknown one) and back (0 for an unknown one). */
const char *errno_name(int errnum);
int errno_value(const char *name);
