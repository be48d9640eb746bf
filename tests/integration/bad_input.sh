# shellcheck shell=bash
# Bytes that are no message, messages that are no call, calls that make no sense: one sentence, and the daemon as before.

test_raw_bytes() { # limit 60
	daemon_start
	py <<-'EOF'
		bad_message = CONTAINER + "BadMessage"
		table = {
		    b"": None,
		    b"{": bad_message,
		    b"nonsense": bad_message,
		    b"[]": bad_message,
		    b"null": bad_message,
		    b"1": bad_message,
		    b'""': bad_message,
		    b"{}": bad_message,
		    b'{"method":1}': bad_message,
		    b'{"method":null}': bad_message,
		    b'{"method":"x","parameters":[]}': bad_message,
		    b'{"method":"io.containerdlite.container.List","nonsense":1}': bad_message,
		    b'{"method":"io.containerdlite.container.List","more":1}': bad_message,
		    b'{"method":"a","method":"b"}': bad_message,
		    b'{"method":"io.containerdlite.container.List",}': bad_message,
		    b"{'method':'x'}": bad_message,
		    b'{"method":"\xff"}': bad_message,
		    b'{"method":"\xc0\x80"}': bad_message,
		    b'{"method":"\xed\xa0\x80"}': bad_message,
		    b'{"method":"a\\u0000b"}': bad_message,
		    b'{"method":"\\ud800"}': bad_message,
		    b'{"method":"a\tb"}': bad_message,
		    b'{"method":"x"} {}': bad_message,
		    b'{"method":"x","parameters":{"a":1e999}}': bad_message,
		    b'{"method":"x","parameters":{"a":99999999999999999999}}': bad_message,
		    b'{"method":"x","parameters":{"a":01}}': bad_message,
		    b'{"method":"x","parameters":{"a":NaN}}': bad_message,
		    b'{"method":"x","parameters":{"a":tru}}': bad_message,
		    b"/* */ {}": bad_message,
		    b"\xef\xbb\xbf{}": bad_message,
		    b'{"a":' * 33 + b"1" + b"}" * 33: bad_message,
		    b"[" * 1000000: bad_message,
		    b'{"method":"' + b"x" * 1000000: bad_message,
		}
		for text, error in table.items():
		    if error is None:
		        continue
		    conn = Conn()
		    conn.raw(text + b"\0")
		    reply = conn.recv()
		    shown = text[:60]
		    assert reply.get("error") == error, (shown, reply)
		    message = reply["parameters"]["message"]
		    assert message and "\n" not in message and len(message) < 1600, (shown, message)
		    assert conn.rest() == b"", "the connection is closed after " + repr(shown)
	EOF
	daemon_alive
}

