/* The program's verdicts, by a small interpreter of the instructions that it is made of; and the kernel's own
 * opinion of it, on a cgroup of ours, where that can be had. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "runtime/cgroup.h"
#include "runtime/defaults.h"
#include "runtime/device_filter.h"
#include "tests/unit/unit.h"

static uint32_t load_field(const struct bpf_cgroup_dev_ctx *ctx, int16_t offset)
{
	uint32_t value;
	assert_true(offset >= 0 && (size_t) offset + sizeof value <= sizeof *ctx);
	memcpy(&value, (const char *) ctx + offset, sizeof value);
	return value;
}

/* Ends at the first instruction that it does not know, or that jumps out of the program: so it proves that
 * there is none. */
static uint32_t interpret(const struct bpf_insn *program, size_t size, const struct bpf_cgroup_dev_ctx *ctx)
{
	uint32_t r[11] = { 0 };
	for (size_t pc = 0; pc < size; pc++) {
		const struct bpf_insn *in = &program[pc];
		uint32_t imm = (uint32_t) in->imm;
		switch (in->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			assert_int_equal(in->src_reg, BPF_REG_1);
			r[in->dst_reg] = load_field(ctx, in->off);
			break;
		case BPF_ALU | BPF_MOV | BPF_X: r[in->dst_reg] = r[in->src_reg]; break;
		case BPF_ALU | BPF_MOV | BPF_K: r[in->dst_reg] = imm; break;
		case BPF_ALU | BPF_AND | BPF_K: r[in->dst_reg] &= imm; break;
		case BPF_ALU | BPF_RSH | BPF_K: r[in->dst_reg] >>= imm; break;
		case BPF_JMP32 | BPF_JEQ | BPF_K: pc += r[in->dst_reg] == imm ? (size_t) in->off : 0; break;
		case BPF_JMP32 | BPF_JNE | BPF_K: pc += r[in->dst_reg] != imm ? (size_t) in->off : 0; break;
		case BPF_JMP | BPF_JA: pc += (size_t) in->off; break;
		case BPF_JMP | BPF_EXIT: return r[0];
		default: fail_msg("instruction %zu: unknown code %x", pc, in->code);
		}
	}
	fail_msg("the program has no end");
	return 0;
}

