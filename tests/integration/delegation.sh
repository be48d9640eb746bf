# shellcheck shell=bash
# Containers that make cgroups of their own.

inner_of() { echo "$(field_of "$1" .paths.cgroup)/container"; }

logged() { [ -n "$(ctl logs c)" ]; }
absent() { [ ! -e "$1" ]; }

test_cgroup_rw() {
	daemon_start
	ctl run -d --name c --cgroup-rw busybox sh -c '
		cd /sys/fs/cgroup && mkdir -p mine/deeper other && echo 0 >mine/deeper/cgroup.procs &&
		(sleep 1000 & echo $! >other/cgroup.procs) && grep ^0:: /proc/self/cgroup && sleep 1000' >/dev/null
	eventually 20 logged
	is "$(ctl logs c)" 0::/mine/deeper
	[ -d "$(inner_of c)/mine/deeper" ] || fail "the container's cgroup is not where it should be"
	# all of it is the container, also what is brought in from outside
	is "$(ctl exec c grep ^0:: /proc/self/cgroup)" 0::/../exec
	[ "$(ctl top --format json c | pick '.[].command[0]' | wc -l)" -ge 2 ]
	[ "$(method Stats '{"containers":["c"]}' | pick '.parameters.stats[0].cpu.usage_us')" -gt 0 ]
	ctl pause c >/dev/null
	is "$(ctl inspect c | pick '.[0].state')" paused
	ctl unpause c >/dev/null
	local cgroup
	cgroup=$(field_of c .paths.cgroup)
	ctl stop -t 0 c >/dev/null
	eventually 20 absent "$cgroup"
	# and once more, after the death of a shim
	ctl start c >/dev/null
	eventually 20 test -d "$(inner_of c)/mine/deeper"
	kill -KILL "$(shim_of c)"
	ctl wait c >/dev/null
	is "$(field_of c .exit.reason)" "shim died"
	eventually 20 absent "$cgroup"
}

# What limits it is above what it sees, and stays out of its reach.
test_limits_stay() {
	daemon_start
	is "$(ctl run --rm --cgroup-rw busybox grep ^0:: /proc/self/cgroup)" 0::/
	ctl run -d --name c --cgroup-rw busybox sleep 1000 >/dev/null
	is "$(<"$(inner_of c)/cgroup.procs")" "$(field_of c .pid)"
	is "$(<"$(field_of c .paths.cgroup)/cgroup.procs")" ""
	# without being asked for it is read-only
	expect 1 ctl run --rm busybox mkdir /sys/fs/cgroup/mine
	like "$ERR" '*Read-only file system*'
}

test_user() {
	daemon_start
	ctl run --rm --cgroup-rw -u 1000:1001 busybox sh -c '
		cd /sys/fs/cgroup && stat -c "%u:%g" . cgroup.procs cgroup.subtree_control cgroup.max.depth &&
		mkdir mine && echo 0 >mine/cgroup.procs && grep ^0:: /proc/self/cgroup
		(echo 1 >cgroup.max.depth) 2>/dev/null || echo not the limits' >out
	is "$(paste -sd' ' out)" "1000:1001 1000:1001 1000:1001 0:0 0::/mine not the limits"
}

test_filter_is_above() {
	daemon_start
	expect 1 ctl run --rm --cgroup-rw --cap-add ALL busybox sh -c '
		mkdir /sys/fs/cgroup/mine && echo 0 >/sys/fs/cgroup/mine/cgroup.procs && mknod /dev/x c 10 237 && : </dev/x'
	like "$ERR" '*Operation not permitted*'
	ctl run -d --name c --cgroup-rw --cap-add MKNOD busybox sleep 1000 >/dev/null
	expect 1 ctl exec c sh -c 'mknod /dev/y c 10 237 && : </dev/y'
	like "$ERR" '*Operation not permitted*'
}

test_systemd_option() {
	daemon_start
	# shellcheck disable=SC2016
	ctl run --name c --systemd busybox sh -c 'awk "\$2 ~ /^\/(run|run\/lock|tmp)$/ {print \$2, \$3}" /proc/mounts
		echo $container; mkdir /sys/fs/cgroup/init.scope && echo made' >out
	is "$(paste -sd' ' out)" "/run tmpfs /run/lock tmpfs /tmp tmpfs containerd-lite made"
	is "$(field_of c .shim.stop_signal)" SIGRTMIN+3
	mkdir -p mine/is-it
	ctl run --name d --systemd --stop-signal TERM --cgroup-rw=false -e container=other -v "$T/mine:/tmp" busybox sh -c '
		echo $container; ls /tmp; mkdir /sys/fs/cgroup/x 2>/dev/null || echo read-only' >out || true
	is "$(paste -sd' ' out)" "other is-it read-only"
	is "$(field_of d .shim.stop_signal)" SIGTERM
}
