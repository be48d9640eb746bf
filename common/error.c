#include "common/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define CONTAINER "io.containerdlite.container."
#define SYSTEM	  "io.containerdlite.system."
#define SERVICE	  "org.varlink.service."

static const char *const names[ERROR_KINDS] = {
	[ERROR_NONE] = "",
	[ERROR_FAILED] = CONTAINER "Failed",
	[ERROR_NO_SUCH_CONTAINER] = CONTAINER "NoSuchContainer",
	[ERROR_AMBIGUOUS] = CONTAINER "Ambiguous",
	[ERROR_NAME_IN_USE] = CONTAINER "NameInUse",
	[ERROR_INVALID_STATE] = CONTAINER "InvalidState",
	[ERROR_INVALID_CONFIG] = CONTAINER "InvalidConfig",
	[ERROR_INVALID_PARAMETER] = SERVICE "InvalidParameter",
	[ERROR_START_FAILED] = CONTAINER "StartFailed",
	[ERROR_EXEC_FAILED] = CONTAINER "ExecFailed",
	[ERROR_NOT_SUPPORTED] = CONTAINER "NotSupported",
	[ERROR_NOT_PERMITTED] = CONTAINER "NotPermitted",
	[ERROR_LIMIT_EXCEEDED] = CONTAINER "LimitExceeded",
	[ERROR_UPGRADE_REQUIRED] = CONTAINER "UpgradeRequired",
	[ERROR_BAD_MESSAGE] = CONTAINER "BadMessage",
	[ERROR_METHOD_NOT_FOUND] = SERVICE "MethodNotFound",
	[ERROR_INTERFACE_NOT_FOUND] = SERVICE "InterfaceNotFound",
	[ERROR_NO_SUCH_SESSION] = CONTAINER "NoSuchSession",
	[ERROR_EVENTS_LOST] = SYSTEM "EventsLost",
	[ERROR_DISCONNECTED] = "Disconnected",
	[ERROR_USAGE] = "Usage",
	[ERROR_COPY_FAILED] = CONTAINER "CopyFailed",
};
_Static_assert(sizeof names / sizeof *names == ERROR_KINDS, "every kind has its name");

static void set_message(struct error *err, enum error_kind kind, int errnum, const char *fmt, va_list ap)
	__attribute__((format(printf, 4, 0)));

static void set_message(struct error *err, enum error_kind kind, int errnum, const char *fmt, va_list ap)
{
	/* An argument may point into err itself, so the old content goes only after the text is made. */
	char msg[sizeof err->msg];
	vsnprintf(msg, sizeof msg, fmt, ap);
	memset(err, 0, sizeof *err);
	err->kind = kind;
	err->errnum = errnum;
	memcpy(err->msg, msg, sizeof msg);
}

int error_set(struct error *err, enum error_kind kind, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	set_message(err, kind, 0, fmt, ap);
	va_end(ap);
	return -1;
}

int error_errno(struct error *err, const char *fmt, ...)
{
	int errnum = errno;
	va_list ap;
	va_start(ap, fmt);
	set_message(err, ERROR_FAILED, errnum, fmt, ap);
	va_end(ap);
	return -1;
}

int error_errnum(struct error *err, int errnum, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	set_message(err, ERROR_FAILED, errnum, fmt, ap);
	va_end(ap);
	return -1;
}

int error_config(struct error *err, const char *field, const char *fmt, ...)
{
	char copy[sizeof err->field];
	snprintf(copy, sizeof copy, "%s", field);
	va_list ap;
	va_start(ap, fmt);
	set_message(err, ERROR_INVALID_CONFIG, 0, fmt, ap);
	va_end(ap);
	memcpy(err->field, copy, sizeof copy);
	return -1;
}

int error_wrap(struct error *err, const char *fmt, ...)
{
	char context[sizeof err->msg], joined[2 * sizeof err->msg + 2];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(context, sizeof context, fmt, ap);
	va_end(ap);
	snprintf(joined, sizeof joined, "%s: %s", context, err->msg);
	snprintf(err->msg, sizeof err->msg, "%.*s", (int) sizeof err->msg - 1, joined);
	return -1;
}

int error_hint(struct error *err, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(err->hint, sizeof err->hint, fmt, ap);
	va_end(ap);
	return -1;
}

int error_path(struct error *err, const char *path)
{
	snprintf(err->path, sizeof err->path, "%s", path);
	return -1;
}

const char *error_format(const struct error *err, char *buf, size_t size)
{
	/* There it is the container's state, which the sentence tells itself. */
	bool phase = err->phase[0] != '\0' && err->kind != ERROR_INVALID_STATE, errnum = err->errnum != 0;
	snprintf(buf, size, "%s%s%s%s%s", phase ? err->phase : "", phase ? ": " : "", err->msg,
		errnum ? ": " : "", errnum ? strerror(err->errnum) : "");
	return buf;
}

const char *error_name(enum error_kind kind)
{
	return kind > ERROR_NONE && kind < ERROR_KINDS ? names[kind] : names[ERROR_FAILED];
}

enum error_kind error_kind_of(const char *name)
{
	for (int i = ERROR_NONE + 1; i < ERROR_KINDS; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	/* Both interfaces have NotPermitted, LimitExceeded, BadMessage and Failed; here they are one kind
	 * each. */
	if (strncmp(name, SYSTEM, sizeof SYSTEM - 1) == 0)
		for (int i = ERROR_NONE + 1; i < ERROR_KINDS; i++)
			if (strncmp(names[i], CONTAINER, sizeof CONTAINER - 1) == 0 &&
				strcmp(names[i] + sizeof CONTAINER - 1, name + sizeof SYSTEM - 1) == 0)
				return i;
	return ERROR_FAILED;
}

const char *errno_name(int errnum)
{
	const char *name = strerrorname_np(errnum);
	return name != NULL ? name : "EUNKNOWN";
}

int errno_value(const char *name)
{
	for (int i = 1; i < 256; i++) {
		const char *n = strerrorname_np(i);
		if (n != NULL && strcmp(n, name) == 0)
			return i;
	}
	return 0;
}
