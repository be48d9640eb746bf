/*
 * no_nss.c - libevent_core names a few functions of libc that load NSS modules; nothing in a shim calls them.
 * These stand in for them, so that a static shim holds no code that could ever load a library, from a
 * container's file system least of all.
 */
#include <netdb.h>
#include <stddef.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
	(void) node, (void) service, (void) hints, (void) ret;
	return EAI_FAIL;
}

void freeaddrinfo(struct addrinfo *list)
{
	(void) list;
}

const char *gai_strerror(int code)
{
	(void) code;
	return "no name service";
}

struct servent *getservbyname(const char *name, const char *protocol)
{
	(void) name, (void) protocol;
	return NULL;
}

struct protoent *getprotobynumber(int number)
{
	(void) number;
	return NULL;
}
