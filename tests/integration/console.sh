# shellcheck shell=bash
# Pipes as console: bytes are exact, streams stay apart, ends arrive, slow readers harm nobody else.

# Bytes that differ everywhere, cheaply: `source_bytes MIB FILE`
source_bytes() {
	python3 -c 'import os, sys
block = os.urandom((1 << 20) - 20)
for i in range(int(sys.argv[1])):
    sys.stdout.buffer.write(b"%020d" % i + block)' "$1" >"$2"
}

# A gigabyte to somebody who is slow to begin.
test_stdout_is_exact_for_a_slow_start() { # limit 180
	daemon_start
	source_bytes $((1024 / FACTOR)) in
	ctl run --rm -v ./in:/in:ro busybox cat /in | (sleep 5 && cmp - in)
}

test_stdout_is_exact_over_kill_9_of_the_daemon() { # limit 180
	daemon_start
	source_bytes $((1024 / FACTOR)) in
	(ctl run --name c -v ./in:/in:ro busybox sh -c "cat /in; exit 3" || echo $? >code) | (sleep 3 && cmp - in) &
	local reader=$!
	eventually 5 has_state c running
	sleep 1
	daemon_kill
	wait $reader
	is "$(cat code)" 3 'the exit code came without the daemon'
	daemon_start
	eventually 5 has_state c exited
	is "$(field_of c .exit.code)" 3
}

test_stdin_is_exact() { # limit 120
	daemon_start
	source_bytes $((100 / FACTOR)) in
	sha256sum <in >want
	ctl run -i --rm busybox sha256sum <in >got
	cmp got want
	ctl run -i --rm busybox cat <in | cmp - in
}

test_stdin_of_a_slow_container() { # limit 60
	daemon_start
	source_bytes 8 in
	ctl run -i --rm busybox sh -c 'sleep 2; exec sha256sum' <in >got
	sha256sum <in | cmp - got
}

test_stdin_cases() {
	daemon_start
	# With -i the end of ctl's stdin is the end of the container's, and output goes on after it.
	expect 0 ctl run -i --rm busybox sh -c 'cat; echo after' </dev/null
	is "$OUT" after
	is "$(echo text | ctl run -i --rm busybox sh -c 'cat; sleep 0.3; echo after')" $'text\nafter'
	# Without -i stdin is /dev/null.
	is "$(echo text | ctl run --rm busybox sh -c 'cat; readlink /proc/self/fd/0')" /dev/null
	# -d without -i: /dev/null as well.
	expect 0 ctl run -d --name d busybox sh -c 'cat; echo ended'
	expect 0 ctl wait d
	is "$(ctl logs d)" ended
	# -di: nobody is attached, so stdin stays open.
	expect 0 ctl run -di --name di busybox sh -c 'cat; echo ended'
	sleep 0.5
	is "$(state_of di)" running
	expect 0 ctl kill di
	# A container that does not read, and ends: ctl ends too, though its stdin is still open.
	mkfifo open
	sleep 30 >open &
	expect 4 timeout 20 "$BUILD/ctl" run -i --rm busybox sh -c 'exit 4' <open
	kill $!
	# A container that closes stdin goes on.
	expect 0 ctl run -i --rm busybox sh -c 'exec <&-; sleep 0.5; echo still' < <(head -c 1000000 /dev/zero)
	is "$OUT" still
}

test_start_a_i() {
	daemon_start
	expect 0 ctl create -i --name c busybox sh -c 'cat; echo over'
	is "$(echo one | ctl start -ai c)" $'one\nover'
	is "$(echo two | ctl start -a -i c)" $'two\nover'
}

test_streams_stay_apart() {
	daemon_start
	ctl run --rm busybox sh -c 'for i in $(seq 2000); do echo "out $i"; echo "err $i" >&2; done' >out 2>err
	is "$(wc -l <out)" 2000
	is "$(wc -l <err)" 2000
	is "$(grep -c '^out ' out)" 2000
	is "$(grep -c '^err ' err)" 2000
	expect 0 ctl run --rm busybox sh -c 'exec >&-; echo only >&2; sleep 0.2'
	is "$OUT|$ERR" '|only'
}

test_what_was_written_just_before_the_end() { # limit 120
	daemon_start
	local i
	for i in $(seq 50); do
		expect 0 ctl run --rm busybox sh -c 'echo -n 0123456789; echo -n abcdef >&2'
		is "$OUT|$ERR" '0123456789|abcdef' "round $i"
	done
}

test_a_grandchild_that_keeps_stdout() {
	daemon_start
	local begin
	begin=$(milliseconds)
	expect 0 ctl run --rm busybox sh -c "sleep $((30 * FACTOR)) & echo done"
	is "$OUT" 'done'
	took_less 5000 "$begin" 'ctl waited for the grandchild'
}

