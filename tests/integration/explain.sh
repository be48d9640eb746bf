# shellcheck shell=bash
# ctl explain: the script that it prints makes the same container as the engine does.

# All that a program can see of its container, normalised. Left out is what differs from one run to the next, and what no
# tool of the script's can do: reset signals 32 and 33, which the C library keeps to itself, or make a file system writable
# and its mount read-only in one step.
read -r -d '' PROBE <<'EOF' || true
echo "== identity"; grep -E '^(Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp|SigBlk|Umask):' /proc/self/status
echo "ignored $(($(sed -n 's/^SigIgn:[^0-9a-f]*/0x/p' /proc/self/status) & ~0x180000000))"
echo "== limits"; cat /proc/self/limits
echo "== mounts"; sed -E 's/^[0-9]+ [0-9]+ [0-9]+:[0-9]+ //; s/(shared|master):[0-9]+/\1/g; s/ - overlay .*/ - overlay/; s/(.* - .*) (ro|rw)/\1 /' /proc/self/mountinfo | sort
echo "== devices"; find /dev -exec stat -c '%n %A %u:%g %t:%T' {} + | grep -v '^/dev/pts/[0-9]' | sort
find /dev -type l -exec ls -l {} + | sed 's|.*[0-9] /dev/|/dev/|' | sort
echo "== names"; hostname; cat /proc/sys/kernel/domainname
echo "== environment"; env | sort
echo "== place"; pwd; stat -c '%A %u:%g' / .; ls /
echo "== session"; awk '{print "sid", $6, "oom", FILENAME}' /proc/1/stat; cat /proc/1/oom_score_adj
echo "== cgroup"; grep ^0: /proc/self/cgroup; cd /sys/fs/cgroup && for f in LIMITS; do stat -c "%n %u:%g %A" $f; case $f in .|*.procs) ;; *) cat $f ;; esac; done; cd /
echo "== network"; for n in /sys/class/net/*; do echo "$n"; cat "$n/flags"; done; cat /proc/sys/net/core/somaxconn /proc/sys/kernel/msgmax
echo "== hidden"; head -c 1 /proc/kcore /proc/keys /proc/timer_list /proc/interrupts /sys/firmware/* 2>&1 | sed '/^==> /!{/^head: /!s/..*/more/}'
for f in /proc/sys/kernel/domainname /x; do sh -c ": >$f" 2>&1; done
EOF

# same FLAG…: (with LIMITS, files of the cgroup that are to be looked at) the real container and the script of `explain`
# look alike inside; that of `explain run` is the same script.
same() {
	local probe="${PROBE/LIMITS/${LIMITS:-}}; exit 5"
	expect 0 ctl create --hostname twin "$@" busybox sh -c "$probe"
	local id=$OUT
	expect 5 ctl start -a "$id"
	printf '%s\n' "$OUT" "stderr: $ERR" >real.out
	ctl explain "$id" >explained.sh
	# whatever the caller's umask and PATH are
	expect 5 env PATH=/bin sh -c 'umask 077; sh explained.sh'
	printf '%s\n' "$OUT" "stderr: $ERR" >explained.out
	diff real.out explained.out >difference || fail "$*: $(cat difference)"
	ctl explain run --hostname twin "$@" busybox sh -c "$probe" | sed "s/^cgroup=.*/cgroup=/; s/'[0-9a-f]\{12\}'/ID/" >run.sh
	sed "s/^cgroup=.*/cgroup=/; s/'[0-9a-f]\{12\}'/ID/" explained.sh | diff - run.sh >difference ||
		fail "$*: explain run is not like explain: $(cat difference)"
	ctl rm "$id" >/dev/null
	nothing_is_left
}

# More of what the others show: on a machine that is quick enough.
also() { [ "$FACTOR" -gt 1 ] || same "$@"; }

