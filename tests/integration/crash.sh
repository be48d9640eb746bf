# shellcheck shell=bash disable=SC2030,SC2031,SC2034
# What survives kill -9: of the daemon, of a shim, of the spawner, of ctl.

test_20_exits_while_the_daemon_is_dead() { # limit 90
	daemon_start
	local i
	for i in $(seq 0 19); do
		ctl run -d --name "c$i" busybox sh -c "sleep 2; exit $i" >/dev/null
	done
	daemon_kill
	sleep 3.5
	daemon_start
	for i in $(seq 0 19); do
		is "$(timeout 5 "$BUILD/ctl" wait "c$i")" "$i" "c$i"
		is "$(field_of "c$i" .exit.reason)" exited
	done
}

test_running_ones_are_adopted() { # limit 60
	daemon_start
	local i pids
	for i in 1 2 3 4 5; do
		ctl run -d --name "c$i" busybox sh -c 'trap "exit 7" TERM; sleep 1000 & while :; do wait; done' >/dev/null
	done
	pids=$(for i in 1 2 3 4 5; do field_of "c$i" .pid; done)
	daemon_kill
	daemon_start
	for i in 1 2 3 4 5; do is "$(state_of "c$i")" running; done
	is "$(for i in 1 2 3 4 5; do field_of "c$i" .pid; done)" "$pids"
	# shellcheck disable=SC2046
	expect 0 ctl stop $(ctl ps -q)
	is "$(field_of c1 .exit.code)" 7
}

test_wait_goes_on_over_a_restart() { # limit 60
	daemon_start
	expect 0 ctl run -d --name c busybox sh -c 'sleep 3; exit 9'
	ctl wait c >got &
	local pid=$!
	sleep 0.5
	daemon_kill
	sleep 0.5
	daemon_start
	wait $pid
	is "$(cat got)" 9
}

test_follow_goes_on_over_a_restart() { # limit 60
	daemon_start
	expect 0 ctl run -d --name c busybox sh -c 'for i in $(seq 40); do echo $i; sleep 0.1; done'
	ctl logs -f c >got &
	local pid=$!
	sleep 1
	daemon_kill
	sleep 0.5
	daemon_start
	wait $pid
	is "$(paste -sd ' ' got)" "$(seq -s ' ' 40)"
}

test_stop_goes_on_without_the_daemon() {
	daemon_start
	expect 0 ctl run -d --name c busybox sh -c 'trap "" TERM; echo ready; while :; do sleep 1; done'
	sleep 0.5
	ctl stop -t 2 c >/dev/null 2>&1 &
	sleep 0.7
	daemon_kill
	wait_jobs
	sleep 2
	daemon_start
	eventually 3 has_state c exited
	is "$(field_of c .exit.code)" 137
}

test_a_shim_that_is_killed() {
	daemon_start
	expect 0 ctl run -d --name c busybox sh -c 'sleep 4720; true'
	kill -KILL "$(shim_of c)"
	eventually 5 has_state c exited
	is "$(field_of c .exit.reason)" 'shim died'
	case $(field_of c .exit.code) in
	null | 137) ;;
	*) fail "code $(field_of c .exit.code) is not the truth" ;;
	esac
	if pgrep -f 'sleep 4720'; then fail 'its processes live on'; fi
	expect 0 ctl start c
	is "$(state_of c)" running
	expect 0 ctl rm -f c
}