test_head_closes_stdout() {
	daemon_start
	is "$(set +o pipefail; timeout 20 ctl run --name c busybox sh -c 'while :; do echo line; sleep 0.05; done' | head -n 1)" line
	is "$(state_of c)" running 'the container goes on'
	expect 0 ctl rm -f c
}

test_kill_9_of_ctl_leaves_the_container() {
	daemon_start
	ctl run --name c busybox sh -c 'echo ready; while :; do echo more; sleep 0.1; done' >out &
	local pid=$!
	eventually 5 grep -q ready out
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null || true
	sleep 0.5
	is "$(state_of c)" running
	local lines
	lines=$(ctl logs c | wc -l)
	sleep 0.5
	[ "$(ctl logs c | wc -l)" -gt "$lines" ] || fail 'it stopped writing'
}

test_signals_are_passed_on() {
	daemon_start
	local sig
	for sig in INT TERM HUP QUIT USR1 USR2; do
		# A background job of a script ignores INT and QUIT; env resets that.
		env --default-signal=INT,QUIT "$BUILD/ctl" run --rm --name "c$sig" busybox sh -c "trap 'echo got; exit 11' $sig; echo ready; sleep 1000 & while :; do wait; done" >"out.$sig" &
		local pid=$!
		eventually 5 grep -q ready "out.$sig"
		kill -s "$sig" $pid
		local code=0
		wait $pid || code=$?
		is "$code" 11 "code after $sig"
		is "$(cat "out.$sig")" $'ready\ngot' "$sig"
	done
}

test_third_interrupt_ends_ctl() {
	daemon_start
	env --default-signal=INT "$BUILD/ctl" run --name c busybox sh -c 'trap "" INT; echo ready; while :; do sleep 1; done' >out &
	local pid=$! code=0
	eventually 5 grep -q ready out
	kill -INT $pid; sleep 0.2; kill -INT $pid; sleep 0.2; kill -INT $pid
	wait $pid || code=$?
	is "$code" 130
	is "$(state_of c)" running
}

test_block_loses_nothing_and_stops_the_writer() { # limit 60
	daemon_start
	py <<-'EOF'
		SIZE = (20 << 20) // FACTOR
		s = Session("Run", {"config": {"image": "busybox", "name": "c", "log": "none",
		    "args": ["sh", "-c", f"seq 1 20000000000 | head -c {SIZE}; echo -n end >&2"]},
		    "console": {"stdout": True, "stderr": True, "flow": "block"}})
		time.sleep(2)
		state = Conn().call("Inspect", {"container": "c"})["parameters"]["container"]["state"]
		assert state == "running", "the writer waits for its reader, but is " + state
		s.finish()
		assert len(s.streams[STDOUT]) == SIZE and s.streams[STDERR] == b"end", len(s.streams[STDOUT])
		assert not s.gaps and s.exit["exit"]["code"] == 0, s.exit
		assert s.exit["stdout"] == SIZE and s.exit["stderr"] == 3, s.exit
	EOF
}

test_drop_has_gaps_that_add_up() { # limit 60
	daemon_start
	py <<-'EOF'
		SIZE = (20 << 20) // FACTOR
		s = Session("Run", {"config": {"image": "busybox", "name": "c", "log": "none",
		    "args": ["sh", "-c", f"seq 1 20000000000 | head -c {SIZE}"]},
		    "console": {"stdout": True, "stderr": True, "flow": "drop"}})
		reply = Conn(timeout=20).call("Wait", {"containers": ["c"]})
		assert reply["parameters"]["outcomes"][0]["exit"]["code"] == 0, reply
		s.finish()
		got, lost = len(s.streams[STDOUT]), sum(count for stream, count, _ in s.gaps)
		assert s.gaps and all(stream == STDOUT for stream, _, _ in s.gaps), s.gaps
		assert got + lost == SIZE, (got, lost)
		position = 0
		for _, count, where in s.gaps:
		    assert where >= position, s.gaps
		    position = where + count
		# What came is the source without the gaps.
		import subprocess
		source = subprocess.run(["sh", "-c", f"seq 1 20000000000 | head -c {SIZE}"], stdout=subprocess.PIPE).stdout
		for _, count, where in reversed(s.gaps):
		    source = source[:where] + source[where + count:]
		assert source == s.streams[STDOUT]
	EOF
}

