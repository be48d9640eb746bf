# shellcheck shell=bash
# What a container gets by the flags of run and create that are no subject of their own.

in_it() { # OPTIONS… -- SHELL TEXT: its output
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	ctl run --rm "${options[@]}" busybox sh -c "$2"
}
capabilities() { # of the bounding set, as this process has it
	sed -n 's/^CapBnd:\t//p' /proc/self/status
}

test_privileged() {
	daemon_start
	is "$(in_it --privileged -- 'sed -n "s/^CapEff:\t//p; s/^NoNewPrivs:\t//p" /proc/self/status')" \
		"$(capabilities)"$'\n0' 'all that there is, and a way to more'
	is "$(in_it --privileged -- 'awk "\$2 ~ \"^/(proc|sys)(/|\$)\" {print \$2, substr(\$4, 1, 2)}" /proc/mounts')" \
		$'/proc rw\n/sys rw\n/sys/fs/cgroup rw' 'nothing is masked or read-only'
	is "$(in_it --privileged --cap-drop ALL --cap-add KILL -- 'sed -n "s/^CapEff:\t//p" /proc/self/status')" \
		0000000000000020
	is "$(in_it --privileged --security-opt no-new-privileges -- 'sed -n "s/^NoNewPrivs:\t//p" /proc/self/status')" 1
	like "$(in_it --privileged=false -- 'awk "\$2 == \"/sys\"" /proc/mounts')" 'sysfs /sys sysfs ro,*'
}

test_security_opt() {
	daemon_start
	local option
	for option in no-new-privileges no-new-privileges=true no-new-privileges:true seccomp=unconfined; do
		is "$(in_it --security-opt "$option" -- 'sed -n "s/^NoNewPrivs:\t//p" /proc/self/status')" 1 "$option"
	done
	for option in no-new-privileges=false no-new-privileges:false; do
		is "$(in_it --security-opt "$option" -- 'sed -n "s/^NoNewPrivs:\t//p" /proc/self/status')" 0 "$option"
	done
}

test_ulimit() {
	daemon_start
	is "$(in_it -- 'ulimit -n; ulimit -c')" $'1024\n0' 'the defaults'
	is "$(in_it --ulimit nofile=100:200 --ulimit core=4096 -- 'ulimit -n; ulimit -Hn; ulimit -Hc')" $'100\n200\n8'
	is "$(in_it --ulimit NOFILE=77 --ulimit fsize=unlimited -- 'ulimit -n; ulimit -Hn; ulimit -f')" $'77\n77\nunlimited'
	is "$(in_it -u 1000 --ulimit nproc=50 -- 'grep "Max processes" /proc/self/limits | tr -s " "')" 'Max processes 50 50 processes '
	is "$(in_it --ulimit nofile=5:300 --ulimit nofile=6:300 -- 'ulimit -n')" 6 'the last one counts'
	ctl run -d --name c --ulimit nofile=64:999999999 --ulimit stack=1048576:-1 busybox sleep 1000 >/dev/null
	local effective asked
	asked=$(field_of c '.config.process.rlimits[]' | grep -F '"RLIMIT_NOFILE"' | pick .hard)
	is "$asked" 999999999
	effective=$(awk '/^Max open files/ {print $4 ":" $5}' "/proc/$(field_of c .pid)/limits")
	is "$(field_of c .ulimits.nofile)" "$effective" 'what came of it'
	like "$effective" '64:*'
	like "$(field_of c .ulimits.stack)" '1048576:*'
	ctl kill c >/dev/null
	ctl wait c >/dev/null
	is "$(field_of c .ulimits)" null
}

test_sysctl() {
	daemon_start
	is "$(in_it --sysctl net.ipv4.ip_unprivileged_port_start=80 --sysctl kernel.msgmax=4096 --sysctl fs.mqueue.msg_max=5 -- \
		'cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/msgmax /proc/sys/fs/mqueue/msg_max')" \
		$'80\n4096\n5'
	is "$(in_it --sysctl 'net.ipv4.ping_group_range=3 4' -- 'tr "\t" " " </proc/sys/net/ipv4/ping_group_range')" '3 4'
}

