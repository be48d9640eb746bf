# shellcheck shell=bash
# Attach: the past, several clients at once, letting go, slow ones, and a daemon that is killed again and again.

test_the_past_and_the_code() {
	daemon_start
	expect 0 ctl run -d --name c busybox sh -c 'echo out; echo err >&2; echo ready >&2; while [ ! -e /go ]; do echo tick; sleep 0.1; done; echo more; exit 7'
	eventually 10 eval 'ctl logs c 2>&1 | grep -q ready'
	local mode code
	for mode in '' --no-replay --no-stdin; do
		# shellcheck disable=SC2086
		(code=0; ctl attach $mode c >"out$mode" 2>"err$mode" || code=$?; echo $code >"code$mode") &
	done
	eventually 10 eval 'grep -q tick out && grep -q tick out--no-replay && grep -q tick out--no-stdin'
	touch_inside c /go
	wait_jobs
	is "$(grep -v tick out)|$(cat err)|$(cat code)" $'out\nmore|err\nready|7'
	is "$(grep -v tick out--no-stdin)|$(cat code--no-stdin)" $'out\nmore|7'
	is "$(grep -v tick out--no-replay)|$(cat err--no-replay)|$(cat code--no-replay)" 'more||7'
	expect 1 ctl attach c
	is "$ERR" 'ctl: c: is not running'
	expect 1 ctl attach nobody
	is "$ERR" 'ctl: nobody: no such container'
}

touch_inside() { touch "/proc/$(field_of "$1" .pid)/root$2"; }

test_the_past_is_the_last_64_kib_in_order() {
	daemon_start
	py <<-'EOF'
		script = "i=0; while [ $i -lt 3000 ]; do echo out $i; i=$((i + 1)); done; head -c 50000 /dev/zero | tr '\\0' x; echo -n end; sleep 1000"
		first = Session("Run", {"config": {"image": "busybox", "name": "c", "args": ["sh", "-c", script]}, "console": {}})
		while not first.streams[STDOUT].endswith(b"end"):
		    assert first.step()
		class Order(Session):
		    def step(self):
		        before = {k: len(v) for k, v in self.streams.items()}
		        more = super().step()
		        for kind, size in before.items():
		            self.order = getattr(self, "order", b"") + bytes(self.streams[kind][size:])
		        return more
		def past(replay=None):
		    console = {} if replay is None else {"replay": replay}
		    s = Order("Attach", {"container": "c", "console": console})
		    assert s.reply["parameters"]["state"] == "running"
		    s.order = b""
		    while not s.order.endswith(b"end") and replay != 0:
		        assert s.step()
		    s.conn.close()
		    return s.order
		whole = past()
		assert 60 << 10 < len(whole) <= 64 << 10 and whole == bytes(first.streams[STDOUT])[-len(whole):], len(whole)
		for size in 3, 5000, 1 << 40:
		    assert past(size) == whole[-min(size, len(whole)):], size
		assert past(0) == b""
		reply = Conn().call("Attach", {"container": "c", "console": {"replay": -1}}, upgrade=True)
		assert reply["error"].endswith("InvalidConfig"), reply
		# Both streams in the order in which they came: each is asked for when the one before has come.
		s = Session("Run", {"config": {"image": "busybox", "name": "d", "open_stdin": True, "args": ["sh", "-c",
		    "for i in 1 2 3 4 5; do echo out $i; read x; echo err $i >&2; read x; done; echo -n end; sleep 1000"]}, "console": {}})
		for i in range(1, 6):
		    for kind, text in (STDOUT, b"out %d\n" % i), (STDERR, b"err %d\n" % i):
		        while not s.streams[kind].endswith(text):
		            assert s.step()
		        s.write(b"\n")
		while not s.streams[STDOUT].endswith(b"end"):
		    assert s.step()
		s = Order("Attach", {"container": "d"})
		s.order = b""
		while not s.order.endswith(b"end"):
		    assert s.step()
		assert s.order == b"".join(b"out %d\nerr %d\n" % (i, i) for i in range(1, 6)) + b"end", s.order
	EOF
}

