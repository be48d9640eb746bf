# shellcheck shell=bash
# exec.sh - further programs in a running container.

# container [OPTION…]: one that stays, called c
container() { ctl run -d --name c "$@" busybox sleep 100000 >/dev/null; }

session_of() { ctl sessions -q c | head -n 1; }
session_field() { ctl sessions --format jsonl c | grep -F "\"session\":\"$1\"" | pick "$2"; }
session_is() { [ "$(session_field "$1" .state)" = "$2" ]; }
# What the shim has: descriptors and children but for the container's first process.
shim_fds() {
	local all=("/proc/$1/fd"/*)
	echo "${#all[@]}"
}
shim_children() { wc -w <"/proc/$1/task/$1/children"; }
shim_is_clean() { # SHIM FDS: nothing is left of any exec
	[ "$(shim_fds "$1")" -le "$2" ] && [ "$(shim_children "$1")" = 1 ]
}

test_code_and_output() {
	daemon_start
	container
	expect 7 ctl exec c sh -c 'echo out; echo err >&2; exit 7'
	is "$OUT" out
	is "$ERR" err
	expect 0 ctl exec c true
	expect 143 ctl exec c sh -c 'kill -TERM $$'
	expect 137 ctl exec c sh -c 'kill -KILL $$'
	is "$(printf 'a b\nc' | ctl exec -i c cat)" "$(printf 'a b\nc')"
	is "$(echo nobody reads this | ctl exec c cat)" ''
}

test_failures() {
	daemon_start
	container
	expect 127 ctl exec c nosuch
	is "$ERR" "ctl: c: find 'nosuch' in PATH: No such file or directory"
	expect 127 ctl exec c /no/such
	is "$ERR" "ctl: c: execute '/no/such': No such file or directory"
	expect 126 ctl exec c /etc/passwd
	like "$ERR" "ctl: c: execute '/etc/passwd': Permission denied*"
	expect 126 ctl exec c /etc
	expect 125 ctl exec -w /no/such c true
	is "$ERR" "ctl: c: enter the working directory '/no/such': No such file or directory"
	expect 125 ctl exec -u nobody-here c true
	is "$ERR" "ctl: c: user 'nobody-here' is not in the container's /etc/passwd"
	expect 125 ctl exec -w relative c true
	is "$ERR" "ctl: exec: --workdir: 'relative' is not an absolute path"
	expect 125 ctl exec -u '' c true
	is "$ERR" 'ctl: exec: --user is empty'
	expect 127 ctl exec c -it sh
	is "$ERR" "ctl: c: find '-it' in PATH: No such file or directory
hint: options of ctl exec stand before CONTAINER"
	expect 125 ctl exec nobody true
	is "$ERR" "ctl: nobody: no such container"
	expect 125 ctl exec c
	ctl create --name idle busybox true >/dev/null
	expect 125 ctl exec idle true
	is "$ERR" 'ctl: idle: is not running'
}

test_too_many_processes() {
	daemon_start
	container --ulimit nproc=3:3 -u 7777
	ctl exec -d c sleep 1000 >/dev/null # with the first process, and the one that brings it in: three
	expect 125 ctl exec c true
	is "$ERR" "ctl: c: clone the program: Resource temporarily unavailable
hint: too many processes: see the container's limit of them, and its user's"
	expect 0 ctl exec -u 7778 c true
}

test_environment() {
	daemon_start
	container -e COLOR=blue -e SHAPE=round -w /tmp
	is "$(ctl exec c sh -c 'echo $COLOR $SHAPE $PWD $HOME')" 'blue round /tmp /root'
	echo SIZE=1 >settings
	is "$(ctl exec -e COLOR=red --env-file settings -w /etc c sh -c 'echo $COLOR $SHAPE $SIZE $PWD')" 'red round 1 /etc'
	is "$(ctl exec -u daemon c sh -c 'echo $HOME')" /usr/sbin
	is "$(ctl exec -u daemon -e HOME=/x c sh -c 'echo $HOME')" /x
	is "$(ctl exec c sh -c 'echo "$(hostname)"')" "$(ctl inspect c | pick '.[0].config.hostname')"
}

test_it_is_inside() {
	daemon_start
	container
	local pid kind inside
	pid=$(field_of c .pid)
	for kind in mnt pid uts ipc net cgroup; do
		inside=$(ctl exec c readlink /proc/self/ns/$kind)
		is "$inside" "$(readlink "/proc/$pid/ns/$kind")" "namespace $kind"
	done
	is "$(ctl exec c grep ^0: /proc/self/cgroup)" 0::/
	# A leader of its own session, with nothing but its standard descriptors.
	is "$(ctl exec c sh -c 'read -r pid _ _ _ group session _ </proc/self/stat; [ $pid = $group ] && [ $pid = $session ] && echo yes')" yes
	is "$(ctl exec c sh -c 'for i in 0 1 2 3 4 5 6 7 8 9; do [ ! -e /proc/$$/fd/$i ] || echo $i; done' | tr '\n' ' ')" '0 1 2 '
	# Seen from inside it has no parent: that is outside.
	is "$(ctl exec c sh -c 'echo $PPID')" 0
}

test_ends_with_its_process() {
	daemon_start
	container
	local before
	before=$(milliseconds)
	is "$(ctl exec c sh -c 'sleep 1000 & echo before; exit 0')" before
	took_less 30000 "$before" 'an exec whose grandchild keeps its output'
}

test_large_output_just_before_the_end() {
	daemon_start
	container
	is "$(ctl exec c sh -c 'head -c 60000 /dev/zero; exit 0' | wc -c)" 60000
	ctl exec c sh -c 'head -c 5000000 /dev/urandom >/tmp/data; cat /tmp/data' >data
	is "$(sha256sum <data)" "$(ctl exec c sha256sum /tmp/data | sed 's|/tmp/data|-|')"
}

test_detached() {
	daemon_start
	container
	local session
	session=$(ctl exec -d c sh -c 'while [ ! -e /tmp/go ]; do sleep 0.05; done; exit 9')
	like "$session" '????????????'
	is "$(session_field "$session" .state)" running
	like "$(ctl exec ls c)" "SESSION*$session*sh -c while*running"
	is "$(field_of c '.sessions[0].state')" running
	ctl wait --session "$session" c >code &
	ctl exec c touch /tmp/go
	wait $!
	is "$(cat code)" 9
	is "$(ctl wait --session "${session:0:6}" c)" 9 'once more'
	is "$(session_field "$session" .state)" exited

	session=$(ctl exec -d c sleep 1000)
	expect 0 ctl kill --session "$session" --signal TERM c
	is "$(ctl wait --session "$session" c)" 143
	expect 1 ctl kill --session "$session" c
	is "$ERR" "ctl: c: session '$session' of container is not running"
	expect 1 ctl wait --session none c
	is "$ERR" "ctl: c: has no session 'none'"
}

test_client_gone() {
	daemon_start
	container
	local session pid
	ctl exec c sleep 1000 &
	pid=$!
	eventually 10 eval 'session_is "$(session_of)" running'
	session=$(session_of)
	kill -KILL "$pid"
	like "$(ctl wait --session "$session" c)" '1[23][09]'

	ctl exec --on-disconnect=keep c sh -c 'while [ ! -e /tmp/go ]; do sleep 0.05; done; exit 5' &
	pid=$!
	eventually 10 eval 'session_is "$(session_of)" running'
	session=$(session_of)
	kill -KILL "$pid"
	wait "$pid" || true
	session_is "$session" running || fail 'it did not go on'
	ctl exec c touch /tmp/go
	is "$(ctl wait --session "$session" c)" 5
}

# Also one whose stdin has ended before.
test_client_gone_after_its_stdin() {
	daemon_start
	container
	local session pid
	ctl exec -i c sleep 1000 </dev/null &
	pid=$!
	eventually 10 eval 'session_is "$(session_of)" running'
	session=$(session_of)
	eventually 10 stdin_has_ended "$(ctl sessions --format json c | pick '.[0].pid')"
	kill -KILL "$pid"
	wait "$pid" || true
	like "$(timeout 20 ctl wait --session "$session" c)" '1[23][09]'
}
# Also one that was shown out.
test_client_refused() {
	daemon_start
	container
	py <<-'END'
		conn = Conn()
		conn.send("Exec", {"container": "c", "args": ["sleep", "1000"], "terminal": True, "console": {}}, upgrade=True)
		session = conn.recv()["parameters"]["session"]
		conn.raw(b"\x63\0\0\0\0\0\0\0")
		kind, payload = conn.frame()
		assert kind == ERROR, (kind, payload)
		reply = Conn(timeout=20).call("Wait", {"containers": ["c"], "session": session})
		assert reply["parameters"]["outcomes"][0]["exit"]["code"] in (129, 130), reply
	END
}
stdin_has_ended() { # PID: its pipe has no writer any more
	python3 -c 'import os, sys; sys.exit(os.read(os.open(f"/proc/{sys.argv[1]}/fd/0", os.O_NONBLOCK), 1) != b"")' "$1"
}

test_signals_are_passed_on() {
	daemon_start
	container
	ctl exec c sh -c 'trap "echo got it; exit 3" USR1; echo ready; sleep 1000 & while :; do wait; done' >out &
	eventually 10 grep -q ready out
	kill -USR1 $!
	local code=0
	wait $! || code=$?
	is "$code" 3
	is "$(cat out)" 'ready
got it'
}

test_events() {
	daemon_start
	container
	local session
	expect 3 ctl exec c sh -c 'exit 3'
	session=$(session_of)
	ctl events --no-follow --filter kind=exec_start --filter kind=exec_exit --format jsonl >events
	is "$(paste -d ' ' <(pick .kind events) <(pick .attributes.session events) <(pick .attributes.code events) \
		<(pick .attributes.command events))" "exec_start $session null sh -c exit 3
exec_exit $session 3 sh -c exit 3"
	is "$(pick .caller.command events | sort -u)" ctl
}

# The container's end: every session's end is told before.
test_told_before_the_end_of_the_container() {
	daemon_start
	container
	for _ in 1 2 3; do ctl exec -d c sleep 1000 >/dev/null; done
	ctl exec c sleep 1000 &
	eventually 10 eval '[ "$(field_of c ".sessions[].state" | grep -cx running)" = 4 ]'
	ctl kill c >/dev/null
	local code=0
	wait $! || code=$?
	is "$code" 137
	ctl wait c >/dev/null
	ctl events --no-follow --filter kind=exec_exit --filter kind=exit --format jsonl >events
	is "$(paste -d ' ' <(pick .kind events) <(pick .attributes.code events) | uniq -c | sed 's/^ *//')" '4 exec_exit 137
1 exit 137'
}

test_limit() {
	daemon_start
	container
	for _ in $(seq 64); do ctl exec -d c sleep 1000 >/dev/null; done
	expect 125 ctl exec c true
	is "$ERR" "ctl: c: has 64 sessions already, which is the most"
	ctl kill --session "$(session_of)" c
	eventually 10 ctl exec c true
	like "$(method Exec '{"container":"c","args":["sleep","1000"]}')" '*"session":*'
	like "$(method Exec '{"container":"c","args":["sleep","1000"]}')" '*LimitExceeded*"limit":"sessions"*'
}

# Clients that do not read hold up nobody but themselves, and there is a bound to them, too.
test_clients_that_do_not_read() {
	daemon_start
	container
	py <<-'END'
		order = {"container": "c", "args": ["sh", "-c", "head -c 600000 /dev/zero; exit 4"]}
		conns = []
		while True:
		    conn = Conn()
		    conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
		    conn.send("Exec", order | {"console": {"flow": "drop"}}, upgrade=True)
		    reply = conn.recv()
		    if "error" in reply:
		        break
		    conns.append(conn)
		    # Its end, whoever reads it.
		    session = reply["parameters"]["session"]
		    ended = Conn().call("Wait", {"containers": ["c"], "session": session})["parameters"]["outcomes"]
		    assert ended[0]["exit"]["code"] == 4, ended
		assert reply["error"].endswith("LimitExceeded") and reply["parameters"]["limit"] == "sessions", reply
		assert 60 <= len(conns) <= 130, len(conns)
		for conn in conns[1:]:
		    conn.close()
		# What has been read is whole, or said to be lost.
		size, lost = 0, 0
		while True:
		    kind, payload = conns[0].frame()
		    if kind == STDOUT:
		        size += len(payload)
		    elif kind == GAP:
		        lost += struct.unpack(">Q", payload[4:12])[0]
		    elif kind == EXIT:
		        break
		assert size + lost == 600000, (size, lost)
	END
	eventually 10 ctl exec c true
}

# What such a client goes on sending is not kept for it.
test_clients_that_only_send() { # limit 60
	[ -z "${SANITIZE:-}" ] || skip 'a sanitizer keeps what is freed'
	[ "$BUILD" = "$TOP/build" ] || skip 'a sanitizer keeps what is freed'
	daemon_start
	container
	py <<-'END'
		import re
		first = Conn().call("Inspect", {"container": "c"})["parameters"]["container"]["pid"]
		with open(f"/proc/{first}/stat") as file:
		    shim = file.read().rpartition(")")[2].split()[1]
		def anonymous():
		    with open(f"/proc/{shim}/smaps_rollup") as file:
		        return int(re.search(r"Anonymous: *(\d+)", file.read())[1])
		conn = Conn()
		conn.send("Exec", {"container": "c", "args": ["head", "-c", "600000", "/dev/zero"], "open_stdin": True,
		    "console": {"flow": "drop"}}, upgrade=True)
		session = conn.recv()["parameters"]["session"]
		Conn().call("Wait", {"containers": ["c"], "session": session})
		before = anonymous()
		for _ in range(1024):
		    conn.send_frame(STDIN, b"x" * 65536)
		assert anonymous() - before < 4096, (before, anonymous())
		while conn.frame()[0] != EXIT:
		    pass
	END
}

# One that is older than most of those that are remembered is not known to have ended.
test_shim_dies_with_a_full_memory() { # limit 120
	daemon_start
	container
	local session
	ctl exec c true
	session=$(ctl exec -d c sleep 1000)
	for _ in $(seq 63); do ctl exec c true; done
	kill -KILL "$(shim_of c)"
	eventually 20 eval '[ "$(field_of c .state)" = exited ]'
	is "$(session_field "$session" .exit.reason)" 'shim died'
	is "$(ctl sessions -q c | wc -l)" 64
}

test_daemon_is_killed() { # limit 120
	daemon_start
	container
	local keep ended untold first
	keep=$(ctl exec -d c sleep 1000)
	ended=$(ctl exec -d c sh -c 'exit 4')
	is "$(ctl wait --session "$ended" c)" 4
	untold=$(ctl exec -d c sh -c 'while [ ! -e /tmp/go ]; do sleep 0.05; done; exit 6')
	ctl exec c sh -c 'echo early; while [ ! -e /tmp/go ]; do sleep 0.05; done; echo late; exit 8' >out &
	eventually 10 grep -q early out
	first=$(field_of c .pid)
	daemon_kill
	touch "/proc/$first/root/tmp/go"
	local code=0
	wait $! || code=$?
	is "$code" 8
	is "$(cat out)" 'early
late'
	daemon_start
	is "$(session_field "$keep" .state)" running
	is "$(ctl wait --session "$untold" c)" 6
	is "$(ctl wait --session "$ended" c)" 4
	is "$(ctl events --no-follow --since-seq 0 --filter kind=exec_exit --format jsonl |
		pick .attributes.session | sort | uniq -d)" '' 'told twice'
	is "$(ctl events --no-follow --since-seq 0 --filter kind=exec_exit --format jsonl |
		grep -F "\"session\":\"$untold\"" | pick .attributes.code)" 6
	ctl kill --session "$keep" c
	is "$(ctl wait --session "$keep" c)" 137
}