test_names_and_shm() {
	daemon_start
	is "$(in_it -h host --domainname example.org -- 'hostname; cat /proc/sys/kernel/domainname')" $'host\nexample.org'
	is "$(in_it --shm-size 3m -- 'df -k /dev/shm | tail -n 1 | tr -s " " | cut -d " " -f 2')" 3072
	is "$(in_it -- 'df -k /dev/shm | tail -n 1 | tr -s " " | cut -d " " -f 2')" 65536
	is "$(in_it --oom-score-adj 400 -- 'cat /proc/1/oom_score_adj')" 400
}

test_groups() {
	daemon_start
	is "$(in_it -u 1000:1001 --group-add 7 --group-add 1003 -- id | sed 's/([a-z]*)//g')" \
		'uid=1000 gid=1001 groups=7,1001,1003'
}

# A wrong value is told as what was typed, and nothing is made.
test_values_that_cannot_be() {
	daemon_start
	local options sentence
	while IFS='|' read -r options sentence; do
		# shellcheck disable=SC2086
		expect 125 ctl run $options busybox true
		is "$(head -n 1 <<<"$ERR")" "ctl: run: $sentence" "$options"
	done <<-'EOF'
		--ulimit files=3|--ulimit: there is no limit 'files'
		--ulimit nofile=9:8|--ulimit: nofile: the soft limit is above the hard one
		--ulimit nofile=many|--ulimit: nofile: 'many' is not SOFT or SOFT:HARD, numbers or unlimited
		--ulimit nofile=1:2:3|--ulimit: nofile: '1:2:3' is not SOFT or SOFT:HARD, numbers or unlimited
		--ulimit nofile|--ulimit 'nofile': not NAME=SOFT[:HARD]
		--sysctl kernel.core_pattern=x|--sysctl: 'kernel.core_pattern' belongs to no namespace of the container's
		--sysctl vm.overcommit_memory=1|--sysctl: 'vm.overcommit_memory' belongs to no namespace of the container's
		--sysctl net/../kernel.panic=1|--sysctl: 'net/../kernel.panic' is not the name of a setting
		--sysctl net..kernel=1|--sysctl: 'net..kernel' is not the name of a setting
		--sysctl net.a=b=c|--sysctl: 'net.a' has a value that cannot be
		--sysctl kernel.hostname=x|--sysctl: 'kernel.hostname' is what the host name is for
		--sysctl net.ipv4.x|--sysctl 'net.ipv4.x': not NAME=VALUE
		--shm-size 0|--shm-size must be more than 0
		--shm-size 5m --tmpfs /dev/shm|--shm-size: something else is mounted on /dev/shm
		--oom-score-adj 1001|--oom-score-adj must be from -1000 to 1000
		--oom-score-adj x|--oom-score-adj 'x': not a whole number
		--domainname a/b|--domainname: 'a/b' is not a host name
		--security-opt seccomp=profile.json|--security-opt 'seccomp=profile.json': not supported
		--security-opt no-new-privileges=perhaps|--security-opt 'no-new-privileges=perhaps': not supported
	EOF
	is "$(ctl ps -aq)" ''
}

# It takes a capability that the daemon may not have; then it is said, and nothing is left.
test_lower_oom_score() {
	daemon_start
	try ctl run --rm --oom-score-adj -5 busybox cat /proc/1/oom_score_adj
	if [ "$CODE" = 0 ]; then
		is "$OUT" -5
	else
		is "$CODE" 125
		like "$ERR" "ctl: ????????????: oom score: set oom_score_adj to -5: Permission denied
hint: lowering it takes CAP_SYS_RESOURCE, which the daemon has not"
	fi
}

test_timeout() {
	daemon_start
	expect 137 ctl run --name t --timeout 200ms busybox sh -c 'trap "" TERM; sleep 1000 & wait'
	is "$(field_of t .exit.reason)" timeout
	like "$(ctl ps -a --format table | grep ' t$')" '*Exited (137) *: timeout*'
	expect 3 ctl run --rm --timeout 1h busybox sh -c 'exit 3'
	expect 137 ctl start -a t
	expect 125 ctl run --timeout 0 busybox true
	is "$(head -n 1 <<<"$ERR")" 'ctl: run: --timeout must be from 1 millisecond to ten years'
	expect 125 ctl run --timeout soon busybox true
	is "$(head -n 1 <<<"$ERR")" "ctl: run: --timeout 'soon': not a duration (such as 10, 1.5s, 2m)"
}

