/*
 * settings.h - what the user wants of ctl in every call: lines of KEY = VALUE in
 * ~/.config/containerd-lite/ctl.conf (XDG_CONFIG_HOME), else in /etc/containerd-lite/ctl.conf.
 */
#pragma once

struct error;

struct settings {
	char detach_keys[128];
};

/* Without any file the defaults. A line that means nothing is an error that names it. */
int settings_read(struct settings *ret_settings, struct error *err);