test_stdin_of_several() {
	daemon_start
	expect 0 ctl run -di --name c busybox cat
	# The end of a client that came later is no end of the container's stdin.
	# types WHAT: by one more client, which stays until it has come back.
	types() {
		ctl attach --sig-proxy=false --no-replay c < <(echo "$1") >"typed-$1" &
		local pid=$!
		eventually 20 grep -q "$1" "typed-$1"
		kill "$pid"
		wait "$pid" || true
		is "$(cat "typed-$1")" "$1"
	}
	types one
	types two
	ctl attach --no-stdin c < <(echo never) >watched &
	eventually 20 grep -q two watched
	types three
	eventually 20 grep -q three watched
	is "$(cat watched)" $'one\ntwo\nthree'
	is "$(state_of c)" running
	is "$(ctl logs c)" $'one\ntwo\nthree'
	expect 0 ctl kill c
	wait_jobs
	# A shell on a terminal.
	expect 0 ctl run -dit --name t busybox sh
	expect 3 timeout 30 "$BUILD/ctl" attach t < <(echo 'echo by $((6 * 7)); exit 3')
	like "$OUT" '*by 42*'
}

test_letting_go() { # limit 120
	daemon_start
	mkdir -p conf/containerd-lite home
	terminal_open
	enter "export XDG_CONFIG_HOME=$T/conf"
	afresh "ctl run -it --name c busybox sh"
	sees '/ #'
	# A first key alone reaches the program after a while: in the shell it is "previous line".
	enter 'echo first'
	keys C-p
	eventually 10 eval '[ "$(screen | grep -c "^/ # echo first$")" = 2 ]'
	keys C-c
	keys C-p
	keys -l x
	sees 'echo firstx'
	keys C-c
	keys C-p C-q
	sees detached
	enter 'echo "code $?"'
	sees 'code 0'
	is "$(state_of c)" running
	# Per call, by the file, and none at all.
	afresh 'ctl attach --detach-keys a,b c'
	sees '/ #'
	keys C-p C-q
	keys -l aab
	sees detached
	echo 'detach_keys = ctrl-x' >conf/containerd-lite/ctl.conf
	afresh 'ctl attach c'
	sees '/ #'
	keys C-x
	sees detached
	afresh 'ctl attach --detach-keys none c'
	sees '/ #'
	keys C-c
	keys C-x
	keys C-p C-q
	keys C-c
	leave 'exit 4'
	enter 'echo "code $?"'
	sees 'code 4'
	echo 'detach_kees = ctrl-x' >conf/containerd-lite/ctl.conf
	afresh 'ctl attach c'
	sees "ctl.conf:1: 'detach_kees' is no setting"
	terminal_close
	# Without a terminal nothing is a key, unless it is asked for.
	expect 0 ctl run -di --name d busybox sh -c 'head -c 4 | hexdump -C'
	printf 'a\020\021b' | ctl attach d >out
	like "$(cat out)" '*61 10 11 62*'
	expect 0 ctl run -di --name e busybox cat
	expect 0 timeout 30 "$BUILD/ctl" attach --detach-keys ctrl-p,ctrl-q e < <(printf 'a\020\021b')
	is "$ERR" detached
	is "$(state_of e)" running
	is "$(ctl logs e)" a
}

test_letting_go_by_frames() {
	daemon_start
	py <<-'EOF'
		def detached(console, starter):
		    config = {"image": "busybox", "name": "c", "open_stdin": True, "args": ["sh", "-c", "cat; echo over"]}
		    if starter:
		        s = Session("Run", {"config": config, "console": console})
		    else:
		        assert "error" not in Conn().call("Run", {"config": config})
		        s = Session("Attach", {"container": "c", "console": console})
		    s.write(b"abc\x10")
		    s.conn.send_frame(STDIN, b"\x11never")
		    kinds = []
		    try:
		        while True:
		            kinds.append(s.conn.frame()[0])
		    except Closed:
		        pass
		    assert kinds[-1] == 35, kinds
		    # What the client had ended by leaving goes on.
		    again = Session("Attach", {"container": "c", "console": {"replay": 0}})
		    again.write(b"x")
		    while b"x" not in again.streams[STDOUT]:
		        assert again.step()
		    assert "error" not in Conn().call("Remove", {"containers": ["c"], "force": True})
		for starter in True, False:
		    detached({"detach_keys": "ctrl-p,ctrl-q"}, starter)
		reply = Conn().call("Run", {"config": {"image": "busybox"}, "console": {"detach_keys": "ctrl-1"}}, upgrade=True)
		assert reply["error"].endswith("InvalidConfig") and reply["parameters"]["field"] == "console.detach_keys", reply
		assert Conn().call("List", {"all": True})["parameters"]["containers"] == []
	EOF
}

