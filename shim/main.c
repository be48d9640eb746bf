/* main.c - containerd-lite-shim: spawner (started by the daemon), --init (inside a container), --bundle (by
 * hand). */
#include <stdio.h>
#include <string.h>

#include "runtime/start.h"
#include "shim/shim.h"

#define DAEMON_SOCK 3 /* where the daemon leaves its end when it executes the spawner */

int main(int argc, char **argv)
{
	if (argc >= 2 && strcmp(argv[1], "--init") == 0)
		return init_main(argc - 1, argv + 1);
	if (argc >= 2 && strcmp(argv[1], "--bundle") == 0)
		return bundle_main(argc, argv);
	if (argc == 2 && strcmp(argv[1], "--spawner") == 0)
		return spawner_main(DAEMON_SOCK);
	if (argc == 2 && strcmp(argv[1], "--hold") == 0)
		return hold_main();
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("containerd-lite-shim " VERSION);
		return 0;
	}
	fputs("containerd-lite-shim: started by containerd-lite; by hand only with --bundle DIR\n", stderr);
	return 125;
}
