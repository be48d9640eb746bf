/* device.h - --device as the interface's Device. What it is, is the runtime's affair. */
#pragma once

struct error;
struct json_object;

/* Appends to array. */
int device_from_text(const char *text, struct json_object *array, struct error *err);
