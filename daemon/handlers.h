/* handlers.h - what answers each method; the table in dispatch.c says when. Each owns the request that it
 * gets. */
#pragma once

struct request;

void handle_get_info(struct request *rq);
void handle_get_interface_description(struct request *rq);

void handle_create(struct request *rq);
void handle_explain(struct request *rq);
void handle_run(struct request *rq);
void handle_start(struct request *rq);
void handle_attach(struct request *rq);
void handle_resize(struct request *rq);
void handle_exec(struct request *rq);
void handle_copy_out(struct request *rq);
void handle_copy_in(struct request *rq);
void handle_list_sessions(struct request *rq);
void handle_kill(struct request *rq);
void handle_stop(struct request *rq);
void handle_restart(struct request *rq);
void handle_pause(struct request *rq);
void handle_unpause(struct request *rq);
void handle_update(struct request *rq);
void handle_wait(struct request *rq);
void handle_remove(struct request *rq);
void handle_rename(struct request *rq);
void handle_list(struct request *rq);
void handle_inspect(struct request *rq);
void handle_logs(struct request *rq);
void handle_stats(struct request *rq);
void handle_top(struct request *rq);
void handle_diff_limits(struct request *rq);

void handle_info(struct request *rq);
void handle_events(struct request *rq);
