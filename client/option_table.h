/* option_table.h - the rows of every option that ctl knows, in sets that commands share. */
#pragma once

#include "client/option.h"

extern const struct option common_options[];	  /* of every command */
extern const struct option help_letter_options[]; /* -h, where it is not the host name */
extern const struct option root_options[];
extern const struct option config_options[]; /* create, run */
extern const struct option later_options[];  /* create, run: not supported yet */
extern const struct option run_options[];
extern const struct option start_options[];
extern const struct option exec_options[];
extern const struct option sh_options[];
extern const struct option sessions_options[];
extern const struct option cp_options[];
extern const struct option attach_options[];
extern const struct option stop_options[];
extern const struct option kill_options[];
extern const struct option wait_options[];
extern const struct option rm_options[];
extern const struct option ps_options[];
extern const struct option inspect_options[];
extern const struct option logs_options[];
extern const struct option stats_options[];
extern const struct option top_options[];
extern const struct option diff_limits_options[];
extern const struct option events_options[];
extern const struct option info_options[];
extern const struct option doctor_options[];
extern const struct option why_options[];
