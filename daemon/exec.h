/* exec.h - Exec, and what Wait and Kill do with a session instead of a container. Each owns rq. */
#pragma once

struct request;

void exec_wait(struct request *rq);
void exec_kill(struct request *rq, int sig);
