# shellcheck shell=bash
# The rig itself: that it notices what it is there to notice, and tells it. A second one, with tests of its own, is made in
# the test's folder.
# No machine changes it.

test_nothing() {
	true
}

# rig: the functions on stdin become the tests of a rig of their own
rig() {
	needs_source
	mkdir -p "$T/rig/tests/integration"
	cp "$TOP/tests/run" "$T/rig/tests"
	cp "$TOP"/tests/integration/{harness.py,lib.sh} "$T/rig/tests/integration"
	cat >"$T/rig/tests/integration/sample.sh"
}
rig_run() { # CODE [NAME=VALUE…]
	local code=$1
	shift
	expect "$code" env -u TEST_SUMS -u TRIES LANES=1 BUILD=out TEST_TMP="$T" "$@" "$T/rig/tests/run"
}

test_what_fails_once_is_told() {
	rig <<-'RIG'
		test_good() { true; }
		test_skipped() { skip 'no reason'; }
		test_at_the_second_try() {
			echo "this is try $(wc -l <"$TOP/tries")" >>"$TOP/tries"
			[ "$(wc -l <"$TOP/tries")" = 2 ]
		}
		test_bad() { is one two; }
	RIG
	: >"$T/rig/tries"
	rig_run 1
	like "$OUT" '*ok sample.test_at_the_second_try (at the second try)
not ok sample.test_bad
*passed only at the second try:
    sample.test_at_the_second_try
failed:
    sample.test_bad
2 passed, 1 failed, 1 skipped'
	[ -s "$T/rig/out/tests/failed/sample.test_at_the_second_try/output" ] || fail 'the first output is not kept'
	: >"$T/rig/tries"
	rig_run 1 TRIES=1 TEST_SUMS="$T/sums"
	like "$OUT" '*1 passed, 2 failed, 1 skipped'
	is "$(cat "$T/sums")" '1 passed, 2 failed, 1 skipped'
	rig_run 0 TEST_SECONDS=0
	like "$OUT" '*skip sample.test_bad: no time was left
*0 passed, 0 failed, 4 skipped'
}

test_what_is_left_behind_is_a_failure() {
	rig <<-'RIG'
		test_process() { setsid sleep 1000 & }
		test_mount() { mkdir m; mount -t tmpfs none m; }
		test_hangs() { # limit 1
			sleep 1000
		}
	RIG
	rig_run 1 TRIES=1
	like "$OUT" '*leak: pid *sleep 1000*'
	like "$OUT" '*leak: mount: *tmpfs*'
	like "$OUT" '*timed out after * s; what runs:*sleep 1000*'
	like "$OUT" '*0 passed, 3 failed, 0 skipped'
}