# What was asked comes to the daemon a moment before it hears of the shim's death.
test_asked_while_the_shim_dies() { # limit 60
	daemon_start
	py "$DAEMON" <<-'EOF'
		import signal
		daemon = int(sys.argv[1])
		def state(pid):
		    try:
		        return open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
		    except (FileNotFoundError, ProcessLookupError):
		        return "Z"
		def ask(method, parameters):
		    call = Conn().call("Run", {"config": {"name": "c", "image": "busybox", "args": ["sleep", "100000"]}})
		    assert "error" not in call, call
		    conn = Conn()
		    pid = conn.call("Inspect", {"container": "c"})["parameters"]["container"]["pid"]
		    shim = int(state(pid)[1])
		    os.kill(daemon, signal.SIGSTOP)
		    try:
		        while state(daemon)[0] != "T":
		            time.sleep(0.01)
		        conn.send(method, parameters)
		        os.kill(shim, signal.SIGKILL)
		        while state(shim)[0] not in "ZX":
		            time.sleep(0.01)
		    finally:
		        os.kill(daemon, signal.SIGCONT)
		    reply = conn.recv()
		    Conn().call("Remove", {"containers": ["c"], "force": True})
		    return reply.get("error"), reply["parameters"]
		c = {"containers": ["c"]}
		for method, parameters in ("Remove", {"force": True}), ("Stop", {}), ("Stop", {"timeout_ms": 0}), ("Restart", {"timeout_ms": 0}):
		    error, reply = ask(method, dict(c, **parameters))
		    assert error is None and "error" not in reply["outcomes"][0], (method, error, reply)
		error, reply = ask("Kill", c)
		assert reply["outcomes"][0]["message"] == "container 'c' is not running", reply
		error, reply = ask("Exec", {"container": "c", "args": ["true"]})
		assert reply["message"] == "container 'c' is not running", reply
	EOF
}

test_a_shim_dies_while_there_are_no_descriptors() {
	# Its container has ended when nothing of it lives any more, and not before.
	daemon_start
	expect 0 ctl run -d --name c --pid host busybox sh -c 'sleep 1000 & sleep 1000 & wait'
	local shim cgroup folder
	shim=$(shim_of c)
	cgroup=$(field_of c .paths.cgroup)
	folder=$(field_of c .paths.folder)
	prlimit --pid "$DAEMON" --nofile=3:
	kill -KILL "$shim"
	eventually 10 grep -q 'Too many open files' "$T/daemon.log"
	prlimit --pid "$DAEMON" --nofile=1024:
	expect 0 ctl wait c
	is "$(field_of c .exit.reason)" 'shim died'
	[ ! -d "$cgroup" ] || fail "it lives: $(cat "$cgroup/cgroup.procs")"
	[ -s "$folder/exit.json" ] || fail 'no exit record'
}

test_a_shim_killed_while_the_daemon_is_dead() {
	daemon_start
	expect 0 ctl run -d --name c busybox sh -c 'sleep 4721; true'
	expect 0 ctl run -d --rm --name d busybox sh -c 'sleep 4722; true'
	local shims
	shims="$(shim_of c) $(shim_of d)"
	daemon_kill
	# shellcheck disable=SC2086
	kill -KILL $shims
	sleep 0.3
	daemon_start
	eventually 5 has_state c exited
	is "$(field_of c .exit.reason)" 'shim died'
	eventually 3 gone_everywhere 'sleep 472[12]'
}
gone_everywhere() { ! pgrep -f "$1"; }

test_run_whose_shim_is_killed_says_so() {
	daemon_start
	(try ctl run --name c busybox sh -c 'echo ready; sleep 100'; echo "$CODE" >code; echo "$ERR" >err) &
	eventually 5 has_state c running
	sleep 0.3
	kill -KILL "$(shim_of c)"
	wait_jobs
	case $(cat code) in
	255 | 137) ;;
	*) fail "code $(cat code)" ;;
	esac
	[ -s err ] || fail 'without a word'
}

test_the_spawner_is_killed() {
	daemon_start
	expect 0 ctl run -d --name c busybox sleep 100
	local child
	for child in $(<"/proc/$DAEMON/task/$DAEMON/children"); do
		if grep -q 'containerd-lite-.*/shims$' "/proc/$child/cgroup" && tr '\0' ' ' <"/proc/$child/cmdline" | grep -q spawner; then
			kill -KILL "$child"
		fi
	done
	sleep 0.3
	is "$(state_of c)" running 'a container needs no spawner'
	expect 0 ctl run --rm busybox echo again
	is "$OUT" again
	is "$(state_of c)" running
}

