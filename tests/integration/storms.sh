# shellcheck shell=bash disable=SC2030,SC2031,SC2034
# Many at once of everything, clients that vanish or do not read, and daemons that are killed meanwhile.

test_a_storm_on_ten_containers() { # limit 180
	daemon_start
	local i
	for i in 0 1 2 3 4 5 6 7 8 9; do expect 0 ctl create --name "c$i" busybox sleep 1000; done
	py <<'PY'
import random, threading
bad = []
EXPECTED = ("NoSuchContainer", "NameInUse", "InvalidState", "was killed by signal 9 while it was set up")

def parameters(verb, r):
    name = f"c{r.randrange(10)}"
    config = {"name": name, "image": "busybox", "args": ["sleep", "1000"]}
    return {
        "Start": {"containers": [name]}, "Stop": {"containers": [name], "timeout_ms": 0}, "Kill": {"containers": [name]},
        "Remove": {"containers": [name], "force": r.random() < .7}, "Inspect": {"container": name}, "List": {"all": True},
        "Create": {"config": config}, "Run": {"config": dict(config, remove=r.random() < .5)},
        "Rename": {"container": name, "name": f"c{r.randrange(10)}"}}[verb]

def client(seed):
    r, conn = random.Random(seed), Conn(timeout=60)
    for i in range(40):
        verb = r.choice(["Start", "Stop", "Kill", "Remove", "Create", "Run", "Rename", "Inspect", "List"])
        try:
            conn.send(verb, parameters(verb, r))
            if r.random() < .1:  # without waiting for the answer
                conn.close()
                conn = Conn(timeout=60)
                continue
            reply = conn.recv()
        except Exception as e:
            bad.append((verb, repr(e)))
            return
        text = json.dumps(reply)
        if '"error"' in text and '"exit"' not in text and not any(known in text for known in EXPECTED):
            bad.append((verb, reply))

threads = [threading.Thread(target=client, args=(seed,)) for seed in range(20)]
[t.start() for t in threads]
[t.join() for t in threads]
assert not bad, bad[:10]
PY
	# shellcheck disable=SC2046
	expect 0 timeout 30 "$BUILD/ctl" rm -f $(ctl ps -aq)
}

test_100_rm_f_of_one() { # limit 60
	daemon_start
	expect 0 ctl run -d --name c busybox sleep 1000
	py <<'PY'
SLOW = os.environ["TEST_FACTOR"] != "1"
conns = [Conn() for i in range(100)]
for c in conns: c.send("Remove", {"containers": ["c"], "force": True})
for c in conns:
    outcome = c.recv()["parameters"]["outcomes"][0]
    # where a machine is slow the last of them may come when it has gone
    assert outcome == {"container": "c"} or SLOW and "NoSuchContainer" in outcome["error"], outcome
PY
}