# What may have been the first of those keys is the program's once nothing can follow it.
test_a_first_key_at_the_end() {
	daemon_start
	printf 'abc\020' >typed
	expect 0 ctl run -i --rm --detach-keys ctrl-p,ctrl-q busybox cat <typed
	is "$OUT" "$(<typed)"
	expect 0 ctl run -d -i --name c busybox cat
	expect 0 ctl exec -i --detach-keys ctrl-p,x,y c cat <typed
	is "$OUT" "$(<typed)"
	py <<-'EOF'
		import socket
		reader = Session("Attach", {"container": "c", "console": {"stdin": False}})
		for how in Conn.close, lambda conn: conn.sock.shutdown(socket.SHUT_WR):
		    s = Session("Attach", {"container": "c", "console": {"detach_keys": "a,a,b"}})
		    s.write(b"xaa")
		    how(s.conn)
		while reader.streams[STDOUT] != b"xaaxaa":
		    assert reader.step(), reader.streams
	EOF
}

test_signals() {
	daemon_start
	expect 0 ctl run -d --name c busybox sh -c 'trap "echo got" USR1 INT; echo ready; sleep 1000 & while :; do wait; done'
	local pid code=0
	ctl attach c >out &
	pid=$!
	eventually 10 grep -q ready out
	kill -USR1 $pid
	eventually 10 grep -q got out
	kill -KILL $pid
	wait $pid 2>/dev/null || true
	env --default-signal=INT,TERM "$BUILD/ctl" attach --sig-proxy=false c >out2 2>err &
	pid=$!
	eventually 10 grep -q ready out2
	kill -TERM $pid
	wait $pid || code=$?
	is "$code" 143
	like "$(cat err)" '*the container goes on'
	is "$(state_of c)" running
}

test_the_65th() { # limit 60
	daemon_start
	py <<-'EOF'
		assert "error" not in Conn().call("Run", {"config": {"image": "busybox", "name": "c", "open_stdin": True, "args": ["cat"]}})
		sessions = [Session("Attach", {"container": "c"}) for _ in range(64)]
		conn = Conn()
		reply = conn.call("Attach", {"container": "c"}, upgrade=True)
		assert reply["error"].endswith("LimitExceeded") and reply["parameters"]["limit"] == "sessions", reply
		assert "64" in reply["parameters"]["message"], reply
		# The connection stays an ordinary one, and a place that is left is free.
		assert "error" not in conn.call("List")
		sessions.pop().conn.close()
		end = time.monotonic() + 20 * FACTOR
		while "error" in conn.call("Attach", {"container": "c"}, upgrade=True):
		    assert time.monotonic() < end
		sessions[0].write(b"all\n")
		for s in sessions:
		    while s.streams[STDOUT] != b"all\n":
		        assert s.step()
	EOF
}

test_a_shim_without_descriptors() { # limit 60
	daemon_start
	expect 0 ctl run -di --name c busybox cat
	local shim before spent fd=0
	shim=$(shim_of c)
	while [ -e "/proc/$shim/fd/$fd" ]; do fd=$((fd + 1)); done
	prlimit --pid "$shim" --nofile="$fd:"
	expect 1 ctl attach c
	like "$ERR" "*the container's shim has no descriptor left for one more client*"
	expect 125 ctl exec c true
	like "$ERR" "*the container's shim has no descriptor left for one more session*"
	# Nor for the next daemon, which waits at its socket; that costs next to nothing meanwhile.
	daemon_kill
	"$BUILD/containerd-lite" --state-dir "$STATE" --run-dir "$RUN" >>"$T/daemon.log" 2>&1 </dev/null &
	# shellcheck disable=SC2034
	DAEMON=$!
	before=$(ticks_of "$shim")
	sleep 1
	spent=$(($(ticks_of "$shim") - before))
	[ "$spent" -lt 20 ] || fail "the shim has spent $spent ticks on waiting"
	prlimit --pid "$shim" --nofile=1000:
	eventually 10 ctl exec c true
	py <<-'EOF'
		session = Session("Attach", {"container": "c"})
		session.write(b"hello\n")
		while session.streams[STDOUT] != b"hello\n":
		    assert session.step()
	EOF
}
ticks_of() { awk '{print $14 + $15}' "/proc/$1/stat"; }

