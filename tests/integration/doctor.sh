# shellcheck shell=bash
# ctl doctor: what a host lacks, with the fix; the exit code for scripts.

findings() { ctl doctor --format jsonl; }
finding() { findings | grep -F "\"check\":\"$1\"" | pick "$2"; }

test_a_host_that_runs_containers() {
	daemon_start
	expect 0 ctl doctor
	is "$ERR" ''
	! grep -q '^problem' <<<"$OUT" || fail "$OUT"
	[ "$(wc -L <<<"$OUT")" -lt 80 ] || fail 'wider than 80 columns'
	like "$OUT" "*ok       daemon           containerd-lite $(ctl --version | cut -d ' ' -f 2) answers at"*
	is "$(ctl doctor --format json | pick '.[].check' | paste -sd ,)" \
		'kernel,privileges,namespaces,user namespaces,overlay,cgroup,controllers,device rules,limits,disk,group,units,daemon'
	is "$(findings | jq -c 'select(.verdict == "ok" and has("fix"))')" '' 'all is well: nothing to fix'
	is "$(findings | jq -c 'select(.verdict != "ok" and (has("fix") | not))')" '' 'each has its fix'
	is "$(findings | pick .verdict | sort -u | grep -vxE 'ok|warning')" '' 'a container runs here'
	like "$(finding disk .message)" "$STATE: *"
}

test_no_daemon() {
	export CTL_SOCKET=$T/none
	expect 1 ctl doctor
	# wherever the lines are broken
	like "$(tr -s ' \n' ' ' <<<"$OUT")" "*problem daemon cannot reach the daemon at '$T/none':*fix: systemctl start containerd-lite*"
	is "$ERR" ''
	is "$(findings | grep -F '"verdict":"problem"' | pick .check)" daemon
	expect 1 ctl doctor --format json
	is "$(pick '.[0].check' <<<"$OUT")" kernel
}

test_silent_daemon() { # limit 60
	/usr/bin/python3 -c '
import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); time.sleep(1000)' "$T/mute" &
	local server=$!
	eventually 10 test -S "$T/mute"
	CTL_SOCKET=$T/mute expect 1 timeout $((30 * FACTOR)) ctl doctor
	like "$OUT" '*problem  daemon           the daemon does not answer*'
	kill "$server"
}

# The same host with something taken away, for ctl alone.
lacking() { # CHECK VERDICT PATTERN COMMAND…: the command and then ctl
	local check=$1 verdict=$2 pattern=$3 got
	shift 3
	got=$("$@" ctl doctor --format jsonl || true)
	got=$(grep -F "\"check\":\"$check\"" <<<"$got")
	like "$(pick .verdict <<<"$got"): $(pick .message <<<"$got")" "$verdict: $pattern" "$check"
}

test_what_is_missing() {
	export CTL_SOCKET=$T/none
	lacking cgroup problem 'no cgroup2 is mounted' \
		unshare -m sh -c 'umount -l $(awk "/ - cgroup2 / {print \$5}" /proc/self/mountinfo); exec "$@"' sh
	lacking privileges problem 'root without*CAP_SYS_ADMIN*' setpriv --bounding-set -sys_admin --inh-caps -sys_admin
	lacking namespaces problem 'cannot be made: Operation not permitted' setpriv --bounding-set -sys_admin --inh-caps -sys_admin
	lacking privileges warning 'uid 65534 is not root*' setpriv --reuid 65534 --clear-groups
	echo 'containerd-lite:x:999:' >group
	lacking group ok 'containerd-lite may use*' unshare -m sh -c 'mount --bind group /etc/group; exec "$@"' sh
	echo 'other:x:999:containerd-lite' >group
	lacking group warning 'there is no group*' unshare -m sh -c 'mount --bind group /etc/group; exec "$@"' sh
	lacking disk warning '*/containerd-lite: * MiB and * files are left' \
		unshare -m sh -c 'mount -t tmpfs -o size=200m none /var/lib; exec "$@"' sh
	lacking disk problem '*/containerd-lite: the disk is full' \
		unshare -m sh -c 'mount -t tmpfs -o size=1m none /var/lib; exec "$@"' sh
	lacking disk problem '*/containerd-lite: the file system is read-only' \
		unshare -m sh -c 'mount -t tmpfs -o ro none /var/lib; exec "$@"' sh
}

test_limits_of_a_user_namespace() {
	export CTL_SOCKET=$T/none
	unshare -Ur true 2>/dev/null || skip 'user namespaces cannot be made here'
	lacking limits warning '/proc/sys/user/max_net_namespaces is only 3' \
		unshare -Ur sh -c 'echo 3 >/proc/sys/user/max_net_namespaces; exec "$@"' sh
	lacking 'user namespaces' warning 'are switched off*' \
		unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"' sh
}

test_units() {
	export CTL_SOCKET=/run/containerd-lite/containerd-lite.sock
	if [ -d /run/systemd/system ]; then
		skip 'systemd is here, and whatever it has'
	fi
	is "$(finding units .verdict)" ok
	lacking units warning 'containerd-lite.service or *is not installed' \
		unshare -m sh -c 'mount -t tmpfs none /run; mkdir -p /run/systemd/system; exec "$@"' sh
	lacking units warning 'containerd-lite.service is not active' \
		unshare -m sh -c 'mount -t tmpfs none /run; mkdir -p /run/systemd/system
			mount -t tmpfs none /etc/systemd; mkdir /etc/systemd/system
			touch /etc/systemd/system/containerd-lite.service /etc/systemd/system/containerd-lite-containers.service; exec "$@"' sh
}