test_a_reader_that_stops_delays_nobody() { # limit 60
	daemon_start
	py <<-'EOF'
		stuck = Session("Run", {"config": {"image": "busybox", "name": "stuck", "args": ["yes"]},
		    "console": {"stdout": True, "flow": "block"}})
		time.sleep(0.5)
		begin = time.monotonic()
		conn = Conn()
		for i in range(20):
		    assert "error" not in conn.call("List", {"all": True})
		assert "error" not in conn.call("Kill", {"containers": ["stuck"], "signal": "KILL"})
		reply = conn.call("Wait", {"containers": ["stuck"]})
		assert reply["parameters"]["outcomes"][0]["exit"]["code"] == 137, reply
		assert time.monotonic() - begin < 5, "its reader delayed the others"
		stuck.finish()
		assert stuck.exit["exit"]["code"] == 137
		assert stuck.exit["stdout"] == len(stuck.streams[STDOUT]), (stuck.exit, len(stuck.streams[STDOUT]))
	EOF
}

test_the_stdin_window() { # limit 60
	daemon_start
	py <<-'EOF'
		s = Session("Run", {"config": {"image": "busybox", "name": "c", "open_stdin": True,
		    "args": ["sh", "-c", "sleep 1; wc -c"]}, "console": {"stdin": True, "stdout": True, "stderr": True}})
		s.write(b"x" * (3 << 20))
		s.end_stdin()
		s.finish()
		assert s.streams[STDOUT].strip() == b"3145728", s.streams
		assert s.taken == 3 << 20, s.taken
	EOF
}

test_more_stdin_than_the_window_is_refused() {
	daemon_start
	py <<-'EOF'
		s = Session("Run", {"config": {"image": "busybox", "name": "c", "open_stdin": True,
		    "args": ["sleep", "100"]}, "console": {"stdin": True, "stdout": True, "stderr": True}})
		try:
		    for i in range(64):
		        s.conn.send_frame(STDIN, b"x" * 65536)
		except (BrokenPipeError, ConnectionResetError, socket.timeout):
		    pass
		try:
		    s.finish()
		except ConnectionResetError:
		    pass
		state = Conn().call("Inspect", {"container": "c"})["parameters"]["container"]["state"]
		assert state == "running", state
		assert s.error is None or "message" in s.error["parameters"], s.error
	EOF
}

test_frames_that_are_none() {
	daemon_start
	py <<-'EOF'
		import itertools
		bad = {"unknown type": b"\x63\0\0\0\0\0\0\0", "reserved byte": b"\0\1\0\0\0\0\0\1x", "too long": b"\0\0\0\0\0\1\0\1",
		       "one of the daemon's": b"\1\0\0\0\0\0\0\1x", "half": b"\0\0\0\0\0\0\0\x10abc"}
		for what, data in bad.items():
		    s = Session("Run", {"config": {"image": "busybox", "name": "c", "remove": True, "open_stdin": True,
		        "args": ["sleep", "100"]}, "console": {"stdin": True, "stdout": True, "stderr": True}})
		    s.conn.raw(data)
		    s.conn.sock.shutdown(socket.SHUT_WR)
		    if what != "half":
		        s.finish()
		        assert s.error and s.error["parameters"]["message"], (what, s.error)
		    conn = Conn()
		    state = conn.call("Inspect", {"container": "c"})["parameters"]["container"]["state"]
		    assert state == "running", (what, state)
		    assert "error" not in conn.call("Remove", {"containers": ["c"], "force": True})
	EOF
}

test_signal_frames() {
	daemon_start
	py <<-'EOF'
		s = Session("Run", {"config": {"image": "busybox", "name": "c",
		    "args": ["sh", "-c", "trap 'echo got; exit 3' USR1; echo ready; sleep 1000 & while :; do wait; done"]},
		    "console": {"stdout": True, "stderr": True}})
		while b"ready" not in s.streams[STDOUT]:
		    assert s.step()
		s.conn.send_frame(SIGNAL, b"SIGUSR1")
		s.finish()
		assert s.streams[STDOUT] == b"ready\ngot\n" and s.exit["exit"]["code"] == 3, (s.streams, s.exit)
	EOF
}

test_only_the_streams_asked_for() {
	daemon_start
	py <<-'EOF'
		for which, want in ({"stdout": True, "stderr": False}, {STDOUT: b"out\n", STDERR: b""}), ({"stdout": False, "stderr": True}, {STDOUT: b"", STDERR: b"err\n"}):
		    s = Session("Run", {"config": {"image": "busybox", "remove": True, "args": ["sh", "-c", "echo out; echo err >&2"]},
		        "console": which}).finish()
		    assert s.streams == want, (which, s.streams)
	EOF
}

test_early_bytes_reach_the_container() {
	daemon_start
	py <<-'EOF'
		for end in b"\0", b"\n":
		    conn = Conn(end)
		    call = json.dumps({"method": CONTAINER + "Run", "upgrade": True, "parameters": {"config": {"image": "busybox",
		        "remove": True, "open_stdin": True, "args": ["cat"]}, "console": {"stdin": True, "stdout": True}}})
		    # The call, stdin and its end in one piece: what comes behind the call is the console's.
		    conn.raw(call.encode() + end + struct.pack(">B3xI", STDIN, 5) + b"early" + struct.pack(">B3xI", STDIN_END, 0))
		    assert "error" not in conn.recv()
		    out = b""
		    while True:
		        kind, payload = conn.frame()
		        if kind == STDOUT:
		            out += payload
		        if kind == EXIT:
		            break
		    assert out == b"early", out
	EOF
}

