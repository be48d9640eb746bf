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
conns = [Conn() for i in range(100)]
for c in conns: c.send("Remove", {"containers": ["c"], "force": True})
for c in conns:
    r = c.recv()
    assert r == {"parameters": {"outcomes": [{"container": "c"}]}}, r
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
