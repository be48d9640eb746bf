#include "shim/input_end.h"

#include <event2/event.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#define LOOK_MS	  50
#define QUIET	  2  /* looks in a row without output and without input that is not read: it is at rest */
#define LOOKS_MAX 40 /* one that is never at rest gets it all the same */

/* The key, and whether the terminal is in canonical mode. False: there is no such key. */
static bool end_key(const struct input_end *e, uint8_t *ret_key, bool *ret_canonical)
{
	struct termios t;
	if (tcgetattr(e->master, &t) < 0 || t.c_cc[VEOF] == 0)
		return false;
	*ret_key = t.c_cc[VEOF];
	*ret_canonical = t.c_lflag & ICANON;
	return true;
}

static void look_again(struct input_end *e)
{
	struct timeval tv = { .tv_usec = LOOK_MS * 1000 };
	event_add(e->timer, &tv);
}

static bool at_rest(const struct input_end *e)
{
	return e->quiet >= QUIET || e->looks >= LOOKS_MAX;
}

/* As many of the keys as may be typed now. */
static void type(struct input_end *e)
{
	uint8_t key;
	bool canonical;
	while (e->due > 0) {
		if (!end_key(e, &key, &canonical)) {
			e->due = 0;
			return;
		}
		if ((!canonical && !at_rest(e)) || write(e->master, &key, 1) < 0) {
			look_again(e);
			return;
		}
		e->due--;
		e->in_line = canonical;
	}
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct input_end *e = arg;
	struct pollfd p = { .fd = e->peer, .events = POLLIN };
	(void) fd, (void) what;
	/* poll(2) also hurries along what is still on its way to the other side. */
	bool unread = poll(&p, 1, 0) == 1 && (p.revents & POLLIN);
	e->quiet = unread || e->output ? 0 : e->quiet + 1;
	e->looks++;
	e->output = false;
	type(e);
}

static void begin(struct input_end *e, unsigned keys)
{
	e->due = keys;
	e->looks = e->quiet = 0;
	e->output = e->in_line = false;
	type(e);
}

void input_end_init(struct input_end *e, struct event_base *base, int master, int peer)
{
	*e = (struct input_end) { .master = master, .peer = peer };
	e->timer = event_new(base, -1, 0, on_look, e);
}

void input_end_done(struct input_end *e)
{
	if (e->timer != NULL)
		event_free(e->timer);
	*e = (struct input_end) { 0 };
}

void input_end_type(struct input_end *e, uint8_t last)
{
	uint8_t key;
	bool canonical;
	if (e->timer == NULL || !end_key(e, &key, &canonical))
		return;
	bool finished = last == 0 || last == '\n' || last == '\r' || last == key;
	/* Behind an unfinished line the first key only hands that line over. */
	begin(e, canonical && !finished ? 2 : 1);
}

void input_end_output(struct input_end *e)
{
	uint8_t key;
	bool canonical;
	e->output = true;
	if (!e->in_line)
		return;
	if (!end_key(e, &key, &canonical))
		e->in_line = false;
	else if (!canonical)
		begin(e, 1);
}
