# shellcheck shell=bash
# What a container sees and what it cannot reach; each class of attack that hit others has its test.

# in_it COMMAND: what a shell in a default container prints
in_it() { ctl run --rm busybox sh -c "$1"; }

small_root() {
	mkdir -p "$1"
	cp -a "$BUILD/rootfs/busybox/." "$1/"
}

test_capabilities() {
	daemon_start
	local set
	# CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE SYS_CHROOT SETFCAP
	for set in CapPrm CapEff CapBnd; do
		is "$(in_it "sed -n 's/^$set:\t//p' /proc/self/status")" 00000000800405fb "$set"
	done
	for set in CapInh CapAmb; do
		is "$(in_it "sed -n 's/^$set:\t//p' /proc/self/status")" 0000000000000000 "$set"
	done
	is "$(in_it "sed -n 's/^NoNewPrivs:\t//p' /proc/self/status")" 1
	is "$(ctl run --rm --cap-drop ALL busybox sed -n 's/^CapBnd:\t//p' /proc/self/status)" 0000000000000000
	is "$(ctl run --rm --cap-drop ALL --cap-add net_raw busybox sed -n 's/^CapEff:\t//p' /proc/self/status)" 0000000000002000
	is "$(ctl run --rm -u nobody busybox sed -n 's/^CapEff:\t//p' /proc/self/status)" 0000000000000000
	is "$(ctl run --rm -u nobody busybox sed -n 's/^CapPrm:\t//p' /proc/self/status)" 0000000000000000
}

test_namespaces() {
	daemon_start
	local ns
	expect 0 ctl run -d --name c busybox sleep 100
	local pid
	pid=$(field_of c .pid)
	for ns in mnt pid uts ipc net cgroup; do
		[ "$(readlink "/proc/$pid/ns/$ns")" != "$(readlink "/proc/self/ns/$ns")" ] || fail "$ns is the host's"
	done
	is "$(in_it 'echo $$; ps | grep -c "[s]leep 100" || true')" $'1\n0'
	is "$(in_it 'ls /sys/class/net; ip -o addr show dev lo | grep -c 127.0.0.1; ping -c 1 -W 1 127.0.0.1 >/dev/null 2>&1; cat /proc/self/cgroup' | tail -n 1)" 0::/
	is "$(in_it 'ls /sys/class/net')" lo
	like "$(in_it 'ip link show lo')" '*UP*'
}

test_nothing_is_inherited() {
	# Whatever the daemon was started with stays outside: descriptors, environment, ignored signals, umask, folder.
	exec 17</etc/passwd 18>"$T/leak"
	trap '' HUP USR1
	umask 077
	export LEAKED_VARIABLE=1 LD_PRELOAD=
	daemon_start
	umask 022
	is "$(in_it 'ls /proc/self/fd | paste -sd " "')" '0 1 2 3' '3 is the listing itself'
	expect 0 ctl run -d --name c busybox sleep 100
	is "$(find "/proc/$(field_of c .pid)/fd" -type l -printf '%f\n' | sort | paste -sd ' ')" '0 1 2'
	like "$(in_it 'env; tr "\0" "\n" </proc/1/environ')" '*PATH=*'
	if in_it 'env; tr "\0" "\n" </proc/1/environ' | grep -E 'LEAKED|CTL_SOCKET|TEST_|^T='; then fail 'host environment'; fi
	is "$(ctl run --rm busybox sed -n 's/^Sig\(Blk\|Ign\):\t//p' /proc/self/status)" $'0000000000000000\n0000000000000000'
	is "$(in_it 'umask')" 0022
	# What protects the daemon from the OOM killer protects no container.
	local oom
	oom=$(cat /proc/self/oom_score_adj)
	is "$(in_it 'pwd; cat /proc/1/oom_score_adj')" "/"$'\n'"$((oom < 0 ? 0 : oom))"
	is "$(in_it 'ulimit -c; ulimit -n')" $'0\n1024'
}

test_dev() {
	daemon_start
	is "$(in_it 'cd /dev; ls | grep -v core | paste -sd " "')" 'fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero'
	is "$(in_it 'cd /dev; stat -c "%n %t:%T %a" null zero full random urandom tty')" \
		$'null 1:3 666\nzero 1:5 666\nfull 1:7 666\nrandom 1:8 666\nurandom 1:9 666\ntty 5:0 666'
	is "$(in_it 'for i in ptmx fd stdin; do readlink /dev/$i; done')" $'pts/ptmx\n/proc/self/fd\n/proc/self/fd/0'
	is "$(in_it 'stat -f -c %T /dev/pts; ls /dev/pts')" $'devpts\nptmx'
	is "$(in_it 'mknod /dev/sda b 8 0 2>&1; echo $?')" $'mknod: /dev/sda: Operation not permitted\n1'
}

