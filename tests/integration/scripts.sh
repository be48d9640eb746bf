# shellcheck shell=bash
# docs/scripts: the examples run as they stand. (job-varlinkctl.sh runs in the virtual machine: tests/vm/test_scripts.py.)

for_each() { # COMMAND: with each script that runs here in SCRIPT
	daemon_start
	for SCRIPT in job.sh job.py; do
		SCRIPT=$TOP/docs/scripts/$SCRIPT
		"$@"
		is "$(ctl ps -aq)" '' "$SCRIPT leaves a container"
	done
}

runs() {
	expect 7 "$SCRIPT" sh -c 'echo "one line"; echo more; exit 7'
	is "$OUT" $'one line\nmore'
	like "$ERR" $'job: create\njob: start\njob: exit\njob: remove'
	# any text, and no newline at its end
	expect 0 "$SCRIPT" printf '<%s>' "it's" '"quoted"' '$HOME' $'two\nlines' -- --args
	is "$OUT" "<it's><\"quoted\"><\$HOME><two
lines><--><--args>"
}
test_run() { for_each runs; }

start_fails() {
	try "$SCRIPT" nosuchprogram
	like "$ERR" "*find 'nosuchprogram' in PATH*"
	[ "$CODE" != 0 ] || fail "$SCRIPT: exit code 0"
}
test_start_fails() { # limit 90
	daemon_start
	SCRIPT=$TOP/docs/scripts/job.sh
	start_fails
	is "$CODE" 127
	is "$(ctl ps -aq)" ''
	SCRIPT=$TOP/docs/scripts/job.py
	start_fails
	is "$CODE" 125
}

no_daemon() {
	CTL_SOCKET=$T/none try "$SCRIPT" true
	[ "$CODE" != 0 ] || fail "$SCRIPT: exit code 0 without a daemon"
	[ -n "$ERR" ] || fail "$SCRIPT: no word without a daemon"
	expect 125 "$SCRIPT"
	like "$ERR" '*COMMAND*'
}
test_no_daemon() { for_each no_daemon; }

# A megabyte through job.py's console arrives whole.
test_much() {
	daemon_start
	is "$("$TOP/docs/scripts/job.py" seq 200000 2>/dev/null | sha256sum)" "$(seq 200000 | sha256sum)"
}
