/* program.h - executing the container's program, and saying in words why that could not be. */
#pragma once

struct error;

/* Replaces this process: argv[0] as it is if it has a '/', else the first of PATH (of envp) that works.
 * Returns only with an error, its exit_code 126 or 127. */
int program_execute(char *const argv[], char *const envp[], struct error *err);

/* Default dispositions and an empty mask for all signals: neither is the program's business. */
void program_reset_signals(void);

/* For the processes that programs are cloned from: the same, but a few are ignored. In the clone, whose
 * handlers are default already, the counterpart: cheaper than to reset all. */
void program_ignore_signals(void);
void program_heed_signals(void);