test_calls_that_make_no_sense() {
	daemon_start --log-level debug
	py <<-'EOF'
		service = "org.varlink.service."
		table = [
		    ("io.containerdlite.container.Nonsense", {}, service + "MethodNotFound", None),
		    ("io.nowhere.Method", {}, service + "InterfaceNotFound", None),
		    ("org.nowhere.Method", {}, service + "InterfaceNotFound", None),
		    ("List", {"nonsense": 1}, service + "InvalidParameter", "nonsense"),
		    ("List", {"all": 1}, service + "InvalidParameter", "all"),
		    ("List", {"filters": ["x", 1]}, service + "InvalidParameter", "filters[1]"),
		    ("List", {"filters": ["x"]}, service + "InvalidParameter", "filters[0]"),
		    ("List", {"": 1}, service + "InvalidParameter", "''"),
		    ("Kill", {"containers": ["a"], "session": "b", "all": True}, CONTAINER + "InvalidConfig", "all"),
		    ("Wait", {"containers": ["a"], "session": "b", "condition": "removed"}, CONTAINER + "InvalidConfig", "condition"),
		    (SYSTEM + "Events", {"since_seq": -1}, service + "InvalidParameter", "since_seq"),
		    (SYSTEM + "Events", {"since_seq": -2 ** 63}, service + "InvalidParameter", "since_seq"),
		    (service + "GetInterfaceDescription", {"interface": ""}, service + "InterfaceNotFound", None),
		    ("Create", {}, service + "InvalidParameter", "config"),
		    ("Create", {"config": {"image": 1}}, service + "InvalidParameter", "config.image"),
		    ("Create", {"config": {"image": "busybox", "mounts": [{"kind": "nope", "target": "/x"}]}},
		        service + "InvalidParameter", "config.mounts[0].kind"),
		    ("Create", {"config": {"image": "busybox", "mounts": [{"kind": "tmpfs"}]}},
		        service + "InvalidParameter", "config.mounts[0].target"),
		    ("Create", {"config": {"image": "busybox", "labels": {"a": 1}}}, service + "InvalidParameter", "config.labels.a"),
		    ("Create", {"config": {"image": "busybox", "init": "yes"}}, service + "InvalidParameter", "config.init"),
		    ("Create", {"config": {}}, CONTAINER + "InvalidConfig", None),
		    ("Create", {"config": {"image": "busybox", "rootfs": "/x"}}, CONTAINER + "InvalidConfig", None),
		    ("Create", {"config": {"image": "busybox", "name": "a b"}}, CONTAINER + "InvalidConfig", "config.name"),
		    ("Create", {"config": {"image": "busybox", "id": "xyz"}}, CONTAINER + "InvalidConfig", "config.id"),
		    ("Create", {"config": {"image": "../../etc"}}, CONTAINER + "InvalidConfig", "config.image"),
		    ("Create", {"config": {"image": "nosuchimage"}}, CONTAINER + "InvalidConfig", "config.image"),
		    ("Create", {"config": {"rootfs": "relative"}}, CONTAINER + "InvalidConfig", "config.rootfs"),
		    ("Create", {"config": {"image": "busybox", "cwd": "relative"}}, CONTAINER + "InvalidConfig", "config.cwd"),
		    ("Create", {"config": {"image": "busybox", "cwd": "\x1b[31m\n"}}, CONTAINER + "InvalidConfig", "config.cwd"),
		    ("Create", {"config": {"image": "busybox", "env": ["X"]}}, CONTAINER + "InvalidConfig", "config.env[0]"),
		    ("Create", {"config": {"image": "busybox", "capabilities_add": ["X"]}}, CONTAINER + "InvalidConfig",
		        "config.capabilities_add[0]"),
		    ("Create", {"config": {"image": "busybox", "stop_signal": "X"}}, CONTAINER + "InvalidConfig", "config.stop_signal"),
		    ("Create", {"config": {"image": "busybox", "stop_timeout_ms": -2}}, CONTAINER + "InvalidConfig", "config.stop_timeout_ms"),
		    ("Create", {"config": {"image": "busybox", "log_max_size": -1}}, CONTAINER + "InvalidConfig", "config.log_max_size"),
		    ("Create", {"config": {"image": "busybox", "log_max_files": 0}}, CONTAINER + "InvalidConfig", "config.log_max_files"),
		    ("Create", {"config": {"image": "busybox", "hostname": "a b/c"}}, CONTAINER + "InvalidConfig", "config.hostname"),
		    ("Create", {"config": {"image": "busybox", "hostname": "x" * 65}}, CONTAINER + "InvalidConfig", "config.hostname"),
		    ("Create", {"config": {"image": "busybox", "mounts": [{"kind": "bind", "target": "/x"}]}},
		        CONTAINER + "InvalidConfig", "config.mounts[0].source"),
		    ("Create", {"config": {"image": "busybox", "mounts": [{"kind": "bind", "source": "rel", "target": "/x"}]}},
		        CONTAINER + "InvalidConfig", "config.mounts[0].source"),
		    ("Create", {"config": {"image": "busybox", "mounts": [{"kind": "tmpfs", "target": "x"}]}},
		        CONTAINER + "InvalidConfig", "config.mounts[0].target"),
		    ("Create", {"config": {"image": "busybox", "mounts": [{"kind": "tmpfs", "target": "/x", "options": ["nonsense"]}]}},
		        CONTAINER + "InvalidConfig", "config.mounts[0].options[0]"),
		    ("Run", {"config": {"image": "busybox"}, "console": {}}, CONTAINER + "UpgradeRequired", None),
		    ("Attach", {"container": "nobody"}, CONTAINER + "NoSuchContainer", None),
		    ("Resize", {"container": "nobody", "rows": 24, "columns": 80}, CONTAINER + "NoSuchContainer", None),
		    ("Resize", {"container": "nobody", "rows": 24}, service + "InvalidParameter", "columns"),
		    ("Start", {"containers": ["nobody"]}, None, None),
		    ("Inspect", {"container": "nobody"}, CONTAINER + "NoSuchContainer", None),
		    ("Inspect", {"container": ""}, CONTAINER + "NoSuchContainer", None),
		    ("Rename", {"container": "nobody", "name": "x"}, CONTAINER + "NoSuchContainer", None),
		    ("Logs", {"container": "nobody"}, CONTAINER + "NoSuchContainer", None),
		    ("Kill", {"containers": ["nobody"], "signal": "NOPE"}, None, None),
		]
		conn = Conn()
		for method, parameters, error, field in table:
		    reply = conn.call(method, parameters)
		    if error is None:
		        outcomes = reply.get("parameters", {}).get("outcomes")
		        assert reply.get("error") or outcomes[0]["error"], (method, parameters, reply)
		        continue
		    assert reply.get("error") == error, (method, parameters, reply)
		    got = reply["parameters"].get("field") or reply["parameters"].get("parameter")
		    assert field is None or got == field, (method, parameters, reply)
		    message = reply["parameters"].get("message")
		    assert message and message.isprintable(), (method, parameters, reply)
		# one connection served them all
		assert conn.call("List")["parameters"]["containers"] == []
		assert conn.call(SYSTEM + "Events", {"since_seq": 2 ** 63 - 1})["parameters"]["events"] == []
		assert conn.call(SYSTEM + "Events", {"until": "1970-01-01T00:00:00Z"})["parameters"]["events"] == []
	EOF
	# With this log level the daemon holds each of its replies against the interface.
	if grep "does not fit" "$T/daemon.log"; then fail "a reply is not what its interface says"; fi
}

