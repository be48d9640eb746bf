#include "common/control.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"

/* Messages of another build may be longer or shorter than ours: what is missing is zero, what is more is
 * passed over; but never shorter than what the first release sent. Fields are only added, at a struct's end.
 */
#define UP_TO(type, field) (offsetof(type, field) + sizeof(((type *) NULL)->field))
static const struct {
	uint32_t size, min;
} layouts[CONTROL_TYPES] = {
	[CONTROL_START] = { sizeof(struct control_start), UP_TO(struct control_start, rootfs) },
	[CONTROL_STARTED] = { sizeof(struct control_started), UP_TO(struct control_started, started_ns) },
	[CONTROL_FAILED] = { sizeof(struct control_failed), UP_TO(struct control_failed, n_steps) },
	[CONTROL_EXITED] = { sizeof(struct control_exited), UP_TO(struct control_exited, exit) },
	[CONTROL_EXIT_TAKEN] = { sizeof(struct control_head), sizeof(struct control_head) },
	[CONTROL_KILL] = { sizeof(struct control_kill), UP_TO(struct control_kill, all) },
	[CONTROL_STOP] = { sizeof(struct control_stop), UP_TO(struct control_stop, timeout_ms) },
	[CONTROL_HELLO] = { sizeof(struct control_head), sizeof(struct control_head) },
	[CONTROL_STATUS] = { sizeof(struct control_status), UP_TO(struct control_status, exit) },
	[CONTROL_WORK] = { sizeof(struct control_work), UP_TO(struct control_work, path) },
	[CONTROL_WORK_DONE] = { sizeof(struct control_work_done),
		UP_TO(struct control_work_done, text_size) },
	[CONTROL_WORK_END] = { sizeof(struct control_head), sizeof(struct control_head) },
	[CONTROL_ATTACH] = { sizeof(struct control_attach), UP_TO(struct control_attach, console) },
	[CONTROL_ATTACHED] = { sizeof(struct control_head), sizeof(struct control_head) },
	[CONTROL_OOM] = { sizeof(struct control_oom), UP_TO(struct control_oom, oom) },
	[CONTROL_RESIZE] = { sizeof(struct control_resize), UP_TO(struct control_resize, unused) },
	[CONTROL_EXEC] = { sizeof(struct control_exec), UP_TO(struct control_exec, console) },
	[CONTROL_EXEC_STATUS] = { sizeof(struct control_exec_status),
		UP_TO(struct control_exec_status, command) },
	[CONTROL_EXEC_FAILED] = { sizeof(struct control_exec_failed),
		UP_TO(struct control_exec_failed, error) },
	[CONTROL_EXEC_TAKEN] = { sizeof(struct control_exec_taken),
		UP_TO(struct control_exec_taken, session) },
	[CONTROL_EXEC_KILL] = { sizeof(struct control_exec_kill), UP_TO(struct control_exec_kill, unused) },
};
_Static_assert(sizeof(struct control_start) <= CONTROL_MESSAGE_MAX, "the largest message fits");
_Static_assert(sizeof(struct control_work) <= CONTROL_MESSAGE_MAX, "the largest message fits");
_Static_assert(
	sizeof(struct error) == 2560, "what it is embedded in must not move: take from its reserved bytes");
_Static_assert(sizeof(struct exit_status) == 712,
	"what it is embedded in must not move: take from its reserved bytes");

int control_send(int sock, void *message, enum control_type type, uint32_t size, const int *fds, unsigned n)
{
	struct control_head *head = message;
	*head = (struct control_head) { .version = CONTROL_VERSION, .type = (uint16_t) type, .size = size };
	return fd_send(sock, message, size, fds, n);
}

/* The type of a message of `got` bytes that this build knows how to read, with what it lacks set to zero; or
 * -1. */
static int take(void *buf, size_t got)
{
	const struct control_head *head = buf;
	if (got < sizeof *head || head->version != CONTROL_VERSION || head->size != got || head->type == 0 ||
		head->type >= CONTROL_TYPES || got < layouts[head->type].min)
		return -1;
	if (got < layouts[head->type].size)
		memset((char *) buf + got, 0, layouts[head->type].size - got);
	return head->type;
}

int control_recv(int sock, void *buf, int *fds, unsigned *ret_n)
{
	size_t n;
	ssize_t got = fd_recv(sock, buf, CONTROL_MESSAGE_MAX, fds, &n);
	*ret_n = (unsigned) n;
	if (got == 0 || (got < 0 && errno != EMSGSIZE))
		return (int) got;
	int type = got < 0 ? -1 : take(buf, (size_t) got);
	if (type > 0)
		return type;
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	*ret_n = 0;
	errno = EPROTO;
	return -1;
}