# All of it ends while there is no daemon.
test_ends_that_no_daemon_saw() {
	daemon_start
	container
	local one two first shim
	one=$(ctl exec -d c sh -c 'while [ ! -e /tmp/go ]; do sleep 0.05; done; exit 6')
	two=$(ctl exec -d c sleep 1000)
	first=$(field_of c .pid)
	shim=$(shim_of c)
	daemon_kill
	touch "/proc/$first/root/tmp/go"
	eventually 20 eval '[ "$(wc -w <"/proc/$shim/task/$shim/children")" = 2 ]'
	kill -KILL "$first"
	eventually 20 gone "$shim"
	for _ in 1 2; do
		daemon_start
		is "$(ctl wait c)" 137
		is "$(ctl wait --session "$one" c)" 6
		is "$(ctl wait --session "$two" c)" 137
		ctl events --no-follow --since-seq 0 --filter kind=exec_exit --filter kind=exit --format jsonl >events
		is "$(paste -d ' ' <(pick .kind events) <(pick .attributes.session events) <(pick .attributes.code events))" \
			"exec_exit $one 6
exec_exit $two 137
exit null 137"
		daemon_kill
	done
	daemon_start
}

test_raw_socket() {
	daemon_start
	container
	like "$(method Exec '{"container":"c","args":["sh","-c","exit 2"]}')" '{"parameters":{"session":"*","terminal":false,"stdin":false,"pid":*}}'
	like "$(method Exec '{"container":"c","args":[]}')" '*InvalidConfig*"field":"args"*'
	like "$(method Exec '{"container":"c","args":["a"],"env":["x"]}')" "*env\[0\]: 'x' is not KEY=value*"
	like "$(method Exec '{"container":"c","args":["a"],"user":""}')" '*user is empty*'
	like "$(method Exec '{"container":"c","args":["a"],"console":{}}')" '*UpgradeRequired*'
	like "$(method Exec '{"container":"c","args":["nosuch"]}')" '*ExecFailed*"errno":"ENOENT"*"exit_code":127*'
	like "$(method Wait '{"containers":["c","c"],"session":"1"}')" '*with a session there must be one container*'
	like "$(method Kill '{"containers":["c"],"session":"none"}')" '*NoSuchSession*"session":"none"*'
	like "$(method ListSessions '{"container":"c"}')" '*"state":"exited"*'
}

