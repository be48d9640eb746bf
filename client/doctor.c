#include "client/doctor.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/command.h"
#include "client/connection.h"
#include "client/format.h"
#include "client/help.h"
#include "client/output.h"
#include "client/report.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/parse.h"

#define COLUMN	  26 /* where the texts begin */
#define STATE_DIR "/var/lib/containerd-lite"

static const struct check {
	const char *name;
	void (*look)(const struct doctor *d, struct finding *f);
} checks[] = {
	{ "kernel", doctor_kernel },
	{ "privileges", doctor_privileges },
	{ "namespaces", doctor_namespaces },
	{ "user namespaces", doctor_user_namespaces },
	{ "overlay", doctor_overlay },
	{ "cgroup", doctor_cgroup },
	{ "controllers", doctor_controllers },
	{ "device rules", doctor_devices },
	{ "limits", doctor_limits },
	{ "disk", doctor_disk },
	{ "group", doctor_group },
	{ "units", doctor_units },
	{ "daemon", doctor_daemon },
};

static const struct {
	const char *name, *colour;
} verdicts[] = {
	[VERDICT_OK] = { "ok", "\033[32m" },
	[VERDICT_WARNING] = { "warning", "\033[33m" },
	[VERDICT_PROBLEM] = { "problem", "\033[31m" },
};
_Static_assert(sizeof verdicts / sizeof *verdicts == VERDICTS, "every verdict has its name");

void finding_ok(struct finding *f, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	*f = (struct finding) { .verdict = VERDICT_OK };
	vsnprintf(f->text, sizeof f->text, fmt, ap);
	va_end(ap);
}

void finding_set(struct finding *f, enum verdict verdict, const char *fix, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	*f = (struct finding) { .verdict = verdict };
	snprintf(f->fix, sizeof f->fix, "%s", fix);
	vsnprintf(f->text, sizeof f->text, fmt, ap);
	va_end(ap);
}

static void print_finding(const char *name, const struct finding *f)
{
	_cleanup_free_ char *text = format_clean(f->text);
	bool colour = output_coloured();
	printf("%s%-8s%s %-*s", colour ? verdicts[f->verdict].colour : "", verdicts[f->verdict].name,
		colour ? "\033[0m" : "", COLUMN - 9, name);
	help_wrapped(text, COLUMN, COLUMN);
	if (f->fix[0] != '\0') {
		printf("%*sfix: ", COLUMN, "");
		help_wrapped(f->fix, COLUMN + 5, COLUMN + 5);
	}
}

static struct json_object *to_json(const char *name, const struct finding *f)
{
	struct json_object *obj = json_object_new_object();
	char clean[2 * sizeof f->text];
	json_add_string(obj, "check", name);
	json_add_string(obj, "verdict", verdicts[f->verdict].name);
	json_add_string(obj, "message", escape_text(f->text, clean, sizeof clean));
	if (f->fix[0] != '\0')
		json_add_string(obj, "fix", f->fix);
	return obj;
}

static void ask(struct arguments *args, struct doctor *d, char *silence, size_t size)
{
	struct connection conn;
	struct error err;
	int result = connection_open(&conn, args, &err);
	d->socket = conn.path;
	if (result == 0) {
		connection_limit(&conn, 5);
		result = connection_ask_once(&conn, "system.Info", args->request, &d->info, &err);
		connection_done(&conn);
	}
	if (result < 0)
		d->silence = error_format(&err, silence, size);
	else
		d->state_dir = json_string(d->info, "state_dir", STATE_DIR);
}

int verb_doctor(struct arguments *args)
{
	enum format format = output_format(args, FORMAT_TABLE);
	struct doctor d = { .state_dir = STATE_DIR, .own_socket = connection_default() };
	char silence[2048];
	int code = 0;
	_cleanup_json_ struct json_object *all = json_object_new_array();
	ask(args, &d, silence, sizeof silence);
	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
		struct finding f;
		checks[i].look(&d, &f);
		if (f.verdict == VERDICT_PROBLEM)
			code = CTL_FAILED;
		if (format == FORMAT_TABLE)
			print_finding(checks[i].name, &f);
		else
			json_object_array_add(all, to_json(checks[i].name, &f));
	}
	json_put(&d.info);
	if (format != FORMAT_TABLE)
		output_list(all, format);
	return finish_output(code);
}
