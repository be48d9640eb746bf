#include "runtime/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"

#define HEADER_MAX   4096
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#if defined __x86_64__
#define OWN_MACHINE EM_X86_64
#elif defined __aarch64__
#define OWN_MACHINE EM_AARCH64
#elif defined __riscv
#define OWN_MACHINE EM_RISCV
#else
#define OWN_MACHINE EM_NONE
#endif

static const struct {
	unsigned machine;
	const char *name;
} machines[] = {
	{ EM_386, "i386" },
	{ EM_X86_64, "x86_64" },
	{ EM_ARM, "arm" },
	{ EM_AARCH64, "arm64" },
	{ EM_RISCV, "riscv" },
	{ EM_PPC64, "ppc64" },
	{ EM_S390, "s390x" },
	{ EM_MIPS, "mips" },
};

static const char *machine_name(unsigned machine)
{
	for (size_t i = 0; i < sizeof machines / sizeof *machines; i++)
		if (machines[i].machine == machine)
			return machines[i].name;
	return "another machine";
}

static int failed(struct error *err, int exit_code, int errnum, const char *path)
{
	err->errnum = errnum;
	err->exit_code = exit_code;
	return error_path(err, path);
}

/* The interpreter that an ELF file's first bytes ask for, if they tell. */
static bool elf_interpreter(const char *data, size_t size, char *ret_path, size_t room)
{
	Elf64_Ehdr head;
	if (size < sizeof head || data[EI_CLASS] != ELFCLASS64)
		return false;
	memcpy(&head, data, sizeof head);
	for (unsigned i = 0; i < head.e_phnum && i < 64; i++) {
		Elf64_Phdr part;
		if (head.e_phoff > size || size - head.e_phoff < (i + 1) * sizeof part)
			return false;
		memcpy(&part, data + head.e_phoff + i * sizeof part, sizeof part);
		if (part.p_type != PT_INTERP)
			continue;
		if (part.p_offset >= size || part.p_filesz == 0 || part.p_filesz > size - part.p_offset)
			return false;
		snprintf(ret_path, room, "%.*s", (int) part.p_filesz, data + part.p_offset);
		return true;
	}
	return false;
}

/* The first word after "#!". */
static bool script_interpreter(const char *data, size_t size, char *ret_path, size_t room)
{
	if (size < 3 || memcmp(data, "#!", 2) != 0)
		return false;
	size_t skip = 2 + strspn(data + 2, " \t"), n = strcspn(data + skip, " \t\r\n");
	snprintf(ret_path, room, "%.*s", (int) n, data + skip);
	return n > 0;
}

/* ENOENT of a file that is there means the program that has to load it. */
static int explain_missing(const char *path, const char *data, size_t size, bool exists, struct error *err)
{
	char interpreter[PATH_MAX];
	if (exists && script_interpreter(data, size, interpreter, sizeof interpreter)) {
		error_set(err, ERROR_FAILED, "execute '%s': its interpreter '%s'", path, interpreter);
		if (memchr(data, '\r', size) != NULL)
			error_hint(err, "the script has Windows line ends");
	} else if (exists && elf_interpreter(data, size, interpreter, sizeof interpreter)) {
		error_set(err, ERROR_FAILED, "execute '%s': its library loader '%s'", path, interpreter);
		error_hint(err,
			"the program is for another distribution or C library, or its libraries are missing");
	} else {
		error_set(err, ERROR_FAILED, "execute '%s'", path);
	}
	return failed(err, 127, ENOENT, path);
}

static int explain_denied(const char *path, const struct stat *st, struct error *err)
{
	struct statvfs fs;
	error_set(err, ERROR_FAILED, "execute '%s'", path);
	if (st->st_mode != 0 && S_ISDIR(st->st_mode))
		return failed(err, 126, EISDIR, path);
	if (st->st_mode != 0 && !S_ISREG(st->st_mode))
		error_hint(err, "it is not a regular file");
	else if (statvfs(path, &fs) == 0 && fs.f_flag & ST_NOEXEC)
		error_hint(err, "it lies on a file system that is mounted noexec");
	else if (st->st_mode != 0 && !(st->st_mode & 0111))
		error_hint(err, "the file is not executable: chmod +x");
	return failed(err, 126, EACCES, path);
}