anonymous() { awk '/^Anonymous/ {print $2}' "/proc/$1/smaps_rollup"; }
memory_is_back() { [ "$(anonymous "$1")" -le $(($(cat memory) + 16)) ]; }

# A terminal of its own, from the container's devpts; and more clients than the one that started it.
test_terminal_and_attach() {
	daemon_start
	container
	py >said <<-'END'
		first = Conn()
		reply = first.call("Exec", {"container": "c", "terminal": True, "open_stdin": True, "args": ["sh"],
		                   "console": {"rows": 33, "columns": 99, "framing": "raw"}}, upgrade=True)["parameters"]
		assert reply["terminal"] and reply["stdin"], reply
		session = reply["session"]

		def until(conn, text):
		    while text not in conn.buffer:
		        data = conn.sock.recv(65536)
		        assert data, conn.buffer
		        conn.buffer += data
		    conn.buffer = conn.buffer.split(text, 1)[1]

		def typed(text):
		    first.sock.sendall(text.encode() + b"\n")

		typed("stty size; tty; echo $TERM; ps -o tty,stat,args; echo done")
		until(first, b"33 99")
		until(first, b"/dev/pts/0")
		until(first, b"xterm")
		until(first, b"done\r\n")
		other = Conn()
		reply = other.call("Attach", {"container": "c", "session": session, "console": {"framing": "raw"}}, upgrade=True)
		assert reply["parameters"]["terminal"], reply
		until(other, b"33 99")
		assert Conn().call("Resize", {"container": "c", "session": session, "rows": 20, "columns": 70}) == {"parameters": {}}
		typed("stty size")
		until(other, b"20 70")
		wrong = Conn().call("Resize", {"container": "c", "rows": 20, "columns": 70})
		assert wrong["error"].endswith("NotSupported"), wrong
		typed("exit 9")
		while first.sock.recv(65536) and other.sock.recv(65536):
		    pass
		print(session)
	END
	is "$(ctl wait --session "$(cat said)" c)" 9
	like "$(method Attach "{\"container\":\"c\",\"session\":\"$(cat said)\"}")" '*UpgradeRequired*'
}