test_rm_after_kill_9_of_ctl() {
	daemon_start
	ctl run --rm --name c busybox sh -c 'echo ready; sleep 2' >out &
	local pid=$!
	eventually 5 grep -q ready out
	kill -KILL $pid
	wait $pid 2>/dev/null || true
	is "$(ctl ps -aq | wc -l)" 1
	eventually 5 no_containers
	eventually 2 nothing_in "$STATE/transient"
}

test_rm_after_kill_9_of_the_daemon() {
	daemon_start
	expect 0 ctl run -d --rm --name short busybox sleep 1
	expect 0 ctl run -d --rm --name long busybox sleep 100
	daemon_kill
	sleep 2.5
	is "$(left_in "$STATE/transient" | wc -l)" 1 'the shim removed its own'
	daemon_start
	is "$(ctl ps -a | awk 'NR > 1 {print $NF}')" long
	expect 0 ctl kill long
	eventually 5 no_containers
}
no_containers() { [ -z "$(ctl ps -aq)" ]; }

test_rm_after_a_failed_start() {
	daemon_start
	expect 127 ctl run --rm --name c busybox nosuchprogram
	is "$(ctl ps -aq)" ''
	eventually 2 nothing_in "$STATE/transient"
	is "$(left_in "$STATE/containers")" ''
}

test_kill_9_at_any_moment_of_many_runs() { # limit 120
	# The daemon dies at odd moments while containers come and go; afterwards nothing is lost or left.
	daemon_start
	local round i
	for round in 1 2 3 4 5 6; do
		for i in 1 2 3 4; do
			(ctl run --rm busybox true >/dev/null 2>&1; ctl run -d --name "keep.$round.$i" busybox sh -c "exit $i" >"id.$round.$i" 2>/dev/null) &
		done
		sleep "0.0$((round * 2))"
		daemon_kill
		daemon_start
		wait_jobs
	done
	for round in 1 2 3 4 5 6; do
		for i in 1 2 3 4; do
			[ -s "id.$round.$i" ] || continue
			is "$(timeout 10 "$BUILD/ctl" wait "$(cat "id.$round.$i")")" "$i" "keep.$round.$i, which ctl had been told of"
		done
	done
	eventually 5 nothing_in "$STATE/transient"
}

test_a_second_daemon_leaves() {
	daemon_start
	expect 1 timeout 5 "$BUILD/containerd-lite" --state-dir "$STATE" --run-dir "$T/other"
	like "$ERR" "*$STATE*"
	expect 1 timeout 5 "$BUILD/containerd-lite" --state-dir "$T/other" --run-dir "$RUN"
	like "$ERR" "*$RUN*"
	daemon_alive
	rm -rf "$T/other"
}

test_several_daemons_side_by_side() {
	daemon_start
	expect 0 ctl run -d --name c busybox sleep 100
	local first=$DAEMON first_socket=$CTL_SOCKET
	(
		DAEMON=
		DAEMON_FDS=
		STATE=$T/state2 RUN=$T/run2
		daemon_start
		expect 0 ctl run -d --name c busybox sleep 100
		is "$(ctl ps -q | wc -l)" 1
		expect 0 ctl rm -f c
		daemon_stop
	)
	is "$DAEMON $CTL_SOCKET" "$first $first_socket"
	is "$(state_of c)" running
}

test_damaged_files_lose_only_their_own() {
	daemon_start
	expect 0 ctl create --name good busybox echo good
	expect 0 ctl create --name bad busybox true
	local bad
	bad=$(field_of bad .id)
	daemon_stop
	DAEMON=
	echo '{"version":1,' >"$STATE/containers/$bad/shim.json"
	daemon_start
	expect 0 ctl start -a good
	is "$OUT" good
	[ -d "$STATE/containers/$bad" ] || [ -n "$(find "$STATE" -name "*$bad*" | head -n 1)" ] || fail 'it was deleted on doubt'
	daemon_stop
	DAEMON=
	find "$STATE" -depth -path "*$bad*" -delete
	daemon_start
}

test_sigterm_leaves_containers_running() {
	daemon_start
	expect 0 ctl run -d --name c busybox sleep 100
	daemon_stop
	DAEMON=
	daemon_start
	is "$(state_of c)" running
}
