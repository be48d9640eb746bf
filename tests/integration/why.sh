# shellcheck shell=bash
# ctl why: how a run ended, in a sentence and with who asked for it.

why() { # CONTAINER CAUSE
	expect 0 ctl why "$1"
	is "$(head -n 1 <<<"$OUT")" "$1: $2"
	is "$ERR" ''
}

test_causes() {
	daemon_start
	ctl create --name made busybox true >/dev/null
	why made 'it has never been started'
	try ctl run --name code busybox sh -c 'echo one; echo two >&2; exit 3'
	why code 'it ended by itself with code 3'
	like "$OUT" $'*\nexit code   3\nstarted     20*\nended       20*\nasked by    start: ctl, pid *, uid 0, *\nlast output\n  one\n  two'
	try ctl run --name typo busybox nosuchprogram
	why typo "its start failed: exec: find 'nosuchprogram' in PATH: No such file or directory"
	like "$OUT" $'*\nexit code   127\n*'
	ctl run -d --name here busybox sleep 1000 >/dev/null
	why here 'it is running'
	ctl kill here >/dev/null
	ctl wait here >/dev/null
	why here 'SIGKILL, which was sent by ctl kill or its like'
	like "$OUT" $'*\nexit code   137 (SIGKILL)\n*\nasked by    kill SIGKILL: ctl, pid *'
	ctl run -d --name outside busybox sleep 1000 >/dev/null
	kill -KILL "$(field_of outside .pid)"
	ctl wait outside >/dev/null
	why outside 'SIGKILL, from outside of this engine'
	try ctl run --name late --timeout 100ms busybox sleep 1000
	why late 'the time that it had (--timeout) was over'
}

test_stops() {
	daemon_start
	ctl run -d --name polite busybox sh -c 'trap "exit 5" TERM; echo up; while true; do sleep 0.1; done' >/dev/null
	ctl run -d --name deaf busybox sleep 1000 >/dev/null
	eventually 10 sh -c 'ctl logs polite | grep -q up'
	ctl stop polite >/dev/null
	ctl stop -t 100ms deaf >/dev/null 2>&1
	why polite 'it was stopped, and ended with code 5'
	why deaf 'it was stopped, did not end in time and was killed'
	like "$OUT" $'*\nasked by    stop*: ctl, pid *'
}

# Of the last run alone, also where that one failed to start.
test_a_line_of_a_terminal() {
	daemon_start
	ctl run -d -t --name c busybox sh -c 'echo one; printf "\033[31mred\n"' >/dev/null
	ctl wait c >/dev/null
	expect 0 ctl why c
	like "$OUT" $'*\nlast output\n  one\n  \\\\x1b[[]31mred'
}

test_the_last_run() {
	daemon_start
	mkdir tree
	cp -a "$BUILD/rootfs/busybox/." tree/
	ctl run -d --name c --rootfs tree --rootfs-rw sleep 1000 >/dev/null
	ctl kill c >/dev/null
	ctl wait c >/dev/null
	rm tree/bin/sleep
	try ctl start c
	is "$CODE" 1
	why c "its start failed: exec: find 'sleep' in PATH: No such file or directory"
	! grep -q 'asked by' <<<"$OUT" || fail "what was asked for before is told: $OUT"
}

test_json() {
	daemon_start
	try ctl run --name c busybox sh -c 'printf "a\377b\n"; exit 3'
	is "$(ctl why --format json c | jq -c '[.name, .state, .exit.code, .cause, (.asked | map(.kind)), (.log | length)]')" \
		'["c","exited",3,"it ended by itself with code 3",["start"],1]'
	expect 0 ctl why c
	is "$(tail -n 1 <<<"$OUT")" '  a\xffb'
	expect 1 ctl why nobody
	is "$ERR" 'ctl: nobody: no such container'
	ctl run -d --rm --name gone busybox true >/dev/null
	eventually 10 sh -c '! ctl inspect gone'
	expect 1 ctl why gone
}
