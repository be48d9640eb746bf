#include "client/console.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/aftermath.h"
#include "client/command.h"
#include "client/connection.h"
#include "client/report.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/parse.h"

#define INTERRUPT_NS INT64_C(2000000000) /* three of them within this time end ctl */

/* WINCH and CONT are for ctl itself. */
static const int caught[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT };
static const char *const stream_names[] = { "stdout", "stderr" };

static void signal_set(sigset_t *set)
{
	struct sigaction action;
	sigemptyset(set);
	for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
		/* nohup(1) means it; a background job's ignored INT and QUIT are only the shell's habit. */
		if (caught[i] != SIGHUP || sigaction(SIGHUP, NULL, &action) < 0 ||
			action.sa_handler != SIG_IGN)
			sigaddset(set, caught[i]);
}

int console_init(
	struct console *c, struct connection *conn, const char *subject, bool sig_proxy, struct error *err)
{
	sigset_t set;
	/* Not the buffers: their pages are touched only when they are used. */
	memset(c, 0, offsetof(struct console, in));
	c->in_at = c->in_size = c->out_at = c->out_size = 0;
	c->in_end = false;
	c->conn = conn;
	c->subject = subject;
	c->sig_proxy = sig_proxy;
	c->sinks[0].fd = STDOUT_FILENO;
	c->sinks[1].fd = STDERR_FILENO;
	signal_set(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	c->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return c->signals < 0 ? error_errno(err, "make a signalfd") : 0;
}

void console_done(struct console *c)
{
	sigset_t set;
	terminal_restore(&c->terminal);
	fd_close(&c->signals);
	signal_set(&set);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void finish(struct console *c, int code)
{
	c->over = true;
	c->code = code;
}

/* --- to the container --- */

static bool put_frame(struct console *c, enum frame_type type, const void *payload, size_t size)
{
	if (c->out_at == c->out_size)
		c->out_at = c->out_size = 0;
	if (sizeof c->out - c->out_size < FRAME_HEADER + size)
		return false;
	frame_header(c->out + c->out_size, type, (uint32_t) size);
	if (size > 0)
		memmove(c->out + c->out_size + FRAME_HEADER, payload, size);
	c->out_size += FRAME_HEADER + size;
	return true;
}

static void flush_out(struct console *c)
{
	while (c->out_at < c->out_size && !c->in_end) {
		ssize_t n = send(c->conn->fd, c->out + c->out_at, c->out_size - c->out_at,
			MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			/* Nobody reads any more; what was said before that is still to be read. */
			c->send_stdin = false;
			c->out_at = c->out_size;
			return;
		}
		c->out_at += (size_t) n;
	}
}

static uint64_t window(const struct console *c)
{
	return FRAME_STDIN_WINDOW - (c->sent - c->taken);
}

static bool wants_stdin(const struct console *c)
{
	return c->send_stdin && c->hand_over == HAND_OVER_NOT && c->out_at == c->out_size && window(c) > 0;
}

static void take_stdin(struct console *c)
{
	uint64_t size = window(c) < FRAME_PAYLOAD_MAX ? window(c) : FRAME_PAYLOAD_MAX;
	c->out_at = c->out_size = 0;
	ssize_t n = read(STDIN_FILENO, c->out + FRAME_HEADER, size);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n > 0) {
		c->sent += (uint64_t) n;
		put_frame(c, FRAME_STDIN, c->out + FRAME_HEADER, (size_t) n);
		return;
	}
	c->send_stdin = false;
	if (c->terminal.raw) {
		/* The terminal is gone, and nobody has typed an end of input. */
		finish(c, 128 + SIGHUP);
		return;
	}
	if (n < 0)
		report_text(c->subject, "read standard input: %s", strerror(errno));
	put_frame(c, FRAME_STDIN_END, NULL, 0);
}

static void send_size(struct console *c)
{
	uint16_t rows, columns;
	uint8_t payload[4];
	if (!c->resizes || !terminal_size(&rows, &columns))
		return;
	put_u16(payload, rows);
	put_u16(payload + 2, columns);
	c->size_due = !put_frame(c, FRAME_RESIZE, payload, sizeof payload);
}

/* The third within a short time is for ctl. */
static bool third_interrupt(struct console *c)
{
	int64_t now = clock_monotonic_ns();
	bool third = c->interrupts[0] != 0 && now - c->interrupts[0] <= INTERRUPT_NS;
	c->interrupts[0] = c->interrupts[1];
	c->interrupts[1] = now;
	return third;
}

static void end_by_signal(struct console *c, int sig, const char *how, bool attached)
{
	terminal_restore(&c->terminal);
	report_text(c->subject, "%s; %s", how, attached ? "the container goes on" : "its state is not known");
	finish(c, 128 + sig);
}

static void take_signal(struct console *c, bool attached)
{
	struct signalfd_siginfo info;
	char name[16];
	if (read(c->signals, &info, sizeof info) != (ssize_t) sizeof info)
		return;
	int sig = (int) info.ssi_signo;
	signal_format(sig, name);
	if (sig == SIGCONT && c->terminal.raw)
		terminal_make_raw(&c->terminal); /* the shell has had it meanwhile */
	if (sig == SIGWINCH || sig == SIGCONT)
		send_size(c);
	else if (!c->sig_proxy || c->terminal.raw)
		end_by_signal(c, sig, name, attached);
	else if (sig == SIGINT && third_interrupt(c))
		end_by_signal(c, sig, "interrupted three times", attached);
	else
		put_frame(c, FRAME_SIGNAL, name, strlen(name));
}

/* --- from the container --- */

static int broken(struct console *c, const char *what)
{
	terminal_restore(&c->terminal);
	report_text(c->subject, "%s", what);
	c->lost = true;
	return -1;
}

static int take_exit(struct console *c, const struct frame *frame)
{
	_cleanup_json_ struct json_object *root = NULL;
	struct error err;
	if (json_parse((const char *) frame->payload, frame->size, &root, &err) < 0)
		return broken(c, "the exit frame is not JSON");
	/* What there is to say goes to an ordinary terminal. */
	terminal_restore(&c->terminal);
	int code = aftermath_code(c->subject, json_get(root, "exit"));
	for (int i = 0; i < 2; i++) {
		int64_t sent = json_int(root, stream_names[i], -1);
		if (sent == (int64_t) c->came[i])
			continue;
		report_text(c->subject, "%jd bytes of %s were sent, %ju came", (intmax_t) sent,
			stream_names[i], (uintmax_t) c->came[i]);
		code = CTL_UNKNOWN;
	}
	finish(c, code);
	return 0;
}

static int take_error(struct console *c, const struct frame *frame)
{
	_cleanup_json_ struct json_object *root = NULL;
	struct error err;
	if (json_parse((const char *) frame->payload, frame->size, &root, &err) < 0)
		return broken(c, "the error frame is not JSON");
	error_from_json(json_string(root, "error", ""), json_get(root, "parameters"), &err);
	terminal_restore(&c->terminal);
	report(c->subject, &err);
	c->lost = true;
	return -1;
}

static int take_gap(struct console *c, const struct frame *frame)
{
	uint8_t stream = frame->payload[0];
	if (stream != FRAME_STDOUT && stream != FRAME_STDERR)
		return broken(c, "a gap in a stream that there is not");
	/* On a raw terminal a line neither begins nor ends by itself. */
	if (c->terminal.raw)
		fd_write_all(STDERR_FILENO, "\r\n", 2);
	report_text(c->subject, "%ju bytes of %s were lost after byte %ju",
		(uintmax_t) get_u64(frame->payload + 4), stream_names[stream - FRAME_STDOUT],
		(uintmax_t) get_u64(frame->payload + 12));
	if (c->terminal.raw)
		fd_write_all(STDERR_FILENO, "\r", 1);
	return 0;
}

/* All that came before it is written: from the second frame on the shim reads and writes our terminal. */
static int take_answer(struct console *c, const struct frame *frame)
{
	if (c->hand_over != HAND_OVER_OFFERED || frame->size != 1)
		return broken(c, "an answer came to what was not asked");
	c->hand_over = frame->payload[0] == 1 ? HAND_OVER_DONE : HAND_OVER_NOT;
	if (c->hand_over == HAND_OVER_DONE)
		put_frame(c, FRAME_TERMINAL, NULL, 0);
	return 0;
}

static int take_frame(struct console *c, const struct frame *frame)
{
	uint64_t taken;
	switch ((enum frame_type) frame->type) {
	case FRAME_STDOUT:
	case FRAME_STDERR:
		c->to = &c->sinks[frame->type - FRAME_STDOUT];
		c->data = frame->payload;
		c->data_size = frame->size;
		c->came[frame->type - FRAME_STDOUT] += frame->size;
		return 0;
	case FRAME_TAKEN:
		taken = get_u64(frame->payload);
		if (taken < c->taken || taken > c->sent)
			return broken(c, "more stdin was taken than was sent");
		c->taken = taken;
		return 0;
	case FRAME_TERMINAL: return take_answer(c, frame);
	case FRAME_GAP: return take_gap(c, frame);
	case FRAME_EXIT: return take_exit(c, frame);
	case FRAME_ERROR: return take_error(c, frame);
	case FRAME_DETACHED:
		c->detached = true;
		finish(c, 0);
		return 0;
	case FRAME_STDIN:
	case FRAME_RESIZE:
	case FRAME_STDIN_END:
	case FRAME_SIGNAL:
	case FRAME_COPIED: break;
	}
	return broken(c, "a frame came that only ctl sends");
}

/* 1: written, 0: the reader has to read first. */
static int write_data(struct console *c)
{
	while (c->data_size > 0) {
		ssize_t n = sink_write(c->to, c->data, c->data_size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0) {
			int errnum = errno;
			terminal_restore(&c->terminal);
			/* Nobody wants it any more: no reason for a message. The container goes on. */
			if (errnum != EPIPE)
				report_text(c->subject, "write to %s: %s; the container goes on",
					stream_names[c->to - c->sinks], strerror(errnum));
			finish(c, errnum == EPIPE ? 128 + SIGPIPE : CTL_UNKNOWN);
			return 0;
		}
		c->data += n;
		c->data_size -= (size_t) n;
	}
	return 1;
}

/* All whole frames that are there, as far as our outputs take them. */
static void deliver(struct console *c)
{
	struct frame frame;
	while (!c->over && !c->lost && write_data(c) == 1) {
		int result = frame_decode(c->in + c->in_at, c->in_size - c->in_at, &frame);
		if (result == 0) {
			/* All but a part of a frame is done: only now does it move. */
			memmove(c->in, c->in + c->in_at, c->in_size - c->in_at);
			c->in_size -= c->in_at;
			c->in_at = 0;
			c->lost = c->in_end;
			return;
		}
		if (result < 0) {
			broken(c, "what comes are not frames");
			return;
		}
		c->in_at += FRAME_HEADER + frame.size;
		if (take_frame(c, &frame) < 0)
			return;
	}
}

static void receive(struct console *c)
{
	ssize_t n = recv(c->conn->fd, c->in + c->in_size, sizeof c->in - c->in_size, MSG_DONTWAIT);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0)
		c->in_end = true;
	else
		c->in_size += (size_t) n;
}

