# shellcheck shell=bash
# ctl against a daemon that is not one (fake.py): lost connections, wrong counters, nonsense. The real daemon's tests are
# elsewhere.
# No machine changes it.

fake() {
	{
		echo 'from fake import *'
		echo 'fake = Fake()'
		cat
	} >"$T/.fake.py"
	timeout 60 /usr/bin/python3 "$T/.fake.py"
}

test_streams() {
	fake <<-'E'
		process, peer = fake.console("-e", "A=B")
		config = peer.parameters["config"]
		assert config["image"] == "busybox" and config["args"] == ["true"] and config["env"] == ["A=B"], config
		assert len(config["id"]) == 32 and config["name"] == "web", config
		assert peer.parameters["console"] == {"stdin": False, "stdout": True, "stderr": True}, peer.parameters
		data = os.urandom(300000)
		for at in range(0, len(data), 65536):
		    peer.frame(STDOUT, data[at:at + 65536])
		peer.frame(STDERR, b"oh\0\x1b")
		peer.frame(STDOUT)
		peer.exit(300000, 4, code=7)
		ends(process, 7, data, b"oh\0\x1b")
	E
}

test_reply_and_frames_in_pieces() {
	fake <<-'E'
		process = fake.ctl("run", "busybox")
		peer = fake.accept()
		peer.call("Run")
		last = json.dumps({"exit": EXITED, "stdout": 3, "stderr": 0}).encode()
		all = json.dumps({"parameters": STARTED}).encode() + b"\0" + struct.pack(">B3xI", STDOUT, 3) + b"abc" + \
		    struct.pack(">B3xI", EXIT, len(last)) + last
		for byte in all:
		    peer.sock.sendall(bytes([byte]))
		ends(process, 0, b"abc")
		process = fake.ctl("run", "busybox")
		peer = fake.accept()
		peer.call("Run")
		peer.sock.sendall(all)
		peer.close()
		ends(process, 0, b"abc")
	E
}

test_counters_are_checked() {
	fake <<-'E'
		process, peer = fake.console()
		peer.frame(STDOUT, b"abc")
		peer.exit(5, 0)
		ends(process, 255, b"abc", b"ctl: web: 5 bytes of stdout were sent, 3 came\n")
		process, peer = fake.console()
		peer.frame(STDERR, b"abc")
		peer.exit(0, 2, code=1)
		ends(process, 255, b"", b"abcctl: web: 2 bytes of stderr were sent, 3 came\n")
		process, peer = fake.console()
		peer.frame(EXIT, {"exit": EXITED})
		ends(process, 255, b"", b"ctl: web: -1 bytes of stdout were sent, 0 came\n"
		     b"ctl: web: -1 bytes of stderr were sent, 0 came\n")
	E
}

test_gap_is_told() {
	fake <<-'E'
		process, peer = fake.console("--flow=drop")
		assert peer.parameters["console"]["flow"] == "drop"
		peer.frame(STDOUT, b"abc")
		peer.frame(GAP, struct.pack(">B3xQQ", STDOUT, 1000, 3))
		peer.frame(STDOUT, b"def")
		peer.exit(6)
		ends(process, 0, b"abcdef", b"ctl: web: 1000 bytes of stdout were lost after byte 3\n")
	E
}

test_status_unknown() {
	fake <<-'E'
		process, peer = fake.console()
		peer.frame(EXIT, {"exit": {"reason": "shim died"}, "stdout": 0, "stderr": 0})
		ends(process, 255, b"", b"ctl: web: its exit status is not known: shim died\n")
	E
}

test_lost_console_asks() {
	fake <<-'E'
		asking = b"ctl: web: the connection to the container was lost; asking the daemon\n"
		process, peer = fake.console()
		peer.frame(STDOUT, b"abc")
		peer.close()
		peer = fake.accept()
		assert peer.call("Wait") == {"containers": [STARTED["id"]]}
		peer.reply({"outcomes": [{"container": STARTED["id"], "exit": dict(EXITED, code=9)}]})
		ends(process, 9, b"abc", asking)
		# The daemon is away for a moment, and dies once more while it is asked.
		process, peer = fake.console()
		fake.away()
		peer.close()
		time.sleep(0.5)
		fake.listen()
		peer = fake.accept()
		peer.call("Wait")
		peer.close()
		peer = fake.accept()
		peer.call("Wait")
		peer.error("NoSuchContainer", container="web", message="no such container")
		ends(process, 255, b"", asking + b"ctl: web: its exit status is not known: no such container\n")
		# An outcome's error, too.
		process, peer = fake.console()
		peer.close()
		peer = fake.accept()
		peer.call("Wait")
		peer.reply({"outcomes": [{"container": "x", "error": CONTAINER + "NoSuchContainer", "message": "gone"}]})
		ends(process, 255, b"", asking + b"ctl: web: its exit status is not known: gone\n")
	E
}

