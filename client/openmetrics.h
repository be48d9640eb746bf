/* openmetrics.h - the figures of containers in the text format that metrics collectors read. */
#pragma once

struct json_object;

/* An array of the interface's Stat, to stdout. */
void openmetrics_print(struct json_object *stats);
