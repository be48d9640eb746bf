# shellcheck shell=bash
# Life cycle: create start run stop kill wait rm rename ps inspect, and their exit codes.

test_run_prints_and_returns_the_code() {
	daemon_start
	expect 0 ctl run --rm busybox echo hello
	is "$OUT" hello
	is "$ERR" ''
	expect 7 ctl run --rm busybox sh -c 'echo out; echo err >&2; exit 7'
	is "$OUT" out
	is "$ERR" err
	is "$(ctl ps -aq)" '' 'after --rm'
}

test_run_without_rm_leaves_an_exited_one() {
	daemon_start
	expect 3 ctl run --name c busybox sh -c 'exit 3'
	is "$(state_of c)" exited
	is "$(field_of c .exit.code)" 3
	is "$(field_of c .exit.reason)" exited
	like "$(ctl ps -a | tail -n 1)" '*Exited (3)*c'
	is "$(ctl ps | wc -l)" 1 'ps shows the running ones only, and its header always'
	expect 0 ctl wait c
	is "$OUT" 3
}

test_signals_are_128_plus() {
	daemon_start
	expect 0 ctl run -d --name c busybox sleep 100
	expect 0 ctl kill c
	is "$OUT" c
	expect 0 ctl wait c
	is "$OUT" 137
	is "$(field_of c .exit.signal)" SIGKILL
	is "$(field_of c .exit.reason)" signaled
	expect 137 ctl start -a c </dev/null &
	eventually 5 has_state c running
	ctl kill -s KILL c >/dev/null
	wait $!
}

test_kill_sends_the_signal() {
	daemon_start
	expect 0 ctl run -d --name c busybox sh -c 'trap "echo got usr1; exit 5" USR1; echo ready; sleep 1000 & while :; do wait; done'
	eventually 5 logs_have c ready
	expect 0 ctl kill -s USR1 c
	expect 0 ctl wait c
	is "$OUT" 5
	like "$(ctl logs c)" '*got usr1'
	expect 1 ctl kill c
	like "$ERR" 'ctl: c: *not running*'
}
logs_have() { ctl logs "$1" 2>&1 | grep -q -- "$2"; }

test_run_d_prints_the_id_alone() {
	daemon_start
	expect 0 ctl run -d busybox sleep 100
	[[ $OUT =~ ^[0-9a-f]{32}$ ]] || fail "not an id: '$OUT'"
	is "$ERR" ''
	is "$(ctl ps -q)" "${OUT:0:12}"
	is "$(ctl ps -q --no-trunc)" "$OUT"
	is "$(field_of "${OUT:0:5}" .name)" "${OUT:0:12}" 'the short id is its name'
}

test_create_start_attached() {
	daemon_start
	expect 0 ctl create --name c busybox sh -c 'echo run; exit 4'
	[[ $OUT =~ ^[0-9a-f]{32}$ ]] || fail "not an id: '$OUT'"
	is "$(state_of c)" created
	like "$(ctl ps -a | tail -n 1)" '*Created*'
	expect 4 ctl start -a c
	is "$OUT" run
	expect 4 ctl start -a c
	is "$(ctl logs c)" $'run\nrun'
	is "$(field_of c .run)" 2
	expect 0 ctl start c
	is "$OUT" c
	expect 0 ctl wait c
	is "$OUT" 4
}

test_stop_sends_term_then_kills() { # limit 90
	daemon_start
	expect 0 ctl run -d --name polite --stop-timeout $((10 * FACTOR)) busybox sh -c 'trap "exit 9" TERM; echo ready; sleep 1000 & while :; do wait; done'
	expect 0 ctl run -d --name deaf --stop-timeout $((10 * FACTOR)) busybox sh -c 'trap "" TERM; echo ready; while :; do sleep 1; done'
	eventually 5 logs_have polite ready
	eventually 5 logs_have deaf ready
	local begin
	begin=$(milliseconds)
	expect 0 ctl stop polite
	took_less 3000 "$begin" 'a polite one takes no timeout'
	is "$(field_of polite .exit.code)" 9
	begin=$(milliseconds)
	expect 0 ctl stop -t 1 deaf
	[ $(($(milliseconds) - begin)) -ge 900 ] || fail 'stop -t 1 did not wait'
	took_less 4000 "$begin" 'stop -t 1'
	is "$(field_of deaf .exit.code)" 137
	is "$OUT" deaf
	is "$ERR" 'ctl: deaf: did not end at SIGTERM and was killed
hint: a first process ignores every signal that it has no handler for; --init runs one that passes them on'
	expect 0 ctl start deaf
	begin=$(milliseconds)
	expect 0 ctl stop -t 0 deaf
	took_less 900 "$begin" 'stop -t 0'
	is "$ERR" '' 'nobody wanted it to end by itself'
	expect 0 ctl stop deaf
	is "$(state_of deaf)" exited 'stopping a stopped one is fine'
}