test_a_storm_with_a_daemon_that_is_killed() { # limit 240
	daemon_start
	local round
	for round in 1 2 3 4 5 6 7 8; do
		CTL_SOCKET=$CTL_SOCKET ROUND=$round /usr/bin/python3 - >"acks.$round" 2>"acks.err.$round" <<'PY' &
import json, os, random, subprocess, sys, threading
lock = threading.Lock()
def work(seed):
    r = random.Random(seed)
    for i in range(6):
        name = f"r{os.environ['ROUND']}.{seed}.{i}"
        code = r.randrange(1, 100)
        def ctl(*words):
            p = subprocess.run(["ctl", *words], capture_output=True, text=True, timeout=60)
            if p.returncode == 0:
                with lock:
                    print(json.dumps(["run --rm" if "--rm" in words else words[0], name, code]), flush=True)
            return p.returncode == 0
        kind = r.randrange(5)
        if kind == 0:
            ctl("create", "--name", name, "busybox", "true")
        elif kind == 1:
            ctl("run", "-d", "--name", name, "busybox", "sh", "-c", f"exit {code}")
        elif kind == 2:
            ctl("run", "-d", "--rm", "--name", name, "busybox", "sh", "-c", f"exit {code}")
        elif kind == 3:
            if ctl("run", "-d", "--name", name, "busybox", "sleep", "1000") and ctl("stop", "-t", "0", name):
                ctl("rm", name)
        else:
            if ctl("create", "--name", name, "busybox", "true"):
                ctl("rename", name, name + ".new")
threads = [threading.Thread(target=work, args=(s,)) for s in range(6)]
[t.start() for t in threads]
[t.join() for t in threads]
PY
		local client=$!
		sleep "0.$((RANDOM % 9))"
		for _ in 1 2; do
			daemon_kill
			daemon_start
			sleep "0.$((RANDOM % 5))"
		done
		wait $client
	done
	sleep 1.5
	daemon_kill
	daemon_start
	cat acks.err.*
	cat acks.[0-9]* >acks
	py <<'PY'
acks = [json.loads(l) for l in open("acks")]
c = Conn()
there = {x["name"]: x for x in c.call("List", {"all": True})["parameters"]["containers"]}
done = {}
for verb, name, code in acks:
    done.setdefault(name, {})[verb] = code
bad = []
for name, d in done.items():
    new = name + ".new"
    if "rm" in d:
        if name in there: bad.append(("removed, and there", name, there[name]))
    elif "rename" in d:
        if name in there or new not in there: bad.append(("renamed, and not", name))
    elif "stop" in d:
        # Its removal may have been done and not answered.
        if name not in there: continue
        if there[name]["state"] != "exited": bad.append(("stopped, and not", name, there[name]))
        elif there[name]["exit"].get("code") != 137: bad.append(("stopped, code", name, there[name]))
    elif "create" in d:
        if name not in there and new not in there: bad.append(("created, gone", name))
    elif "run --rm" in d:
        if name in there: bad.append(("ended, and there", name, there[name]))
    elif "run" in d:
        if name not in there: bad.append(("run, gone", name))
        elif there[name]["state"] == "exited" and there[name]["exit"].get("code") not in (d["run"], 137): bad.append(("wrong exit", there[name], d))
for name, x in there.items():
    if x["state"] not in ("created", "running", "exited"): bad.append(("odd state", x))
    if x["state"] == "exited" and x["exit"]["reason"] not in ("exited", "signaled"): bad.append(("odd exit", x))
print(len(acks), "acks,", len(there), "there")
for b in bad: print(b)
sys.exit(1 if bad else 0)
PY
	# --rm: nothing of them is left
	eventually 5 nothing_in "$STATE/transient"
	# shellcheck disable=SC2046
	expect 0 timeout 60 "$BUILD/ctl" rm -f $(ctl ps -aq)
}

test_clients_that_vanish_or_do_not_read() { # limit 120
	# In every state of a connection; others are answered at once meanwhile, and nothing of them is left.
	daemon_start
	expect 0 ctl run -d --name talks busybox sh -c 'while :; do echo 0123456789; sleep 0.01; done'
	expect 0 ctl create --name still busybox true
	py "$DAEMON" <<'PY'
import random
daemon, r, kept = sys.argv[1], random.Random(7), []
SYS = "io.containerdlite.system."
def quick():
    begin = time.time()
    assert "error" not in Conn().call("List", {"all": True})
    assert time.time() - begin < 2, time.time() - begin
def descriptors():
    return len(os.listdir(f"/proc/{daemon}/fd"))
config = {"image": "busybox", "args": ["sh", "-c", "cat; yes | head -c 300000"], "open_stdin": True, "remove": True}
before = descriptors()
calls = [("List", {"all": True}, {}), ("Logs", {"container": "talks", "follow": True}, {"more": True}), (SYS + "Events", {"follow": True}, {"more": True}),
         ("Wait", {"containers": ["talks"]}, {}), ("Wait", {"containers": ["talks", "still"]}, {"more": True}), ("Create", {"config": dict(config, remove=True)}, {}),
         ("Run", {"config": config, "console": {}}, {"upgrade": True}), ("Run", {"config": dict(config, args=["nosuch"]), "console": {}}, {"upgrade": True}),
         ("Remove", {"containers": ["talks"]}, {}), ("Stop", {"containers": ["still"]}, {}), ("Inspect", {"container": "talks"}, {})]
for i in range(150):
    method, parameters, flags = calls[i % len(calls)]
    c = Conn(end=r.choice([b"\0", b"\n"]))
    text = json.dumps(dict(method=method if "." in method else CONTAINER + method, parameters=parameters, **flags)).encode() + c.end
    way = r.randrange(5)
    if way == 0:
        c.raw(text[:r.randrange(1, len(text))])
    elif way == 1 and not flags:
        c.raw(text * 200)  # and reads nothing
    else:
        c.raw(text)
    if way == 2:
        time.sleep(0.02)
    if way == 3:
        c.sock.shutdown(socket.SHUT_WR)
        time.sleep(0.01)
    if way == 4:
        kept.append(c)
    else:
        c.close()
    if i % 10 == 0:
        quick()
quick()
for c in kept:
    c.close()
end = time.time() + 10
while time.time() < end and descriptors() > before + 2:
    time.sleep(0.1)
assert descriptors() <= before + 2, (before, descriptors())
PY
	daemon_kill
	daemon_start
	expect 0 ctl rm -f talks still
	is "$(ctl ps -aq)" ''
}

