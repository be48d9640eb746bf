/* What the container is called, and its loopback. */
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "runtime/child.h"
#include "runtime/start.h"

int step_hostname(struct child *c, struct error *err)
{
	const char *host = c->spec.hostname, *domain = c->spec.domainname;
	if (host != NULL && sethostname(host, strlen(host)) < 0)
		return error_errno(err, "set the host name '%s'", host);
	if (domain != NULL && setdomainname(domain, strlen(domain)) < 0)
		return error_errno(err, "set the domain name '%s'", domain);
	return 0;
}

int step_loopback(struct child *c, struct error *err)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	if (c->start->shared & CLONE_NEWNET)
		return 0;
	_cleanup_fd_ int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0 || ioctl(sock, SIOCSIFFLAGS, &request) < 0)
		return error_errno(err, "bring up the loopback");
	return 0;
}
