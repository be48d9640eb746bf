# shellcheck shell=bash disable=SC2034
# What the daemon has not got itself it cannot give: whoever asked for it is told, and inspect shows it.

# Without CAP_SYS_BOOT and CAP_SYS_RESOURCE, and with at most 3000 files.
poor_daemon() {
	CTL_SOCKET=$RUN/containerd-lite.sock
	export CTL_SOCKET
	(
		ulimit -n 3000
		exec setpriv --bounding-set=-sys_boot,-sys_resource "$BUILD/containerd-lite" --state-dir "$STATE" --run-dir "$RUN"
	) 2>>"$T/daemon.log" &
	DAEMON=$!
	eventually 10 daemon_answers
	daemon_note_cgroup
	daemon_fds DAEMON_FDS
}

test_what_was_asked_for_is_told() {
	poor_daemon
	local told='warning: not granted, since the daemon has not got it itself:'
	expect 0 ctl run --rm --name c --cap-add SYS_BOOT --cap-add SYS_TIME busybox grep CapBnd /proc/self/status
	is "$ERR" "ctl: c: $told CAP_SYS_BOOT"
	like "$OUT" $'CapBnd:\t0000000082*'
	expect 0 ctl run -d --name c --ulimit nofile=10:4000 busybox sleep 100
	is "$ERR" "ctl: c: $told nofile=10:4000 (10:3000)"
	is "$(field_of c .ulimits.nofile)" 10:3000
	is "$(field_of c '.not_granted[]')" 'nofile=10:4000 (10:3000)'
	expect 0 ctl create --name d --privileged busybox true
	is "$ERR" "ctl: d: $told CAP_SYS_BOOT, CAP_SYS_RESOURCE"
}

test_nobody_is_told_of_defaults() {
	poor_daemon
	expect 0 ctl run --rm busybox true
	is "$ERR" ''
	expect 0 ctl create --name c busybox true
	is "$ERR" ''
	is "$(field_of c '.not_granted[]')" 'nofile=1024:524288 (1024:3000)'
	is "$(method Create '{"config":{"name":"d","image":"busybox","args":["true"]}}' | jq -c '.parameters | keys')" '["id","name"]'
}

test_what_a_bundle_asks_for() {
	poor_daemon
	mkdir -p "$T/b/rootfs"
	cp -a "$BUILD/rootfs/busybox/." "$T/b/rootfs"
	cat >"$T/b/config.json" <<-'EOF'
		{"ociVersion":"1.0.2","root":{"path":"rootfs"},"process":{"args":["true"],"cwd":"/",
		 "capabilities":{"bounding":["CAP_SYS_BOOT","CAP_KILL"],"permitted":["CAP_SYS_BOOT"],"effective":["CAP_SYS_BOOT"]},
		 "rlimits":[{"type":"RLIMIT_NOFILE","soft":20,"hard":5000}]},
		 "linux":{"namespaces":[{"type":"pid"},{"type":"mount"},{"type":"ipc"},{"type":"uts"},{"type":"network"}]}}
	EOF
	expect 0 ctl run --rm --name c --bundle "$T/b"
	like "$ERR" '*not granted*: CAP_SYS_BOOT, nofile=20:5000 (20:3000)'
}

test_everything_is_granted() {
	daemon_start
	expect 0 ctl create --name c --cap-add NET_ADMIN --ulimit nofile=10:20 busybox true
	is "$ERR" ''
	is "$(field_of c '.not_granted')" null
}

# A disk may hold anything.
test_a_damaged_configuration() {
	daemon_start
	expect 0 ctl create --name c busybox true
	local file=$STATE/containers/$OUT/config.json
	daemon_kill
	jq '.process.capabilities.bounding = [null, 5, "CAP_CHOWN"]' "$file" >new
	cp new "$file"
	daemon_start
	expect 0 ctl inspect c
	daemon_alive
}