# What clients do not read is bounded, and goes back when they do or leave.
test_memory() { # limit 120
	[ -z "${SANITIZE:-}" ] || skip 'a sanitizer keeps what is freed'
	[ "$BUILD" = "$TOP/build" ] || skip 'a sanitizer keeps what is freed'
	daemon_start
	py <<-'EOF'
		import re
		def anonymous():
		    pid = Conn().call("Inspect", {"container": "c"})["parameters"]["container"]["pid"]
		    with open(f"/proc/{pid}/stat") as file:
		        shim = file.read().rpartition(")")[2].split()[1]
		    with open(f"/proc/{shim}/smaps_rollup") as file:
		        return int(re.search(r"Anonymous: *(\d+)", file.read())[1])
		script = "stty raw -echo; echo ready; while read x; do head -c 20000000 /dev/zero; echo end; done"
		first = Session("Run", {"config": {"image": "busybox", "name": "c", "terminal": True, "open_stdin": True, "log": "none",
		    "args": ["sh", "-c", script]}, "console": {"flow": "block"}})
		def until(text):
		    while not first.streams[STDOUT].endswith(text):
		        assert first.step()
		until(b"ready\n")
		before = anonymous()
		stuck = [Session("Attach", {"container": "c"}) for _ in range(16)]
		first.write(b"go\n")
		until(b"end\n")
		full = anonymous()
		# Each has its queue and at most one piece more; malloc takes some.
		assert full - before < 16 * (256 + 64 + 64) + 1024, (before, full)
		for s in stuck:
		    s.conn.close()
		end = time.monotonic() + 30 * FACTOR
		while anonymous() > before + 64 + 64 + 48:
		    assert time.monotonic() < end, (before, full, anonymous())
		    time.sleep(0.2)
	EOF
}

test_one_redraw_after_an_attach() {
	daemon_start
	py <<-'EOF'
		script = "trap 'echo got $(stty size)' WINCH; stty -echo; echo ready; while :; do read x && echo read $x; done"
		first = Session("Run", {"config": {"image": "busybox", "name": "c", "terminal": True, "open_stdin": True,
		    "args": ["sh", "-c", script]}, "console": {"rows": 24, "columns": 80}})
		def until(s, text):
		    while text not in s.streams[STDOUT]:
		        assert s.step(), (text, s.streams)
		until(first, b"ready")
		for n, size in enumerate(((24, 80), (24, 80), (50, 90)), 1):
		    s = Session("Attach", {"container": "c", "console": {"rows": size[0], "columns": size[1], "replay": 0}})
		    until(s, b"got %d %d" % size)
		    s.write(b"%d\n" % n)
		    until(s, b"read %d" % n)
		    assert s.streams[STDOUT].count(b"got") == 1, s.streams
		# A client without a terminal changes nothing.
		s = Session("Attach", {"container": "c", "console": {"replay": 0}})
		s.write(b"last\n")
		until(s, b"read last")
		assert b"got" not in s.streams[STDOUT], s.streams
	EOF
}

# One that is stopped loses what it does not take, and is told; the other one, who asked for it, gets all.
test_a_stopped_client_harms_nobody() { # limit 240
	daemon_start
	local mib=$((256 / FACTOR)) pid
	expect 0 ctl run -d --name c -t --log-driver none busybox sh -c \
		"stty raw; echo ready; while [ ! -e /go ]; do sleep 0.05; done; head -c ${mib}m /dev/zero; echo end"
	(ctl attach --flow=block c | (head -c 6 >first && wc -c)) >all &
	ctl attach c >stopped.out 2>stopped.err &
	pid=$!
	eventually 10 grep -q ready stopped.out
	eventually 10 grep -q ready first
	kill -STOP "$pid"
	sleep 0.5
	touch_inside c /go
	expect 0 ctl wait c
	sleep 10 # as long as it takes to type fg
	kill -CONT "$pid"
	wait_jobs
	is "$(cat all)" $((mib * 1024 * 1024 + 4))
	like "$(cat stopped.err)" '*bytes of stdout were lost after byte*'
	[ "$(stat -c %s stopped.out)" -lt $((2 * 1024 * 1024)) ] || fail 'more was kept for it than its queue'
}