test_sh_and_attach() {
	daemon_start
	container
	expect 127 ctl sh c <<<'nosuch'
	like "$ERR" '*nosuch: not found*'
	is "$(echo 'echo $0' | ctl sh c)" /bin/ash
	expect 5 ctl sh -u daemon -w /tmp c <<<'id -un; pwd; exit 5'
	is "$OUT" 'daemon
/tmp'
	local session
	session=$(ctl exec -d -i c sh -c 'echo before; read -r line; echo "got $line"; exit 7')
	expect 7 ctl attach --session "$session" c <<<'a line'
	is "$OUT" 'before
got a line'
	expect 1 ctl attach --session "$session" c
	is "$ERR" "ctl: c: session '$session' of container is not running"
	expect 1 ctl attach --session none c
	is "$ERR" "ctl: c: has no session 'none'"
}

# Closing a terminal is a hang-up for all that is in its foreground.
test_terminal_client_gone() {
	daemon_start
	container
	py >said <<-'END'
		conn = Conn()
		reply = conn.call("Exec", {"container": "c", "terminal": True, "open_stdin": True, "args": ["sh", "-c", "sleep 1000; true"],
		                  "console": {}}, upgrade=True)
		print(reply["parameters"]["session"])
		conn.close()
	END
	like "$(ctl wait --session "$(cat said)" c)" '1[23][09]'
	eventually 10 eval '! ctl exec --privileged c ps | grep -q "[s]leep 1000$"'
}