test_streams_by_option() {
	daemon_start
	local script='echo out; echo err >&2; cat'
	expect 0 ctl run --rm -a stdout busybox sh -c "$script"
	is "$OUT|$ERR" 'out|'
	expect 0 ctl run --rm -a stderr busybox sh -c "$script"
	is "$OUT|$ERR" '|err'
	expect 0 ctl run --rm -i -a stdin -a stdout busybox sh -c "$script" < <(echo typed)
	is "$OUT|$ERR" $'out\ntyped|'
}

test_large_output_while_nobody_is_attached() { # limit 60
	daemon_start
	expect 0 ctl run -d --name c busybox sh -c "seq 1 20000000000 | head -c $((50 / FACTOR))m; exit 2"
	expect 0 timeout $((50 * FACTOR)) ctl wait c
	is "$OUT" 2
}

test_a_gap_is_told_as_soon_as_there_is_room() { # limit 60
	daemon_start
	py <<-'EOF'
		s = Session("Run", {"config": {"image": "busybox", "name": "c", "log": "none",
		    "args": ["sh", "-c", "seq 1 20000000000 | head -c 5m; echo -n ready >&2; sleep 100"]},
		    "console": {"stdout": True, "stderr": False, "flow": "drop"}})
		time.sleep(2)
		s.conn.sock.settimeout(2)
		while len(s.streams[STDOUT]) + sum(count for _, count, _ in s.gaps) < 5 << 20:
		    assert s.step(), (s.gaps, len(s.streams[STDOUT]))
		assert s.gaps
	EOF
}

test_a_refused_session_is_over() { # limit 60
	daemon_start
	py <<-'EOF'
		def refused(args, flow):
		    s = Session("Run", {"config": {"image": "busybox", "name": flow, "log": "none", "open_stdin": True, "args": args},
		        "console": {"stdin": True, "stdout": True, "flow": flow}})
		    time.sleep(0.5)
		    s.conn.raw(b"\x63\0\0\0\0\0\0\0")
		    return s

		# One that is not read no longer holds the container up.
		s = refused(["sh", "-c", "seq 1 20000000000 | head -c 2m"], "block")
		reply = Conn(timeout=20).call("Wait", {"containers": ["block"]})
		assert reply["parameters"]["outcomes"][0]["exit"]["code"] == 0, reply
		s.finish()
		assert s.error["error"].endswith("BadMessage") and s.exit is None, (s.error, s.exit)
		# One whose container always has more to say.
		s = refused(["yes"], "drop")
		end = time.monotonic() + 20
		while s.step():
		    assert s.error is None or not s.streams[STDOUT], "bytes behind the error"
		    s.streams[STDOUT] = b""
		    assert time.monotonic() < end, "the refused session goes on"
		    time.sleep(0.01)
		assert s.error
	EOF
}

test_a_shim_gives_its_memory_back() { # limit 60
	[ -z "${SANITIZE:-}" ] || skip 'a sanitizer keeps what is freed'
	daemon_start
	expect 0 ctl run -d --name idle busybox sleep 100
	py <<-'EOF'
		import re
		def private(name):
		    pid = Conn().call("Inspect", {"container": name})["parameters"]["container"]["pid"]
		    shim = open(f"/proc/{pid}/stat").read().split()[3]
		    # Not Private_Dirty: pages of the program, a memfd's, count there while one process alone has them mapped.
		    return int(re.search(r"Anonymous: *(\d+)", open(f"/proc/{shim}/smaps_rollup").read())[1])

		s = Session("Run", {"config": {"image": "busybox", "name": "busy", "open_stdin": True, "log": "none",
		    "args": ["sh", "-c", "seq 1 20000000000 | head -c 3m; cat >/dev/null; sleep 100"]},
		    "console": {"stdin": True, "stdout": True, "flow": "block"}})
		for i in range(4):
		    s.conn.send_frame(STDIN, b"x" * 65536)
		time.sleep(2)
		while len(s.streams[STDOUT]) < 3 << 20:
		    s.step()
		s.conn.close()
		end = time.monotonic() + 10 * FACTOR
		# Its last output is kept for those who attach: 64 KiB.
		while private("busy") > private("idle") + 64 + 48:
		    assert time.monotonic() < end, (private("busy"), private("idle"))
		    time.sleep(0.2)
	EOF
}