/* --- the loop --- */

enum { POLL_SOCKET, POLL_SIGNALS, POLL_STDIN, POLL_OUTPUT, POLLS };

static void turn(struct console *c)
{
	struct pollfd p[POLLS];
	for (int i = 0; i < POLLS; i++)
		p[i] = (struct pollfd) { .fd = -1 };
	/* A descriptor of which nothing is wanted would only say that it has hung up, and again. */
	if (c->in_size < sizeof c->in && !c->in_end)
		p[POLL_SOCKET].events |= POLLIN;
	if (c->out_at < c->out_size && !c->in_end)
		p[POLL_SOCKET].events |= POLLOUT;
	if (p[POLL_SOCKET].events != 0)
		p[POLL_SOCKET].fd = c->conn->fd;
	p[POLL_SIGNALS] = (struct pollfd) { .fd = c->signals, .events = POLLIN };
	if (wants_stdin(c))
		p[POLL_STDIN] = (struct pollfd) { .fd = STDIN_FILENO, .events = POLLIN };
	else if (c->hand_over != HAND_OVER_NOT)
		p[POLL_STDIN].fd = STDIN_FILENO; /* says only that the terminal is gone */
	if (c->data_size > 0)
		p[POLL_OUTPUT] = (struct pollfd) { .fd = c->to->fd, .events = POLLOUT };
	if (poll(p, POLLS, -1) < 0)
		return;
	if (p[POLL_SIGNALS].revents != 0)
		take_signal(c, true);
	if (p[POLL_SOCKET].revents != 0 && (p[POLL_SOCKET].events & POLLIN) != 0)
		receive(c);
	if (p[POLL_STDIN].revents != 0 && c->hand_over != HAND_OVER_NOT)
		finish(c, 128 + SIGHUP);
	else if (p[POLL_STDIN].revents != 0 && wants_stdin(c))
		take_stdin(c);
	flush_out(c);
	if (c->size_due)
		send_size(c);
}