static int explain_format(const char *path, const char *data, size_t size, struct error *err)
{
	Elf64_Ehdr head;
	error_set(err, ERROR_FAILED, "execute '%s'", path);
	if (size >= sizeof head && memcmp(data, ELFMAG, SELFMAG) == 0) {
		memcpy(&head, data, sizeof head);
		if (head.e_machine != OWN_MACHINE)
			error_hint(err, "it is built for %s, this machine is %s",
				machine_name(head.e_machine), machine_name(OWN_MACHINE));
	} else if (size == 0) {
		error_hint(err, "the file is empty");
	} else {
		error_hint(err, "it is neither a program nor a script that begins with #!");
	}
	return failed(err, 126, ENOEXEC, path);
}

/* What execve(2)'s errno means for this file. */
static int explain(const char *path, int errnum, struct error *err)
{
	char data[HEADER_MAX + 1];
	struct stat st = { 0 };
	bool exists = stat(path, &st) == 0;
	_cleanup_fd_ int fd = S_ISREG(st.st_mode) ? open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
	ssize_t n = fd < 0 ? 0 : fd_read_all(fd, data, HEADER_MAX);
	size_t size = n < 0 ? 0 : (size_t) n;
	data[size] = '\0';
	switch (errnum) {
	case ENOENT: return explain_missing(path, data, size, exists, err);
	case ENOTDIR:
		error_set(err, ERROR_FAILED, "execute '%s'", path);
		return failed(err, 127, errnum, path);
	case EACCES: return explain_denied(path, &st, err);
	case ENOEXEC: return explain_format(path, data, size, err);
	case E2BIG:
		error_set(err, ERROR_FAILED, "execute '%s': arguments and environment", path);
		return failed(err, 126, errnum, path);
	case ETXTBSY:
		error_set(err, ERROR_FAILED, "execute '%s'", path);
		error_hint(err, "something has the file open for writing");
		return failed(err, 126, errnum, path);
	default: error_set(err, ERROR_FAILED, "execute '%s'", path); return failed(err, 126, errnum, path);
	}
}

static const char *search_path(char *const envp[])
{
	for (; *envp != NULL; envp++)
		if (strncmp(*envp, "PATH=", 5) == 0)
			return *envp + 5;
	return DEFAULT_PATH;
}

/* Like execvp(3), but for a shell that would take what the kernel does not know. Remembers the most telling
 * failure: a file that is there and cannot be executed. */
static int search(char *const argv[], char *const envp[], struct error *err)
{
	const char *name = argv[0], *p = search_path(envp);
	char path[PATH_MAX], denied[PATH_MAX] = "";
	int denied_errno = 0;
	for (;;) {
		size_t n = strcspn(p, ":");
		/* An empty entry is the working directory (POSIX). */
		int size = snprintf(path, sizeof path, "%.*s%s%s", (int) n, p, n > 0 ? "/" : "./", name);
		if (size < (int) sizeof path) {
			execve(path, argv, envp);
			struct stat st;
			bool absent = (errno == ENOENT || errno == ENOTDIR) && lstat(path, &st) < 0;
			bool folder = errno == EACCES && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
			if (!absent && !folder && denied_errno == 0) {
				denied_errno = errno;
				memcpy(denied, path, sizeof denied);
			}
		}
		if (p[n] == '\0')
			break;
		p += n + 1;
	}
	if (denied_errno != 0)
		return explain(denied, denied_errno, err);
	error_set(err, ERROR_FAILED, "find '%s' in PATH", name);
	return failed(err, 127, ENOENT, name);
}

int program_execute(char *const argv[], char *const envp[], struct error *err)
{
	if (strchr(argv[0], '/') == NULL)
		return search(argv, envp, err);
	execve(argv[0], argv, envp);
	return explain(argv[0], errno, err);
}

/* A Ctrl-C for a daemon in the foreground goes to its whole process group; whoever reads from us may be gone.
 */
static const int ignored[] = { SIGINT, SIGHUP, SIGPIPE };

static void set_ignored(sighandler_t handler)
{
	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		signal(ignored[i], handler);
}

void program_ignore_signals(void)
{
	program_reset_signals();
	set_ignored(SIG_IGN);
}

void program_heed_signals(void)
{
	sigset_t none;
	sigemptyset(&none);
	set_ignored(SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void program_reset_signals(void)
{
	/* Not by sigaction(3): the C library keeps 32 and 33 to itself, and an ignored one would be
	 * inherited. */
	static const unsigned long kernel_default[4];
	sigset_t none;
	for (int sig = 1; sig < NSIG; sig++)
		syscall(SYS_rt_sigaction, sig, kernel_default, NULL, sizeof(uint64_t));
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}