test_stop_kills_everything_of_it() {
	daemon_start
	expect 0 ctl run -d --name c busybox sh -c '(trap "" TERM; exec sleep 4711) & (trap "" TERM; exec sleep 4712) & trap "exit 0" TERM; sleep 1000 & while :; do wait; done'
	eventually 5 pgrep -f 'sleep 4711'
	expect 0 ctl stop c
	if pgrep -f 'sleep 471[12]'; then
		fail 'a process outlived stop'
	fi
}

test_stop_many_takes_one_timeout() { # limit 120
	daemon_start
	local n=20 i
	for i in $(seq $n); do
		ctl run -d --name "c$i" busybox sh -c 'trap "" TERM; echo ready; while :; do sleep 5; done' >/dev/null
	done
	for i in $(seq $n); do eventually 10 logs_have "c$i" ready; done
	local begin
	begin=$(milliseconds)
	# shellcheck disable=SC2046
	expect 0 ctl stop -t 2 $(ctl ps -q)
	took_less 6000 "$begin" "$n containers with a timeout of 2 s"
	is "$(wc -l <<<"$OUT")" $n
}

test_stop_signal_and_timeout_of_the_container() {
	daemon_start
	expect 0 ctl run -d --name c --stop-signal INT --stop-timeout 60 busybox sh -c 'trap "exit 2" INT; echo ready; sleep 1000 & while :; do wait; done'
	eventually 5 logs_have c ready
	expect 0 ctl stop c
	is "$(field_of c .exit.code)" 2
	expect 0 ctl run -d --name d --stop-timeout 1 busybox sh -c 'trap "" TERM; sleep 1000 & while :; do wait; done'
	expect 0 ctl stop d
	is "$(field_of d .exit.code)" 137
}

test_wait_on_several_and_on_the_exited() {
	daemon_start
	expect 0 ctl run -d --name a busybox sh -c 'sleep 0.3; exit 1'
	expect 0 ctl run -d --name b busybox sh -c 'sleep 0.1; exit 2'
	expect 0 ctl wait a b
	is "$(sort <<<"$OUT" | paste -sd ' ')" '1 2'
	expect 0 ctl wait a
	is "$OUT" 1
	expect 1 ctl wait nobody
	is "$ERR" 'ctl: nobody: no such container'
}

test_wait_condition_removed() {
	daemon_start
	expect 0 ctl run -d --rm --name c busybox sh -c 'sleep 0.5; exit 6'
	expect 0 ctl wait --condition removed c
	is "$(ctl ps -aq)" ''
}

test_rm() {
	daemon_start
	expect 0 ctl run -d --name c busybox sleep 100
	expect 1 ctl rm c
	like "$ERR" 'ctl: c: *running*'
	like "$ERR" '*hint:*-f*' 'it says how'
	expect 0 ctl rm -f c
	is "$OUT" c
	expect 1 ctl rm c
	is "$ERR" 'ctl: c: no such container'
	ctl create --name a busybox true >/dev/null
	ctl create --name b busybox true >/dev/null
	expect 1 ctl rm a nobody b
	is "$OUT" $'a\nb' 'all targets are tried'
	is "$ERR" 'ctl: nobody: no such container'
}

test_rm_of_the_rm_kind() {
	daemon_start
	expect 0 ctl run -d --rm --name c busybox sleep 100
	expect 0 ctl rm -f c
	eventually 2 test -z "$(ctl ps -aq)"
	expect 0 ctl run -d --rm --name c busybox sleep 100
	expect 0 ctl stop -t 0 c
	is "$(ctl ps -aq)" ''
}

test_rename() {
	daemon_start
	expect 0 ctl run -d --name old busybox sleep 100
	expect 0 ctl rename old new
	is "$(field_of new .name)" new
	expect 1 ctl rename old other
	is "$ERR" 'ctl: old: no such container'
	expect 0 ctl run -d --name old busybox sleep 100
	expect 1 ctl rename old new
	like "$ERR" 'ctl: old: *new*in use*'
	daemon_kill
	daemon_start
	is "$(field_of new .state)" running 'the new name is on disk'
}