test_proc_and_sys() {
	daemon_start
	local path
	for path in /proc/sys/kernel/hostname /proc/sysrq-trigger /proc/irq/default_smp_affinity; do
		[ ! -e "$path" ] || is "$(in_it "(: >>$path) 2>/dev/null && echo opened || echo refused")" refused "$path"
	done
	for path in /proc/kcore /proc/keys /proc/timer_list /proc/interrupts; do
		is "$(in_it "[ ! -e $path ] || wc -c <$path")" "$([ ! -e $path ] || echo 0)" "$path is masked"
	done
	for path in /proc/acpi /proc/scsi /sys/firmware /proc/asound /sys/devices/virtual/powercap; do
		is "$(in_it "[ ! -e $path ] || ls -A $path")" '' "$path is masked"
	done
	is "$(in_it 'touch /proc/acpi/x /sys/firmware/x 2>/dev/null && echo wrote')" '' || true
	for path in /sys /sys/fs/cgroup; do
		like "$(in_it "grep ' $path ' /proc/mounts")" "* $path * ro,*"
		like "$(in_it "grep ' $path ' /proc/mounts")" '*nosuid,nodev,noexec*'
	done
	like "$(in_it "grep ' /proc proc' /proc/mounts | head -n 1")" '*nosuid,nodev,noexec*'
	is "$(in_it 'mount -o remount,rw /sys 2>&1 >/dev/null | grep -c .; umount /proc/sys 2>&1 | grep -c .')" $'1\n1'
	is "$(in_it 'mkdir /sys/fs/cgroup/x 2>/dev/null || echo refused')" refused
}

test_the_root_is_a_root() {
	daemon_start
	is "$(in_it 'cd ..; cd ../../..; ls -d etc; grep -c "^[^ ]* / " /proc/mounts; ls /proc/1/root/ | wc -l; ls / | wc -l' | sed -n '1,2p')" $'etc\n1'
	is "$(in_it 'grep -c /containers/ /proc/self/mountinfo || true')" 0 || true
	is "$(in_it 'cut -d " " -f 7 /proc/self/mountinfo | sort -u')" '-' 'no mount of it is shared with or a slave of the host'
}

# CVE-2024-21626: a working directory that leads outside
test_cwd_escapes() {
	daemon_start
	local i
	for i in 3 4 5 6 7 8 9 10 11 12; do
		try ctl run --rm -w "/proc/self/fd/$i" busybox sh -c 'cat ../../../../../../../etc/hostname; pwd'
		[ "$CODE" != 0 ] || like "$OUT" '/*' "fd $i"
		[ "$CODE" != 0 ] || [[ $OUT != *"$(cat /etc/hostname 2>/dev/null || echo nohostname)"* ]] || fail "fd $i leads outside: $OUT"
	done
	small_root root
	ln -s /proc/self/fd/7 root/cwd
	try ctl run --rm --rootfs "$T/root" -w /cwd sh -c 'pwd; ls ../../../..'
	[ "$CODE" != 0 ] || like "$OUT" '/*'
	ln -s /etc root/etclink
	expect 0 ctl run --rm --rootfs "$T/root" -w /etclink pwd
	is "$OUT" /etc
}

# CVE-2026-41579: /dev of the image is a symlink to the host's
test_dev_as_a_symlink() {
	daemon_start
	mkdir victim
	echo keep >victim/ptmx
	echo keep >victim/null
	local mode
	for target in "$T/victim" /dev "../../../../../../../..$T/victim" proc; do
		for mode in '' --rootfs-rw; do
			rm -rf root
			small_root root
			rmdir root/dev
			ln -s "$target" root/dev
			# shellcheck disable=SC2086
			try ctl run --rm --rootfs "$T/root" $mode sh -c 'echo x >/dev/null'
			is "$(cat victim/ptmx victim/null | paste -sd ' ')" 'keep keep' "/dev → $target"
			is "$(cd victim && echo *)" 'null ptmx' "/dev → $target"
		done
	done
	[ -c /dev/null ] || fail 'the host has no /dev/null'
}

# CVE-2019-16884, CVE-2023-28642, CVE-2025-31133: /proc or /sys of the image is something else
test_proc_and_sys_as_symlinks() {
	daemon_start
	mkdir victim
	local name
	for name in proc sys; do
		rm -rf root
		small_root root
		rmdir "root/$name"
		ln -s "$T/victim" "root/$name"
		expect 125 ctl run --rm --rootfs "$T/root" true
		like "$ERR" "ctl: *mounts*/$name*"
		is "$(ls victim)" ''
	done
	rm -rf root
	small_root root
	rmdir root/proc
	ln -s etc root/proc
	expect 125 ctl run --rm --rootfs "$T/root" true
}

