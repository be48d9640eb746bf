#include "common/control.h"

#include <errno.h>
#include <unistd.h>

#include "common/fd.h"

static const uint32_t sizes[CONTROL_TYPES] = {
	[CONTROL_START] = sizeof(struct control_start),
	[CONTROL_STARTED] = sizeof(struct control_started),
	[CONTROL_FAILED] = sizeof(struct control_failed),
	[CONTROL_EXITED] = sizeof(struct control_exited),
	[CONTROL_EXIT_TAKEN] = sizeof(struct control_head),
	[CONTROL_KILL] = sizeof(struct control_kill),
	[CONTROL_STOP] = sizeof(struct control_stop),
	[CONTROL_HELLO] = sizeof(struct control_head),
	[CONTROL_STATUS] = sizeof(struct control_status),
	[CONTROL_WORK] = sizeof(struct control_work),
	[CONTROL_WORK_DONE] = sizeof(struct control_work_done),
};
_Static_assert(sizeof(struct control_start) <= CONTROL_MESSAGE_MAX, "the largest message fits");
_Static_assert(sizeof(struct control_work) <= CONTROL_MESSAGE_MAX, "the largest message fits");

int control_send(int sock, void *message, enum control_type type, uint32_t size, const int *fds, unsigned n)
{
	struct control_head *head = message;
	*head = (struct control_head) { .version = CONTROL_VERSION, .type = (uint16_t) type, .size = size };
	return fd_send(sock, message, size, fds, n);
}

int control_recv(int sock, void *buf, int *fds, unsigned *ret_n)
{
	size_t n;
	ssize_t got = fd_recv(sock, buf, CONTROL_MESSAGE_MAX, fds, &n);
	*ret_n = (unsigned) n;
	if (got <= 0)
		return (int) got;
	const struct control_head *head = buf;
	if ((size_t) got >= sizeof *head && head->version == CONTROL_VERSION && head->type > 0 &&
		head->type < CONTROL_TYPES && head->size == sizes[head->type] && (size_t) got == head->size)
		return head->type;
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	*ret_n = 0;
	errno = EPROTO;
	return -1;
}
