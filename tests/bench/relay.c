/* relay.c - relay PROGRAM…: the least that stands between a user's terminal and a program on another one: one
 * process that copies. Standard input and output are the user's, raw already. For bench/terminal.py. */
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

static int copy(int from, int to)
{
	static char data[65536];
	ssize_t n = read(from, data, sizeof data);
	for (ssize_t done = 0; done < n;) {
		ssize_t m = write(to, data + done, (size_t) (n - done));
		if (m < 0)
			return -1;
		done += m;
	}
	return n > 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
	int master;
	pid_t pid = argc < 2 ? -1 : forkpty(&master, NULL, NULL, NULL);
	if (pid == 0) {
		execv(argv[1], argv + 1);
		_exit(127);
	}
	struct pollfd p[] = { { .fd = 0, .events = POLLIN }, { .fd = master, .events = POLLIN } };
	while (pid > 0 && poll(p, 2, -1) > 0) {
		if (p[0].revents != 0 && copy(0, master) < 0)
			p[0].fd = -1;
		if (p[1].revents != 0 && copy(master, 1) < 0)
			break;
	}
	return pid > 0 ? waitpid(pid, NULL, 0) < 0 : 1;
}