# CVE-2024-9676, CVE-2026-47262: passwd and group that are no files, or endless
test_passwd_that_is_none() { # limit 60
	daemon_start
	small_root root
	rm root/etc/passwd
	mkfifo root/etc/passwd
	expect 125 timeout 10 ctl run --rm --rootfs "$T/root" -u nobody id
	like "$ERR" 'ctl: *passwd*'
	expect 0 timeout 10 ctl run --rm --rootfs "$T/root" -u 5:6 sed -n 's/^Uid:.*\t//p' /proc/self/status
	is "$OUT" 5
	rm root/etc/passwd
	printf 'nobody:x:77:77::/:/bin/sh\n' >outside
	ln -s "$T/outside" root/etc/passwd
	expect 125 ctl run --rm --rootfs "$T/root" -u nobody id
	rm root/etc/passwd
	ln -s /dev/zero root/etc/passwd
	expect 125 timeout 10 ctl run --rm --rootfs "$T/root" -u nobody id
	rm root/etc/passwd
	truncate -s 3G root/etc/passwd
	expect 125 timeout 10 ctl run --rm --rootfs "$T/root" -u nobody id
	printf 'nobody:x:4294967295:77::/:/bin/sh\nroot:x:x:0\nroot:\n:::::\nbig:x:99999999999999999999:0::/:\nneg:x:-1:0::/:\nok:x:5:6::/home:/bin/sh' >root/etc/new
	rm root/etc/passwd
	mv root/etc/new root/etc/passwd
	local user
	for user in nobody big neg; do
		expect 125 ctl run --rm --rootfs "$T/root" -u "$user" id
	done
	expect 0 ctl run --rm --rootfs "$T/root" -u ok sh -c 'id -u; id -g; echo $HOME'
	is "$OUT" $'5\n6\n/home'
}

# CVE-2016-3697, CVE-2024-40635, CVE-2026-30892: numbers as users
test_users() {
	daemon_start
	small_root root
	printf '1000:x:0:0::/:/bin/sh\n4294967296:x:0:0::/:/bin/sh\n' >>root/etc/passwd
	expect 0 ctl run --rm --rootfs "$T/root" -u 1000 id -u
	is "$OUT" 1000 'digits are a number, never a name'
	local user
	for user in 4294967295 4294967296 18446744073709551616 -1 +0 0x0 ' 0' '0 ' 01x : 0: :0 a:b:c root: nosuchuser root:nosuchgroup 'ro ot' "$(printf '0%.0s' {1..400})"; do
		try ctl run --rm --rootfs "$T/root" -u "$user" id
		is "$CODE" 125 "-u '$user'"
		like "$ERR" 'ctl: *' "-u '$user'"
	done
	expect 0 ctl run --rm busybox sh -c 'id -G'
	is "$OUT" '0 10' 'the groups of /etc/group, never the daemon'"'"'s'
	expect 0 ctl run --rm -u 5 busybox id -G
	is "$OUT" 0
}

# CVE-2019-5736: the program behind /proc/<pid>/exe of ours
test_our_programs_are_sealed() {
	needs_static_shim
	daemon_start
	expect 0 ctl run -d --name c busybox sleep 100
	local shim exe
	shim=$(shim_of c)
	exe=$(readlink "/proc/$shim/exe")
	like "$exe" '/memfd:*' 'the shim runs from memory'
	if (echo x >"/proc/$shim/exe") 2>/dev/null; then fail "$exe can be written to"; fi
	expect 0 ctl run --rm --init busybox sh -c 'readlink /proc/1/exe; (echo x >/proc/1/exe) 2>/dev/null && echo WRITTEN || true'
	[[ $OUT != *WRITTEN* ]] || fail "init's program can be written to"
	small_root root
	ln -sf /proc/self/exe root/bin/self
	try ctl run --rm --rootfs "$T/root" /proc/self/exe --version
	[[ $OUT != containerd-lite* ]] || like "$(readlink "/proc/$shim/exe")" '/memfd:*'
	cmp "$BUILD/containerd-lite-shim" "/proc/$shim/exe"
}

