#include "runtime/sysctl.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "runtime/child.h"
#include "runtime/proc.h"

#define NAME_MAX_BYTES	128
#define VALUE_MAX_BYTES 256

/* Settings that the kernel keeps per ipc or network namespace; a trailing '.' is a prefix. All others are the
 * machine's. kernel.hostname and kernel.domainname are config.json's hostname and domainname. */
static const char *const allowed[] = {
	"fs.mqueue.",
	"kernel.msgmax",
	"kernel.msgmnb",
	"kernel.msgmni",
	"kernel.sem",
	"kernel.shm_rmid_forced",
	"kernel.shmall",
	"kernel.shmmax",
	"kernel.shmmni",
	"net.",
};

static bool is_allowed(const char *key)
{
	for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
		size_t n = strlen(allowed[i]);
		bool prefix = allowed[i][n - 1] == '.';
		if (strncmp(key, allowed[i], n) == 0 && (prefix ? key[n] != '\0' : key[n] == '\0'))
			return true;
	}
	return false;
}

const char *sysctl_check(const char *key, const char *value)
{
	size_t n = strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
	if (key[n] != '\0' || n == 0 || n >= NAME_MAX_BYTES || strstr(key, "..") != NULL || key[n - 1] == '.')
		return "is not the name of a setting";
	if (strcmp(key, "kernel.hostname") == 0 || strcmp(key, "kernel.domainname") == 0)
		return strcmp(key, "kernel.hostname") == 0 ? "is what the host name is for"
							   : "is what the domain name is for";
	if (!is_allowed(key))
		return "belongs to no namespace of the container's";
	if (strlen(value) >= VALUE_MAX_BYTES || strpbrk(value, "\n=") != NULL)
		return "has a value that cannot be";
	return NULL;
}

uint32_t sysctl_namespace(const char *key)
{
	return strncmp(key, "net.", 4) == 0 ? CLONE_NEWNET : CLONE_NEWIPC;
}

int step_sysctls(struct child *c, struct error *err)
{
	if (c->spec.n_sysctls > 0 && proc_open(c, err) < 0)
		return -1;
	for (size_t i = 0; i < c->spec.n_sysctls; i++) {
		const struct spec_sysctl *s = &c->spec.sysctls[i];
		char file[NAME_MAX_BYTES + 8];
		snprintf(file, sizeof file, "sys/%s", s->key);
		for (char *p = file; *p != '\0'; p++)
			if (*p == '.')
				*p = '/';
		if (proc_write(c, file, s->value) < 0)
			return error_errno(err, "set '%s' to '%s'", s->key, s->value);
	}
	return 0;
}
