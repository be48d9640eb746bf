/* What cannot be executed, and the words for it. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "runtime/program.h"
#include "tests/unit/unit.h"

static char folder[] = "/tmp/containerd-lite-test-XXXXXX";
static struct error err;

static void put_file(const char *name, const void *data, size_t size, mode_t mode)
{
	_cleanup_fd_ int fd = open(name, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, data, size), 0);
}

static void put_elf(const char *name, unsigned machine, const char *interpreter)
{
	struct {
		Elf64_Ehdr head;
		Elf64_Phdr part;
		char interpreter[64];
	} file = { 0 };
	memcpy(file.head.e_ident, ELFMAG, SELFMAG);
	file.head.e_ident[EI_CLASS] = ELFCLASS64;
	file.head.e_ident[EI_DATA] = ELFDATA2LSB;
	file.head.e_ident[EI_VERSION] = EV_CURRENT;
	file.head.e_type = ET_EXEC;
	file.head.e_machine = (Elf64_Half) machine;
	file.head.e_version = EV_CURRENT;
	file.head.e_phoff = sizeof file.head;
	file.head.e_ehsize = sizeof file.head;
	file.head.e_phentsize = sizeof file.part;
	file.head.e_phnum = 1;
	file.part.p_type = PT_INTERP;
	file.part.p_offset = offsetof(__typeof__(file), interpreter);
	file.part.p_filesz = strlen(interpreter) + 1;
	snprintf(file.interpreter, sizeof file.interpreter, "%s", interpreter);
	put_file(name, &file, sizeof file, 0755);
}

static int set_up(void **state)
{
	char cr[] = "#!/no/such\r\nx\n";
	(void) state;
	if (mkdtemp(folder) == NULL || chdir(folder) < 0)
		return -1;
	mkdir("folder", 0755);
	mkdir("path", 0755);
	put_file("plain", "x\n", 2, 0644);
	put_file("text", "echo hi\n", 8, 0755);
	put_file("empty", "", 0, 0755);
	put_file("script", "#! /no/such -x\n", 15, 0755);
	put_file("windows", cr, strlen(cr), 0755);
	put_file("path/denied", "x\n", 2, 0644);
	mkdir("path/sub", 0755);
	put_elf("foreign", EM_S390, "/no/loader");
#ifdef __x86_64__
	put_elf("loader", EM_X86_64, "/no/loader");
#endif
	return 0;
}

static int tear_down(void **state)
{
	char command[PATH_MAX];
	(void) state;
	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	return system(command);
}

static void check(const char *name, int exit_code, int errnum, const char *msg, const char *hint)
{
	char path[PATH_MAX], *argv[] = { (char *) name, NULL }, *envp[] = { path, NULL };
	snprintf(path, sizeof path, "PATH=%s/nowhere:%s/path", folder, folder);
	memset(&err, 0, sizeof err);
	assert_int_equal(program_execute(argv, envp, &err), -1);
	assert_int_equal(err.exit_code, exit_code);
	assert_int_equal(err.errnum, errnum);
	assert_string_equal(err.msg, msg);
	assert_string_equal(err.hint, hint);
}

static void test_explained(void **state)
{
	(void) state;
	check("./nowhere", 127, ENOENT, "execute './nowhere'", "");
	check("./plain/x", 127, ENOTDIR, "execute './plain/x'", "");
	check("./folder", 126, EISDIR, "execute './folder'", "");
	check("./plain", 126, EACCES, "execute './plain'", "the file is not executable: chmod +x");
	check("./text", 126, ENOEXEC, "execute './text'",
		"it is neither a program nor a script that begins with #!");
	check("./empty", 126, ENOEXEC, "execute './empty'", "the file is empty");
	check("./script", 127, ENOENT, "execute './script': its interpreter '/no/such'", "");
	check("./windows", 127, ENOENT, "execute './windows': its interpreter '/no/such'",
		"the script has Windows line ends");
#ifdef __x86_64__
	check("./foreign", 126, ENOEXEC, "execute './foreign'",
		"it is built for s390x, this machine is x86_64");
	check("./loader", 127, ENOENT, "execute './loader': its library loader '/no/loader'",
		"the program is for another distribution or C library, or its libraries are missing");
#endif
}

static void test_searched(void **state)
{
	char msg[PATH_MAX + 16];
	(void) state;
	check("nowhere", 127, ENOENT, "find 'nowhere' in PATH", "");
	check("sub", 127, ENOENT, "find 'sub' in PATH", ""); /* a folder of that name is no program */
	snprintf(msg, sizeof msg, "execute '%s/path/denied'", folder);
	check("denied", 126, EACCES, msg, "the file is not executable: chmod +x");
	check("", 127, ENOENT, "find '' in PATH", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_explained),
		cmocka_unit_test(test_searched),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
