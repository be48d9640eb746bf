#include "runtime/device_filter.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"

/* Nothing of the kernel's that the program calls is reserved for GPL programs; the license has to be named
 * all the same. */
#define LICENSE "GPL"

#define PROLOGUE 6
#define PER_RULE 11
#define EPILOGUE 4

#define INSN(code_, dst, src, off_, imm_)     \
	((struct bpf_insn) { .code = (code_), \
		.dst_reg = (dst),             \
		.src_reg = (src),             \
		.off = (off_),                \
		.imm = (int32_t) (imm_) })
#define LOAD(dst, field) \
	INSN(BPF_LDX | BPF_MEM | BPF_W, dst, BPF_REG_1, offsetof(struct bpf_cgroup_dev_ctx, field), 0)
#define MOVE(dst, src)	       INSN(BPF_ALU | BPF_MOV | BPF_X, dst, src, 0, 0)
#define SET(dst, imm)	       INSN(BPF_ALU | BPF_MOV | BPF_K, dst, 0, 0, imm)
#define AND(dst, imm)	       INSN(BPF_ALU | BPF_AND | BPF_K, dst, 0, 0, imm)
#define SHIFT(dst, imm)	       INSN(BPF_ALU | BPF_RSH | BPF_K, dst, 0, 0, imm)
#define JUMP_EQ(dst, imm, off) INSN(BPF_JMP32 | BPF_JEQ | BPF_K, dst, 0, off, imm)
#define JUMP_NE(dst, imm, off) INSN(BPF_JMP32 | BPF_JNE | BPF_K, dst, 0, off, imm)
#define JUMP(off)	       INSN(BPF_JMP | BPF_JA, 0, 0, off, 0)
#define EXIT()		       INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

enum { TYPE = BPF_REG_2, WANTED = BPF_REG_3, MAJOR = BPF_REG_4, MINOR = BPF_REG_5, SCRATCH = BPF_REG_6 };

int device_access_parse(const char *text, uint32_t *ret_access)
{
	static const struct {
		char letter;
		uint32_t access;
	} letters[] = { { 'r', DEVICE_READ }, { 'w', DEVICE_WRITE }, { 'm', DEVICE_MKNOD } };
	uint32_t access = 0;
	for (const char *p = text; *p != '\0'; p++) {
		size_t i = 0;
		while (i < 3 && letters[i].letter != *p)
			i++;
		if (i == 3 || access & letters[i].access)
			return -1;
		access |= letters[i].access;
	}
	if (access == 0)
		return -1;
	*ret_access = access;
	return 0;
}

bool device_rule_is_all(const struct device_rule *rule)
{
	return rule->type == 'a' && rule->access == DEVICE_ALL && rule->major == DEVICE_ANY &&
	       rule->minor == DEVICE_ANY;
}

/* "If reg is not value, on to the next rule", whose place end is not known yet. The way on comes first, since
 * that is the order in which the kernel's verifier looks at the two: having seen the next rule with nothing
 * known of the device, it need not look again for each one that is, and its work stays linear in the number
 * of rules. */
static size_t add_condition(struct bpf_insn *out, uint8_t reg, int64_t value)
{
	out[0] = JUMP_EQ(reg, value, 1);
	out[1] = JUMP(0);
	return 2;
}

