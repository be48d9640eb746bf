/* idl.c - Varlink interface descriptions: the parser. idl_check.c holds values against what it makes. */
#include "common/idl.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/idl_type.h"
#include "common/parse.h"

#define TYPE_DEPTH_MAX 16 /* ?[]?[string]… */

struct parser {
	struct idl *idl;
	const char *p;
	int line, depth;
	struct error *err;
};

static struct idl_type *parse_type(struct parser *ps);

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static int fail(struct parser *ps, const char *what)
{
	return error_set(ps->err, ERROR_BAD_MESSAGE, "line %d: %s", ps->line, what);
}

/* White space, and comments up to the end of their line. */
static void skip(struct parser *ps)
{
	for (;; ps->p++) {
		if (*ps->p == '#')
			ps->p += strcspn(ps->p, "\n");
		if (*ps->p == '\n')
			ps->line++;
		else if (*ps->p == 0 || !strchr(" \t\r", *ps->p))
			return;
	}
}

static bool take(struct parser *ps, const char *token)
{
	size_t size = strlen(token);

	skip(ps);
	if (strncmp(ps->p, token, size) != 0)
		return false;
	ps->p += size;
	return true;
}

static bool letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A word of letters, digits and `more`; caller frees. NULL if there is none. */
static char *take_word(struct parser *ps, const char *more)
{
	const char *start;

	skip(ps);
	start = ps->p;
	if (!letter(*start))
		return NULL;
	while (letter(*ps->p) || (*ps->p >= '0' && *ps->p <= '9') || (*ps->p && strchr(more, *ps->p)))
		ps->p++;
	return must(strndup(start, (size_t) (ps->p - start)));
}

static struct idl_type *type_new(enum idl_kind kind)
{
	struct idl_type *t = must(calloc(1, sizeof(*t)));

	t->kind = kind;
	return t;
}

static void type_free(struct idl_type *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_fields; i++) {
		free(t->fields[i].name);
		type_free(t->fields[i].type);
	}
	free(t->fields);
	free(t->name);
	type_free(t->element);
	free(t);
}

static void cleanup_type(struct idl_type **t)
{
	type_free(*t);
}
#define _cleanup_type_ __attribute__((cleanup(cleanup_type)))

static int add_field(struct parser *ps, struct idl_type *t, char *name, struct idl_type *type)
{
	for (size_t i = 0; i < t->n_fields; i++)
		if (strcmp(t->fields[i].name, name) == 0) {
			free(name);
			type_free(type);
			return fail(ps, "a field's name occurs twice");
		}
	t->fields = must(reallocarray(t->fields, t->n_fields + 1, sizeof(*t->fields)));
	t->fields[t->n_fields++] = (struct idl_field) { .name = name, .type = type };
	return 0;
}

/* After "(": an enum if no name has a type, else a struct. Empty is a struct. */
static struct idl_type *parse_fields(struct parser *ps)
{
	_cleanup_type_ struct idl_type *t = type_new(IDL_STRUCT);

	if (take(ps, ")"))
		return steal_pointer(&t);
	do {
		_cleanup_free_ char *name = take_word(ps, "_");
		struct idl_type *type = NULL;
		bool typed;

		if (!name)
			return fail(ps, "a field's name expected"), NULL;
		typed = take(ps, ":");
		if (t->n_fields == 0)
			t->kind = typed ? IDL_STRUCT : IDL_ENUM;
		else if (typed != (t->kind == IDL_STRUCT))
			return fail(ps, "either all fields have types or none"), NULL;
		if (typed && !(type = parse_type(ps)))
			return NULL;
		if (add_field(ps, t, steal_pointer(&name), type) < 0)
			return NULL;
	} while (take(ps, ","));
	if (!take(ps, ")"))
		return fail(ps, "',' or ')' expected"), NULL;
	return steal_pointer(&t);
}

static struct idl_type *parse_element(struct parser *ps, enum idl_kind kind)
{
	struct idl_type *t, *element = parse_type(ps);

	if (!element)
		return NULL;
	t = type_new(kind);
	t->element = element;
	return t;
}

static struct idl_type *parse_plain(struct parser *ps)
{
	static const struct {
		const char *name;
		enum idl_kind kind;
	} plain[] = {
		{ "bool", IDL_BOOL },
		{ "int", IDL_INT },
		{ "float", IDL_FLOAT },
		{ "string", IDL_STRING },
		{ "object", IDL_OBJECT },
	};
	_cleanup_free_ char *name = take_word(ps, "");
	struct idl_type *t;

	if (!name)
		return fail(ps, "a type expected"), NULL;
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (strcmp(plain[i].name, name) == 0)
			return type_new(plain[i].kind);
	t = type_new(IDL_NAMED);
	t->name = steal_pointer(&name);
	return t;
}

static struct idl_type *parse_type(struct parser *ps)
{
	struct idl_type *t;

