/* idl_type.h - what idl.c makes of an interface description and idl_check.c reads; for these two only. */
#pragma once

#include <stddef.h>

enum idl_kind {
	IDL_BOOL,
	IDL_INT,
	IDL_FLOAT,
	IDL_STRING,
	IDL_OBJECT,   /* any JSON object */
	IDL_OPTIONAL, /* element or absent or null */
	IDL_ARRAY,
	IDL_MAP, /* string → element */
	IDL_STRUCT,
	IDL_ENUM,
	IDL_NAMED,
	IDL_KINDS,
};

struct idl_field {
	char *name;
	struct idl_type *type; /* NULL in an enum */
};

struct idl_type {
	enum idl_kind kind;
	struct idl_type *element;
	struct idl_field *fields;
	size_t n_fields;
	char *name;		      /* IDL_NAMED */
	const struct idl_type *named; /* IDL_NAMED: borrowed from the interface */
};

enum idl_member_kind { IDL_TYPE, IDL_METHOD, IDL_ERROR };

struct idl_method { /* any member */
	struct idl *idl;
	enum idl_member_kind kind;
	char *name;
	struct idl_type *in, *out; /* a type's type, an error's parameters: in */
};

struct idl {
	const char *text; /* borrowed */
	char *name;
	struct idl_method *members;
	size_t n_members;
};

const struct idl_method *idl_member_find(const struct idl *idl, enum idl_member_kind kind, const char *name);
