/* not_granted.h - what a configuration asks for of capabilities and resource limits and this daemon cannot
 * give, since it has not got it itself: a container starts without (runtime/capabilities.c, rlimits.c), and
 * whoever asked is told. */
#pragma once

struct container;
struct json_object;

/* Of config (a config.json): "CAP_SYS_BOOT", "nofile=1024:524288 (1024:20000)". NULL: all is granted. Caller
 * puts. */
struct json_object *not_granted(struct json_object *config);

/* Adds not_granted to a reply, if there is any of what asked, a wire's Config or NULL, says itself: not of
 * defaults. */
void not_granted_tell(struct json_object *reply, struct json_object *asked, const struct container *c);
