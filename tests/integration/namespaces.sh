# shellcheck shell=bash
# --network, --pid, --ipc, --uts and --cgroupns: whose namespaces a container has.

KINDS='pid ipc net uts cgroup mnt'

host_ns() { readlink "/proc/self/ns/$1"; }
inside_ns() { ctl exec "$1" readlink "/proc/self/ns/$2"; }

# shares OTHER KINDS FLAG…: of the container KINDS of namespaces are OTHER's (host: the host's), seen by its program and by
# exec's, and none else of the host's or OTHER's.
shares() {
	local other=$1 wanted=$2 kind theirs seen session
	shift 2
	expect 0 ctl run -d --name shares "$@" busybox sh -c 'for n in pid ipc net uts cgroup mnt; do readlink /proc/self/ns/$n; done; exec sleep 1000'
	eventually 10 has_lines 6
	seen=$(ctl logs shares)
	for kind in $KINDS; do
		[ "$other" = host ] && theirs=$(host_ns "$kind") || theirs=$(inside_ns "$other" "$kind")
		session=$(inside_ns shares "$kind")
		[[ $'\n'$seen$'\n' == *$'\n'"$session"$'\n'* ]] || fail "$*: exec is in another $kind namespace"
		if [[ " $wanted " == *" $kind "* ]]; then
			is "$session" "$theirs" "$*: $kind"
		else
			[ "$session" != "$theirs" ] || fail "$*: shares the $kind namespace"
			[ "$session" != "$(host_ns "$kind")" ] || fail "$*: has the host's $kind namespace"
		fi
	done
	ctl rm -f shares >/dev/null
}
has_lines() { [ "$(ctl logs shares | wc -l)" -ge "$1" ]; }

test_of_the_host() { # limit 120
	daemon_start
	shares host '' --network none --pid private --ipc private --uts private --cgroupns private
	shares host net --network host
	shares host net --net=host --ipc shareable
	shares host pid --pid host
	shares host ipc --ipc host
	shares host uts --uts host
	shares host cgroup --cgroupns host
	shares host 'pid net ipc uts cgroup' --pid host --network host --ipc host --uts host --cgroupns host
}

test_of_a_container() { # limit 120
	needs_static_shim # --init
	daemon_start
	expect 0 ctl run -d --name web --ipc shareable busybox sleep 1000
	local id=$OUT
	shares web net --network container:web
	shares web pid --pid "container:$id"
	shares web ipc --ipc "container:${id:0:12}"
	shares web 'pid net ipc' --pid container:web --ipc container:web --network container:web --init
	expect 0 ctl create --name joined --network container:web --pid container:web busybox true
	is "$(ctl inspect joined | pick '.[0].shim.namespaces')" "{\"pid\":\"container:$id\",\"network\":\"container:$id\"}"
	is "$(ctl inspect joined | jq -c '[.[0].config.linux.namespaces[] | select(.path) | [.type, .path]]')" \
		"[[\"pid\",\"container:$id\"],[\"network\",\"container:$id\"]]"
	# by its id, whatever it is called meanwhile, and also by a daemon that is new
	ctl rename web other
	daemon_stop
	daemon_start
	expect 0 ctl start -a joined
	# of one that does not run there is no other container to be had
	expect 0 ctl create --name memory --ipc container:other busybox true
	expect 0 ctl cp memory:/etc/passwd - && [[ $OUT == *root:* ]] || fail 'its files are not there'
}

# What goes with a namespace: what /proc shows, host names, the loopback, shared memory, the tree of cgroups.
test_what_is_seen() { # limit 120
	daemon_start
	expect 0 ctl run --rm --pid host busybox sh -c 'grep -h ^NSpid /proc/self/status; ls -d /proc/[0-9]* | wc -l; wc -c </proc/interrupts'
	is "$(sed -n 1p <<<"$OUT" | wc -w)" 2
	[ "$(sed -n 2p <<<"$OUT")" -gt 5 ] || fail "it sees only $(sed -n 2p <<<"$OUT") processes"
	is "$(tail -n 1 <<<"$OUT")" 0 'masks stay'
	expect 0 ctl run --rm --uts host busybox sh -c 'hostname; echo $HOSTNAME'
	is "$OUT" "$(hostname)"$'\n'"$(hostname)"
	expect 0 ctl run --rm --network host busybox sh -c 'hostname; ls /sys/class/net'
	is "$(head -n 1 <<<"$OUT")" "$(hostname)"
	local before
	before=$(grep cgroup2 /proc/self/mountinfo)
	expect 0 ctl run --rm --cgroupns host busybox sh -c 'grep ^0: /proc/self/cgroup; grep " /sys/fs/cgroup " /proc/mounts'
	like "$OUT" '0::/*containerd-lite-*/*cgroup2 ro,*'
	is "$(grep cgroup2 /proc/self/mountinfo)" "$before" "options of the host's cgroup2"
	expect 0 ctl run -d --name web --ipc shareable busybox sh -c 'echo theirs >/dev/shm/file; exec nc -l -p 7777 -e echo hello'
	eventually 10 ctl exec web test -s /dev/shm/file
	expect 0 ctl run --rm --ipc container:web busybox sh -c 'cat /dev/shm/file; echo mine >/dev/shm/more; grep -c " /dev/shm " /proc/mounts'
	is "$OUT" $'theirs\n1'
	is "$(ctl exec web cat /dev/shm/more)" mine
	expect 0 ctl run --rm --network container:web busybox sh -c 'sleep 0.3; nc 127.0.0.1 7777'
	is "$OUT" hello
	local file=/dev/shm/containerd-lite-test.$$
	expect 0 ctl run --rm --ipc host busybox sh -c "echo here >$file"
	is "$(cat "$file")" here
	rm "$file"
}

