# shellcheck shell=bash
# Terminals: a pty of the container's own, its size, its keys, its end; ctl gives the user's terminal back as it was.

test_it_is_a_terminal_of_its_own() {
	daemon_start
	expect 0 ctl run -t --rm busybox sh -c 'tty; test -t 0 && test -t 1 && test -t 2 && echo all three; stty size; echo "TERM=$TERM"
		echo by /dev/tty >/dev/tty; echo by /dev/console >/dev/console; stat -c %t:%T /dev/console /dev/pts/0'
	is "$(tr -d '\r' <<<"$OUT")" "/dev/pts/0
all three
24 80
TERM=xterm
by /dev/tty
by /dev/console
88:0
88:0"
	# Its user's, with the group that may write to terminals.
	expect 0 ctl run -t --rm -u 1000:1000 busybox sh -c 'stat -c %u:%g:%a /dev/pts/0; echo mine >/dev/pts/0'
	is "$(tr -d '\r' <<<"$OUT")" $'1000:5:620\nmine'
	# Nothing of it is left open but 0, 1, 2.
	expect 0 ctl run -t --rm busybox sh -c 'ls -l /proc/1/fd | grep -c pts'
	is "$(tr -d '\r' <<<"$OUT")" 3
	expect 0 ctl run --rm busybox test ! -e /dev/console
}

test_the_size_is_there_before_the_first_byte() {
	daemon_start
	py <<-'EOF'
		for size, want in ((40, 132), b"40 132"), ((0, 0), b"24 80"), ((200, 500), b"200 500"), (None, b"24 80"):
		    console = dict(zip(("rows", "columns"), size)) if size else {}
		    s = Session("Run", {"config": {"image": "busybox", "remove": True, "terminal": True, "args": ["stty", "size"]},
		        "console": console}).finish()
		    assert s.streams[STDOUT] == want + b"\r\n", (size, s.streams)
		for console in {"rows": 65536}, {"columns": -1}:
		    reply = Conn().call("Run", {"config": {"image": "busybox", "terminal": True}, "console": console}, upgrade=True)
		    assert reply["error"].endswith("InvalidConfig") and reply["parameters"]["field"].startswith("console."), reply
		assert Conn().call("List", {"all": True})["parameters"]["containers"] == []
	EOF
}

# Each change of size is one signal, and the last one counts; a frame of the same size is none.
test_resize() {
	daemon_start
	py <<-'EOF'
		s = Session("Run", {"config": {"image": "busybox", "name": "c", "terminal": True, "open_stdin": True,
		    "args": ["sh", "-c", "trap 'echo got $(stty size)' WINCH; echo ready; while :; do read x && echo read $x; done"]},
		    "console": {"rows": 24, "columns": 80}})
		def until(text):
		    while text not in s.streams[STDOUT]:
		        assert s.step(), (text, s.streams)
		until(b"ready")
		for rows, columns in (24, 80), (50, 100):
		    s.conn.send_frame(RESIZE, struct.pack(">HH", rows, columns))
		until(b"got 50 100")
		assert "error" not in Conn().call("Resize", {"container": "c", "rows": 0, "columns": 0})
		until(b"got 24 80")
		s.write(b"x\n")
		until(b"read x")
		assert s.streams[STDOUT].count(b"got") == 2, s.streams
	EOF
}

test_the_end_of_what_was_typed() {
	daemon_start
	# An unfinished line takes one end to be handed over, and one more to end.
	local text
	for text in '' 'abc' $'abc\n' $'one\ntwo'; do
		expect 0 timeout 30 "$BUILD/ctl" run -it --rm busybox sh -c 'stty -echo; cat' < <(printf %s "$text")
		like "$(tr -d '\r' <<<"$OUT")" "*${text%$'\n'}" "typed '$text'"
	done
	like "$ERR" 'ctl: run: -t: standard input is not a terminal*'
	is "$(wc -l <<<"$ERR")" 1
	# Once: the second reader waits.
	printf 'a\n' | ctl run -it --name c busybox sh -c 'cat; echo first; cat; echo second' >out 2>/dev/null &
	eventually 10 grep -q first out
	is "$(grep -c second out || true)" 0
	is "$(state_of c)" running
	expect 0 ctl kill c
	wait_jobs
	# A shell that edits its line reads keys, not lines: what was typed before it was ready ends there all the same.
	for _ in $(seq 10); do
		expect 5 timeout 30 "$BUILD/ctl" run -it --rm busybox sh < <(echo 'false || exit 5')
		expect 0 timeout 30 "$BUILD/ctl" run -it --rm busybox sh < <(echo 'true')
	done
	# Without -i a terminal ignores what is typed.
	expect 0 ctl run -t --rm busybox sh -c 'read -t 1 x; echo "[$x]"' < <(echo typed)
	is "$(tr -d '\r' <<<"$OUT")" '[]'
}

