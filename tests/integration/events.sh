# shellcheck shell=bash
# ctl events: what happened, in order, once.

test_life_of_a_container() {
	daemon_start
	expect 3 ctl run --name c busybox sh -c 'exit 3'
	expect 0 ctl rename c d
	expect 0 ctl rm d
	expect 0 ctl events --no-follow --filter kind=daemon
	like "$OUT" '* 1 daemon action=start *'
	expect 0 ctl events --no-follow --since-seq 1 --format json
	is "$(jq -r 'map(.kind) | join(" ")' <<<"$OUT")" 'create start exit rename remove'
	is "$(jq -r '.[2].attributes.code' <<<"$OUT")" 3
	is "$(jq -r '.[0].caller.uid' <<<"$OUT")" 0
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
	jq -r .seq got >seqs
	seq "$(head -n 1 seqs)" "$(tail -n 1 seqs)" | cmp - seqs
	is "$(cat err)" ''
}
sees() {
	ctl create --name early busybox true >/dev/null 2>&1 || true
	grep -q "\"$1\"" got
}
