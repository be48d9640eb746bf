/* places.h - where the parts of this installation are: beside the daemon's executable (a build folder), else
 * in the prefix that it is installed in. */
#pragma once

#include <stddef.h>

struct error;

/* The shim's program, or a built-in root file system by its name. Fails if it is not there: the error names
 * the last place looked at. path has PATH_MAX bytes. */
int places_shim(char *path, struct error *err);
int places_image(const char *name, char *path, struct error *err);