/* Our terminal goes to the shim, so that keys and output take one process less. Nothing is lost where it does
 * not: then they take ours. */
static void offer_terminal(struct console *c)
{
	uint8_t header[FRAME_HEADER];
	int fd = terminal_shared();
	frame_header(header, FRAME_TERMINAL, 0);
	if (fd >= 0 && c->out_at == c->out_size && fd_send(c->conn->fd, header, sizeof header, &fd, 1) == 0)
		c->hand_over = HAND_OVER_OFFERED;
}

/* Keys go to the container's terminal as they are, and its own does the rest. */
static void begin_terminal(struct console *c)
{
	c->resizes = true;
	if (c->send_stdin && isatty(STDIN_FILENO)) {
		if (terminal_make_raw(&c->terminal) == 0)
			offer_terminal(c);
		else
			report_text(c->subject, "make the terminal raw: %s", strerror(errno));
	}
	/* It may have changed since the call. */
	send_size(c);
}

static void say_detached(struct console *c)
{
	bool raw = c->terminal.raw;
	terminal_restore(&c->terminal);
	dprintf(STDERR_FILENO, "%sdetached\n", raw ? "\n" : "");
}

int console_serve(struct console *c, const char *id, bool send_stdin, bool terminal)
{
	const char *rest = wire_rest(&c->conn->wire, &c->in_size);
	memcpy(c->in, rest, c->in_size);
	c->send_stdin = send_stdin;
	/* Signals that came before there was a console. */
	flush_out(c);
	if (terminal)
		begin_terminal(c);
	for (;;) {
		deliver(c);
		if (c->detached)
			say_detached(c);
		if (c->over)
			return c->code;
		if (c->lost)
			break;
		turn(c);
	}
	/* From here on they are ctl's own again. */
	console_done(c);
	return aftermath_ask(c->conn, c->subject, id, c->session);
}

int console_call(struct console *c, const char *method, struct json_object *parameters,
	struct reply *ret_reply, struct error *err)
{
	if (connection_send(c->conn, method, parameters, CALL_UPGRADE, err) < 0)
		return -1;
	for (;;) {
		struct pollfd p[] = { { .fd = c->conn->fd, .events = POLLIN },
			{ .fd = c->signals, .events = POLLIN } };
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents != 0)
			take_signal(c, false);
		if (c->over)
			return error_set(err, ERROR_NONE, "interrupted");
		int result = p[0].revents != 0 ? connection_receive(c->conn, false, ret_reply, err) : 0;
		if (result != 0)
			return result < 0 ? -1 : 0;
	}
}