test_prefixes() {
	daemon_start
	py <<-'EOF'
		conn = Conn()
		for tail in "0", "1":
		    reply = conn.call("Create", {"config": {"id": "abc" + tail * 29, "image": "busybox", "name": "n" + tail}})
		    assert "error" not in reply, reply
	EOF
	is "$(field_of abc0 .name)" n0
	expect 1 ctl start abc
	like "$ERR" "ctl: abc: *2 ids*"
	like "$ERR" '*abc0*abc1*' 'it lists the candidates'
	expect 1 ctl start abcd
	is "$ERR" 'ctl: abcd: no such container'
}

test_inspect() {
	daemon_start
	expect 0 ctl run -d --name c -l tier=web -l empty= -e A=B busybox sleep 100
	expect 0 ctl inspect c
	is "$(pick '.[0].name' <<<"$OUT")" c
	is "$(field_of c .labels.tier)|$(field_of c .labels.empty)" 'web|'
	is "$(field_of c .image)" busybox
	is "$(field_of c '.config.ociVersion | type')" string
	is "$(field_of c .config.process.args)" '["sleep","100"]'
	is "$(field_of c .shim.stop_signal)" SIGTERM
	expect 1 ctl inspect nobody
	is "$ERR" 'ctl: nobody: no such container'
}

test_ps_columns_and_filters() {
	daemon_start
	expect 0 ctl ps
	[[ $OUT =~ ^CONTAINER\ ID\ +IMAGE\ +COMMAND\ +CREATED\ +STATUS\ +PORTS\ +NAMES$ ]] || fail "header: $OUT"
	ctl run -d --name one -l k=v busybox sleep 100 >/dev/null
	ctl run --name two busybox sh -c 'exit 2' >/dev/null || true
	ctl create --name three busybox true >/dev/null
	is "$(ctl ps -a | awk 'NR > 1 {print $NF}' | paste -sd ' ')" 'three two one' 'newest first'
	is "$(ctl ps | awk 'NR > 1 {print $NF}')" one
	like "$(ctl ps)" '*busybox*sleep 100*Up *one'
	is "$(names --filter exited=2)" two
	is "$(names --filter status=running --filter status=created)" 'three one'
	is "$(names --filter label=k)" one
	is "$(names --filter label=k=v --filter status=exited)" ''
	is "$(names --filter name=t)" 'three two'
	expect 125 ctl ps --filter nonsense=1
	is "$(ctl ps -a --format json | pick '.[].name' | paste -sd ' ')" 'three two one' 'one value'
	is "$(ctl ps -a --format jsonl | pick .state | paste -sd ' ')" 'created exited running'
	is "$(ctl ls -aq | wc -l)" 3
	is "$(ctl list -aq | wc -l)" 3
}
names() { ctl ps -a "$@" | awk 'NR > 1 {print $NF}' | paste -sd ' '; }

test_what_the_command_sees() {
	daemon_start
	printf '# comment\nFILE=from file\n\nTAKEN\n' >vars
	TAKEN=mine expect 0 ctl run --rm -e A=B -e 'C=d e' -e TAKEN --env-file vars -w /tmp -h box busybox sh -c 'echo "$A|$C|$TAKEN|$FILE|$PATH|$HOSTNAME|$HOME"; pwd; hostname; cat /proc/self/cmdline | tr "\0" " "'
	is "$OUT" $'B|d e|mine|from file|/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin|box|/root\n/tmp\nbox\ncat /proc/self/cmdline '
	expect 0 ctl run --rm -u nobody busybox id
	is "$OUT" 'uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup)'
	expect 0 ctl run --rm -u 12:34 busybox id
	is "$OUT" 'uid=12 gid=34 groups=34'
	expect 0 ctl run --rm -u root busybox id
	is "$OUT" 'uid=0(root) gid=0(root) groups=0(root),10(wheel)'
	expect 0 ctl run --rm --entrypoint echo busybox a b
	is "$OUT" 'a b'
	expect 0 ctl run --rm busybox sh -c 'umask; ulimit -n; echo $0'
	is "$OUT" $'0022\n1024\nsh'
	expect 0 ctl run --rm -w /made/by/us busybox pwd
	is "$OUT" /made/by/us
}