# Its own oom_score_adj is set, never that of whoever is 1 there; orphans go to --init.
test_pid_1_is_somebody_else() {
	needs_static_shim
	daemon_start
	local before
	before=$(cat /proc/1/oom_score_adj)
	expect 0 ctl run --rm --pid host --oom-score-adj 77 busybox cat /proc/self/oom_score_adj
	is "$OUT" 77
	is "$(cat /proc/1/oom_score_adj)" "$before"
	expect 0 ctl run --rm --pid host --init busybox sh -c 'sh -c "sleep 0.3 & echo \$!" >/o; read -r p </o; sed -n "s/^PPid:.//p" /proc/$p/status; echo $PPID'
	is "${OUT%%$'\n'*}" "${OUT##*$'\n'}" "an orphan's parent is the init"
}

# Without a pid namespace of its own nothing but the engine ends what the first process leaves.
test_the_first_process_ends_all() { # limit 120
	daemon_start
	expect 0 ctl run -d --name web busybox sleep 1000
	local flags cgroup session
	for flags in host container:web; do
		expect 0 ctl run -d --name c --pid $flags busybox sh -c 'setsid sleep 1234 & (sleep 1235 &); read -r x </dev/null; trap "exit 7" TERM; sleep 1000 & while :; do wait; done'
		cgroup=$(ctl inspect c | pick '.[0].paths.cgroup')
		expect 0 ctl exec -d c sleep 1236
		session=$OUT
		[ "$(ctl top c --format json | pick '.[].command[0]' | grep -cx sleep)" -gt 2 ]
		expect 0 ctl stop -t 20 c
		expect 0 ctl wait c
		is "$OUT" 7
		eventually 5 eval "[ ! -e '$cgroup' ]"
		! pgrep -f 'sleep 123[456]' || fail 'a process is left'
		is "$(ctl wait --session "$session" c)" 137
		ctl rm c >/dev/null
	done
	# the end of the other container's first process ends all of its pid namespace, as the kernel has it
	expect 0 ctl run -d --name c --pid container:web busybox sleep 1000
	ctl kill web >/dev/null
	expect 0 ctl wait c
	is "$OUT" 137
	like "$(ctl why c)" '*the container whose pid namespace it shares has ended*'
}

# Looked for at each start: it must run, and have what is to be shared.
test_others_that_cannot_be_joined() {
	daemon_start
	local words message hint
	expect 0 ctl create --name idle busybox sleep 1000
	expect 0 ctl run -d --name web busybox sleep 1000
	expect 0 ctl run -d --name host --network host --pid host --ipc host busybox sleep 1000
	while IFS='|' read -r words message hint; do
		# shellcheck disable=SC2086
		expect 125 ctl run --name c $words busybox true
		like "$ERR" "ctl: $message${hint:+$'\n'hint: $hint}" "$words"
	done <<-'EOF'
		--network container:idle|c: container 'idle' does not run: it has no network namespace to share
		--network container:host|c: container 'host' has no network namespace of its own
		--pid container:host|c: container 'host' has no pid namespace of its own
		--ipc container:web|c: container 'web' does not share its ipc namespace|it must be made with --ipc shareable (ipc in its configuration)
		--network container:nobody|run: --network: no such container 'nobody'
		--network container:|run: --network: no such container ''
	EOF
	is "$(ctl ps -aq | wc -l)" 3
	expect 0 ctl create --name c --network container:web busybox true
	ctl rm -f web >/dev/null
	expect 1 ctl start c
	like "$ERR" "ctl: c: the container whose network namespace it is to share, ????????????, is not there any more"
	is "$(ctl inspect c | pick '.[0].state')" created
}