test_all_that_was_written_just_before_the_end() { # limit 120
	daemon_start
	for _ in $(seq 20); do
		ctl run -t --rm busybox seq 1 4000 | tr -d '\r' >got
		seq 1 4000 | cmp - got
	done
}

test_a_grandchild_that_keeps_the_terminal() {
	daemon_start
	local begin
	begin=$(milliseconds)
	expect 0 ctl run -t --rm busybox sh -c "sleep $((60 * FACTOR)) & echo done"
	is "$OUT" $'done\r'
	took_less 20000 "$begin" 'ctl waited for the grandchild'
	# Nor is it over because nobody has it open for a while.
	expect 0 ctl run -t --rm busybox sh -c 'exec <&- >&- 2>&-; sleep 1; echo again >/dev/tty'
	is "$OUT" $'again\r'
}

test_bundles() {
	daemon_start
	mkdir b
	(cd b && crun spec) || skip 'crun is not installed'
	cp -a "$BUILD/rootfs/busybox" b/rootfs
	change() { jq "$1" b/config.json >b/new && mv b/new b/config.json; }
	change '.process.terminal = true | .process.consoleSize = {"height": 33, "width": 66} | .process.args = ["sh", "-c", "tty; stty size"] | del(.linux.seccomp)'
	expect 0 ctl run --rm --bundle "$T/b"
	is "$(tr -d '\r' <<<"$OUT")" $'/dev/pts/0\n33 66'
	# The client's own size counts more.
	py <<-'EOF'
		s = Session("Run", {"config": {"bundle": os.environ["T"] + "/b", "remove": True}, "console": {"rows": 10, "columns": 20}})
		assert s.reply["parameters"]["terminal"] is True, s.reply
		s.finish()
		assert b"10 20" in s.streams[STDOUT], s.streams
	EOF
	change '.process.terminal = false'
	expect 0 ctl run -t --rm --bundle "$T/b"
	like "$OUT" '/dev/pts/0*'
	# A bundle by hand has no console.
	change '.process.terminal = true'
	expect 125 containerd-lite-shim --bundle "$T/b"
	like "$ERR" '*process.terminal needs a console*'
	# What only looks like the device that makes terminals.
	change '.mounts |= map(if .destination == "/dev/pts" then .type = "tmpfs" | .options = ["nosuid"] else . end)'
	expect 125 ctl run --rm --bundle "$T/b"
	like "$ERR" "*console: open '/dev/pts/ptmx' for a terminal: No such file or directory*"
	change '.mounts += [{"destination": "/dev/pts/ptmx", "type": "bind", "source": "/dev/null", "options": ["bind"]}]'
	expect 125 ctl run --rm --bundle "$T/b"
	like "$ERR" "*console: '/dev/pts/ptmx' is not the device that makes terminals*"
}

test_full_screen_programs() { # limit 120
	daemon_start
	terminal_open
	seq 1 500 >numbers
	enter "ctl run -it --rm --name c -v $T/numbers:/numbers:ro busybox sh"
	sees '/ #'
	enter 'vi /tmp/file'
	sees '~'
	keys -l i
	keys -l 'written in vi'
	keys Escape
	sees '- /tmp/file' # what follows an escape at once would be a key with Alt
	enter ':wq'
	says after-vi
	afresh 'cat /tmp/file'
	sees 'written in vi'
	enter 'top'
	sees 'Load average'
	keys -l q
	says after-top
	enter 'less /numbers'
	sees '/numbers'
	keys -l G
	sees 500
	keys -l q
	says after-less
	# Its size follows the window's.
	tm resize-window -t t -x 71 -y 17
	eventually 10 eval 'enter "stty size"; sleep 0.2; on_screen "17 71"'
	leave 'exit 9'
	enter 'echo "code $?"'
	sees 'code 9'
	terminal_close
}

test_start_on_a_terminal() { # limit 60
	daemon_start
	expect 0 ctl create -it --name c busybox sh
	terminal_open
	local i
	for i in 1 2; do
		afresh 'ctl start -ai c'
		sees '/ #'
		enter 'stty size'
		sees '30 100'
		leave "exit $i"
		enter 'echo "code $?"'
		sees "code $i"
	done
	# Without -i it is only looked at, and signals are passed on.
	expect 0 ctl create -t --name t busybox sh -c 'trap "exit 5" INT; echo re""ady; sleep 1000 & while :; do wait; done'
	afresh 'ctl start -a t'
	sees ready
	keys C-c
	sees 'host>'
	enter 'echo "code $?"'
	sees 'code 5'
	terminal_close
}