test_a_message_cut_anywhere() { # limit 120
	daemon_start
	py <<-'EOF'
		text = json.dumps({"method": CONTAINER + "Create", "parameters": {"config": {"image": "busybox", "args": ["echo", "ä\n"],
		    "labels": {"k": "v"}, "mounts": [{"kind": "tmpfs", "target": "/x", "options": ["size=1m"]}]}}}, ensure_ascii=False).encode()
		for cut in range(1, len(text)):
		    conn = Conn()
		    conn.raw(text[:cut] + b"\0")
		    reply = conn.recv()
		    assert reply["error"] == CONTAINER + "BadMessage", (text[:cut], reply)
		    assert conn.rest() == b""
		# without its end: half-close
		for cut in range(0, len(text) + 1, 7):
		    conn = Conn()
		    conn.raw(text[:cut])
		    conn.sock.shutdown(socket.SHUT_WR)
		    rest = conn.rest()
		    if cut:
		        assert CONTAINER.encode() + b"BadMessage" in rest, (text[:cut], rest)
		assert Conn().call("List", {"all": True})["parameters"]["containers"] == []
	EOF
}

test_a_message_that_is_too_long() {
	daemon_start
	py <<-'EOF'
		for data in b"x" * (3 << 20), b'{"method":"' + b"x" * (3 << 20), b"[" * (1 << 20) + b"\0", b" " * (2 << 20) + b"{}\0":
		    conn = Conn()
		    try:
		        conn.raw(data)
		    except (BrokenPipeError, ConnectionResetError):
		        pass
		    try:
		        reply = conn.recv()
		    except (ConnectionResetError, Closed):
		        raise AssertionError("no reason was given")
		    assert reply["error"] in (CONTAINER + "LimitExceeded", CONTAINER + "BadMessage"), reply
		    assert conn.rest() == b""
	EOF
	daemon_alive
}