test_what_is_sealed_is_not_copied() {
	needs_static_shim
	daemon_start
	expect 0 ctl run -d --name old busybox sleep 100
	local exe
	exe=/proc/$(shim_of old)/exe
	mkdir bin
	cp "$BUILD/containerd-lite" bin
	ln -s "$BUILD/rootfs" bin
	ln -s "$exe" bin/containerd-lite-shim
	daemon_kill
	BUILD=$T/bin daemon_start
	expect 0 ctl run -d --name new busybox sleep 100
	is "$(stat -L -c %d:%i "/proc/$(shim_of new)/exe")" "$(stat -L -c %d:%i "$exe")"
}

test_a_shim_holds_nothing_of_others() {
	daemon_start
	expect 0 ctl run -d --name a busybox sleep 100
	expect 0 ctl run -d --name b busybox sleep 100
	local shim
	shim=$(shim_of b)
	# Of the container folders a shim knows its own only.
	is "$(find "/proc/$shim/fd" -lname "*/containers/$(field_of a .id)*" | wc -l)" 0
	[ "$(find "/proc/$shim/fd" -type l | wc -l)" -le 24 ] || fail "$(find "/proc/$shim/fd" -type l -printf '%f %l\n')"
}

test_socket_and_folders() {
	daemon_start
	is "$(stat -c '%a %U' "$CTL_SOCKET")" '660 root'
	is "$(stat -c %a "$STATE")" 700
	case $(stat -c %a "$RUN") in 700 | 710) ;; *) fail "run folder: $(stat -c %a "$RUN")" ;; esac
	expect 0 ctl run -d --name c busybox sleep 100
	local path
	while read -r path; do
		case $(stat -c %a "$path") in ?00) ;; *) fail "$path: $(stat -c %a "$path")" ;; esac
	done < <(find "$RUN" -mindepth 1 ! -path "$CTL_SOCKET" -type d; find "$RUN/shims" -type s)
	is "$(grep -c '@' /proc/net/unix | head -n 1)" "$(grep -c '@' /proc/net/unix)" || true
	if grep -E '@.*(containerd-lite|shim)' /proc/net/unix; then fail 'an abstract socket'; fi
}

test_others_may_not_talk() {
	daemon_start
	chmod 711 "$T" "$RUN"
	if setpriv --reuid 65534 --regid 65534 --clear-groups socat -u /dev/null "UNIX-CONNECT:$CTL_SOCKET" 2>/dev/null; then
		fail 'anybody can connect'
	fi
}

test_environment_needs_an_equals_sign() {
	daemon_start
	py <<-'EOF'
		for bad in "NOEQUALS", "=x", "", "A\u0001=b":
		    reply = Conn().call("Create", {"config": {"image": "busybox", "args": ["env"], "env": [bad]}})
		    if bad != "A\u0001=b":
		        assert reply.get("error") == CONTAINER + "InvalidConfig", (bad, reply)
		        assert reply["parameters"]["field"].startswith("config.env[0]"), reply
	EOF
}

test_labels_are_only_labels() {
	daemon_start
	small_root root
	# CVE-2026-53488: a label that looks like something the engine interprets
	expect 0 ctl run --name c -l 'io.containerdlite.log=binary:///bin/touch?x' -l 'log=none' busybox echo hi
	is "$(ctl logs c)" hi
	is "$(field_of c '.labels["log"]')" none
}

test_text_of_containers_is_escaped() {
	daemon_start
	local esc=$'\e[31mred'
	expect 0 ctl run --name c -l "k=$esc" busybox sh -c 'true' "$esc"
	ctl ps -a --no-trunc >out
	if grep -q $'\e' out; then fail 'an escape reached the table'; fi
	try ctl run --rm busybox "$esc"
	if grep -q $'\e' <<<"$ERR"; then fail 'an escape reached the error'; fi
	try ctl start "$esc"
	if grep -q $'\e' <<<"$ERR"; then fail 'an escape reached the error'; fi
}

test_setuid_in_the_state_folder_is_out_of_reach() {
	daemon_start
	expect 0 ctl run --name c busybox sh -c 'cp /bin/busybox /suid; chmod 4755 /suid'
	if setpriv --reuid 65534 --regid 65534 --clear-groups ls "$STATE" >/dev/null 2>&1; then
		fail 'the state folder is open to all'
	fi
}

test_standard_streams_belong_to_the_user() {
	daemon_start
	local user
	for user in 0 1000 1000:7 nobody; do
		expect 0 ctl run -i --rm -u "$user" busybox sh -c 'cat /dev/stdin >/dev/stdout; echo err >/dev/stderr' <<<in
		is "$OUT|$ERR" 'in|err' "-u $user"
	done
	# Without -i it is /dev/null, which is everybody's.
	expect 0 ctl run --rm -u 1000 busybox sh -c 'cat /dev/stdin; stat -L -c %u /dev/stdin'
	is "$OUT" 0
}
