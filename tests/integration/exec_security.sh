# shellcheck shell=bash
# exec_security.sh - what a further program gets, and what others in the container can get from it while it comes about.

container() { ctl run -d --name c "$@" sleep 100000 >/dev/null; }

small_root() {
	mkdir -p root
	cp -a "$BUILD/rootfs/busybox/." root/
}

# No more than the first process has: in each respect the same.
test_the_privileges_of_the_first_process() {
	daemon_start
	local options what='^(Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp|SigBlk|SigIgn|Umask):'
	for options in '' '--cap-drop ALL' '--cap-add NET_RAW --cap-drop CHOWN' '-u nobody' '-u 1234:5678 --group-add 7' \
		'--security-opt no-new-privileges'; do
		# shellcheck disable=SC2086
		container $options busybox
		is "$(ctl exec c cat /proc/self/status | grep -E "$what")" \
			"$(ctl exec -u 0 --privileged c cat /proc/1/status | grep -E "$what")" "with '$options'"
		is "$(ctl exec c cat /proc/self/limits)" "$(ctl exec --privileged -u 0 c cat /proc/1/limits)" "limits with '$options'"
		is "$(ctl exec c cat /proc/self/oom_score_adj)" "$(ctl exec --privileged -u 0 c cat /proc/1/oom_score_adj)"
		ctl rm -f c >/dev/null
	done
}

# CVE-2022-24769 and its kind: what is inheritable comes back by file capabilities.
test_capabilities() {
	daemon_start
	container busybox
	local set
	for set in CapInh CapAmb; do
		is "$(ctl exec c sed -n "s/^$set:\t//p" /proc/self/status)" 0000000000000000 "$set"
		is "$(ctl exec --privileged c sed -n "s/^$set:\t//p" /proc/self/status)" 0000000000000000 "$set, privileged"
	done
	is "$(ctl exec -u nobody c sed -n 's/^CapEff:\t//p' /proc/self/status)" 0000000000000000
	is "$(ctl exec -u nobody --privileged c sed -n 's/^CapEff:\t//p' /proc/self/status)" 0000000000000000
	# All that this machine grants to us, and nothing else changes.
	is "$(ctl exec --privileged c sed -n 's/^CapEff:\t//p' /proc/self/status)" "$(sed -n 's/^CapBnd:\t//p' /proc/self/status)"
	is "$(ctl exec --privileged c sed -n 's/^NoNewPrivs:\t//p' /proc/self/status)" 1
	is "$(ctl exec --privileged c sh -c '[ ! -e /proc/keys ] || wc -c </proc/keys')" "$([ ! -e /proc/keys ] || echo 0)"
	is "$(ctl exec --privileged c sh -c '(: >>/proc/sysrq-trigger) 2>/dev/null && echo opened || echo refused')" refused
}

# CVE-2026-30892, CVE-2016-3697, CVE-2024-40635: a number is a number, and never root by accident.
test_users() {
	small_root
	printf '1:x:0:0::/:/bin/sh\nroot:x:0:0::/root:/bin/sh\nfour:x:4:44::/four:/bin/sh\n' >root/etc/passwd
	printf 'root:x:0:\nstaff:x:50:four\n1:x:0:\nfortyfour:x:44:\n' >root/etc/group
	daemon_start
	container --rootfs "$T/root"
	is "$(ctl exec -u 1 c id -u)" 1
	is "$(ctl exec -u 1:1 c id -g)" 1
	is "$(ctl exec -u four c id -u -n)" four
	# CVE-2022-36109: the primary group is among the groups, and nothing of the daemon's is.
	is "$(ctl exec -u four c sed -n 's/^Groups:\t//p' /proc/self/status)" '44 50 '
	is "$(ctl exec -u 4:7 c sed -n 's/^Groups:\t//p' /proc/self/status)" '7 '
	is "$(ctl exec -u 99 c sed -n 's/^Groups:\t//p' /proc/self/status)" '0 '
	local user
	for user in 4294967295 4294967296 -1 0x0 1e0 +0 ' 0' '0 ' 0: :0 root: ../root 18446744073709551616; do
		try ctl exec -u "$user" c id -u
		is "$CODE" 125 "-u '$user'"
		is "$OUT" '' "-u '$user'"
	done
}

# CVE-2026-47262, CVE-2024-9676: whatever the container puts in place of its passwd harms only who asks for it.
test_passwd_that_is_none() {
	small_root
	daemon_start
	container --rootfs "$T/root" --cap-add MKNOD
	local how
	for how in 'mkfifo /etc/passwd' 'ln -s /dev/zero /etc/passwd' 'ln -s /proc/1/environ /etc/passwd' 'mkdir /etc/passwd' \
		'ln -s ../../../../../../etc/shadow /etc/passwd' 'ln -s /proc/self/fd/3 /etc/passwd' \
		'dd if=/dev/zero of=/etc/passwd bs=1M count=2'; do
		ctl exec c sh -c "rm -rf /etc/passwd; $how" >/dev/null 2>&1
		expect 0 ctl exec c true
		expect 0 ctl exec -u 5:5 c true
		try ctl exec -u nobody c true
		is "$CODE" 125 "$how"
	done
}