test_texts_that_are_too_large_for_their_files() { # limit 60
	# What is made of a call is longer than the call: either that is refused, or the container is there after a restart.
	daemon_start
	py >made <<-'EOF'
		for field, values in ("labels", lambda n: {"a": "x" * n}), ("args", lambda n: ["x" * n]):
		    for left in range(100, 6000, 100):
		        config = {"image": "busybox", field: values(0)}
		        rest = len(json.dumps({"method": CONTAINER + "Create", "parameters": {"config": config}}))
		        config[field] = values((1 << 20) - rest - left)
		        reply = Conn().call("Create", {"config": config})
		        if reply.get("error") == CONTAINER + "LimitExceeded":
		            assert reply["parameters"]["limit"] == "config", reply
		            continue
		        assert "error" not in reply, (field, left, reply)
		        print(reply["parameters"]["id"])
		        break
		    else:
		        raise AssertionError(field)
	EOF
	is "$(wc -l <made)" 2
	daemon_kill
	daemon_start
	sort made | diff - <(ctl ps -aq --no-trunc | sort)
}

test_one_byte_at_a_time() {
	daemon_start
	py <<-'EOF'
		call = json.dumps({"method": CONTAINER + "List"}).encode() + b"\0"
		conn = Conn()
		for i in range(len(call)):
		    conn.raw(call[i:i + 1])
		    time.sleep(0.005)
		assert "error" not in conn.recv()
		# Two calls in one piece, and one and a half.
		conn.raw(call + call + call[:10])
		assert "error" not in conn.recv() and "error" not in conn.recv()
		conn.raw(call[10:])
		assert "error" not in conn.recv()
	EOF
}

test_a_dribbling_client_delays_nobody() { # limit 90
	daemon_start
	py <<-'EOF'
		slow = Conn(timeout=60)
		begin = time.monotonic()
		try:
		    while time.monotonic() - begin < (40 if os.environ.get("SLOW") else 5):
		        slow.raw(b" ")
		        other = time.monotonic()
		        assert "error" not in Conn().call("List")
		        assert time.monotonic() - other < 0.5
		        time.sleep(1)
		except (BrokenPipeError, ConnectionResetError):
		    assert time.monotonic() - begin > 25
		if os.environ.get("SLOW"):
		    assert b"error" in slow.rest()
	EOF
}

test_clients_that_come_and_go() { # limit 60
	daemon_start
	py <<-'EOF'
		import random
		random.seed(1)
		call = json.dumps({"method": CONTAINER + "List", "parameters": {"all": True}}).encode() + b"\0"
		for i in range(500):
		    conn = Conn()
		    what = random.randrange(5)
		    if what == 1:
		        conn.raw(call[:random.randrange(len(call))])
		    elif what == 2:
		        conn.raw(call * 20)
		    elif what == 3:
		        conn.raw(call)
		        conn.recv()
		    elif what == 4:
		        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		        conn.raw(b"\xff" * 1000)
		    conn.close()
		many = [Conn() for i in range(200)]
		assert "error" not in many[-1].call("List")
	EOF
	daemon_alive
}

test_a_client_that_never_reads() {
	daemon_start
	local i
	for i in 1 2 3; do ctl create --name "c$i" -l "long=$(printf 'x%.0s' {1..4000})" busybox true >/dev/null; done
	py <<-'EOF'
		call = json.dumps({"method": CONTAINER + "List", "parameters": {"all": True}}).encode() + b"\0"
		conn = Conn(timeout=5)
		try:
		    for i in range(20000):
		        conn.raw(call)
		except (socket.timeout, BrokenPipeError, ConnectionResetError):
		    pass
		assert "error" not in Conn().call("List")
		pid = Conn().call(SYSTEM + "Info")["parameters"]["pid"]
		for line in open(f"/proc/{pid}/status"):
		    if line.startswith("VmRSS"):
		        assert int(line.split()[1]) < 64 * 1024, line
	EOF
}

test_newline_mode() {
	daemon_start
	is "$(call '{"method":"io.containerdlite.container.List"}' | jq -c 'keys')" '["parameters"]'
	is "$(call '' '  ' '{"method":"io.containerdlite.container.List"}' '{"method":"org.varlink.service.GetInfo"}' | wc -l)" 2
	is "$(call 'nonsense' | pick .error)" io.containerdlite.container.BadMessage
	is "$(printf '{"method":"org.varlink.service.GetInfo"}' | socat -t 5 - "UNIX-CONNECT:$CTL_SOCKET" | tr '\0' '\n' | pick .error)" io.containerdlite.container.BadMessage
	expect 0 ctl create --name c busybox echo hi
	is "$(method Start '{"containers":["c"]}' | pick '.parameters.outcomes[0].container')" c
	is "$(method Wait '{"containers":["c"]}' | pick '.parameters.outcomes[0].exit.code')" 0
	is "$(method Logs '{"container":"c"}' | pick '.parameters.records[0].text')" hi
}

