# shellcheck shell=bash
# Pause and unpause: all of a container stands still, and every way to end it works all the same.

counter='i=0; while :; do i=$((i + 1)); echo $i; sleep 0.01; done'

lines_of() { ctl logs "$1" 2>/dev/null | wc -l; }
writes_more_than() { [ "$(lines_of "$1")" -gt "$2" ]; }
frozen_of() { awk '$1 == "frozen" {print $2}' "$(field_of "$1" .paths.cgroup)/cgroup.events"; }

test_pause_and_unpause() {
	daemon_start
	expect 0 ctl run -d --name c busybox sh -c "$counter"
	eventually 10 writes_more_than c 3
	expect 0 ctl pause c
	is "$OUT" c
	is "$(frozen_of c)" 1 'it answers when all of it stands still'
	is "$(state_of c)" paused
	like "$(ctl ps | tail -n 1)" '*Up *(Paused)*c'
	is "$(ctl ps -q --filter status=paused | wc -l)" 1
	local lines
	lines=$(lines_of c)
	sleep 0.3
	is "$(lines_of c)" "$lines" 'lines while it is paused'
	expect 1 ctl pause c
	is "$ERR" 'ctl: c: is paused already'
	expect 1 ctl start c
	like "$ERR" 'ctl: c: is paused*hint:*unpause*'
	expect 125 ctl exec c true
	like "$ERR" 'ctl: *c: is paused*hint:*unpause*'
	expect 0 ctl unpause c
	is "$OUT" c
	is "$(frozen_of c)" 0
	is "$(state_of c)" running
	eventually 10 writes_more_than c "$lines"
	expect 1 ctl unpause c
	is "$ERR" 'ctl: c: is not paused'
	is "$(call '{"method":"io.containerdlite.system.Events","parameters":{"filters":["kind=pause","kind=unpause"]}}' |
		pick '.parameters.events[].kind' | paste -sd ' ')" 'pause unpause'
}

test_pause_of_what_does_not_run() {
	daemon_start
	ctl create --name c busybox true >/dev/null
	expect 1 ctl pause c nobody
	is "$ERR" $'ctl: c: is not running\nctl: nobody: no such container'
	expect 1 ctl unpause c
	is "$ERR" 'ctl: c: is not running'
	ctl start c >/dev/null
	ctl wait c >/dev/null
	expect 1 ctl pause c
	is "$ERR" 'ctl: c: is not running'
}

test_all_of_it_stands_still() {
	daemon_start
	expect 0 ctl run -d --name c busybox sh -c "(sh -c '$counter') & (setsid sh -c '$counter') & wait"
	eventually 10 writes_more_than c 6
	expect 0 ctl pause c
	local lines
	lines=$(lines_of c)
	sleep 0.3
	is "$(lines_of c)" "$lines"
}

# A frozen process sees no TERM: stop lets it go on.
test_stop_of_a_paused_one() {
	daemon_start
	expect 0 ctl run -d --name c --stop-timeout $((60 * FACTOR)) busybox sh -c 'trap "exit 9" TERM; echo ready; sleep 1000 & while :; do wait; done'
	eventually 10 writes_more_than c 0
	expect 0 ctl pause c
	local begin
	begin=$(milliseconds)
	expect 0 ctl stop c
	took_less 20000 "$begin" 'stop of a paused container that handles TERM'
	is "$(field_of c .exit.code)" 9
}

test_kill_and_rm_of_a_paused_one() {
	daemon_start
	expect 0 ctl run -d --name c busybox sleep 1000
	expect 0 ctl pause c
	expect 0 ctl kill c
	expect 0 ctl wait c
	is "$OUT" 137
	expect 0 ctl start c
	expect 0 ctl pause c
	expect 0 ctl kill --all c
	expect 0 ctl wait c
	is "$OUT" 137
	expect 0 ctl start c
	expect 0 ctl pause c
	expect 0 ctl stop -t 0 c
	is "$(field_of c .exit.code)" 137
	expect 0 ctl start c
	expect 0 ctl pause c
	expect 0 ctl rm -f c
	is "$(ctl ps -aq)" ''
}