test_bad_input() {
	daemon_start
	local words message
	while IFS='|' read -r words message; do
		# shellcheck disable=SC2086
		expect 125 ctl run --name c $words busybox true
		is "${ERR%%$'\n'*}" "ctl: run: $message" "$words"
	done <<-'EOF'
		--network bridge|--network: 'bridge' is not none, host or container:NAME
		--net web|--network: 'web' is not none, host or container:NAME
		--pid hosts|--pid: 'hosts' is not private, host or container:NAME
		--ipc none|--ipc: 'none' is not private, shareable, host or container:NAME
		--uts container:web|--uts: 'container:web' is not private or host
		--cgroupns ''|--cgroupns: '''' is not private or host
		--uts host --hostname x|--hostname cannot be given with the host's uts namespace: the name is the host's
		--uts host --domainname x|--domainname cannot be given with the host's uts namespace: the name is the host's
		--network host --sysctl net.core.somaxconn=9|--sysctl: 'net.core.somaxconn' is the host's, whose namespace it shares
		--ipc host --sysctl kernel.msgmax=9|--sysctl: 'kernel.msgmax' is the host's, whose namespace it shares
		--ipc host --sysctl fs.mqueue.msg_max=9|--sysctl: 'fs.mqueue.msg_max' is the host's, whose namespace it shares
		--ipc host --shm-size 1m|--shm-size cannot be given with an ipc namespace that is not its own
		--cgroupns host --cgroup-rw|--cgroup-rw needs a cgroup namespace of the container's own
		--cgroupns host --systemd|--systemd needs a cgroup namespace of the container's own
		--pid host --cgroup-rw|--cgroup-rw needs a pid namespace of the container's own
		--pid host --systemd|--systemd needs a pid namespace of the container's own
	EOF
	is "$(ctl ps -aq)" ''
	# what is not the host's may be set
	expect 0 ctl run --rm --network host --sysctl kernel.msgmax=4096 busybox cat /proc/sys/kernel/msgmax
	is "$OUT" 4096
	expect 0 ctl run --rm --uts host --network host --pid host --ipc host --cgroupns host --privileged busybox true
}

# From a raw socket, as others speak.
test_raw_socket() {
	daemon_start
	local answer
	answer=$(method Create '{"config":{"image":"busybox","name":"web","args":["sleep","1000"],"ipc":"shareable"}}')
	like "$answer" '*"name":"web"*'
	method Start '{"containers":["web"]}' >/dev/null
	answer=$(method Create '{"config":{"image":"busybox","name":"c","args":["sleep","1000"],"network":"container:web","pid":"host","uts":"host","cgroupns":"host","ipc":"container:web"}}')
	like "$answer" '*"name":"c"*'
	method Start '{"containers":["c"]}' >/dev/null
	is "$(inside_ns c net)" "$(inside_ns web net)"
	is "$(inside_ns c ipc)" "$(inside_ns web ipc)"
	is "$(inside_ns c cgroup)" "$(host_ns cgroup)"
	answer=$(method Create '{"config":{"image":"busybox","args":["true"],"network":"container:none"}}')
	like "$answer" '*InvalidConfig*"field":"config.network"*'
	answer=$(method Create '{"config":{"image":"busybox","args":["true"],"pid":"maybe"}}')
	is "$(pick .parameters.field <<<"$answer") $(pick .parameters.message <<<"$answer")" "config.pid config.pid: 'maybe' is not private, host or container:NAME"
	answer=$(method Create '{"config":{"image":"busybox","args":["true"],"pid":7}}')
	like "$answer" '*InvalidParameter*'
	answer=$(method Create '{"config":{"bundle":"/x","pid":"host"}}')
	like "$answer" '*config.pid cannot be given together with a bundle*'
}

# A bundle that leaves one out has the host's.
test_bundles() { # limit 120
	daemon_start
	mkdir -p b/rootfs
	cp -a "$BUILD/rootfs/busybox/." b/rootfs
	(cd b && crun spec)
	local kind short filter message
	for kind in pid network ipc uts; do
		short=${kind/network/net}
		jq --arg k "$kind" '.process.terminal = false | .process.args = ["readlink", "/proc/self/ns/" + ($k | sub("network"; "net"))]
			| .linux.namespaces |= map(select(.type != $k)) | del(.hostname)' b/config.json >new
		cp b/config.json keep
		mv new b/config.json
		expect 0 ctl run --rm --bundle "$T/b"
		is "$OUT" "$(host_ns "$short")" "$kind"
		expect 0 containerd-lite-shim --bundle "$T/b"
		is "$OUT" "$(host_ns "$short")" "--bundle: $kind"
		mv keep b/config.json
	done
	while read -r filter; do
		message=${filter#* => }
		filter=${filter% => *}
		cp b/config.json keep
		jq ".process.terminal = false | .process.args = [\"true\"] | $filter" keep >b/config.json
		expect 125 ctl run --rm --bundle "$T/b"
		like "$ERR" "ctl: *$message" "$filter"
		mv keep b/config.json
	done <<-'EOF'
		.linux.namespaces |= map(select(.type != "mount")) => sharing the host's mount namespace is not supported
		.linux.namespaces |= map(select(.type != "uts")) => hostname: with the host's uts namespace the name is the host's
		.linux.namespaces |= map(select(.type != "network")) | .linux.sysctl = {"net.core.somaxconn": "9"} => 'net.core.somaxconn' is the host's, whose namespace it shares
		.linux.namespaces += [{"type": "uts", "path": "container:x"}] => must be 'container:' and an id, of type pid, ipc or network
		.linux.namespaces += [{"type": "pid", "path": "container:x"}] => must be 'container:' and an id, of type pid, ipc or network
	EOF
}