	if (ps->depth == TYPE_DEPTH_MAX)
		return fail(ps, "types nested too deeply"), NULL;
	ps->depth++;
	if (take(ps, "?"))
		t = parse_element(ps, IDL_OPTIONAL);
	else if (take(ps, "[]"))
		t = parse_element(ps, IDL_ARRAY);
	else if (take(ps, "[string]"))
		t = parse_element(ps, IDL_MAP);
	else if (take(ps, "("))
		t = parse_fields(ps);
	else
		t = parse_plain(ps);
	ps->depth--;
	return t;
}

/* A method's parameters or an error's: always a struct. */
static struct idl_type *parse_struct(struct parser *ps)
{
	_cleanup_type_ struct idl_type *t = NULL;

	if (!take(ps, "("))
		return fail(ps, "'(' expected"), NULL;
	t = parse_fields(ps);
	if (t && t->kind != IDL_STRUCT)
		return fail(ps, "parameters need types"), NULL;
	return steal_pointer(&t);
}

static int parse_member(struct parser *ps, enum idl_member_kind kind)
{
	struct idl *idl = ps->idl;
	struct idl_method *m;

	idl->members = must(reallocarray(idl->members, idl->n_members + 1, sizeof(*idl->members)));
	m = &idl->members[idl->n_members];
	*m = (struct idl_method) { .idl = idl, .kind = kind, .name = take_word(ps, "") };
	if (!m->name)
		return fail(ps, "a name expected");
	idl->n_members++; /* from here idl_free knows it */
	if (kind == IDL_TYPE) {
		m->in = parse_type(ps);
		return m->in ? 0 : -1;
	}
	m->in = parse_struct(ps);
	if (!m->in)
		return -1;
	if (kind != IDL_METHOD)
		return 0;
	if (!take(ps, "->"))
		return fail(ps, "'->' expected");
	m->out = parse_struct(ps);
	return m->out ? 0 : -1;
}

static int parse_interface(struct parser *ps)
{
	static const char *const keywords[] = {
		[IDL_TYPE] = "type ",
		[IDL_METHOD] = "method ",
		[IDL_ERROR] = "error ",
	};

	if (!take(ps, "interface ") || !(ps->idl->name = take_word(ps, ".-")))
		return fail(ps, "an interface begins with 'interface' and its name");
	for (skip(ps); *ps->p; skip(ps)) {
		int kind = -1;

		for (int i = IDL_TYPE; i <= IDL_ERROR; i++)
			if (take(ps, keywords[i]))
				kind = i;
		if (kind < 0)
			return fail(ps, "'type', 'method' or 'error' expected");
		if (parse_member(ps, (enum idl_member_kind) kind) < 0)
			return -1;
	}
	return 0;
}

/* Every named type is one of this interface's. */
static int resolve(const struct idl *idl, struct idl_type *t, struct error *err)
{
	if (!t)
		return 0;
	for (size_t i = 0; i < t->n_fields; i++)
		if (resolve(idl, t->fields[i].type, err) < 0)
			return -1;
	if (t->kind == IDL_NAMED) {
		const struct idl_method *named = idl_member_find(idl, IDL_TYPE, t->name);

		if (!named)
			return error_set(err, ERROR_BAD_MESSAGE, "there is no type '%s'", t->name);
		t->named = named->in;
	}
	return resolve(idl, t->element, err);
}

struct idl *idl_parse(const char *text, struct error *err)
{
	struct idl *idl = must(calloc(1, sizeof(*idl)));
	struct parser ps = { .idl = idl, .p = text, .line = 1, .err = err };

	idl->text = text;
	if (parse_interface(&ps) < 0)
		goto fail;
	for (size_t i = 0; i < idl->n_members; i++)
		if (resolve(idl, idl->members[i].in, err) < 0 || resolve(idl, idl->members[i].out, err) < 0)
			goto fail;
	return idl;
fail:
	idl_free(idl);
	return NULL;
}

void idl_free(struct idl *idl)
{
	if (!idl)
		return;
	for (size_t i = 0; i < idl->n_members; i++) {
		free(idl->members[i].name);
		type_free(idl->members[i].in);
		type_free(idl->members[i].out);
	}
	free(idl->members);
	free(idl->name);
	free(idl);
}

const char *idl_name(const struct idl *idl)
{
	return idl->name;
}

const char *idl_text(const struct idl *idl)
{
	return idl->text;
}

const struct idl_method *idl_member_find(const struct idl *idl, enum idl_member_kind kind, const char *name)
{
	for (size_t i = 0; i < idl->n_members; i++)
		if (idl->members[i].kind == kind && strcmp(idl->members[i].name, name) == 0)
			return &idl->members[i];
	return NULL;
}

const struct idl_method *idl_method_find(const struct idl *idl, const char *name)
{
	return idl_member_find(idl, IDL_METHOD, name);
}

const struct idl_method *idl_method_next(const struct idl *idl, const struct idl_method *m)
{
	for (m = m ? m + 1 : idl->members; m < idl->members + idl->n_members; m++)
		if (m->kind == IDL_METHOD)
			return m;
	return NULL;
}

const char *idl_method_name(const struct idl_method *m)
{
	return m->name;
}