/* One rule. WANTED holds what is not decided yet. */
static size_t compile_rule(const struct device_rule *rule, struct bpf_insn *out)
{
	size_t n = 0, conditions;
	if (rule->type != 'a')
		n += add_condition(
			out + n, TYPE, rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if (rule->major != DEVICE_ANY)
		n += add_condition(out + n, MAJOR, rule->major);
	if (rule->minor != DEVICE_ANY)
		n += add_condition(out + n, MINOR, rule->minor);
	conditions = n;
	if (rule->allow) {
		/* Allowed once nothing is left that a rule before this one would have to allow. */
		out[n++] = AND(WANTED, ~rule->access);
		out[n++] = JUMP_NE(WANTED, 0, 2);
	} else {
		out[n++] = MOVE(SCRATCH, WANTED);
		out[n++] = AND(SCRATCH, rule->access);
		out[n++] = JUMP_EQ(SCRATCH, 0, 2);
	}
	out[n++] = SET(BPF_REG_0, rule->allow);
	out[n++] = EXIT();
	for (size_t i = 1; i < conditions; i += 2)
		out[i].off = (int16_t) (n - i - 1);
	return n;
}

size_t device_filter_compile(const struct device_rule *rules, size_t n, struct bpf_insn **ret_program)
{
	struct bpf_insn *program = calloc(PROLOGUE + n * PER_RULE + EPILOGUE, sizeof *program);
	size_t size = 0;
	if (program == NULL)
		abort();
	program[size++] = LOAD(TYPE, access_type);
	program[size++] = LOAD(MAJOR, major);
	program[size++] = LOAD(MINOR, minor);
	program[size++] = MOVE(WANTED, TYPE);
	program[size++] = AND(TYPE, 0xffff);
	program[size++] = SHIFT(WANTED, 16);
	for (size_t i = n; i-- > 0;)
		size += compile_rule(&rules[i], program + size);
	/* Denied, but for who only looked whether it is there. */
	program[size++] = SET(BPF_REG_0, 0);
	program[size++] = JUMP_NE(WANTED, 0, 1);
	program[size++] = SET(BPF_REG_0, 1);
	program[size++] = EXIT();
	*ret_program = program;
	return size;
}

static int sys_bpf(int command, union bpf_attr *attr)
{
	return (int) syscall(SYS_bpf, command, attr, sizeof *attr);
}

static int load(const struct device_rule *rules, size_t n)
{
	_cleanup_free_ struct bpf_insn *program = NULL;
	union bpf_attr attr;
	memset(&attr, 0, sizeof attr);
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.expected_attach_type = BPF_CGROUP_DEVICE;
	attr.insn_cnt = (uint32_t) device_filter_compile(rules, n, &program);
	attr.insns = (uintptr_t) program;
	attr.license = (uintptr_t) LICENSE;
	memcpy(attr.prog_name, "ctl_devices", sizeof "ctl_devices");
	return sys_bpf(BPF_PROG_LOAD, &attr);
}

/* The one that is attached to this very cgroup: its descriptor, -1 where there is none, -2 with errno. */
static int find_attached(int cgroup_fd)
{
	union bpf_attr attr;
	uint32_t id = 0;
	memset(&attr, 0, sizeof attr);
	attr.query.target_fd = (uint32_t) cgroup_fd;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = (uintptr_t) &id;
	attr.query.prog_cnt = 1;
	/* ENOSPC: there are several, of which this is the first. */
	if (sys_bpf(BPF_PROG_QUERY, &attr) < 0 && errno != ENOSPC)
		return -2;
	if (attr.query.prog_cnt == 0)
		return -1;
	memset(&attr, 0, sizeof attr);
	attr.prog_id = id;
	int fd = sys_bpf(BPF_PROG_GET_FD_BY_ID, &attr);
	return fd < 0 ? -2 : fd;
}

/* MULTI: a program further up (systemd's, say) stays in force, and so does this one for all cgroups below. */
static int attach(int cgroup_fd, int program, int old)
{
	union bpf_attr attr;
	memset(&attr, 0, sizeof attr);
	attr.target_fd = (uint32_t) cgroup_fd;
	attr.attach_bpf_fd = (uint32_t) program;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (old >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t) old;
	}
	return sys_bpf(BPF_PROG_ATTACH, &attr);
}

/* Forbidden to us, or the kernel was built without it. */
static bool is_absent(int errnum)
{
	return errnum == EPERM || errnum == ENOSYS || errnum == EINVAL;
}

static int refused(struct error *err, const char *what)
{
	bool absent = is_absent(errno);
	error_errno(err, "%s", what);
	if (absent)
		err->kind = ERROR_NOT_PERMITTED;
	return -1;
}

/* Whether nothing is denied: behind the last rule about everything, which allows, there are only more of that
 * kind. */
static bool allows_all(const struct device_rule *rules, size_t n)
{
	while (n-- > 0) {
		if (!rules[n].allow)
			return false;
		if (device_rule_is_all(&rules[n]))
			return true;
	}
	return false;
}

int device_filter_attach(int cgroup_fd, const struct device_rule *rules, size_t n, struct error *err)
{
	_cleanup_fd_ int program = -1, old = -1;
	bool none = allows_all(rules, n);
	old = find_attached(cgroup_fd);
	if (none && (old == -1 || (old == -2 && is_absent(errno))))
		return 0;
	if (old == -2)
		return refused(err, "ask bpf(2) for the cgroup's device filter");
	program = load(rules, n);
	if (program < 0)
		return refused(err, "load the device filter with bpf(2)");
	if (attach(cgroup_fd, program, old) < 0)
		return refused(err, "attach the device filter with bpf(2)");
	return 0;
}

int device_filter_attached(int cgroup_fd)
{
	union bpf_attr attr;
	memset(&attr, 0, sizeof attr);
	attr.query.target_fd = (uint32_t) cgroup_fd;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	return sys_bpf(BPF_PROG_QUERY, &attr) < 0 ? -1 : attr.query.prog_cnt > 0;
}

bool device_filter_possible(void)
{
	_cleanup_fd_ int program = load(NULL, 0);
	return program >= 0;
}