static bool ask(const struct device_rule *rules, size_t n, char type, uint32_t major_number,
	uint32_t minor_number, uint32_t access)
{
	struct bpf_insn *program;
	struct bpf_cgroup_dev_ctx ctx = {
		.access_type = access << 16 | (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
		.major = major_number,
		.minor = minor_number,
	};
	size_t size = device_filter_compile(rules, n, &program);
	uint32_t verdict = interpret(program, size, &ctx);
	free(program);
	assert_true(verdict <= 1);
	return verdict == 1;
}

#define N(array) (sizeof(array) / sizeof *(array))

struct question {
	char type;
	uint32_t major, minor, access;
	bool verdict;
};

static void check(const struct device_rule *rules, size_t n, const struct question *questions, size_t asked)
{
	for (size_t i = 0; i < asked; i++) {
		const struct question *q = &questions[i];
		if (ask(rules, n, q->type, q->major, q->minor, q->access) != q->verdict)
			fail_msg("question %zu: %c %u:%u %u is not %d", i, q->type, q->major, q->minor,
				q->access, q->verdict);
	}
}

static void test_defaults(void **state)
{
	static const struct question questions[] = {
		{ 'c', 1, 3, DEVICE_ALL, true },
		{ 'c', 1, 5, DEVICE_READ, true },
		{ 'c', 1, 7, DEVICE_WRITE, true },
		{ 'c', 1, 8, DEVICE_READ | DEVICE_WRITE, true },
		{ 'c', 1, 9, DEVICE_READ, true },
		{ 'c', 5, 0, DEVICE_READ | DEVICE_WRITE, true },
		{ 'c', 5, 2, DEVICE_READ | DEVICE_WRITE, true },
		{ 'c', 136, 0, DEVICE_READ, true },
		{ 'c', 136, 1048575, DEVICE_WRITE, true },
		/* made, and never opened */
		{ 'c', 10, 200, DEVICE_MKNOD, true },
		{ 'b', 8, 0, DEVICE_MKNOD, true },
		{ 'c', 10, 200, DEVICE_READ, false },
		{ 'b', 8, 0, DEVICE_READ, false },
		{ 'b', 8, 0, DEVICE_MKNOD | DEVICE_READ, false },
		/* those next to the allowed ones */
		{ 'b', 1, 3, DEVICE_READ, false },
		{ 'c', 1, 1, DEVICE_READ, false },
		{ 'c', 1, 2, DEVICE_WRITE, false },
		{ 'c', 1, 4, DEVICE_READ, false },
		{ 'c', 1, 11, DEVICE_READ, false },
		{ 'c', 5, 1, DEVICE_WRITE, false },
		{ 'c', 137, 0, DEVICE_READ, false },
		{ 'c', 4, 0, DEVICE_READ, false },
		{ 'c', 257, 3, DEVICE_READ, false },
		{ 'c', 1, 259, DEVICE_READ, false },
		{ 'c', UINT32_MAX, UINT32_MAX, DEVICE_READ, false },
		/* only looked at */
		{ 'c', 10, 200, 0, true },
	};
	(void) state;
	check(default_device_rules, default_device_rules_count, questions, N(questions));
}

static void test_nothing_allowed(void **state)
{
	static const struct question questions[] = {
		{ 'c', 1, 3, DEVICE_READ, false },
		{ 'b', 1, 3, DEVICE_MKNOD, false },
		{ 'c', 1, 3, 0, true },
	};
	(void) state;
	check(NULL, 0, questions, N(questions));
}

/* For each kind of access the last rule counts. */
static void test_order(void **state)
{
	static const struct device_rule rules[] = {
		{ true, 'a', DEVICE_ALL, DEVICE_ANY, DEVICE_ANY },
		{ false, 'b', DEVICE_ALL, DEVICE_ANY, DEVICE_ANY },
		{ true, 'b', DEVICE_READ, 8, DEVICE_ANY },
		{ false, 'b', DEVICE_READ | DEVICE_MKNOD, 8, 3 },
		{ true, 'b', DEVICE_WRITE, 8, 3 },
		{ false, 'c', DEVICE_WRITE, DEVICE_ANY, 7 },
		{ true, 'c', DEVICE_READ, 9, 9 },
		{ true, 'c', DEVICE_WRITE, 9, 9 },
	};
	static const struct question questions[] = {
		{ 'c', 200, 1, DEVICE_ALL, true },
		{ 'b', 7, 0, DEVICE_READ, false },
		{ 'b', 8, 0, DEVICE_READ, true },
		{ 'b', 8, 0, DEVICE_READ | DEVICE_WRITE, false },
		{ 'b', 8, 3, DEVICE_READ, false },
		{ 'b', 8, 3, DEVICE_WRITE, true },
		{ 'b', 8, 3, DEVICE_READ | DEVICE_WRITE, false },
		{ 'c', 1, 7, DEVICE_READ, true },
		{ 'c', 1, 7, DEVICE_WRITE, false },
		{ 'c', 9, 9, DEVICE_READ | DEVICE_WRITE, true },
		{ 'c', 9, 9, DEVICE_ALL, true },
	};
	(void) state;
	check(rules, N(rules), questions, N(questions));
}

static void test_many_rules(void **state)
{
	struct device_rule *rules = calloc(DEVICE_RULES_MAX, sizeof *rules);
	(void) state;
	for (int64_t i = 0; i < DEVICE_RULES_MAX; i++)
		rules[i] = (struct device_rule) { true, 'c', DEVICE_READ, i, i };
	assert_true(ask(rules, DEVICE_RULES_MAX, 'c', 0, 0, DEVICE_READ));
	assert_true(
		ask(rules, DEVICE_RULES_MAX, 'c', DEVICE_RULES_MAX - 1, DEVICE_RULES_MAX - 1, DEVICE_READ));
	assert_false(ask(rules, DEVICE_RULES_MAX, 'c', 5, 6, DEVICE_READ));
	free(rules);
}

static void test_access(void **state)
{
	static const char *const wrong[] = { "", "x", "rr", "rwmr", "r w", "rwm ", "R" };
	uint32_t access = 0;
	(void) state;
	assert_int_equal(device_access_parse("mwr", &access), 0);
	assert_int_equal(access, DEVICE_ALL);
	assert_int_equal(device_access_parse("w", &access), 0);
	assert_int_equal(access, DEVICE_WRITE);
	for (size_t i = 0; i < N(wrong); i++)
		assert_int_equal(device_access_parse(wrong[i], &access), -1);
	assert_int_equal(access, DEVICE_WRITE);
}

/* ---- the kernel ---- */

/* In a process of that cgroup: 0, or the errno of opening the device. */
static int open_inside(int cgroup_fd, const char *path, int flags)
{
	int status = 0;
	pid_t pid = fork();
	if (pid == 0) {
		int procs = openat(cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
		if (procs < 0 || write(procs, "0", 1) != 1)
			_exit(255);
		_exit(open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) < 0 ? errno : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static uint32_t count_attached(int cgroup_fd)
{
	union bpf_attr attr;
	memset(&attr, 0, sizeof attr);
	attr.query.target_fd = (uint32_t) cgroup_fd;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	assert_int_equal(syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof attr), 0);
	return attr.query.prog_cnt;
}

static void test_attach(void **state)
{
	static const struct device_rule all[] = { { true, 'a', DEVICE_ALL, DEVICE_ANY, DEVICE_ANY } };
	static const struct device_rule only_read[] = { { true, 'c', DEVICE_READ, 1, 3 } };
	static const struct device_rule other[] = { { true, 'c', DEVICE_ALL, 1, 5 } };
	_cleanup_fd_ int mount = -1, cgroup = -1;
	char path[PATH_MAX], name[64];
	struct error err = { 0 };
	(void) state;
	snprintf(name, sizeof name, "containerd-lite-test-devices-%d", (int) getpid());
	if (geteuid() != 0 || !device_filter_possible() ||
		cgroup_open_mount(path, sizeof path, &mount, &err) < 0 ||
		cgroup_make(mount, name, &cgroup, &err) < 0)
		skip();
	/* Rules that deny nothing need no program. */
	assert_int_equal(device_filter_attach(cgroup, all, N(all), &err), 0);
	assert_int_equal(count_attached(cgroup), 0);
	assert_int_equal(device_filter_attach(cgroup, only_read, N(only_read), &err), 0);
	assert_int_equal(count_attached(cgroup), 1);
	assert_int_equal(open_inside(cgroup, "/dev/null", O_RDONLY), 0);
	assert_int_equal(open_inside(cgroup, "/dev/null", O_RDWR), EPERM);
	assert_int_equal(open_inside(cgroup, "/dev/zero", O_RDONLY), EPERM);
	/* The second takes the first one's place, and so does the one that allows all. */
	assert_int_equal(device_filter_attach(cgroup, other, N(other), &err), 0);
	assert_int_equal(count_attached(cgroup), 1);
	assert_int_equal(open_inside(cgroup, "/dev/null", O_RDONLY), EPERM);
	assert_int_equal(open_inside(cgroup, "/dev/zero", O_RDWR), 0);
	assert_int_equal(device_filter_attach(cgroup, all, N(all), &err), 0);
	assert_int_equal(count_attached(cgroup), 1);
	assert_int_equal(open_inside(cgroup, "/dev/null", O_RDWR), 0);
	assert_int_equal(cgroup_remove(mount, name, 1000, &err), 0);
}

/* The longest program that a container can have is one that the kernel takes. */
static void test_kernel_takes_many(void **state)
{
	struct device_rule *rules = calloc(DEVICE_RULES_MAX, sizeof *rules);
	_cleanup_fd_ int mount = -1, cgroup = -1;
	char path[PATH_MAX], name[64];
	struct error err = { 0 };
	(void) state;
	snprintf(name, sizeof name, "containerd-lite-test-rules-%d", (int) getpid());
	for (int64_t i = 0; i < DEVICE_RULES_MAX; i++)
		rules[i] = (struct device_rule) { i % 2 == 0, i % 3 == 0 ? 'a' : 'b', 1 + (uint32_t) i % 7, i,
			i };
	if (geteuid() != 0 || !device_filter_possible() ||
		cgroup_open_mount(path, sizeof path, &mount, &err) < 0 ||
		cgroup_make(mount, name, &cgroup, &err) < 0) {
		free(rules);
		skip();
	}
	assert_int_equal(device_filter_attach(cgroup, rules, DEVICE_RULES_MAX, &err), 0);
	assert_int_equal(cgroup_remove(mount, name, 1000, &err), 0);
	free(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_nothing_allowed),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_many_rules),
		cmocka_unit_test(test_access),
		cmocka_unit_test(test_attach),
		cmocka_unit_test(test_kernel_takes_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
