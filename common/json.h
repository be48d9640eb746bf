/*
 * json.h - strict JSON into json-c objects, and typed access to their fields.
 *
 * json_parse refuses what RFC 8259 refuses, and also: invalid UTF-8, \u0000, duplicate keys, nesting deeper
 * than JSON_DEPTH_MAX, anything but white space after the value. Integers outside 64 bits are refused.
 */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

#define JSON_DEPTH_MAX 32

/* Caller puts the object. error: BAD_MESSAGE with the position ("at byte 17: …"). A JSON null gives
 * *ret_value NULL. */
int json_parse(const char *text, size_t size, struct json_object **ret_value, struct error *err);

/* Compact text, slashes not escaped; borrowed from the object, as json-c does. */
const char *json_text(struct json_object *value, size_t *ret_size);

void json_put(struct json_object **value);
#define _cleanup_json_ __attribute__((cleanup(json_put)))

/* Fields of an object that is known to fit (checked against the interface, or our own file). An absent field
 * and a null are the same. Borrowed. obj may be NULL. */
struct json_object *json_get(struct json_object *obj, const char *key);
const char *json_string(struct json_object *obj, const char *key, const char *otherwise);
int64_t json_int(struct json_object *obj, const char *key, int64_t otherwise);
bool json_flag(struct json_object *obj, const char *key, bool otherwise);
size_t json_length(struct json_object *array); /* 0 for NULL */

/* Adds; takes value. A NULL string adds nothing. Out of memory aborts: these objects are small and bounded.
 */
void json_add(struct json_object *obj, const char *key, struct json_object *value);
void json_add_string(struct json_object *obj, const char *key, const char *value);
void json_add_int(struct json_object *obj, const char *key, int64_t value);
void json_add_bool(struct json_object *obj, const char *key, bool value);
void json_add_time(
	struct json_object *obj, const char *key, int64_t realtime_ns); /* RFC 3339; 0 adds nothing */

/* The parameters of an error reply ("message", and what else the error's interface says of it and is set:
 * container, field, phase, errno, path, hint, exit_code …), and back from a reply's name and parameters. */
struct json_object *error_to_json(const struct error *err);
void error_from_json(const char *name, struct json_object *parameters, struct error *ret_err);
