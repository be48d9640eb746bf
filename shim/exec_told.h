/*
 * exec_told.h - what the daemon is told of sessions: that one runs, that it never ran and why, how it has
 * ended. An end is kept until a daemon has acknowledged it, whichever, and longer, for those who ask late;
 * the number of those kept is bounded.
 */
#pragma once

#include <stdint.h>

struct control_exec_status;
struct error;
struct exec;
struct execs;

void exec_told_begin(struct exec *e);
/* 0, or -1: not now. */
int exec_told_failure(struct execs *x, uint64_t session, const struct error *why);
int exec_told_failed(struct exec *e);
void exec_told_end(struct execs *x, const struct control_exec_status *status);
/* Ends that could not be told at their time. */
void exec_told_again(struct execs *x);
/* A daemon has heard how this one ended. */
void exec_told_taken(struct execs *x, uint64_t session);
/* A daemon that was started anew: all that there is. */
void exec_told_all(struct execs *x);
/* The container's folder gets the ends that no daemon has heard of: the next one reads them there. */
int exec_told_save(const struct execs *x, int dir_fd, uint64_t run, struct error *err);
void exec_told_done(struct execs *x);
