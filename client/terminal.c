#include "client/terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

bool terminal_size(uint16_t *ret_rows, uint16_t *ret_columns)
{
	struct winsize size;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (ioctl(fd, TIOCGWINSZ, &size) == 0) {
			*ret_rows = size.ws_row;
			*ret_columns = size.ws_col;
			return true;
		}
	return false;
}

int terminal_make_raw(struct terminal *t)
{
	struct termios raw;
	if (!t->raw && tcgetattr(STDIN_FILENO, &t->saved) < 0)
		return -1;
	raw = t->saved;
	cfmakeraw(&raw);
	/* Stopped, ctl would leave its caller a raw terminal. */
	signal(SIGTSTP, SIG_IGN);
	/* Killed by a pipe that nobody reads any more it would, too: write(2) says so instead. */
	signal(SIGPIPE, SIG_IGN);
	/* What is waiting in it was typed for the container, too: nothing is flushed. */
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0)
		return -1;
	t->raw = true;
	return 0;
}

void terminal_restore(struct terminal *t)
{
	if (!t->raw)
		return;
	t->raw = false;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &t->saved);
	signal(SIGTSTP, SIG_DFL);
}

int terminal_shared(void)
{
	struct stat in, out;
	int flags = fcntl(STDIN_FILENO, F_GETFL);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || fstat(STDIN_FILENO, &in) < 0 ||
		fstat(STDOUT_FILENO, &out) < 0 || in.st_rdev != out.st_rdev || in.st_dev != out.st_dev)
		return -1;
	return flags >= 0 && (flags & O_ACCMODE) == O_RDWR ? STDIN_FILENO : -1;
}
