# shellcheck shell=bash
# exec_storms.sh - many sessions at once, large streams, and a daemon that is killed meanwhile.

# round N: 64 execs of the running container c at once; each gets its own code, or hears that c does not run.
storm() {
	local i pids=()
	for i in $(seq 64); do
		(
			code=0
			timeout $((60 * FACTOR)) ctl exec c sh -c "echo $i; exit $i" >"out.$i" 2>"err.$i" || code=$?
			echo "$code" >"code.$i"
		) &
		pids+=($!)
	done
	sleep "0.0$((RANDOM % 10))"
	"$@"
	wait "${pids[@]}"
}

# What each of them may have come to: its code and its output; 137, killed with the container; or that sentence.
check_storm() {
	local i ran=0
	for i in $(seq 64); do
		case $(<"code.$i") in
		"$i")
			is "$(<"out.$i")" "$i" "output of exec $i"
			ran=$((ran + 1))
			;;
		137) ;;
		125) is "$(<"err.$i")" 'ctl: c: is not running' "exec $i" ;;
		*) fail "exec $i: code $(<"code.$i"): $(<"err.$i")" ;;
		esac
	done
	rm -f out.* err.* code.*
	echo "$ran of 64 ran" >>ran
}

each_begins_and_ends() {
	[ -s events ] && [ -z "$(pick .attributes.session events | sort | uniq -c | awk '$1 != 2')" ]
}

test_64_at_once_while_it_is_stopped() { # limit 300
	daemon_start
	ctl events --filter kind=exec_start --filter kind=exec_exit --format jsonl >events &
	local rounds=$((FACTOR > 1 ? 1 : 4)) watcher=$!
	[ -z "${SLOW:-}" ] || rounds=20
	for _ in $(seq "$rounds"); do
		ctl run -d --name c busybox sleep 100000 >/dev/null
		storm ctl stop -t 1 c >/dev/null
		check_storm
		expect 0 ctl rm c
	done
	for _ in $(seq "$rounds"); do
		ctl run -d --name c --rm busybox sleep 100000 >/dev/null
		storm ctl kill c >/dev/null
		ctl wait --condition removed c >/dev/null 2>&1 || true
		sed -i "s/no such container/is not running/; s/container was removed meanwhile/is not running/" err.*
		check_storm
	done
	# Each that was begun has its end among the events.
	eventually 20 each_begins_and_ends
	kill "$watcher"
}

has_fds_as_before() { [ "$(shim_fds "$1")" -le "$(<before)" ]; }
shim_fds() { find "/proc/$1/fd" -type l | wc -l; }

test_64_at_once() { # limit 120
	daemon_start
	ctl run -d --name c busybox sleep 100000 >/dev/null
	local shim
	shim=$(shim_of c)
	ctl exec c true
	shim_fds "$shim" >before
	for _ in 1 2 3; do
		storm true
		is "$(sort -n code.* | paste -sd ' ')" "$(seq 64 | paste -sd ' ')"
		check_storm
	done
	eventually 10 has_fds_as_before "$shim"
}

# killing COMMAND…: the command, and the daemon killed and started again ten times meanwhile
killing() {
	rm -f out
	"$@" &
	local pid=$!
	eventually 60 test -s out
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		daemon_kill
		daemon_start
	done
	wait "$pid"
}

# in_pieces FILE: slowly enough that it is still on its way when the daemon is killed for the last time
in_pieces='i=0; while [ $i -lt 16 ]; do dd if=$1 bs=$2 skip=$i count=1 2>/dev/null; sleep 0.2; i=$((i + 1)); done'
piece=$([ -n "${SLOW:-}" ] && echo 64M || echo 8M)
stream() { ctl exec c sh -c "$in_pieces" sh /data/in "$piece" >out; }
back() { sh -c "$in_pieces" sh data/in "$piece" | ctl exec -i c cat >out; }

test_a_gigabyte_while_the_daemon_is_killed() { # limit 300
	daemon_start
	mkdir data
	head -c "$([ -n "${SLOW:-}" ] && echo 1024 || echo $((128 / FACTOR)))M" /dev/urandom >data/in
	ctl run -d --name c -v "$T/data:/data:ro" busybox sleep 100000 >/dev/null
	killing stream
	cmp data/in out
	# And the other way.
	killing back
	cmp data/in out
	rm -f out data/in
}

test_a_shell_while_the_daemon_is_killed() { # limit 120
	daemon_start
	ctl run -d --name c busybox sleep 100000 >/dev/null
	mkfifo in
	ctl exec -i c sh <in >out &
	local pid=$! i
	exec 9>in
	for i in 1 2 3 4 5 6 7 8 9 10; do
		echo "echo line $i" >&9
		eventually 20 grep -q "line $i" out
		daemon_kill
		daemon_start 9>&-
	done
	echo 'exit 42' >&9
	local code=0
	wait "$pid" || code=$?
	exec 9>&-
	is "$code" 42
	is "$(wc -l <out)" 10
}

# Whatever of an exec is killed at whatever moment: the next one works, and nothing is left.
test_joiners_that_are_killed() { # limit 120
	daemon_start
	ctl run -d --name c busybox sleep 100000 >/dev/null
	local shim
	shim=$(shim_of c)
	field_of c .pid >first
	(while [ ! -e stop ]; do
		for pid in $(<"/proc/$shim/task/$shim/children"); do
			[ "$pid" = "$(<first)" ] || kill -KILL "$pid"
		done
	done) 2>/dev/null &
	for _ in $(seq 60); do
		try timeout 30 ctl exec c true
		case $CODE in
		0 | 137) ;;
		125) is "$ERR" 'ctl: c: it was killed while it was set up' ;;
		*) fail "code $CODE: $ERR" ;;
		esac
	done
	touch stop
	wait_jobs
	expect 0 ctl exec c true
	eventually 10 eval '[ "$(wc -w <"/proc/$shim/task/$shim/children")" = 1 ]'
	expect 0 ctl stop -t 0 c
	is "$(field_of c .exit.code)" 137
}