# CVE-2024-21626: a working directory that is a descriptor of the host's
test_cwd_escapes() {
	small_root
	local i
	for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do ln -s "/proc/self/fd/$i" "root/cwd$i"; done
	daemon_start
	container --rootfs "$T/root"
	echo inside >"$STATE/mark" # lies where a folder of the host's that was left open would lead
	for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
		for how in "/proc/self/fd/$i" "/cwd$i" "/proc/self/fd/$i/../../.."; do
			try ctl exec -w "$how" c sh -c 'pwd; cat ../../mark ../mark mark ../../../mark'
			[[ $OUT != *inside* ]] || fail "$how leads outside"
			[ "$CODE" = 125 ] || like "$OUT" '/*' "$how"
		done
	done
	try ctl exec -w /proc/1/cwd c pwd
	is "$OUT" /
}

# CVE-2019-5736: our own executable, reached from inside, is a sealed copy that nobody can write to.
test_own_executable() {
	needs_static_shim
	small_root
	printf '#!/proc/self/exe\n' >root/bin/evil
	chmod 755 root/bin/evil
	daemon_start
	container --rootfs "$T/root"
	local before
	before=$(sha256sum <"$BUILD/containerd-lite-shim")
	try ctl exec c /bin/evil
	[ "$CODE" != 0 ]
	try ctl exec c /proc/self/exe
	[ "$CODE" != 0 ]
	# Whoever gets hold of it while it runs cannot open it for writing.
	ctl exec -d c sh -c 'while [ ! -e /stop ]; do
		for exe in /proc/[0-9]*/exe; do
			case $(readlink $exe) in *memfd*) (echo x >$exe) 2>/dev/null && echo written >>/written ;; esac
		done
	done' >/dev/null
	for _ in $(seq 30); do
		try ctl exec c /proc/self/exe
		ctl exec c true
	done
	ctl exec c touch /stop
	expect 1 ctl exec c test -e /written
	is "$(sha256sum <"$BUILD/containerd-lite-shim")" "$before"
	expect 0 ctl exec c true
}

# spy CAPABILITY…: watches the container's /proc as its root would, with these capabilities in addition, until the file
# `stop` is there; prints all that it saw of processes that are being made: their executables and descriptors.
spy() {
	py "$(field_of c .pid)" "$@" <<-'END'
		import ctypes, os, sys, time
		libc = ctypes.CDLL(None, use_errno=True)
		proc = os.open(f"/proc/{sys.argv[1]}/root/proc", os.O_RDONLY | os.O_DIRECTORY)
		granted = 0x800405fb | sum(1 << int(number) for number in sys.argv[2:])
		for number in range(64):
		    if not granted & 1 << number:
		        libc.prctl(24, number, 0, 0, 0)  # PR_CAPBSET_DROP
		header = (ctypes.c_uint32 * 2)(0x20080522, 0)
		data = (ctypes.c_uint32 * 6)(granted & 0xffffffff, granted & 0xffffffff, 0, granted >> 32, granted >> 32, 0)
		assert libc.capset(header, data) == 0, os.strerror(ctypes.get_errno())
		print("ready", flush=True)
		seen, known = set(), set(os.listdir(proc))
		while not os.path.exists("stop"):
		    for pid in set(os.listdir(proc)) - known:
		        try:
		            exe = os.readlink(f"{pid}/exe", dir_fd=proc)
		            seen.add(("exe", exe))
		            folder = os.open(f"{pid}/fd", os.O_RDONLY | os.O_DIRECTORY, dir_fd=proc)
		            for fd in os.listdir(folder):
		                seen.add(("fd", os.readlink(fd, dir_fd=folder).split(":")[0]))
		            os.close(folder)
		        except OSError:
		            pass
		print("\n".join(f"{kind} {what}" for kind, what in sorted(seen)))
	END
}

# CVE-2016-9962: a process that is on its way in is not there to be looked at, and has nothing worth it.
watch_execs() {
	rm -f stop
	spy "$@" >seen &
	eventually 20 grep -q ready seen
	for _ in $(seq $((100 / FACTOR))); do
		ctl exec c true
		try ctl exec c nosuch
	done
	touch stop
	wait $!
}

test_nobody_looks_into_it() { # limit 120
	daemon_start
	container busybox
	watch_execs
	is "$(grep -v -e ready -e '^exe .*busybox$' -e '^fd pipe$' -e '^fd /dev/null$' seen)" ''
	grep -q busybox seen || fail 'nothing at all was seen'
	ctl rm -f c >/dev/null
	# Who may trace everything (CAP_SYS_PTRACE is 19) finds no descriptor of the host's either.
	container --cap-add SYS_PTRACE busybox
	watch_execs 19
	is "$(grep -v -e ready -e '^exe ' -e '^fd pipe$' -e '^fd socket$' -e '^fd /dev/null$' seen)" ''
}

test_nothing_is_inherited() {
	exec 17</etc/passwd 18>"$T/leak"
	trap '' HUP USR1 TTOU
	export LEAKED_VARIABLE=1
	daemon_start
	container busybox
	is "$(ctl exec c sed -n 's/^Sig\(Blk\|Ign\):\t//p' /proc/self/status)" $'0000000000000000\n0000000000000000'
	if ctl exec c env | grep -E 'LEAKED|CTL_SOCKET|TEST_|^T='; then fail 'host environment'; fi
	ctl exec -d c sleep 1000 >/dev/null
	local pid
	pid=$(field_of c '.sessions[0].pid')
	is "$(find "/proc/$pid/fd" -type l -printf '%f\n' | sort | paste -sd ' ')" '0 1 2'
	is "$(cat "/proc/$pid/cgroup")" "$(cat "/proc/$(field_of c .pid)/cgroup")"
	is "$(awk '{print $4}' "/proc/$pid/stat")" "$(shim_of c)"
	like "$(readlink "/proc/$pid/exe")" '*busybox'
}