test_raw_client_gone_with_much_untaken() {
	daemon_start
	container
	py >said <<-'END'
		conn = Conn(b"\n")
		reply = conn.call("Exec", {"container": "c", "terminal": True, "open_stdin": True,
		                  "args": ["sh", "-c", "stty raw -echo; echo; sleep 1000; true"],
		                  "console": {"framing": "raw"}}, upgrade=True)
		print(reply["parameters"]["session"])
		conn.take(1)
		conn.sock.settimeout(1)
		try:
		    while True:
		        conn.sock.send(b"x" * 65536)
		except TimeoutError:
		    pass
		conn.close()
	END
	eventually 10 eval '! ctl exec --privileged c ps | grep -q "[s]leep 1000$"'
	like "$(ctl wait --session "$(cat said)" c)" '1[23][09]'
}

# many N: execs, every other one of which fails
many() {
	for _ in $(seq $(($1 / 2))); do
		ctl exec c true
		try ctl exec -u nobody-here c true
	done
}

test_nothing_is_left() { # limit 120
	daemon_start
	container
	local shim fds
	shim=$(shim_of c)
	many 2
	eventually 10 eval '[ "$(shim_children $shim)" = 1 ]'
	fds=$(shim_fds "$shim")
	many 300
	try ctl exec c nosuch
	eventually 10 shim_is_clean "$shim" "$fds"
}