test_ctrl_c() { # limit 120
	daemon_start
	terminal_open
	# A shell's foreground program, and a first process by itself; with --init once, not twice.
	local init
	for init in '' --init; do
		[ -z "$init" ] || [ "$BUILD" = "$TOP/build" ] || continue # needs the static shim
		afresh "ctl run -it --rm --name c $init busybox sh -c 'trap \"echo in\"terrupted INT; echo re\"\"ady; while :; do sleep 1; done'"
		sees ready
		keys C-c
		sees interrupted
		is "$(screen | grep -c '^interrupted\|Cinterrupted')" 1 "init '$init'"
		expect 0 ctl rm -f c
		sees 'host>'
	done
	enter "ctl run -it --rm busybox sh"
	sees '/ #'
	enter '(echo sl""eeps; exec sleep 1000)'
	sees sleeps
	keys C-c
	says 'inside'
	enter 'exit'
	terminal_close
}

# saves NAME: the terminal's settings
settings() {
	afresh "stty -g >$T/$1.new; mv $T/$1.new $T/$1"
	eventually 10 test -e "$T/$1"
}

test_the_terminal_is_given_back_as_it_was() { # limit 120
	daemon_start
	terminal_open
	settings before
	local how pid
	for how in exit detach TERM HUP INT QUIT kill-container daemon no-such; do
		if [ "$how" = no-such ]; then
			afresh "ctl run -it --rm busybox no-such-program"
			sees 'no-such-program'
		else
			afresh "ctl run -it --name $how busybox sh"
			sees '/ #'
			pid=$(terminal_child)
			case $how in
			exit) enter 'exit 3' ;;
			detach) keys C-p C-q ;;
			kill-container) expect 0 ctl kill "$how" ;;
			daemon)
				daemon_kill
				daemon_start
				enter 'exit'
				;;
			*) kill -s "$how" "$pid" ;;
			esac
		fi
		sees 'host>'
		settings "after-$how"
		cmp before "after-$how" || fail "after $how the terminal is another one"
		case $how in
		detach | TERM | HUP | INT | QUIT)
			is "$(state_of "$how")" running "after $how"
			;;
		esac
	done
	terminal_close
}

test_ctl_stopped_and_continued() { # limit 60
	daemon_start
	terminal_open
	enter 'ctl run -it --name c busybox sh'
	sees '/ #'
	local pid
	pid=$(terminal_child)
	# TSTP would leave the shell a raw terminal; STOP cannot be helped, but is repaired afterwards.
	kill -TSTP "$pid"
	says 'still-there'
	kill -STOP "$pid"
	sees Stopped
	afresh 'stty sane; fg'
	sees 'ctl run -it' # which the shell says that it goes on with
	says 'again'
	enter 'exit'
	terminal_close
}

has_terminals() { [ "$(find "/proc/$1/fd" -lname '/dev/pt*' | wc -l)" = "$2" ]; }

# ctl's end, however it comes, gives the terminal back at once: the container neither reads nor writes it.
test_kill_9_of_ctl_gives_the_terminal_up() { # limit 60
	daemon_start
	terminal_open
	enter 'ctl run -it --name c busybox sh'
	sees '/ #'
	local pid shim
	pid=$(terminal_child)
	shim=$(shim_of c)
	kill -KILL "$pid"
	eventually 10 on_screen Killed
	is "$(state_of c)" running
	# The container's own two ends are all that is left: the master and the side that is kept open.
	eventually 10 has_terminals "$shim" 2
	enter 'stty sane'
	says outside
	terminal_close
}

# Nobody tells ctl by a signal where it is not the terminal's own session.
test_a_terminal_that_goes() { # limit 60
	daemon_start
	py <<-'EOF'
		import pty, subprocess
		master, slave = pty.openpty()
		ctl = subprocess.Popen(["ctl", "run", "-it", "--name", "c", "busybox", "sh"], stdin=slave, stdout=slave, stderr=subprocess.PIPE)
		os.close(slave)
		got = b""
		while b"/ #" not in got:
		    got += os.read(master, 4096)
		os.write(master, b"echo $((6 * 7))\n")
		while b"42" not in got:
		    got += os.read(master, 4096)
		os.close(master)
		assert ctl.wait(30 * FACTOR) == 129, ctl.returncode
		assert ctl.stderr.read() == b""
		assert Conn().call("Inspect", {"container": "c"})["parameters"]["container"]["state"] == "running"
	EOF
}

