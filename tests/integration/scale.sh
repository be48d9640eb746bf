# shellcheck shell=bash
# Many: one after the other, at once, and what each costs. SLOW=1 runs the full numbers.

test_many_runs_one_after_the_other() { # limit 120
	daemon_start
	local n=${SLOW:+1000} i
	for i in $(seq "${n:-100}"); do
		ctl run --rm busybox true || fail "round $i: $?"
	done
}

test_many_codes() { # limit 120
	daemon_start
	local i code
	for i in $(seq 0 5 255); do
		code=0
		ctl run --rm busybox sh -c "exit $i" || code=$?
		is "$code" "$i"
	done
}

test_50_at_once() { # limit 120
	daemon_start
	local i
	for i in $(seq 50); do
		ctl run --rm busybox sh -c "sleep 1; echo $i" >"out.$i" 2>&1 &
	done
	wait_jobs
	for i in $(seq 50); do is "$(cat "out.$i")" "$i" "container $i"; done
}

# The answer about many is longer than any call may be, and so is that about one whose command is long.
test_long_answers() { # limit 60
	daemon_start
	py <<-'EOF'
		for name in "a", "b":
		    reply = Conn().call("Create", {"config": {"image": "busybox", "name": name, "args": ["echo"] + ["x" * 1000] * 600}})
		    assert "error" not in reply, reply
	EOF
	expect 0 ctl ps -aq
	is "$(wc -w <<<"$OUT")" 2
	is "$(ctl ps -a --format json | jq -c 'map(.command | length)')" '[601,601]'
	is "$(ctl inspect a | jq -c 'map(.config.process.args | length)')" '[601]'
	is "$(ctl inspect a b | jq -c 'map(.name)')" '["a","b"]'
}

test_50_detached_and_stopped() { # limit 120
	daemon_start
	local i
	for i in $(seq 50); do ctl run -d busybox sh -c 'trap "exit 0" TERM; while :; do sleep 1; done' >/dev/null; done
	is "$(ctl ps -q | wc -l)" 50
	# shellcheck disable=SC2046
	expect 0 ctl stop -t 5 $(ctl ps -q)
	is "$(ctl ps -q | wc -l)" 0
	# shellcheck disable=SC2046
	expect 0 ctl rm $(ctl ps -aq)
}

test_adoption_of_many() { # limit 180
	daemon_start
	local n=${SLOW:+500} i
	n=${n:-60}
	for i in $(seq "$n"); do ctl run -d --rm --log-driver none busybox sleep 1000 >/dev/null; done
	daemon_kill
	local begin
	begin=$(milliseconds)
	daemon_start
	is "$(ctl ps -q | wc -l)" "$n"
	took_less 1500 "$begin" "adopting $n"
	# shellcheck disable=SC2046
	ctl rm -f $(ctl ps -q) >/dev/null
}

# A shim costs at most 100 KiB of its own with 100 idle containers.
test_what_a_shim_costs() { # limit 180
	daemon_start
	local i pss
	for i in $(seq 100); do ctl run -d --rm busybox sleep 1000 >/dev/null; done
	pss=$(for i in $(ctl ps -q); do
		awk '/^Pss:/ {print $2}' "/proc/$(shim_of "$i")/smaps_rollup"
	done | awk '{sum += $1} END {printf "%d", sum / NR}')
	echo "PSS per shim: $pss KiB"
	# Sanitizers have a shadow of their own.
	[[ $BUILD == *address* ]] || [ "$pss" -le 100 ] || fail "a shim costs $pss KiB"
	# shellcheck disable=SC2046
	ctl rm -f $(ctl ps -q) >/dev/null
}

# Nothing wakes up when nothing happens.
test_idle() { # limit 60
	daemon_start
	local i pids=()
	for i in 1 2 3; do ctl run -d --name "c$i" busybox sleep 1000 >/dev/null; done
	ctl run --name log busybox echo hi >/dev/null
	pids=("$DAEMON")
	read -ra children <"/proc/$DAEMON/task/$DAEMON/children" || true
	pids+=("${children[@]}")
	for i in 1 2 3; do pids+=("$(shim_of "c$i")"); done
	sleep 2
	local pid arguments=()
	for pid in "${pids[@]}"; do arguments+=(-p "$pid"); done
	timeout -s INT 4 strace -f -qq -o trace "${arguments[@]}" || true
	# What strace finds them in (a wait that goes on) is no wake-up; whatever returns is.
	grep -vE 'resumed|<detached|strace: |\+\+\+|---' trace | sort | uniq -c >calls || true
	[ "$(wc -l <calls)" -le "${#pids[@]}" ] || fail "$(cat calls)"
	if grep -E 'resumed' trace; then fail 'something woke up'; fi
}

test_follow_costs_nothing_while_nothing_comes() { # limit 60
	daemon_start
	expect 0 ctl run -d --name c busybox sh -c 'echo hi; sleep 1000'
	ctl logs -f c >got &
	local ctl_pid=$!
	sleep 1.5
	local worker=
	for pid in $(<"/proc/$DAEMON/task/$DAEMON/children"); do
		for child in $(<"/proc/$pid/task/$pid/children"); do
			[ "$child" = "$(shim_of c)" ] || worker="$worker -p $child"
		done
	done
	[ -n "$worker" ] || fail 'nobody serves the log'
	# shellcheck disable=SC2086
	timeout -s INT 3 strace -qq -o trace $worker || true
	[ "$(grep -c 'resumed' trace)" = 0 ] && [ "$(wc -l <trace)" -le 8 ] || fail "$(head -n 20 trace)"
	kill $ctl_pid
	wait $ctl_pid || true
	is "$(cat got)" hi
}

test_starts_beside_a_busy_disk() { # limit 90
	daemon_start
	(while :; do dd if=/dev/zero of=big bs=1M count=64 conv=fsync 2>/dev/null; done) &
	local writer=$! begin i
	sleep 0.5
	begin=$(milliseconds)
	for i in $(seq 20); do ctl run --rm busybox true; done
	local end
	end=$(milliseconds)
	kill $writer
	wait $writer 2>/dev/null || true
	eventually 5 gone_dd
	echo "20 runs beside a writer: $((end - begin)) ms"
	[ $((end - begin)) -lt $((20000 * FACTOR)) ] || fail "20 runs took $((end - begin)) ms"
}
gone_dd() { ! pgrep -s 0 -x dd; }
