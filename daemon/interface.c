#include "daemon/interface.h"

#include <string.h>

#include "common/error.h"
#include "common/idl.h"

/* The file's text with a NUL behind it. */
#define EMBED(symbol, file)                                                             \
	__asm__(".section .rodata\n.balign 16\n" #symbol ":\n.incbin \"interface/" file \
		".varlink\"\n.byte 0\n.previous\n");                                    \
	extern const char symbol[]

EMBED(interface_service, "org.varlink.service");
EMBED(interface_container, "io.containerdlite.container");
EMBED(interface_system, "io.containerdlite.system");

static const char *const texts[] = { interface_service, interface_container, interface_system };
#define N_INTERFACES (sizeof(texts) / sizeof(texts[0]))

static struct idl *interfaces[N_INTERFACES];

int interfaces_open(struct error *err)
{
	for (unsigned i = 0; i < N_INTERFACES; i++) {
		interfaces[i] = idl_parse(texts[i], err);
		if (!interfaces[i]) {
			interfaces_close();
			return error_wrap(err, "interface description %u", i);
		}
	}
	return 0;
}

void interfaces_close(void)
{
	for (unsigned i = 0; i < N_INTERFACES; i++) {
		idl_free(interfaces[i]);
		interfaces[i] = NULL;
	}
}

const struct idl *interface_find(const char *name)
{
	for (unsigned i = 0; i < N_INTERFACES; i++)
		if (strcmp(idl_name(interfaces[i]), name) == 0)
			return interfaces[i];
	return NULL;
}

const struct idl *interface_at(unsigned i)
{
	return i < N_INTERFACES ? interfaces[i] : NULL;
}
