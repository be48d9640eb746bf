/* "user\npasswd\0group": files of an image's author. */
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "runtime/fields.h"
#include "runtime/user.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct user user;
	struct error err = { 0 };
	struct strings none = { 0 };
	char *text = malloc(size + 2), *passwd = text;
	memcpy(text, data, size);
	text[size] = text[size + 1] = '\0';
	passwd += strcspn(text, "\n");
	if (*passwd == '\n')
		*passwd++ = '\0';
	const char *group = passwd + strlen(passwd);
	group += group < text + size;
	int result = user_resolve(text, &none, passwd, group, &user, &err);
	if (result < 0 ? err.msg[0] == '\0'
		       : user.uid == UINT32_MAX || user.gid == UINT32_MAX || user.n_gids == 0)
		abort();
	free(text);
	return 0;
}