test_nonsense_on_the_console() {
	fake <<-'E'
		asking = b"ctl: web: the connection to the container was lost; asking the daemon\n"
		for nonsense, sentence in (
		        (b"\x01\0\0\1\0\0\0\0", b"what comes are not frames"),
		        (b"\x01\0\0\0\0\1\0\1", b"what comes are not frames"),
		        (b"\x7f\0\0\0\0\0\0\0", b"what comes are not frames"),
		        (b"\0\0\0\0\0\0\0\0", b"a frame came that only ctl sends"),
		        (b"\x13\0\0\0\0\0\0\x08" + b"\0\0\0\0\0\0\0\1", b"more stdin was taken than was sent"),
		        (b"\x21\0\0\0\0\0\0\x02{]", b"the exit frame is not JSON"),
		        (b"\x20\0\0\0\0\0\0\x14" + b"\7" * 20, b"a gap in a stream that there is not")):
		    process, peer = fake.console()
		    peer.sock.sendall(nonsense)
		    other = fake.accept()
		    other.call("Wait")
		    other.reply({"outcomes": [{"container": "x", "exit": EXITED}]})
		    ends(process, 0, b"", b"ctl: web: " + sentence + b"\n" + asking)
		process, peer = fake.console()
		peer.frame(ERROR, {"error": CONTAINER + "LimitExceeded", "parameters": {"message": "too slow\u001b"}})
		peer.close()
		peer = fake.accept()
		peer.call("Wait")
		peer.reply({"outcomes": [{"container": "x", "exit": dict(EXITED, code=2)}]})
		ends(process, 2, b"", b"ctl: web: too slow\\x1b\n" + asking)
	E
}

test_stdin_window() {
	fake <<-'E'
		process, peer = fake.console("-i", stdin=subprocess.PIPE)
		assert peer.parameters["config"]["open_stdin"] and peer.parameters["console"]["stdin"], peer.parameters
		data = os.urandom(1000000)
		import threading
		def write():
		    process.stdin.write(data)
		    process.stdin.close()
		    process.stdin = None
		writer = threading.Thread(target=write)
		writer.start()
		came = b""
		while len(came) < 256 * 1024:
		    kind, payload = peer.take_frame()
		    assert kind == STDIN and len(payload) <= 65536
		    came += payload
		assert len(came) == 256 * 1024 and peer.quiet()
		# A full window keeps nothing else back.
		process.send_signal(signal.SIGUSR1)
		assert peer.take_frame() == (SIGNAL, b"SIGUSR1")
		peer.taken(1)
		assert peer.take_frame() == (STDIN, data[len(came):len(came) + 1])
		came += data[len(came):len(came) + 1]
		while len(came) < len(data):
		    peer.taken(len(came))
		    kind, payload = peer.take_frame()
		    assert kind == STDIN
		    came += payload
		assert came == data
		assert peer.take_frame() == (STDIN_END, b"")
		writer.join()
		assert peer.quiet()
		peer.taken(len(came))
		peer.exit()
		ends(process, 0)
	E
}

test_stdin_is_left_alone() {
	# Without -i the rest of a script is not eaten.
	fake <<-'E'
		reader, writer = os.pipe()
		os.write(writer, b"the next line")
		process, peer = fake.console(stdin=reader)
		assert peer.quiet()
		peer.exit()
		ends(process, 0)
		assert os.read(reader, 100) == b"the next line"
		# With -i, a closed stdin is an empty one.
		process, peer = fake.console("-i", preexec_fn=lambda: os.close(0))
		assert peer.take_frame() == (STDIN_END, b"")
		peer.exit()
		ends(process, 0)
	E
}

