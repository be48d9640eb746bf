/*
 * device_filter.h - which devices the processes of a cgroup may open and make: ordered rules, compiled into
 * one program that the kernel asks at each open(2) and mknod(2) of a device (BPF_PROG_TYPE_CGROUP_DEVICE;
 * cgroup v2 has no file for it). It belongs to the cgroup: nobody needs to live for it to stay in force.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_insn;
struct error;

/* What somebody wants of a device; the kernel's numbers (BPF_DEVCG_ACC_*). */
enum { DEVICE_MKNOD = 1, DEVICE_READ = 2, DEVICE_WRITE = 4, DEVICE_ALL = 7 };

#define DEVICE_ANY	 (-1)
#define DEVICE_RULES_MAX 5184 /* the verifier gives up at 8192 branches */

struct device_rule {
	bool allow;
	char type;	      /* 'c', 'b', or 'a': both */
	uint32_t access;      /* DEVICE_* */
	int64_t major, minor; /* DEVICE_ANY: all of them */
};

/* "rwm" in any order, each letter at most once. -1: it is not. */
int device_access_parse(const char *text, uint32_t *ret_access);

/* A rule that leaves none of its devices as it was before. */
bool device_rule_is_all(const struct device_rule *rule);

/* The program for these rules: of those that name a device the last one counts, for each kind of access by
 * itself; what no rule names is denied. Returns the number of instructions; caller frees *ret_program. */
size_t device_filter_compile(const struct device_rule *rules, size_t n, struct bpf_insn **ret_program);

/* Puts the rules in force for the cgroup, in place of those that were there, with no moment between them.
 * Rules that allow everything are none: then nothing is attached. -1 with err; ERROR_NOT_PERMITTED where
 * bpf(2) is not to be had. */
int device_filter_attach(int cgroup_fd, const struct device_rule *rules, size_t n, struct error *err);

/* 1: the cgroup has one of its own; 0: it has none; -1: nobody tells. */
int device_filter_attached(int cgroup_fd);

/* Whether this kernel lets us have such a program. */
bool device_filter_possible(void);
