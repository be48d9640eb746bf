# shellcheck shell=bash disable=SC2034
# ctl events: what happened, in order, once.

test_life_of_a_container() {
	daemon_start
	expect 3 ctl run --name c busybox sh -c 'exit 3'
	expect 0 ctl rename c d
	expect 0 ctl rm d
	expect 0 ctl events --no-follow --filter kind=daemon
	like "$OUT" '* 1 daemon action=start *'
	expect 0 ctl events --no-follow --since-seq 1 --format json
	is "$(pick '.[].kind' <<<"$OUT" | paste -sd ' ')" 'create start exit rename remove'
	is "$(pick '.[2].attributes.code' <<<"$OUT")" 3
	is "$(pick '.[0].caller.uid' <<<"$OUT")" 0
	expect 0 ctl events --no-follow --filter kind=exit
	[[ $OUT =~ ^[0-9TZ:.-]+\ [0-9]+\ exit\ [0-9a-f]{12}\ c\ .*code=3 ]] || fail "$OUT"
	expect 125 ctl events --no-follow --filter nonsense=1
}

test_events_go_on_over_kill_9_of_the_daemon() {
	daemon_start
	ctl events --format=jsonl >got 2>err &
	local pid=$!
	eventually 5 sees create
	daemon_kill
	sleep 0.3
	daemon_start
	expect 0 ctl run --rm --name late busybox true
	eventually 5 grep -q '"remove"' got
	kill $pid
	wait $pid 2>/dev/null || true
	# No number twice, none left out.
	pick .seq got >seqs
	seq "$(head -n 1 seqs)" "$(tail -n 1 seqs)" | cmp - seqs
	is "$(cat err)" ''
}
sees() {
	ctl create busybox true >/dev/null
	grep -q "\"$1\"" got
}

events_of() { # NAME: the kinds of its events
	call '{"method":"io.containerdlite.system.Events","parameters":{"filters":["name='"$1"'"]}}' |
		pick '.parameters.events[].kind' | paste -sd ' '
}

test_an_exit_that_no_daemon_saw() {
	daemon_start
	expect 0 ctl run -d --name kept busybox sleep 1000
	expect 0 ctl run -d --name brief --rm busybox sleep 1000
	expect 0 ctl run -d --name lives --rm busybox sleep 1000
	expect 0 ctl create --name unborn --rm busybox true
	local shims pids shim
	shims="$(shim_of kept) $(shim_of brief)"
	pids="$(field_of kept .pid) $(field_of brief .pid)"
	daemon_kill
	# shellcheck disable=SC2086
	kill -KILL $pids
	for shim in $shims; do
		eventually 10 gone "$shim"
	done
	daemon_start
	is "$(events_of kept)" 'create start exit'
	is "$(events_of brief)" 'create start exit remove'
	is "$(events_of lives)" 'create start'
	is "$(events_of unborn)" 'create remove'
	# Once: the daemon after that one has read it.
	for _ in 1 2; do
		daemon_kill
		daemon_start
	done
	is "$(events_of kept)" 'create start exit'
	is "$(events_of brief)" 'create start exit remove'
	expect 0 ctl start kept
	expect 0 ctl kill kept
	eventually 10 has_state kept exited
	is "$(events_of kept)" 'create start exit start kill exit'
	local event
	event=$(call '{"method":"io.containerdlite.system.Events","parameters":{"filters":["name=kept","kind=exit"]}}')
	is "$(jq -r '.parameters.events[0] | .attributes | [.code, .reason, .run] | join(" ")' <<<"$event")" '137 signaled 1'
	is "$(jq -r '.parameters.events[0] | .attributes.finished_at < .time' <<<"$event")" true
}

test_a_long_event_is_kept() {
	# A path of which JSON makes six times as much
	local name root=$T
	name=$(printf '\001%.0s' {1..250})
	for _ in {1..12}; do root=$root/$name; done
	mkdir -p "$root"
	daemon_start
	expect 0 ctl create --name long --rootfs "$root" true
	expect 0 ctl create --name short busybox true
	daemon_stop
	daemon_start
	expect 0 ctl events --no-follow --format jsonl --filter kind=create
	is "$(pick .name <<<"$OUT" | paste -sd ' ')" 'long short'
}

test_a_damaged_file() {
	# What is no event is passed over, a torn line spoils no other, and numbers go on where they were.
	daemon_start --log-level debug
	expect 0 ctl create --name a busybox true
	daemon_stop
	DAEMON=
	local last
	last=$(jq .seq "$STATE/events" | tail -n 1)
	{
		head -c 100 /dev/urandom
		printf '\n%s' '{"seq":9223372036854775807}' '{"seq":100000}' '[]' '{"seq":"x"}' '{"seq":100001,"time":3,"kind":{},"attributes":[]}' \
			'{"seq":9223372036854775807,"time":"2026-01-01T00:00:00Z","kind":"x","attributes":{}}' '{"seq":1000'
	} >>"$STATE/events"
	daemon_start --log-level debug
	daemon_kill
	daemon_start --log-level debug
	expect 0 ctl create --name b busybox true
	call "{\"method\":\"io.containerdlite.system.Events\",\"parameters\":{\"since_seq\":$last}}" >events
	is "$(jq -c '.parameters.events | map([.seq, .kind])' events)" \
		"[[$((last + 1)),\"daemon\"],[$((last + 2)),\"daemon\"],[$((last + 3)),\"create\"]]"
	if grep 'does not fit' "$T/daemon.log"; then fail 'what is no event was answered'; fi
}

test_an_update_tells_every_line() {
	daemon_start
	expect 0 ctl create --name c busybox true
	method Update '{"container":"c","resources":{"cgroup":{"cgroup.pressure":"8:0 1\n8:16 2"}}}' >/dev/null
	expect 0 ctl events --no-follow --format jsonl --filter kind=update
	is "$(jq -r '.attributes["cgroup.pressure"]' <<<"$OUT")" $'8:0 1\n8:16 2'
}