test_signals() {
	fake <<-'E'
		process, peer = fake.console()
		for name in ("INT", "TERM", "HUP", "QUIT", "USR1", "USR2"):
		    process.send_signal(getattr(signal, "SIG" + name))
		    assert peer.take_frame() == (SIGNAL, b"SIG" + name.encode())
		peer.exit(code=143, reason="signaled", signal="SIGTERM")
		ends(process, 143)
		# Before there is a console they wait for it.
		process = fake.ctl("run", "--name", "web", "busybox")
		peer = fake.accept()
		peer.call("Run")
		process.send_signal(signal.SIGTERM)
		assert peer.quiet()
		peer.reply(STARTED)
		assert peer.take_frame() == (SIGNAL, b"SIGTERM")
		peer.exit()
		ends(process, 0)
		# nohup is obeyed.
		process, peer = fake.console(preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
		process.send_signal(signal.SIGHUP)
		assert peer.quiet()
		peer.exit()
		ends(process, 0)
	E
}

# However often it changes while nobody reads: the last size is told.
test_the_last_size() {
	fake <<-'E'
		import fcntl, pty, termios
		master, slave = pty.openpty()
		def resize(rows, columns):
		    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
		resize(24, 80)
		process = fake.ctl("attach", "--no-stdin", "web", stdin=slave)
		peer = fake.accept()
		peer.call("Attach")
		peer.reply(dict(STARTED, terminal=True))
		assert peer.take_frame() == (16, struct.pack(">HH", 24, 80))
		def change(rows, columns):
		    resize(rows, columns)
		    process.send_signal(signal.SIGWINCH)
		    while "ShdPnd:\t0000000000000000" not in open(f"/proc/{process.pid}/status").read():
		        os.sched_yield()
		for i in range(16000):
		    change(10 + i % 2, 10)
		change(33, 77)
		while peer.take_frame() != (16, struct.pack(">HH", 33, 77)):
		    pass
		peer.exit()
		ends(process, 0)
	E
}

test_third_interrupt() {
	fake <<-'E'
		process, peer = fake.console()
		for i in range(2):
		    process.send_signal(signal.SIGINT)
		    assert peer.take_frame() == (SIGNAL, b"SIGINT")
		process.send_signal(signal.SIGINT)
		ends(process, 130, b"", b"ctl: web: interrupted three times; the container goes on\n")
		# Three in more than two seconds are just three.
		process, peer = fake.console()
		for i in range(3):
		    process.send_signal(signal.SIGINT)
		    assert peer.take_frame() == (SIGNAL, b"SIGINT")
		    time.sleep(1.1)
		peer.exit()
		ends(process, 0)
	E
}

test_slow_reader() {
	# While nobody reads ctl's output, signals are passed on; the descriptor is not made non-blocking.
	fake <<-'E'
		import fcntl
		reader, writer = os.pipe()
		process, peer = fake.console("-i", stdout=writer, stdin=subprocess.PIPE)
		data = os.urandom(65536)
		for i in range(4):
		    peer.frame(STDOUT, data)
		time.sleep(0.3)
		assert not fcntl.fcntl(writer, fcntl.F_GETFL) & os.O_NONBLOCK
		process.send_signal(signal.SIGTERM)
		assert peer.take_frame() == (SIGNAL, b"SIGTERM")
		process.stdin.write(b"typed")
		process.stdin.flush()
		assert peer.take_frame() == (STDIN, b"typed")
		before = os.times().children_user
		os.close(writer)
		peer.exit(4 * 65536)
		peer.close()
		time.sleep(1)
		stat = open(f"/proc/{process.pid}/stat").read().rpartition(")")[2].split()
		assert int(stat[11]) + int(stat[12]) < 20, "ctl spins"
		came = b""
		while len(came) < 4 * 65536:
		    came += os.read(reader, 1000000)
		assert came == 4 * data
		assert process.wait(10) == 0
	E
}

test_slow_socket_and_file() {
	# The other things that an output may be.
	fake <<-'E'
		data = os.urandom(65536)
		ours, theirs = socket.socketpair()
		process, peer = fake.console(stdout=theirs)
		theirs.close()
		for i in range(4):
		    peer.frame(STDOUT, data)
		process.send_signal(signal.SIGTERM)
		assert peer.take_frame() == (SIGNAL, b"SIGTERM")
		import threading
		came = b""
		def read():
		    global came
		    while len(came) < 16 * 65536:
		        came += ours.recv(1000000)
		reader = threading.Thread(target=read)
		reader.start()
		for i in range(12):
		    peer.frame(STDOUT, data)
		reader.join(10)
		assert came == 16 * data
		peer.exit(16 * 65536)
		ends(process, 0, None)
		path = os.path.join(os.environ["T"], "file")
		with open(path, "wb") as file:
		    process, peer = fake.console(stdout=file)
		    for i in range(16):
		        peer.frame(STDOUT, data)
		    peer.exit(16 * 65536)
		    ends(process, 0, None)
		assert open(path, "rb").read() == 16 * data
		with open("/dev/full", "wb") as file:
		    process, peer = fake.console(stdout=file)
		    peer.frame(STDOUT, b"abc")
		    ends(process, 255, None, b"ctl: web: write to stdout: No space left on device; the container goes on\n")
	E
}

test_reader_gone() {
	fake <<-'E'
		for ignored in (False, True):
		    reader, writer = os.pipe()
		    process, peer = fake.console(stdout=writer, restore_signals=not ignored)
		    os.close(reader)
		    os.close(writer)
		    peer.frame(STDOUT, b"abc")
		    ends(process, 141 if ignored else -signal.SIGPIPE, None)
	E
}

test_start_failed() {
	fake <<-'E'
		process = fake.ctl("run", "--name", "web", "busybox", "nope")
		peer = fake.accept()
		peer.call("Run")
		peer.error("StartFailed", phase="execve", message="execve: 'nope': No such file or directory",
		           errno="ENOENT", exit_code=127, hint="look\x1b for it")
		ends(process, 127, b"", b"ctl: web: execve: 'nope': No such file or directory\nhint: look\\x1b for it\n")
		process = fake.ctl("run", "busybox", "nope")
		peer = fake.accept()
		config = peer.call("Run")["config"]
		peer.error("Failed", message="no space")
		ends(process, 125, b"", b"ctl: " + config["id"][:12].encode() + b": no space\n")
		process = fake.ctl("start", "-a", "web")
		peer = fake.accept()
		assert peer.call("Start")["containers"] == ["web"]
		peer.error("NoSuchContainer", message="no such container 'web'")
		ends(process, 125, b"", b"ctl: web: no such container\n")
		process = fake.ctl("rm", "web")
		peer = fake.accept()
		peer.call("Remove")
		peer.reply({"outcomes": [{"container": "web", "error": CONTAINER + "InvalidState",
		                          "message": "container 'web' is running", "hint": "stop it"}]})
		ends(process, 1, b"", b"ctl: web: is running\nhint: stop it\n")
		for field, message, sentence in (
		        ("config.cwd", "config.cwd: 'x' is not absolute", b"--workdir: 'x' is not absolute"),
		        ("config.env[0]", "config.env[0] is bad", b"--env is bad"),
		        ("config.mounts[0].target", "config.mounts[0].target: no", b"-v or --mount: no"),
		        ("config.x", "config.x: no", b"config.x: no"), ("", "no", b"no")):
		    process = fake.ctl("run", "--name", "web", "busybox")
		    peer = fake.accept()
		    peer.call("Run")
		    peer.error("InvalidConfig", field=field, message=message)
		    ends(process, 125, b"", b"ctl: run: " + sentence + b"\n")
		process = fake.ctl("create", "--name", "web", "busybox")
		peer = fake.accept()
		peer.call("Create")
		peer.error("NameInUse", message="the name is in use")
		ends(process, 125, b"", b"ctl: web: the name is in use\n")
	E
}

test_start_and_run_are_not_repeated() {
	fake <<-'E'
		lost = b"whether it was %s is not known: the connection to the daemon was lost\n" \
		    b"hint: ctl ps -a shows it if it was\n"
		for words, code, what in ((("run", "--name", "web", "busybox"), 255, b"started"),
		                          (("run", "-d", "--name", "web", "busybox"), 125, b"started"),
		                          (("create", "--name", "web", "busybox"), 125, b"created"),
		                          (("start", "-a", "web"), 255, b"started")):
		    process = fake.ctl(*words)
		    peer = fake.accept()
		    peer.call()
		    peer.close()
		    ends(process, code, b"", b"ctl: web: " + lost % what)
		process = fake.ctl("stop", "a", "b", "c")
		peer = fake.accept()
		assert peer.call("Stop")["containers"] == ["a", "b", "c"]
		peer.reply({"outcomes": [{"container": "b"}]}, continues=True)
		peer.close()
		ends(process, 125, b"b\n",
		     b"ctl: a: whether it was stopped is not known: the connection to the daemon was lost\n"
		     b"ctl: c: whether it was stopped is not known: the connection to the daemon was lost\n")
		fake.listener.settimeout(0.3)
		try:
		    fake.accept()
		    raise AssertionError("ctl came again")
		except TimeoutError:
		    pass
	E
}

test_questions_are_repeated() {
	fake <<-'E'
		process = fake.ctl("wait", "a", "b", "c")
		peer = fake.accept()
		assert peer.call("Wait")["containers"] == ["a", "b", "c"]
		peer.reply({"outcomes": [{"container": "b", "exit": dict(EXITED, code=2)}]}, continues=True)
		fake.away()
		peer.close()
		time.sleep(0.5)
		fake.listen()
		peer = fake.accept()
		assert peer.call("Wait")["containers"] == ["a", "c"]
		peer.reply({"outcomes": [{"container": "c", "error": CONTAINER + "NoSuchContainer", "message": "gone"}]},
		           continues=True)
		peer.reply({"outcomes": [{"container": "a", "exit": dict(EXITED, code=1)}]})
		ends(process, 1, b"1\n2\n", b"ctl: c: gone\n")
		for words, method, answer, out in (
		        (("ps", "-q"), "List", {"containers": [{"id": "0" * 32}], "event": 1}, b"000000000000\n"),
		        (("inspect", "--format=jsonl", "a"), "Inspect", {"container": {"a": 1}}, b'{"a":1}\n'),
		        (("info", "--format=jsonl"), "Info", {"version": "1"}, b'{"version":"1"}\n')):
		    process = fake.ctl(*words)
		    for i in range(3):
		        peer = fake.accept()
		        peer.call(method)
		        if i == 1:
		            peer.sock.sendall(b'{"parameters":')
		        if i < 2:
		            peer.close()
		    peer.reply(answer)
		    ends(process, 0, out)
	E
}

test_logs_go_on_where_they_stopped() {
	fake <<-'E'
		def record(n, text, **more):
		    return dict(dict(time=f"2026-11-22T04:13:00.00000000{n}Z", stream="stdout", partial=False, text=text), **more)
		process = fake.ctl("logs", "-f", "-n", "5", "web")
		peer = fake.accept()
		assert peer.call("Logs") == {"container": "web", "follow": True, "tail": 5, "stdout": True, "stderr": True}
		peer.reply({"records": [record(1, "one"), record(2, "two"), record(2, "part", partial=True)]}, continues=True)
		peer.close()
		peer = fake.accept()
		call = peer.call("Logs")
		assert call["since"] == "2026-11-22T04:13:00.000000002Z" and "tail" not in call, call
		peer.reply({"records": [record(2, "two"), record(2, "part", partial=True), record(2, "ial")]}, continues=True)
		peer.close()
		peer = fake.accept()
		peer.call("Logs")
		peer.reply({"records": [record(2, "two"), record(2, "part", partial=True)]}, continues=True)
		peer.reply({"records": [record(2, "ial"), record(3, "oh", stream="stderr"), record(3, None, base64="/w==")]},
		           continues=True)
		peer.reply({"records": []})
		ends(process, 0, b"one\ntwo\npartial\n\xff\n", b"oh\n")
		process = fake.ctl("logs", "-t", "web", "--stderr")
		peer = fake.accept()
		call = peer.call("Logs")
		assert call["stderr"] and not call["stdout"], call
		peer.reply({"records": [record(1, "a", partial=True), record(2, "b", stream="stderr"), record(3, "c")]})
		ends(process, 0, b"2026-11-22T04:13:00.000000001Z ac\n", b"2026-11-22T04:13:00.000000002Z b\n")
	E
}

test_events_go_on_where_they_stopped() {
	fake <<-'E'
		def event(n, kind="start"):
		    return {"seq": n, "time": "2026-11-22T04:13:00Z", "kind": kind, "container": "0" * 32, "name": "we\x1bb",
		            "attributes": {"code": "1"}}
		process = fake.ctl("events", "--since", "2026-11-22T00:00:00Z", "-f", "kind=start")
		peer = fake.accept()
		assert peer.call("Events") == {"since": "2026-11-22T00:00:00.000000000Z", "filters": ["kind=start"], "follow": True}
		peer.reply({"events": [event(4), event(6)]}, continues=True)
		peer.close()
		peer = fake.accept()
		assert peer.call("Events") == {"since_seq": 6, "filters": ["kind=start"], "follow": True}
		peer.reply({"events": [event(7)]}, continues=True)
		peer.reply({"events": []})
		line = b"2026-11-22T04:13:00Z %d start 000000000000 we\\x1bb code=1\n"
		ends(process, 0, line % 4 + line % 6 + line % 7)
		process = fake.ctl("events", "--no-follow", "--format=json")
		peer = fake.accept()
		assert peer.call("Events") == {"follow": False}
		peer.reply({"events": [event(1), event(2)]})
		out, err = process.communicate(timeout=10)
		assert json.loads(out) == [event(1), event(2)], out
	E
}

test_answers_that_are_none() {
	fake <<-'E'
		for nonsense in (b"{\0", b"[]\0", b"\xff\0", b"{}{}\0", b'{"parameters":3}\0', b"[" * 100000 + b"\0"):
		    process = fake.ctl("ps")
		    peer = fake.accept()
		    peer.call("List")
		    peer.sock.sendall(nonsense)
		    out, err = process.communicate(timeout=10)
		    assert process.returncode == 1 and out == b"", (process.returncode, out)
		    assert err.startswith(b"ctl: ps: the daemon's answer is not one: ") and err.count(b"\n") == 1, err
		# What fits no interface is passed over; nothing falls over it.
		for answer in ({}, {"containers": 3}, {"containers": [None, 1, {"id": 2, "command": {}, "exit": []}]}):
		    for words in (("ps",), ("ps", "-q"), ("ps", "--format=json")):
		        process = fake.ctl(*words)
		        peer = fake.accept()
		        peer.call("List")
		        peer.reply(answer)
		        out, err = process.communicate(timeout=10)
		        assert process.returncode == 0 and err == b"", (process.returncode, err)
		for outcomes in (3, [3, None], [{}], [{"container": "x"}]):
		    process = fake.ctl("stop", "a")
		    peer = fake.accept()
		    peer.call("Stop")
		    peer.reply({"outcomes": outcomes})
		    process.communicate(timeout=10)
		    assert process.returncode == 1, process.returncode
		process = fake.ctl("ps")
		peer = fake.accept()
		peer.call("List")
		peer.reply({"containers": [{"id": "a" * 32, "name": "n\x1b[31m", "image": "i\n", "command": ["c\r", "\x9b"],
		                            "state": "created", "created_at": "not a time", "labels": {}}]})
		out, err = process.communicate(timeout=10)
		assert out.decode().splitlines()[1].split() == ["aaaaaaaaaaaa", "i\\x0a", '"c\\x0d', '\\xc2\\x9b"', "Created",
		                                                "n\\x1b[31m"], out
	E
}

test_output_that_cannot_be_written() {
	fake <<-'E'
		with open("/dev/full", "wb") as file:
		    process = fake.ctl("ps", stdout=file)
		    peer = fake.accept()
		    peer.call("List")
		    peer.reply({"containers": [], "event": 0})
		    ends(process, 1, None, b"ctl: write to standard output: No space left on device\n")
	E
}

test_long_socket_path() {
	fake <<-'E'
		folder = os.path.join(os.environ["T"], "x" * 200)
		os.mkdir(folder)
		os.chdir(folder)
		fake.listener.close()
		fake.path = "s"
		fake.listen()
		fake.path = os.path.join(folder, "s")
		process = fake.ctl("ps", "-q", cwd="/")
		peer = fake.accept()
		peer.call("List")
		peer.reply({"containers": [], "event": 0})
		ends(process, 0)
	E
}

test_cidfile() {
	fake <<-'E'
		path = os.path.join(os.environ["T"], "cid")
		process = fake.ctl("run", "-d", "--cidfile", path, "busybox")
		peer = fake.accept()
		peer.call("Run")
		peer.reply(STARTED)
		ends(process, 0, STARTED["id"].encode() + b"\n")
		assert open(path).read() == STARTED["id"]
		process = fake.ctl("run", "-d", "--cidfile", path, "busybox")
		ends(process, 125, b"", f"ctl: run: --cidfile '{path}': File exists\n".encode())
		assert open(path).read() == STARTED["id"]
		os.unlink(path)
		process = fake.ctl("run", "-d", "--cidfile", path, "busybox")
		peer = fake.accept()
		peer.call("Run")
		peer.error("Failed", message="no")
		process.communicate(timeout=10)
		assert process.returncode == 125 and not os.path.exists(path)
	E
}

# An archive that wants to write elsewhere: one sentence, and nothing is outside of the folder that was asked for.
test_forged_archives() {
	mkdir target out
	echo kept >out/file
	fake <<-'E'
		import fnmatch, tarfile
		out = os.path.join(os.environ["T"], "out")
		def entry(name, kind=tarfile.REGTYPE, link="", data=b"evil", size=None):
		    info = tarfile.TarInfo(name)
		    info.type, info.linkname, info.size = kind, link, 0
		    if kind == tarfile.REGTYPE:
		        info.size = len(data) if size is None else size
		        return info.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % 512)
		    return info.tobuf(tarfile.GNU_FORMAT)
		def top(*entries):
		    return entry("d", tarfile.DIRTYPE) + b"".join(entries) + bytes(1024)
		def framed(data):
		    return struct.pack(">B3xI", STDOUT, len(data)) + data
		COPIED = struct.pack(">B3xI", 36, 26) + b'{"entries": 1, "bytes": 1}'
		archive = "the archive has the name"
		for sent, said in (
		    (framed(top(entry(out + "/new"))), f"{archive} '{out}/new', which is absolute"),
		    (framed(top(entry("d/../../out/new"))), f"{archive} 'd/../../out/new', which has '..' in it"),
		    (framed(top(entry("other"))), f"{archive} 'other', which does not belong to what is copied"),
		    (framed(top(entry("d/l", tarfile.SYMTYPE, out), entry("d/l/new"))), "*symbolic link is on the way*"),
		    (framed(top(entry("d/l", tarfile.SYMTYPE, "../../out/file"), entry("d/l"))), ""),
		    (framed(top(entry("d/h", tarfile.LNKTYPE, out + "/file"), entry("d/h"))), f"{archive} '{out}/file', which is absolute"),
		    (framed(top(entry("d/h", tarfile.LNKTYPE, "d/../../out/file"))), f"{archive} 'd/../../out/file', which has '..' in it"),
		    (framed(top(entry("d/null", tarfile.CHRTYPE))), "'target/d/null' is a device, which is not copied*"),
		    (framed(top(entry("d/huge", size=1 << 62))[:-1024]), "the archive is cut: it ends at 'd/huge'"),
		    (framed(top(entry("d/new")))[:700], "the connection was lost before all was copied"),
		    (framed(top(entry("d/new")))[:3], "the connection was lost before all was copied"),
		    (struct.pack(">B3xI", STDOUT, 0xffffffff), "what comes from the daemon is no archive"),
		    (struct.pack(">B3xI", EXIT, 0), "what comes from the daemon is no archive"),
		    (framed(bytes(range(256)) * 8), "this is no tar archive*"),
		):
		    process = fake.ctl("cp", "web:/d", "target")
		    peer = fake.accept()
		    assert peer.call("CopyOut")["path"] == "/d"
		    peer.reply({"name": "d", "kind": "folder", "size": 0, "mode": 0o755})
		    try:
		        peer.sock.sendall(sent + (COPIED if len(sent) > 700 else b""))
		    except OSError:
		        pass
		    peer.close()
		    found = process.communicate(timeout=20)[1].decode()
		    text = found.removeprefix("ctl: ").removeprefix("cp: ").removeprefix("web: ")
		    assert fnmatch.fnmatch(text.strip(), said), (text, said)
		    assert (process.returncode != 0) == (said != "") and found.count("ctl: ") == (said != ""), (found, process.returncode)
		    assert os.listdir(out) == ["file"] and open(out + "/file").read() == "kept\n", said
		    assert set(os.listdir("target")) <= {"d"}, os.listdir("target")
		# What the answer calls it is a name, too.
		for name in ("..", "../out", "/etc", "", 7):
		    process = fake.ctl("cp", "web:/d", "target")
		    peer = fake.accept()
		    peer.call("CopyOut")
		    peer.reply({"name": name, "kind": "folder", "size": 0, "mode": 0o755})
		    peer.close()
		    found = process.communicate(timeout=20)[1].decode()
		    assert process.returncode != 0 and "answer is not one" in found, (name, found)
	E
}
