# shellcheck shell=bash
# The daemon's own affairs: its limits, its settings, its events, what it makes of what is on disk.

test_reload() {
	printf 'log_level = info\n' >conf
	daemon_start --config "$T/conf"
	printf 'log_level = debug\nstop_timeout = 3s\nstate_dir = /elsewhere\n' >conf
	kill -HUP "$DAEMON"
	eventually 5 grep -q 'read anew' "$T/daemon.log"
	# From the command line, so it does not change.
	is "$(call '{"method":"io.containerdlite.system.Info"}' | pick .parameters.state_dir)" "$STATE"
	expect 0 ctl create --name c busybox true
	is "$(field_of c .shim.stop_timeout_ms)" 3000
	printf 'log_level = debug\nnonsense\n' >conf
	kill -HUP "$DAEMON"
	eventually 5 grep -q "stays as it was: $T/conf:2: 'key = value' expected" "$T/daemon.log"
	daemon_alive
}

# A run that was there when the machine went down: its record names another boot.
test_reboot() {
	daemon_start
	local id
	id=$(ctl run -d --name c busybox sleep 1000)
	ctl run -d --rm --name r busybox sleep 1000 >/dev/null
	local shim other
	shim=$(shim_of c)
	other=$(shim_of r)
	daemon_kill
	kill -KILL "$shim" "$other"
	sed -i 's/"boot_id": *"[^"]*"/"boot_id":"00000000-0000-0000-0000-000000000000"/' "$STATE/containers/$id/run.json"
	daemon_start
	expect 0 ctl wait c
	is "$(field_of c .state)" exited
	is "$(field_of c .exit.reason)" reboot
	is "$(field_of c '.exit | has("code")')" false
	expect 1 ctl inspect r
	eventually 5 test -z "$(ls "$STATE/transient")"
	expect 0 ctl start c
	expect 0 ctl rm -f c
}

test_numbers_of_events_after_a_reboot() {
	daemon_start
	expect 0 ctl run --name c busybox true
	local last
	last=$(method List | pick .parameters.event)
	daemon_stop
	sed -i 's/"boot_id":"[^"]*"/"boot_id":"00000000-0000-0000-0000-000000000000"/' "$STATE/events"
	daemon_start
	# What the power cut took had numbers, too.
	[ "$(method List | pick .parameters.event)" -gt "$((last + 900))" ] || fail 'numbers may be given twice'
	is "$(call '{"method":"io.containerdlite.system.Events","parameters":{"filters":["name=c","kind=exit"]}}' |
		pick '.parameters.events[].seq' | wc -l)" 1
}

test_a_torn_events_file() {
	daemon_start
	expect 0 ctl run --name c busybox true
	daemon_stop
	printf '{"seq":999,"time":"20' >>"$STATE/events"
	printf '\n\0\377nonsense\n[]\n' >>"$STATE/events"
	daemon_start
	expect 0 ctl run --name d busybox true
	is "$(call '{"method":"io.containerdlite.system.Events","parameters":{"filters":["kind=exit"]}}' |
		pick '.parameters.events[].name' | paste -sd ' ')" 'c d'
}

test_follow_events() {
	daemon_start
	py <<-'EOF'
		conn = Conn()
		follow = Conn()
		first = conn.call("List")["parameters"]["event"]
		follow.send(SYSTEM + "Events", {"follow": True, "since_seq": first, "filters": ["name=a", "name=b"]}, more=True)
		for name in "abc":
		    reply = conn.call("Run", {"config": {"image": "busybox", "name": name, "args": ["true"]}})
		    assert "error" not in reply, reply
		    conn.call("Wait", {"containers": [name]})
		conn.call("Remove", {"containers": ["a", "b", "c"]})
		got = []
		while len(got) < 8:
		    reply = follow.recv()
		    assert reply["continues"], reply
		    got += reply["parameters"]["events"]
		assert [e["kind"] for e in got if e["name"] == "a"] == ["create", "start", "exit", "remove"], got
		assert [e["kind"] for e in got if e["name"] == "b"] == ["create", "start", "exit", "remove"], got
		assert all(a["seq"] < b["seq"] for a, b in zip(got, got[1:])), got
		assert got[0]["caller"]["pid"] == os.getpid() and got[0]["caller"]["uid"] == 0, got[0]
		# until in the future ends it, until in the past at once.
		soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
		reply = conn.call(SYSTEM + "Events", {"follow": True, "until": soon}, more=True)
		assert reply == {"parameters": {"events": []}}, reply
		reply = conn.call(SYSTEM + "Events", {"follow": True, "until": "2020-01-01T00:00:00Z"}, more=True)
		assert reply == {"parameters": {"events": []}}, reply
		reply = conn.call(SYSTEM + "Events", {"since": "yesterday"})
		assert reply["error"] == "org.varlink.service.InvalidParameter" and reply["parameters"]["parameter"] == "since"
	EOF
}

test_events_that_are_forgotten() { # limit 90
	daemon_start
	py <<-'EOF'
		conn = Conn()
		conn.call("Create", {"config": {"image": "busybox", "name": "n"}})
		conn.call("Start", {"containers": ["n"]})
		conn.call("Wait", {"containers": ["n"]})
		reply = conn.call("Run", {"config": {"image": "busybox", "name": "run", "args": ["sleep", "1000"]}})
		assert "error" not in reply, reply
		for i in range(2100):
		    conn.call("Kill", {"containers": ["run"], "signal": "CONT"})
		reply = conn.call(SYSTEM + "Events", {"since_seq": 1})
		assert reply["error"] == SYSTEM + "EventsLost", reply
		oldest = reply["parameters"]["oldest_seq"]
		reply = conn.call(SYSTEM + "Events", {"since_seq": oldest - 1})
		events = reply["parameters"]["events"]
		assert events[0]["seq"] == oldest and len(events) == 2048, (oldest, len(events))
		conn.send(SYSTEM + "Events", {"since_seq": oldest - 1}, more=True)
		n = 0
		while True:
		    reply = conn.recv()
		    n += len(reply["parameters"]["events"])
		    if not reply.get("continues"):
		        break
		assert n == 2048, n
	EOF
}

