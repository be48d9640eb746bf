/*
 * idl.h - Varlink interface descriptions, read at start from the text of interface/<name>.varlink that is
 * compiled in: the one table of methods, parameters, types and errors. The daemon's dispatch and its checks
 * of parameters follow it, org.varlink.service serves it, the documentation is made from it, and tests hold
 * every reply against it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct error;
struct json_object;
struct idl;
struct idl_method;

/* Parses; text is borrowed for the interface's life. NULL with BAD_MESSAGE and the line. */
struct idl *idl_parse(const char *text, struct error *err);
void idl_free(struct idl *idl);

const char *idl_name(const struct idl *idl);
const char *idl_text(const struct idl *idl);
/* By its bare name ("Create"), or NULL. */
const struct idl_method *idl_method_find(const struct idl *idl, const char *name);
const struct idl_method *idl_method_next(
	const struct idl *idl, const struct idl_method *m); /* m NULL: the first */
const char *idl_method_name(const struct idl_method *m);

/* value (NULL: an empty object) against a method's parameters, its reply, or an error's parameters. Unknown
 * and missing fields, wrong types and enum values: INVALID_PARAMETER with the path in err->field
 * ("config.mounts[2].kind") and a sentence. */
int idl_check_call(const struct idl_method *m, struct json_object *value, struct error *err);
int idl_check_reply(const struct idl_method *m, struct json_object *value, struct error *err);
int idl_check_error(const struct idl *idl, const char *name, struct json_object *value, struct error *err);