test_no_memory_is_kept() { # limit 300
	needs_static_shim # a sanitizer keeps what was freed
	daemon_start
	container
	local shim rounds=$((FACTOR > 1 ? 200 : 600))
	shim=$(shim_of c)
	[ -z "${SLOW:-}" ] || rounds=5000
	many $((FACTOR > 1 ? 150 : 300)) # what is remembered of those that have ended is complete
	sleep 2.5 # an idle shim gives back what it used
	anonymous "$shim" >memory
	many "$rounds"
	eventually 20 memory_is_back "$shim"
}

test_the_beginning_of_several_sessions() {
	# One of 17 begins as another does.
	daemon_start
	expect 0 ctl run -d --name c busybox sleep 1000
	local first error
	for _ in {1..17}; do ctl exec -d c sleep 1000 >/dev/null; done
	first=$(ctl sessions -q c | cut -c 1 | sort | uniq -d | head -n 1)
	error=$(method Kill "{\"containers\":[\"c\"],\"session\":\"$first\"}")
	is "$(jq -r .error <<<"$error")" io.containerdlite.container.Ambiguous
	is "$(jq -r '.parameters.candidates | sort | .[]' <<<"$error")" "$(ctl sessions -q c | grep "^$first" | sort)"
	expect 0 ctl rm -f c
}