# The same of one whose terminal the shim has: its shell has the terminal now, and not a key or byte goes there.
test_a_stopped_client_on_its_terminal() { # limit 120
	daemon_start
	expect 0 ctl run -dit --name c --log-driver none busybox sh
	terminal_open
	afresh 'ctl attach c'
	sees '/ #'
	local pid
	pid=$(terminal_child)
	kill -STOP "$pid"
	sees Stopped
	timeout 60 ctl attach --flow=block c < <(echo 'head -c 5000000 /dev/zero; echo e""nd') >other &
	eventually 60 grep -aq end other
	says outside
	afresh 'stty sane; fg'
	sees 'were lost after byte'
	says inside
	leave 'exit 3'
	terminal_close
	wait_jobs
}

test_vi_outlives_the_daemon() { # limit 240
	daemon_start
	terminal_open
	afresh 'ctl run -it --name c busybox sh'
	sees '/ #'
	enter 'vi /tmp/file'
	sees '~'
	keys -l i
	local i begin
	for i in $(seq 10); do
		keys -l "word$i "
		sees "word$i"
		daemon_kill
		keys -l "gone$i "
		sees "gone$i"
		daemon_start
		begin=$(milliseconds)
		keys C-p C-q
		sees detached
		afresh 'ctl attach c'
		sees "gone$i"
		took_less 10000 "$begin" 'a new attach'
	done
	keys Escape
	sees '- /tmp/file'
	enter ':wq'
	says saved
	afresh 'wc -w /tmp/file'
	sees '20 /tmp/file'
	enter '(echo sl""eeps; exec sleep 1000)'
	sees sleeps
	keys C-c
	leave 'exit 6'
	enter 'echo "code $?"'
	sees 'code 6'
	is "$(field_of c .exit.code)" 6
	terminal_close
}

test_resize_method() {
	daemon_start
	expect 0 ctl run -dit --name t busybox sh
	expect 0 ctl run -d --name p busybox sleep 100
	expect 0 ctl create -t --name n busybox
	is "$(method Resize '{"container":"t","rows":11,"columns":22}')" '{"parameters":{}}'
	like "$(echo 'stty size; exit' | ctl attach t)" '*11 22*'
	like "$(method Resize '{"container":"p","rows":11,"columns":22}')" '*NotSupported*has no terminal*'
	like "$(method Resize '{"container":"n","rows":11,"columns":22}')" '*InvalidState*is not running*'
	like "$(method Resize '{"container":"p","rows":-1,"columns":22}')" '*InvalidConfig*rows*'
}

test_plain_bytes() {
	daemon_start
	local attach='{"method":"io.containerdlite.container.Attach","parameters":{"container":"t","console":{"framing":"raw"}},"upgrade":true}'
	expect 0 ctl run -dit --name t busybox sh -c 'stty -echo; echo ready; cat'
	eventually 10 eval 'ctl logs t | grep -q ready'
	py <<-'EOF'
		conn = Conn(b"\n")
		assert "error" not in conn.call("Attach", {"container": "t", "console": {"framing": "raw"}}, upgrade=True)
		for typed, come in (b"", b"ready\r\n"), (b"one\n", b"one\r\n"), (b"two\n", b"two\r\n"):
		    conn.raw(typed)
		    assert conn.take(len(come)) == come
	EOF
	# The end of the container is the end of the connection, and the end of a client only its own.
	is "$(state_of t)" running
	mkfifo open
	sleep 1000 >open &
	socat - "UNIX-CONNECT:$CTL_SOCKET" < <(echo "$attach"; cat open) >out &
	local socat=$!
	eventually 10 grep -q two out
	expect 0 ctl kill t
	wait "$socat"
	kill %?sleep
	expect 0 ctl run -d --name p busybox sleep 100
	like "$(call "${attach/\"t\"/\"p\"}")" '*InvalidConfig*raw needs a terminal*'
}