# It is the shim's, which outlives the daemon.
test_timeout_without_a_daemon() {
	daemon_start
	ctl run -d --name t --timeout 500ms busybox sleep 1000 >/dev/null
	local pid
	pid=$(field_of t .pid)
	daemon_kill
	eventually 20 gone "$pid"
	daemon_start
	expect 0 ctl wait t
	is "$OUT" 137
	is "$(field_of t .exit.reason)" timeout
}

test_trace() {
	daemon_start
	local step way
	for way in '' -d; do
		# shellcheck disable=SC2086
		expect 0 ctl run $way --rm --trace busybox echo hello
		[ -n "$way" ] || is "$OUT" hello
		for step in prepare clone spec rootfs mounts devices pivot user exec all; do
			grep -qE "^$step +[0-9]+\.[0-9]{3} ms$" <<<"$ERR" || fail "no '$step' in: $ERR"
		done
	done
	# However it ends, and each time.
	expect 7 ctl run --name t --trace busybox sh -c 'exit 7'
	like "$ERR" 'prepare *'
	ctl start t >/dev/null
	ctl wait t >/dev/null
	is "$(ctl events --no-follow -f name=t -f kind=start --format jsonl | pick .attributes.trace | sed 's/=.*;/ /; s/=.*//' | xargs)" \
		'prepare exec prepare exec'
	expect 127 ctl run --rm --trace busybox nosuchprogram
	like "$ERR" "*ctl: ????????????: exec: find 'nosuchprogram' in PATH: *"
	# How far it came, and what it failed at.
	for way in '' -d; do
		# shellcheck disable=SC2086
		expect 125 ctl run $way --name failed --trace --mount type=tmpfs,target=/x,tmpfs-size=1k -u nobody:nobody2 busybox true
		is "$(awk '/ ms$/ {print $1}' <<<"$ERR" | sed -n '1p; /rootfs/{p;q}')" $'prepare\nrootfs'
		is "$(grep ' ms$' <<<"$ERR" | tail -n 2 | cut -d ' ' -f 1)" $'user\nall'
		like "$(grep -v ' ms$' <<<"$ERR")" 'ctl: failed: user: *'
		ctl rm failed >/dev/null
	done
	expect 125 ctl run --rm --trace --bundle "$T/none"
	! grep -q ' ms$' <<<"$ERR" || fail 'nothing has been begun'
	expect 0 ctl run --rm busybox true
	is "$ERR" ''
}

test_ps_last() {
	daemon_start
	local i
	for i in 1 2 3; do ctl create --name "c$i" busybox true >/dev/null; done
	ctl run -d --name r busybox sleep 1000 >/dev/null
	names() { ctl ps "$@" --format jsonl | pick .name | xargs; }
	is "$(names)" r
	is "$(names -l)" r
	is "$(names -n 2)" 'r c3'
	is "$(names -n 0)" ''
	is "$(names -n 9)" 'r c3 c2 c1'
	is "$(names -n 1 -f status=created)" c3
	is "$(ctl ps -lq)" "$(field_of r .id | cut -c 1-12)"
}

# What no command line can say, from a raw socket.
test_raw_values() {
	daemon_start
	local field sentence
	while IFS='|' read -r field sentence; do
		is "$(method Create "{\"config\":{\"image\":\"busybox\",\"args\":[\"true\"],$field}}" | pick .parameters.message)" \
			"$sentence" "$field"
	done <<-'EOF'
		"ulimits":{"nofile":1}|config.ulimits.nofile must be a string
		"ulimits":{"":"1"}|config.ulimits: there is no limit ''
		"ulimits":{"nofile":"1","NOFILE":"2"}|config.ulimits: NOFILE is there twice
		"ulimits":{"nofile":"18446744073709551616"}|config.ulimits: nofile: '18446744073709551616' is not SOFT or SOFT:HARD, numbers or unlimited
		"sysctls":{"net.ipv4.x\ny":"1"}|config.sysctls: 'net.ipv4.x\x0ay' is not the name of a setting
		"sysctls":{"net.ipv4.x":"1\n2"}|config.sysctls: 'net.ipv4.x' has a value that cannot be
		"sysctls":{"net.":"1"}|config.sysctls: 'net.' is not the name of a setting
		"shm_size":-1|config.shm_size must be more than 0
		"timeout_ms":-1|config.timeout_ms must be from 1 millisecond to ten years
		"oom_score_adj":99999999999|config.oom_score_adj must be from -1000 to 1000
		"privileged":"yes"|config.privileged must be true or false
	EOF
	is "$(ctl ps -aq)" ''
}