# What reads ctl's output ends while the terminal is ctl's: its shell has it as it was.
test_a_reader_that_goes() { # limit 60
	daemon_start
	py <<-'EOF'
		import pty, subprocess, termios
		for command in ["run", "-it", "--name", "c", "busybox", "yes"], ["attach", "c"], ["exec", "-it", "c", "yes"]:
		    master, slave = pty.openpty()
		    before = termios.tcgetattr(slave)
		    ctl = subprocess.Popen(["ctl"] + command, stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
		    assert ctl.stdout.read(1) == b"y"
		    assert termios.tcgetattr(slave) != before
		    ctl.stdout.close()
		    assert ctl.wait(30 * FACTOR) == 141, ctl.returncode
		    assert termios.tcgetattr(slave) == before, command
		    assert ctl.stderr.read() == b""
		    os.close(master)
		    os.close(slave)
		    assert Conn().call("Inspect", {"container": "c"})["parameters"]["container"]["state"] == "running"
	EOF
}

test_the_users_terminal_never_reaches_the_container() { # limit 60
	daemon_start
	terminal_open
	enter 'ctl run -it --name c busybox sh'
	sees '/ #'
	local pid devices
	pid=$(field_of c .pid)
	devices=$(find "/proc/$pid/fd" -lname '/dev/pts/*' -exec stat -L -c %d {} + | sort -u)
	is "$devices" "$(stat -c %d "/proc/$pid/root/dev/pts/0")"
	enter 'exit'
	terminal_close
}

test_a_terminal_that_is_none() {
	daemon_start
	py <<-'EOF'
		import array, tempfile
		left = []
		def offer(*fds, terminal=True):
		    s = Session("Run", {"config": {"image": "busybox", "remove": True, "terminal": terminal, "open_stdin": True,
		        "args": ["cat"]}, "console": {}})
		    s.conn.sock.sendmsg([struct.pack(">B3xI", 20, 0)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [])
		    while True:
		        kind, payload = s.conn.frame()
		        if kind == 20:
		            break
		    assert payload == b"\0", payload
		    if terminal:
		        pid = Conn().call("Inspect", {"container": s.reply["parameters"]["id"]})["parameters"]["container"]["pid"]
		        with open(f"/proc/{pid}/stat") as file:
		            shim = file.read().rpartition(")")[2].split()[1]
		        count = lambda: len(os.listdir(f"/proc/{shim}/fd"))
		        left.append(count())
		        end = time.monotonic() + 20 * FACTOR
		        while count() > left[0]: # what belongs to the start goes
		            assert time.monotonic() < end, (len(fds), left)
		            time.sleep(0.02)
		    # It goes on by frames.
		    s.write(b"x\n")
		    s.end_stdin()
		    s.finish()
		    assert s.exit and b"x" in s.streams[STDOUT], (s.exit, s.streams)
		offer()
		offer(os.open("/dev/null", os.O_RDWR))
		with tempfile.TemporaryFile() as file:
		    offer(file.fileno())
		master, slave = os.openpty()
		offer(os.open(os.ttyname(slave), os.O_RDONLY | os.O_NOCTTY))
		offer(slave, terminal=False)
		# However many come along, the shim keeps none of them.
		null = os.open("/dev/null", os.O_RDWR)
		for n in 1, 2, 3, 64:
		    offer(*[null] * n)
	EOF
}

# strace_without_terminals PID: those whom it makes shims of cannot take a terminal over
strace_without_terminals() {
	rm -f attached
	strace -f -o trace -P /dev/pts/ptmx -e trace=fcntl -e inject=fcntl:error=ENOMEM:when=1 -p "$1" 2>attached &
	STRACE=$!
	eventually 10 grep -q attached attached
}

# One that the shim cannot take over is no terminal: its program does not run.
test_a_terminal_that_cannot_be_had() { # limit 120
	needs_static_shim
	strace -o trace true 2>/dev/null || skip 'strace cannot trace here'
	daemon_start
	strace_without_terminals "$(cat "/proc/$DAEMON/task/$DAEMON/children")"
	expect 125 timeout 20 ctl run -d -t --name c busybox sleep 1000
	is "$ERR" "ctl: c: open the terminal's other side: Cannot allocate memory"
	kill "$STRACE"
	wait "$STRACE" || true
	ctl rm c

	ctl run -d --name c busybox sleep 1000
	strace_without_terminals "$(shim_of c)"
	expect 125 timeout 20 ctl exec -d -t c sleep 1000
	is "$ERR" "ctl: c: open the terminal's other side: Cannot allocate memory"
	kill "$STRACE"
	wait "$STRACE" || true
	expect 0 ctl exec -t c true
	is "$(wc -w <"/proc/$(shim_of c)/task/$(shim_of c)/children")" 1
}