nothing_is_left() {
	local mount name
	mount=$(findmnt --noheadings --first-only --types cgroup2 --output TARGET)
	while read -r name; do
		[ -z "$(find "$mount" -maxdepth 1 -name "$name-by-hand-*")" ] || fail 'a cgroup is left'
	done < <(sed -n 's/^cgroup=.*\/\(.*\)-by-hand.*/\1/p' ./*.sh)
	[ -z "$(left_in "$TMPDIR")" ] || fail "left in TMPDIR: $(left_in "$TMPDIR")"
	if grep "$TMPDIR" /proc/self/mountinfo; then fail 'a mount is left'; fi
}

begin() {
	command -v capsh >/dev/null || skip 'needs capsh (libcap2-bin)'
	export TMPDIR=$T/tmp
	mkdir -p "$TMPDIR" "$T/data/below"
	daemon_start
}

test_default() {
	begin
	same
	also -i
}

test_identity() { # limit 120
	begin
	same -u nobody
	also -u 1234
	same -u 1234:5 --group-add tty --group-add 77
	also -u daemon:nogroup -e HOME=/elsewhere
	also --cap-drop ALL
	same --cap-drop ALL --cap-add NET_RAW --cap-add CAP_SYS_TIME
	same --cap-add ALL -u nobody
}

test_mounts() { # limit 120
	begin
	echo text >data/file
	mount -t tmpfs inner data/below
	also -v "$T/data:/data" --read-only
	also -v "$T/data:/data:ro,nosuid" -v "$T/data/file:/etc/new/file:ro" --tmpfs /t:size=1m,mode=700
	same --mount "type=bind,source=$T/data,target=/srv/a b,readonly,bind-propagation=rslave" --tmpfs /t:ro -w /srv/deep/er
	same --mount "type=tmpfs,target=/dev/shm,tmpfs-size=2m" --read-only -w /tmp
	# a folder that the container's root lies in, and one mount below another
	same -v "$T:/all:ro" -v "$T/data:/x" -v "$TMPDIR:/x/below/y" --tmpfs /x/below/z
	umount data/below
}

test_environment() {
	begin
	same -e "QUOTED=it's \"so\" \$HOME" -e $'LINES=one\ntwo\nROOT\n' -e EMPTY= -e PWD=/somewhere
	also -h other -w /etc
}

test_init() {
	needs_static_shim
	begin
	same --init -u nobody
}

test_settings() { # limit 120
	begin
	same --shm-size 1m --ulimit nofile=100:200 --ulimit nproc=1000 --sysctl net.core.somaxconn=99 --sysctl kernel.msgmax=4096
	also --oom-score-adj 10 --device /dev/zero:/dev/deep/mine:r
	also --device /dev/full -u nobody
	same --privileged
	LIMITS='. cgroup.procs cgroup.subtree_control' same --cgroup-rw -u nobody
	same --systemd
}

has_controller() { grep -qw "$1" "$(findmnt -n --first-only -t cgroup2 -o TARGET)/cgroup.controllers"; }

# With the host's namespaces, and with another container's. Who is 1 in the host's, and what is mounted there, changes.
test_shared_namespaces() { # limit 120
	begin
	PROBE=${PROBE/awk *\/proc\/1\/stat; cat \/proc\/1\//cat \/proc\/self\/}
	also --network host --sysctl kernel.msgmax=4096
	same --pid host
	also --ipc host
	PROBE=${PROBE/grep ^0: \/proc\/self\/cgroup; /} same --cgroupns host
	expect 0 ctl run -d --name web --ipc shareable busybox sleep 1000
	same --network container:web --pid container:web
	expect 0 ctl create --name c --ipc container:web busybox readlink /proc/self/ns/ipc
	ctl explain c >a.sh
	expect 0 sh a.sh
	is "$OUT" "$(ctl exec web readlink /proc/self/ns/ipc)"
	expect 0 ctl create --name d --uts host busybox hostname
	ctl explain d >a.sh
	expect 0 sh a.sh
	is "$OUT" "$(hostname)"
	ctl kill web >/dev/null
	ctl wait web >/dev/null
	expect 1 ctl explain c
	is "$ERR" "ctl: c: container 'web', whose ipc namespace it shares, does not run"
	# its first process ends all of it
	ctl explain run --pid host busybox sh -c 'sleep 4321 & sleep 0.2' >a.sh
	expect 0 sh a.sh
	! pgrep -f 'sleep 4321' || fail 'a process is left'
	nothing_is_left
}

test_limits() {
	has_controller memory && has_controller cpu && has_controller pids ||
		skip 'this cgroup2 has no controllers for cpu, memory and pids'
	begin
	LIMITS='memory.max memory.oom.group pids.max' same
	LIMITS='memory.max memory.high memory.swap.max memory.oom.group pids.max cpu.max cpu.weight' \
		same -m 64m --memory-swap 80m --memory-high 60m --pids-limit 50 --cpus 0.5 --cpu-weight 50
}

test_limits_verbatim() {
	has_controller memory || skip 'this cgroup2 has no controller for memory'
	begin
	LIMITS='memory.oom.group memory.swap.high' same --cgroup-conf memory.swap.high=4194304
}

test_program() {
	begin
	# Words that a shell, or a here document, could take for something else.
	ctl explain run busybox printf '<%s>' "it's" '$(id)' '`id`' '' 'a  b' $'x\nROOT\ny' '*' -- >a.sh
	expect 0 sh a.sh
	is "$OUT" "<it's><\$(id)><\`id\`><><a  b><x
ROOT
y><*><-->"
	# On a terminal none of them is a command to it; the program gets it as it is.
	ctl explain run busybox printf $'\033]0;title\007\302\233\r' >a.sh
	! grep -q $'\033\|\007\|\r' a.sh || fail 'control characters in the script'
	sh a.sh >out
	is "$(od -An -c out | tr -d ' \n')" "$(printf '\033]0;title\007\302\233\r' | od -An -c | tr -d ' \n')"
	ctl explain run busybox nosuchprogram >a.sh
	try sh a.sh
	is "$CODE" 127
	ctl explain run -i busybox sh -c 'cat; kill -9 $$; cat' >a.sh
	is "$(echo through | sh a.sh)" through
	# pid 1 cannot kill itself; --init passes a signal on, and its code back.
	ctl explain run --init busybox sh -c 'kill -TERM $$' >a.sh
	expect 143 sh a.sh
	nothing_is_left
}

test_signals() {
	begin
	ctl explain run busybox sh -c 'trap "echo got; exit 9" TERM; echo ready; sleep 1000 & while :; do wait; done' >a.sh
	sh a.sh >out &
	local script=$!
	eventually 20 grep ready out
	kill -TERM "$script"
	local code=0
	wait "$script" || code=$?
	is "$code" 9
	is "$(cat out)" "ready
got"
	nothing_is_left
}

# The program has gone before the script's shell looks again, which then has taken its end already.
test_a_signal_that_ends_it_at_once() {
	begin
	strace -o trace true 2>/dev/null || skip 'strace cannot trace here'
	ctl explain run busybox sh -c 'trap "exit 9" TERM; echo ready; sleep 1000 & while :; do wait; done' >a.sh
	strace -qq -o trace -e trace=kill -e inject=kill:delay_exit=500000 sh a.sh >out &
	local strace=$! code=0
	eventually 20 grep ready out
	kill -TERM "$(cat "/proc/$strace/task/$strace/children")"
	wait "$strace" || code=$?
	is "$code" 9
	nothing_is_left
}

# However many lines look like the end of the here document.
test_ends_in_a_path() {
	begin
	local path='' end=ROOT
	while [ ${#end} -lt 19 ]; do
		path+=/$'\n'$end$'\n'
		end+=_
	done
	path+=/$'\nROOT1\n/\n'$end$'\ntouch pwned\nx'
	ctl explain run -w "$path" busybox pwd >a.sh
	expect 0 sh a.sh
	is "$OUT" "$path"
	[ ! -e pwned ] || fail 'a part of a path was a command'
}

# With a terminal the script's own one is used.
test_terminal() {
	begin
	method Create '{"config":{"image":"busybox","name":"t","terminal":true,"args":["sh","-c","[ -t 0 ] && [ -t 1 ] && echo $TERM; read -r x; echo got $x"]}}' >made
	ctl explain t >a.sh
	grep -q '^# Not expressed: a terminal' a.sh || fail 'the terminal is not mentioned'
	echo typed | script -qec 'sh a.sh' /dev/null | tr -d '\r' >out
	is "$(grep -v typed <(sed 's/got typed/got it/' out))" $'xterm\ngot it'
	nothing_is_left
}

test_direct_root() {
	begin
	cp -a "$BUILD/rootfs/busybox" tree
	ctl explain run --rootfs "$T/tree" --rootfs-rw sh -c 'echo here >/written; stat -c %T -f /; grep "^[^ ]* [^ ]* [^ ]* [^ ]* / " /proc/self/mountinfo' >a.sh
	expect 0 sh a.sh
	local mine=$OUT
	is "$(cat tree/written)" here
	expect 0 ctl run --rm --rootfs "$T/tree" --rootfs-rw sh -c 'echo here >/written; stat -c %T -f /; grep "^[^ ]* [^ ]* [^ ]* [^ ]* / " /proc/self/mountinfo'
	# ids of mounts
	is "${mine//[0-9][0-9]* [0-9]* [0-9]*:/}" "${OUT//[0-9][0-9]* [0-9]* [0-9]*:/}"
	nothing_is_left
}

test_bundle() {
	begin
	mkdir -p bundle/rootfs
	cp -a "$BUILD/rootfs/busybox/." bundle/rootfs
	(cd bundle && crun spec)
	jq --arg probe "${PROBE/LIMITS/}" '.process.terminal = false | .process.args = ["sh", "-c", $probe + "; exit 5"] | .hostname = "twin"
		| .process.user = {uid: 1, gid: 2, additionalGids: [3], umask: 63}
		| .process.capabilities.inheritable = ["CAP_KILL"] | .process.capabilities.ambient = ["CAP_KILL", "CAP_CHOWN"]' bundle/config.json >new
	mv new bundle/config.json
	expect 5 ctl run --rm --bundle "$T/bundle"
	printf '%s\n' "$OUT" "stderr: $ERR" >real
	ctl explain run --bundle "$T/bundle" >a.sh
	expect 5 sh a.sh
	printf '%s\n' "$OUT" "stderr: $ERR" >mine
	diff real mine || fail 'the bundle looks different'
	nothing_is_left
}

# OCI: with "bind" among the options the type is whatever. No word of a bundle's is a command to the host's shell.
test_bundle_bind_of_any_type() {
	begin
	mkdir -p bundle/rootfs
	cp -a "$BUILD/rootfs/busybox/." bundle/rootfs
	(cd bundle && crun spec)
	echo text >data/file
	jq --arg source "$T/data" --arg pwned "$T/pwned" '.process.terminal = false | .process.args = ["sh", "-c", "cat /m/file; : >/m/new"]
		| .mounts += [{destination: "/m", type: "none; touch \($pwned);", source: $source, options: ["rbind", "ro"]}]' bundle/config.json >new
	mv new bundle/config.json
	expect 1 ctl run --rm --bundle "$T/bundle"
	local out=$OUT err=$ERR
	is "$out" text
	ctl explain run --bundle "$T/bundle" >a.sh
	expect 1 sh a.sh
	is "$OUT" "$out"
	is "$ERR" "$err"
	[ ! -e pwned ] || fail 'a word of the bundle was a command'
	nothing_is_left
}

# A link of the image that leads out of it makes nothing on the host.
test_links_out() {
	begin
	cp -a "$BUILD/rootfs/busybox" tree
	ln -s "$T/outside" tree/out
	ctl explain run --rootfs "$T/tree" -v "$T/data:/out/data" true >a.sh
	expect 125 sh a.sh
	is "$ERR" '/out/data: a link in the image leads out of it'
	[ ! -e outside ] || fail 'made on the host'
	nothing_is_left
}

# A folder of the host's on /dev stays as it is, however that is written.
test_a_dev_of_the_host() {
	begin
	mkdir -p dev/pts dev/shm dev/mqueue
	mknod -m 666 dev/null c 1 3
	local before target
	before=$(stat -c '%n %t:%T %W' dev/*)
	for target in /dev /dev/ //dev /./dev/.; do
		ctl explain run -v "$T/dev:$target" busybox ls /dev >a.sh
		expect 0 sh a.sh
		is "$OUT" $'mqueue\nnull\npts\nshm' "$target"
		expect 125 ctl run --rm -v "$T/dev:$target" --device /dev/zero:/dev/mine busybox true
		like "$ERR" '*no device can be made: /dev is a folder of the host*'
		ctl explain run -v "$T/dev:$target" --device /dev/zero:/dev/mine busybox true >a.sh
		expect 125 sh a.sh
		like "$ERR" '*no device can be made: /dev is a folder of the host*'
		is "$(stat -c '%n %t:%T %W' dev/*)" "$before" "$target"
	done
	nothing_is_left
}

# The devices of a bundle: made where nothing is yet.
test_bundle_devices() {
	begin
	mkdir -p bundle/rootfs
	cp -a "$BUILD/rootfs/busybox/." bundle/rootfs
	(cd bundle && crun spec)
	echo text >data/file
	jq --arg source "$T/data" '.process.terminal = false
		| .process.args = ["sh", "-c", "stat -c \"%n %A %u:%g %t:%T\" /dev/own/* /dev/pipe; cat /dev/data/file"]
		| .linux.devices = [{path: "/dev/own/a b", type: "b", major: 7, minor: 1, fileMode: 416, uid: 1, gid: 2},
			{path: "/dev/own/mine", type: "c", major: 1, minor: 3}, {path: "/dev/pipe", type: "p", fileMode: 384}]
		| .mounts += [{destination: "/dev/data", type: "bind", source: $source, options: ["rbind"]}]' bundle/config.json >new
	mv new bundle/config.json
	expect 0 ctl run --rm --bundle "$T/bundle"
	local out=$OUT
	ctl explain run --bundle "$T/bundle" >a.sh
	expect 0 sh a.sh
	is "$OUT" "$out"
	jq '.linux.devices += [{path: "/dev/data/file", type: "c", major: 1, minor: 3}]' bundle/config.json >new
	mv new bundle/config.json
	expect 125 ctl run --rm --bundle "$T/bundle"
	ctl explain run --bundle "$T/bundle" >a.sh
	try sh a.sh
	is "$(cat data/file)" text "a file of the host's"
	nothing_is_left
}

# Each namespace is another than the host's, and nsenter leads into it.
test_namespaces() {
	begin
	ctl explain run --name web -i busybox sh -c 'for n in /proc/self/ns/*; do readlink "$n"; done; echo all; read -r line; true' >a.sh
	mkfifo in
	sh a.sh <in >out &
	local script=$! kind
	exec 7>in
	eventually 20 grep -q all out
	for kind in mnt pid net ipc uts cgroup; do
		! grep -q "^$(readlink "/proc/self/ns/$kind" | sed 's/[][]/./g')$" out || fail "the host's $kind namespace"
	done
	local pid
	pid=$(sort -n "$(find /sys/fs/cgroup -path '*/web-by-hand-*/cgroup.procs' | head -n 1)" | tail -n 1)
	is "$(nsenter --target "$pid" --all hostname | tr -d '\n')" "$(grep -o 'echo [0-9a-f]* >/proc/sys/kernel/hostname' a.sh | cut -d' ' -f2)"
	exec 7>&-
	wait "$script"
	nothing_is_left
}

# Of one that runs the script says how it is entered, and that is how.
test_running() {
	begin
	expect 0 ctl run -d --name web -h inside busybox sleep 1000
	local enter
	enter=$(ctl explain web | sed -n 's/.*real one: \(nsenter .*\) sh$/\1/p')
	is "$($enter hostname)" inside
	ctl kill web >/dev/null
	ctl wait web >/dev/null
	! ctl explain web | grep -q 'real one' || fail 'it does not run any more'
}

test_bad_input() {
	daemon_start
	local name message
	while IFS='|' read -r name message; do
		# shellcheck disable=SC2086
		expect 125 ctl explain $name
		is "${ERR%%$'\n'*}" "$message" "explain $name"
	done <<'EOF'
run|ctl: explain run: needs IMAGE, --rootfs, --rootfs-rw or --bundle
--nonsense|ctl: explain: unknown option '--nonsense'
run --nonsense busybox|ctl: explain run: unknown option '--nonsense'
EOF
	expect 1 ctl explain nobody
	is "$ERR" "ctl: nobody: no such container"
	expect 125 ctl explain
	expect 125 ctl explain run --hostnam x busybox
	like "$ERR" '*hint: did you mean --hostname?'
	is "$(ctl explain run --help)" "$(ctl run --help)"
	expect 125 ctl explain a b
	is "${ERR%%$'\n'*}" 'ctl: explain: one container at a time, or run and its arguments'
	expect 125 ctl explain run -u '' busybox true
	like "$ERR" 'ctl: explain run: --user must have*'
	expect 125 ctl explain run --bundle "$T/none"
	like "$ERR" "ctl: explain run: *'$T/none'*No such file or directory*"
	is "$(ctl ps -aq)" ''
}

# The method makes nothing, and takes no name.
test_method() {
	daemon_start
	local answer
	answer=$(method Explain '{"config":{"image":"busybox","name":"x","args":["true"]}}')
	is "$(pick .parameters.config.process.args <<<"$answer") $(pick .parameters.shim.rootfs_mode <<<"$answer")" '["true"] overlay'
	is "$(ctl ps -aq)" ''
	expect 0 ctl create --name x busybox true
	is "$(pick .parameters.config.hostname <<<"$(method Explain '{"config":{"image":"busybox","name":"x","hostname":"h"}}')")" h
	nothing_in "$STATE/transient"
}
