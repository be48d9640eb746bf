/* aftermath.h - what became of a container: ctl's exit code for the wire's Exit, also when the console that
 * should have told it was lost. */
#pragma once

struct connection;
struct json_object;

/* The program's code; where nobody knows it, says so and gives CTL_UNKNOWN. */
int aftermath_code(const char *subject, struct json_object *exit);

/* Asks the daemon, which may be away, for as long as connection.h tries again. session: of that program in
 * the container; NULL: of the container itself. */
int aftermath_ask(struct connection *conn, const char *subject, const char *id, const char *session);