test_init() {
	needs_static_shim
	daemon_start
	expect 0 ctl run -d --init --name c busybox sh -c 'sleep 100'
	eventually 3 has_state c running
	expect 0 ctl stop -t 5 c
	is "$(field_of c .exit.code)" 143 'without a handler TERM kills it below an init'
	expect 9 ctl run --rm --init busybox sh -c 'exit 9'
	expect 0 ctl run --rm --init busybox sh -c '(sleep 0.2 &) ; sleep 0.5; ps | grep -c "\[sleep\]" || true'
	is "$OUT" 0 'it reaps'
}

test_background_children_are_killed_at_the_end() {
	daemon_start
	expect 0 ctl run --rm busybox sh -c 'sleep 4713 & echo done'
	is "$OUT" 'done'
	if pgrep -f 'sleep 4713'; then fail 'it outlived its container'; fi
}

test_names() {
	daemon_start
	local bad
	for bad in '' -a .a 'a b' a/b '..' ä "$(printf 'a%.0s' {1..65})" 0123456789abcdef0123456789abcdef; do
		try ctl create --name="$bad" busybox true
		is "$CODE" 125 "--name '$bad'"
		like "$ERR" 'ctl: *name*' "--name '$bad'"
		is "$(wc -l <<<"$ERR")" 1 "one sentence for --name '$bad'"
	done
	expect 0 ctl create --name "$(printf 'a%.0s' {1..64})" busybox true
	expect 0 ctl create --name A_b.c-9 busybox true
	expect 125 ctl create --name A_b.c-9 busybox true
	like "$ERR" "*A_b.c-9*in use*"
}

test_rm_twice_in_a_row() {
	daemon_start
	local i
	for i in 1 2 3 4 5 6 7 8 9 10; do
		expect 0 ctl run --rm --name x busybox true
	done
}

test_100_creates_of_one_name() { # limit 120
	daemon_start
	local i
	for i in $(seq 100); do
		(ctl create --name same busybox true >"out.$i" 2>"err.$i" && echo "$i" >>winners) &
		[ $((i % 50)) != 0 ] || wait_jobs
	done
	wait_jobs
	is "$(wc -l <winners)" 1 winners
	is "$(cat err.* | grep -c 'in use')" 99
	is "$(ctl ps -aq | wc -l)" 1
	is "$(left_in "$STATE/containers" | wc -l)" 1 'no residue'
}

test_create_is_on_disk() {
	daemon_start
	expect 0 ctl create --name c -l a=b busybox echo hi
	daemon_kill
	daemon_start
	is "$(state_of c)" created
	is "$(field_of c .labels.a)" b
	expect 0 ctl start -a c
	is "$OUT" hi
}

test_usage_errors_are_125() {
	daemon_start
	local row
	while read -r row; do
		# shellcheck disable=SC2086
		try ctl $row
		is "$CODE" 125 "ctl $row"
		is "$OUT" '' "ctl $row on stdout"
		like "$ERR" 'ctl: *' "ctl $row"
	done <<-'EOF'
		nonsense
		run
		run --nonsense busybox
		run --rm
		run -e =x busybox true
		run --stop-timeout x busybox true
		run --stop-signal NOPE busybox true
		run --cap-add NOPE busybox true
		run -v relative busybox true
		run -v /nowhere/at/all:/x busybox true
		run --mount type=nope,target=/x busybox true
		run --mount target=/x,nonsense=1 busybox true
		run --tmpfs relative busybox true
		run --env-file /nowhere busybox true
		run nosuchimage true
		run --rootfs /nowhere true
		stop -t x c
		kill -s NOPE c
		kill -s 0 c
		kill -s 65 c
		ps --format nonsense
		logs --tail x c
		logs --since nonsense c
		rm
		inspect
	EOF
	expect 125 ctl --socket "$T/nowhere" ps
	like "$ERR" "*$T/nowhere*"
	daemon_alive
}

test_help() {
	local verb
	local all
	all=$(ctl --help)
	for verb in run create start stop kill wait rm rename ps inspect logs; do
		like "$all" "*$verb*" "--help names $verb"
		try ctl "$verb" --help
		is "$CODE" 0 "$verb --help"
		[ "$(wc -L <<<"$OUT")" -le 80 ] || fail "$verb --help is wider than 80 columns"
	done
}
