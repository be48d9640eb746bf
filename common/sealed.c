#include "common/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "common/error.h"
#include "common/fd.h"

#ifndef MFD_EXEC /* Linux 6.3 */
#define MFD_EXEC 0x0010U
#endif

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

bool sealed_is(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);
	return seals >= 0 && (seals & SEALS) == SEALS;
}

int sealed_copy(int exe_fd, const char *name, int *ret_fd, struct error *err)
{
	struct stat st;
	off_t offset = 0;

	if (sealed_is(exe_fd)) {
		*ret_fd = fcntl(exe_fd, F_DUPFD_CLOEXEC, 0);
		return *ret_fd < 0 ? error_errno(err, "duplicate '%s'", name) : 0;
	}
	/* Before 6.3 the flag is unknown and every memfd may be executed. */
	_cleanup_fd_ int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || fstat(exe_fd, &st) < 0)
		return error_errno(err, "copy the executable '%s' into memory", name);
	while (offset < st.st_size) {
		ssize_t n = sendfile(fd, exe_fd, &offset, (size_t) (st.st_size - offset));
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO;
		if (n <= 0)
			return error_errno(err, "copy the executable '%s' into memory", name);
	}
	if (fchmod(fd, 0755) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return error_errno(err, "seal the executable '%s'", name);
	*ret_fd = steal_fd(&fd);
	return 0;
}