# A signal waits until it goes on.
test_signals_wait() {
	daemon_start
	expect 0 ctl run -d --name c busybox sh -c 'trap "exit 5" USR1; echo ready; sleep 1000 & while :; do wait; done'
	eventually 10 writes_more_than c 0
	expect 0 ctl pause c
	expect 0 ctl kill -s USR1 c
	is "$(state_of c)" paused
	expect 0 ctl unpause c
	expect 0 ctl wait c
	is "$OUT" 5
	# That it ends at once, and with --rm is gone, is no failure of unpause.
	local i
	for i in 1 2 3 4 5 6; do
		expect 0 ctl run -d --rm --name "r$i" busybox sleep 1000
		expect 0 ctl pause "r$i"
		ctl kill "r$i" >/dev/null &
		try ctl unpause "r$i"
		[ "$CODE" = 0 ] || like "$ERR" "ctl: r$i: *"
		wait $!
	done
}

test_paused_over_the_daemons_life() {
	daemon_start
	expect 0 ctl run -d --name c busybox sh -c "$counter"
	expect 0 ctl run -d --name other busybox sleep 1000
	expect 0 ctl pause c
	daemon_kill
	daemon_start
	is "$(state_of c)" paused
	is "$(state_of other)" running
	local lines
	lines=$(lines_of c)
	daemon_stop
	daemon_start
	is "$(state_of c)" paused
	expect 0 ctl unpause c
	eventually 10 writes_more_than c "$lines"
}

test_the_shim_of_a_paused_one_dies() {
	daemon_start
	expect 0 ctl run -d --name c busybox sleep 1000
	expect 0 ctl pause c
	kill -KILL "$(shim_of c)"
	eventually 15 has_state c exited
	is "$(field_of c .exit.reason)" 'shim died'
	expect 0 ctl start c
	is "$(state_of c)" running
}

test_the_pausing_worker_dies() {
	daemon_start
	expect 0 ctl run -d --name c busybox sleep 1000
	local i
	for i in 1 2 3 4 5; do
		ctl pause c >/dev/null 2>&1 &
		pkill -KILL -P "$(spawner_pid)" -x ctl-worker || true
		wait $! || true
		eventually 10 settled c
		ctl unpause c >/dev/null 2>&1 || true
		is "$(state_of c)" running
		is "$(frozen_of c)" 0
	done
}
spawner_pid() { pgrep -P "$DAEMON" -x ctl-spawner; }
settled() { # what the daemon says is what there is
	local state
	state=$(state_of "$1")
	{ [ "$state" = running ] && [ "$(frozen_of "$1")" = 0 ]; } || { [ "$state" = paused ] && [ "$(frozen_of "$1")" = 1 ]; }
}

test_pause_many_at_once() {
	daemon_start
	local i
	for i in 1 2 3 4 5 6 7 8; do ctl run -d --name "c$i" busybox sleep 1000 >/dev/null; done
	expect 0 ctl pause c1 c2 c3 c4 c5 c6 c7 c8
	is "$(ctl ps -q --filter status=paused | wc -l)" 8
	expect 0 ctl unpause c1 c2 c3 c4 c5 c6 c7 c8
	is "$(ctl ps -q --filter status=running | wc -l)" 8
	# both at a time: one of them after the other, whichever comes first
	for i in 1 2 3; do
		ctl pause c1 >/dev/null 2>&1 &
		ctl unpause c1 >/dev/null 2>&1 &
		ctl pause c2 >/dev/null 2>&1 &
		ctl stop -t 0 c2 >/dev/null 2>&1 &
		wait_jobs
		eventually 10 settled c1
		is "$(state_of c2)" exited
		ctl start c2 >/dev/null
		ctl unpause c1 >/dev/null 2>&1 || true
	done
}

test_pause_by_the_raw_socket() {
	daemon_start
	expect 0 ctl run -d --name c busybox sleep 1000
	is "$(method Pause '{"containers":["c","nobody"]}' | pick '.parameters.outcomes[].error' | paste -sd ' ')" \
		'null io.containerdlite.container.NoSuchContainer'
	is "$(method Unpause '{"containers":["c"]}' | pick .parameters.outcomes)" '[{"container":"c"}]'
	is "$(method Unpause '{"containers":["c"]}' | pick '.parameters.outcomes[0].error')" io.containerdlite.container.InvalidState
	is "$(method Pause '{"containers":[]}' | pick .error)" org.varlink.service.InvalidParameter
}