test_helpers_that_are_killed() { # limit 120
	# Shims, workers and spawners die at odd moments: every call is answered, and a restart finds all that is left.
	daemon_start
	py "$(<"$T/.cgroups")" <<'PY'
import random, signal, threading
leaf, stop, bad = sys.argv[1].split()[0] + "/shims/cgroup.procs", threading.Event(), []

def killer():
    r = random.Random(3)
    while not stop.wait(0.02):
        pids = open(leaf).read().split()
        try:
            os.kill(int(r.choice(pids)), signal.SIGKILL)
        except (ProcessLookupError, IndexError):
            pass

def client(seed):
    r = random.Random(seed)
    for i in range(25):
        name, conn = f"k{seed}.{i}", Conn(timeout=40)
        config = {"name": name, "image": "busybox", "args": ["sleep", "1000"], "remove": r.random() < .5}
        try:
            for verb, parameters in ((r.choice(["Run", "Create"]), {"config": config}), ("Start", {"containers": [name]}),
                                     ("Rename", {"container": name, "name": name + ".x"}),
                                     ("Stop", {"containers": [name], "timeout_ms": 0})):
                conn.call(verb, parameters)
        except Exception as e:
            bad.append((verb, name, repr(e)))

threads = [threading.Thread(target=client, args=(seed,)) for seed in range(4)]
k = threading.Thread(target=killer)
[t.start() for t in threads + [k]]
[t.join() for t in threads]
stop.set()
k.join()
assert not bad, bad
time.sleep(1)
left = [c["id"] for c in Conn().call("List", {"all": True})["parameters"]["containers"]]
reply = Conn().call("Remove", {"containers": left, "force": True}) if left else {}
assert '"error"' not in json.dumps(reply), reply
PY
	# Those that clear up were killed, too: the next daemon does it.
	daemon_kill
	daemon_start
	ctl ps -aq | xargs -r ctl rm -f >/dev/null
	is "$(ctl ps -aq)" ''
	eventually 5 nothing_in "$STATE/containers"
	eventually 5 nothing_in "$STATE/transient"
	eventually 5 nothing_in "$STATE/trash"
	eventually 5 nothing_in "$RUN/shims"
}

# A rename writes into the folder that the shim of a --rm container is just removing.
test_renames_of_rm_containers_that_end() { # limit 60
	daemon_start
	py <<'PY'
import random, threading

def client(k):
    conn, r = Conn(), random.Random(k)
    for i in range(25):
        name = f"a{k}-{i}"
        conn.send("Run", {"config": {"name": name, "image": "busybox", "remove": True,
                                     "args": ["sleep", f"0.0{r.randrange(1, 4)}"]}})
        conn.recv()
        names = [name, name + "x"]
        while True:
            conn.send("Rename", {"container": names[0], "name": names[1]})
            if "error" in conn.recv():
                break
            names.reverse()

threads = [threading.Thread(target=client, args=(k,)) for k in range(6)]
[t.start() for t in threads]
[t.join() for t in threads]
PY
	eventually 10 sh -c "[ -z \"\$(ls '$STATE/transient')\" ]"
}

test_more_signals_than_a_shim_takes() {
	# Who asks while its socket is full waits for it; none is refused, and none is told twice.
	daemon_start
	expect 0 ctl run -d --name c busybox sleep 1000
	py "$(shim_of c)" <<-'EOF'
		import signal
		shim, n = int(sys.argv[1]), 1000
		os.kill(shim, signal.SIGSTOP)
		conns = [Conn() for _ in range(50)]
		for conn in conns:
		    for _ in range(n // 50):
		        conn.send("Kill", {"containers": ["c"], "signal": "CONT"})
		# Others are served meanwhile.
		assert "error" not in Conn().call("Inspect", {"container": "c"})
		time.sleep(0.3)
		os.kill(shim, signal.SIGCONT)
		for conn in conns:
		    for _ in range(n // 50):
		        reply = conn.recv()
		        assert reply["parameters"]["outcomes"] == [{"container": "c"}], reply
		events = Conn().call(SYSTEM + "Events", {"since_seq": 0, "filters": ["name=c", "kind=kill"]})["parameters"]["events"]
		assert len(events) == n, len(events)
	EOF
	expect 0 ctl stop -t 0 c
}
