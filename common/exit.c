#include "common/exit.h"

#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/json.h"
#include "common/parse.h"

static const char *const reasons[EXIT_REASONS] = {
	[EXIT_REASON_EXITED] = "exited",
	[EXIT_REASON_SIGNALED] = "signaled",
	[EXIT_REASON_START_FAILED] = "start failed",
	[EXIT_REASON_SHIM_DIED] = "shim died",
	[EXIT_REASON_REBOOT] = "reboot",
	[EXIT_REASON_TIMEOUT] = "timeout",
};

const char *exit_reason_name(enum exit_reason reason)
{
	return reasons[reason];
}

void exit_from_wait(struct exit_status *st, int code, int status)
{
	bool exited = code == CLD_EXITED;
	st->sig = exited ? 0 : status;
	st->code = exited ? status & 0xFF : 128 + status;
	st->core_dumped = code == CLD_DUMPED;
	st->reason = exited ? EXIT_REASON_EXITED : EXIT_REASON_SIGNALED;
}

struct json_object *exit_to_json(const struct exit_status *st)
{
	struct json_object *obj = json_object_new_object();
	char name[16], clean[2 * sizeof st->error];
	if (st->code >= 0)
		json_add_int(obj, "code", st->code);
	if (st->sig != 0)
		json_add_string(obj, "signal", signal_format(st->sig, name));
	json_add_bool(obj, "core_dumped", st->core_dumped);
	json_add_bool(obj, "oom_killed", st->oom_killed);
	if (st->oom.killed > 0)
		json_add(obj, "oom", oom_to_json(&st->oom));
	json_add_string(obj, "reason", reasons[st->reason]);
	json_add_time(obj, "started_at", st->started_ns);
	json_add_time(obj, "finished_at", st->finished_ns);
	/* Its fixed size may have cut it inside a character. */
	if (st->error[0] != '\0')
		json_add_string(obj, "error", escape_text(st->error, clean, sizeof clean));
	return obj;
}

/* A JSON string's inside: the shim writes this with no JSON library touched, which would cost it memory for
 * good. */
static void quote(const char *text, char *buf, size_t size)
{
	size_t out = 0;
	for (const unsigned char *p = (const unsigned char *) text; *p != '\0' && out + 7 < size; p++) {
		if (*p == '"' || *p == '\\') {
			buf[out++] = '\\';
			buf[out++] = (char) *p;
		} else if (*p < 0x20) {
			out += (size_t) snprintf(buf + out, 7, "\\u%04x", *p);
		} else {
			buf[out++] = (char) *p;
		}
	}
	buf[out] = '\0';
}

int exit_save_text(const struct exit_status *st, char buf[EXIT_JSON_MAX])
{
	/* Each backslash of an escape takes two bytes more: a cut here could be one inside of a character. */
	char started[TIME_TEXT], finished[TIME_TEXT], clean[2 * sizeof st->error],
		error[2 * sizeof clean + 8];
	char code[16] = "null", name[16];
	if (st->code >= 0)
		snprintf(code, sizeof code, "%d", st->code);
	/* Also cuts a UTF-8 sequence that the fixed size has cut in two. */
	escape_text(st->error, clean, sizeof clean);
	quote(clean, error, sizeof error);
	return snprintf(buf, EXIT_JSON_MAX,
		"{\"version\":1,\"run\":%ju,\"code\":%s,\"signal\":\"%s\",\"core_dumped\":%s,\"oom_killed\":%"
		"s,"
		"\"reason\":\"%s\",\"started_at\":\"%s\",\"finished_at\":\"%s\",\"user_us\":%ju,\"system_"
		"us\":%ju,"
		"\"max_rss_bytes\":%ju,\"log_lost_bytes\":%ju,\"oom\":{\"killed\":%u,\"whose\":\"%s\","
		"\"levels\":%u,"
		"\"limit\":%jd},\"error\":\"%s\"}\n",
		(uintmax_t) st->run, code, st->sig != 0 ? signal_format(st->sig, name) : "",
		st->core_dumped ? "true" : "false", st->oom_killed ? "true" : "false", reasons[st->reason],
		st->started_ns != 0 ? time_format(st->started_ns, started) : "",
		time_format(st->finished_ns, finished), (uintmax_t) st->user_us, (uintmax_t) st->system_us,
		(uintmax_t) st->max_rss_bytes, (uintmax_t) st->log_lost_bytes, st->oom.killed,
		oom_whose_name(st->oom.whose), st->oom.levels, (intmax_t) st->oom.limit, error);
}

static void load_oom(struct json_object *obj, struct oom *oom)
{
	oom->killed = (uint32_t) json_int(obj, "killed", 0);
	oom->whose = (uint16_t) oom_whose_parse(json_string(obj, "whose", ""));
	oom->levels = (uint16_t) json_int(obj, "levels", 0);
	oom->limit = json_int(obj, "limit", 0);
}

int exit_load_text(const char *text, struct exit_status *ret_st, struct error *err)
{
	_cleanup_json_ struct json_object *obj = NULL;
	struct exit_status st = { 0 };
	if (json_parse(text, strlen(text), &obj, err) < 0)
		return -1;
	const char *reason = json_string(obj, "reason", ""), *sig = json_string(obj, "signal", "");
	const char *started = json_string(obj, "started_at", "");
	int found = -1;
	for (int i = 0; i < EXIT_REASONS; i++)
		if (strcmp(reason, reasons[i]) == 0)
			found = i;
	int64_t code = json_int(obj, "code", -1);
	if (json_int(obj, "version", 0) != 1 || found < 0 || code < -1 || code > 255)
		return error_set(err, ERROR_FAILED, "not an exit record of version 1");
	st.run = (uint64_t) json_int(obj, "run", 0);
	st.code = (int) code;
	if (sig[0] != '\0' && signal_parse(sig, &st.sig) < 0)
		return error_set(err, ERROR_FAILED, "unknown signal in the exit record");
	st.core_dumped = json_flag(obj, "core_dumped", false);
	st.oom_killed = json_flag(obj, "oom_killed", false);
	load_oom(json_get(obj, "oom"), &st.oom);
	st.reason = (enum exit_reason) found;
	if (started[0] != '\0' && time_parse(started, &st.started_ns) < 0)
		return error_set(err, ERROR_FAILED, "bad started_at in the exit record");
	if (time_parse(json_string(obj, "finished_at", ""), &st.finished_ns) < 0)
		return error_set(err, ERROR_FAILED, "bad finished_at in the exit record");
	st.user_us = (uint64_t) json_int(obj, "user_us", 0);
	st.system_us = (uint64_t) json_int(obj, "system_us", 0);
	st.max_rss_bytes = (uint64_t) json_int(obj, "max_rss_bytes", 0);
	st.log_lost_bytes = (uint64_t) json_int(obj, "log_lost_bytes", 0);
	snprintf(st.error, sizeof st.error, "%s", json_string(obj, "error", ""));
	*ret_st = st;
	return 0;
}