test_upgrade_only_where_there_is_one() {
	daemon_start
	py <<-'EOF'
		reply = Conn().call("List", upgrade=True)
		assert reply.get("error"), reply
		config = {"image": "busybox", "args": ["true"]}
		reply = Conn().call("Run", {"config": config, "console": {"stdout": True}})
		assert reply.get("error") == CONTAINER + "UpgradeRequired", reply
		reply = Conn().call("Start", {"containers": ["a", "b"], "console": {"stdout": True}}, upgrade=True)
		assert reply.get("error"), reply
		# A run that fails leaves an ordinary connection.
		conn = Conn()
		reply = conn.call("Run", {"config": {"image": "busybox", "args": ["nosuchprogram"], "remove": True}, "console": {"stdout": True}}, upgrade=True)
		assert reply.get("error") == CONTAINER + "StartFailed" and reply["parameters"]["exit_code"] == 127, reply
		assert conn.call("List", {"all": True})["parameters"]["containers"] == []
	EOF
}

test_a_container_that_goes_while_its_console_waits() {
	# Another one, whose id begins as the name of the one that went, is not what was asked for.
	daemon_start
	local spawner
	read -r spawner _ <"/proc/$DAEMON/task/$DAEMON/children" || true
	py "$spawner" <<-'EOF'
		import signal
		Conn().call("Create", {"config": {"image": "busybox", "id": "abc" + "0" * 29, "name": "other"}})
		os.kill(int(sys.argv[1]), signal.SIGSTOP)
		run, start, other = Conn(), Conn(), Conn()
		run.send("Run", {"config": {"image": "busybox", "name": "abc", "remove": True, "args": ["nosuchprogram"]}})
		while other.call("Inspect", {"container": "abc"}).get("parameters", {}).get("container", {}).get("state") != "starting":
		    time.sleep(0.01)
		start.send("Start", {"containers": ["abc"]}, upgrade=True)
		time.sleep(0.2)
		os.kill(int(sys.argv[1]), signal.SIGCONT)
		assert run.recv()["error"] == CONTAINER + "StartFailed"
		reply = start.recv()
		assert reply["error"] == CONTAINER + "NoSuchContainer", reply
		assert reply["parameters"]["message"] == "container 'abc' was removed meanwhile", reply
	EOF
}

test_oneway() {
	daemon_start
	py <<-'EOF'
		conn = Conn()
		conn.send("Create", {"config": {"image": "busybox", "name": "c"}}, oneway=True)
		reply = conn.call("List", {"all": True})
		assert [c["name"] for c in reply["parameters"]["containers"]] == ["c"], reply
	EOF
}

test_more_answers_each_as_it_is_done() {
	daemon_start
	expect 0 ctl run -d --name slow busybox sleep $((2 * FACTOR))
	expect 0 ctl run -d --name fast busybox sleep 0.3
	py <<-'EOF'
		conn = Conn()
		conn.send("Wait", {"containers": ["slow", "fast"]}, more=True)
		first, second = conn.recv(), conn.recv()
		assert first["parameters"]["outcomes"][0]["container"] == "fast" and first["continues"], first
		assert second["parameters"]["outcomes"][0]["container"] == "slow" and not second.get("continues"), second
	EOF
}

test_a_client_that_hangs_up_while_it_waits() {
	daemon_start
	expect 0 ctl run -d --name c busybox sleep 100
	local fds i
	daemon_fds fds
	for i in 1 2 3 4 5 6 7 8 9 10; do
		timeout 0.2 "$BUILD/ctl" wait c || true
		timeout 0.2 "$BUILD/ctl" logs -f c || true
	done
	eventually 3 fds_are "$fds"
}
fds_are() {
	local now
	daemon_fds now
	[ "$now" -le "$1" ]
}