test_limits_of_one_call() {
	daemon_start
	py <<-'EOF'
		limit = CONTAINER + "LimitExceeded"
		conn = Conn()
		assert conn.call("Wait", {"containers": ["x"] * 10001})["error"] == limit
		assert len(conn.call("Wait", {"containers": ["x"] * 10000})["parameters"]["outcomes"]) == 10000
		assert conn.call("List", {"filters": ["name=x"] * 101})["error"] == limit
		assert conn.call("Wait", {"containers": []})["error"] == "org.varlink.service.InvalidParameter"
		config = {"image": "busybox", "env": ["A%d=1" % i for i in range(2049)]}
		assert conn.call("Create", {"config": config})["parameters"]["field"] == "config.env"
		config = {"image": "busybox", "mounts": [{"kind": "tmpfs", "target": "/%d" % i} for i in range(513)]}
		assert conn.call("Create", {"config": config})["parameters"]["field"] == "config.mounts"
	EOF
	daemon_alive
}

test_no_descriptors_left() { # limit 90
	ulimit -n 64
	daemon_start
	py <<-'EOF'
		conns, told = [], 0
		for i in range(100):
		    try:
		        conns.append(Conn(timeout=2))
		    except OSError:
		        break
		time.sleep(1)
		for conn in conns:
		    try:
		        conn.send("List")
		    except OSError:
		        pass  # turned away; the reason can be read nevertheless
		    try:
		        told += conn.recv().get("error") == CONTAINER + "LimitExceeded"
		    except (OSError, Closed):
		        pass
		assert told > 0, "nobody was told"
		for conn in conns:
		    conn.close()
	EOF
	eventually 10 ctl ps
	expect 0 ctl run --rm busybox true
}

test_too_many_connections_of_one_user() { # limit 90
	daemon_start
	py <<-'EOF'
		import resource
		resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
		conns = []
		for i in range(1000):
		    conns.append(Conn())
		    if i % 100 == 99:  # or the queue of those that wait to be taken is full
		        conns[i].call("List")
		assert "error" not in conns[999].call("List")
		one_more = Conn()
		reply = one_more.recv()
		assert reply["error"] == CONTAINER + "LimitExceeded", reply
		assert "error" not in conns[0].call("List")
		for conn in conns:
		    conn.close()
	EOF
	eventually 10 ctl ps
}

test_two_of_one_name_on_disk() {
	daemon_start
	local a b
	a=$(ctl create --name a busybox true)
	b=$(ctl create --name b busybox true)
	daemon_stop
	cp "$STATE/containers/$a/state.json" "$STATE/containers/$b/state.json"
	daemon_start
	is "$(ctl ps -aq | wc -l)" 2
	expect 0 ctl inspect a
	expect 0 ctl rm "$a" "$b"
}

test_rename_is_on_disk() {
	daemon_start
	expect 0 ctl create --name a busybox true
	expect 0 ctl run -d --name r busybox sleep 1000
	expect 0 ctl rename a b
	expect 0 ctl rename r s
	expect 1 ctl rename b s
	like "$ERR" '*in use*'
	daemon_kill
	daemon_start
	is "$(ctl ps -a --format json | pick '.[].name' | sort | paste -sd ' ')" 'b s'
}

new_worker() { # BEFORE: one that was not in the list yet, into $WORKER
	WORKER=$(comm -13 "$1" <(sort "$SHIMS/cgroup.procs"))
	[ -n "$WORKER" ]
}

# Nobody knows whether it has written the name: it is written once more.
test_rename_whose_worker_dies() {
	daemon_start
	expect 0 ctl create --name a busybox true
	SHIMS=$(cut -d' ' -f1 <"$T/.cgroups")/shims
	exec 7<>"$T/state/work.lock"
	flock 7
	sort "$SHIMS/cgroup.procs" >before
	ctl rename a b &
	local rename=$!
	eventually 20 new_worker before
	kill -KILL "$WORKER"
	flock -u 7
	exec 7>&-
	wait "$rename"
	daemon_kill
	daemon_start
	is "$(ctl ps -a --format json | pick '.[].name')" b
}

# Calls that were on their way while the daemon was being killed: each container is either there, or not at all.
test_half_made_containers_go() { # limit 90
	daemon_start
	local i
	for i in 1 2 3 4 5; do
		for _ in 1 2 3 4 5 6; do ctl create busybox true >/dev/null 2>&1 & done
		sleep "0.0$i"
		daemon_kill
		wait
		mkdir "$STATE/containers/.new-$(printf '%032d' "$i")"
		DAEMON=
		daemon_start
	done
	eventually 5 test -z "$(find "$STATE/containers" -maxdepth 1 -name '.new-*')"
	eventually 5 test -z "$(ls "$STATE/trash")"
	for i in $(ctl ps -aq --no-trunc); do expect 0 ctl start "$i"; done
}

# The removal had been promised, or its folder's name was on its way: another rm -f, or the next start, ends it.
test_removal_interrupted() {
	daemon_start
	local id
	id=$(ctl create --name c busybox true)
	daemon_kill
	mv "$STATE/containers/$id" "$STATE/trash/$id"
	daemon_start
	expect 1 ctl inspect c
	eventually 5 test ! -e "$STATE/trash/$id"
	expect 0 ctl create --name c busybox true
}
