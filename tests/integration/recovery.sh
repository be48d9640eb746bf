# shellcheck shell=bash disable=SC2030,SC2031,SC2034
# What a daemon finds at its start, and what it makes of it: shims that are stuck, refuse or died at odd moments,
# and its own limits meanwhile.

test_a_stuck_shim_delays_only_its_own() { # limit 60
	daemon_start
	expect 0 ctl run -d --name stuck busybox sleep 1000
	expect 0 ctl run -d --name other busybox sleep 1000
	local shim
	shim=$(shim_of stuck)
	kill -STOP "$shim"
	daemon_kill
	daemon_start
	is "$(state_of other)" running
	expect 0 timeout 8 "$BUILD/ctl" run --rm busybox echo works
	is "$OUT" works
	kill -CONT "$shim"
	expect 0 timeout 5 "$BUILD/ctl" stop -t 0 stuck
}

test_a_shim_whose_queue_is_full_is_alive() { # limit 90
	daemon_start
	expect 0 ctl run -d --name stuck busybox sleep 1000
	local shim pid
	pid=$(field_of stuck .pid)
	shim=$(shim_of stuck)
	kill -STOP "$shim"
	for _ in 1 2 3 4 5 6 7 8; do
		daemon_kill
		daemon_start
	done
	sleep 1
	kill -0 "$pid" || fail 'a container that runs was killed'
	kill -CONT "$shim"
	eventually 5 has_state stuck running
	is "$(field_of stuck .pid)" "$pid"
	expect 0 timeout 5 "$BUILD/ctl" stop -t 0 stuck
}

# The one child of the daemon's that is the spawner.
spawner() { tr -d " " <"/proc/$DAEMON/task/$DAEMON/children"; }

test_no_descriptor_for_a_started_one() {
	# What a shim says comes with a descriptor: one that cannot be taken is no reason to bury its container.
	daemon_start
	local spawner
	spawner=$(spawner)
	kill -STOP "$spawner"
	ctl run -d --name c busybox sleep 1000 >id 2>err &
	eventually 5 lowest_free_is_limit
	kill -CONT "$spawner"
	wait_jobs
	prlimit --pid "$DAEMON" --nofile=1000:
	[ -s id ] || fail "$(cat err)"
	is "$(state_of c)" running
	expect 0 ctl stop -t 0 c
	is "$(field_of c .exit.code)" 137
}
lowest_free_is_limit() { # after the order has gone out
	sleep 0.5
	local fd=0
	while [ -e "/proc/$DAEMON/fd/$fd" ]; do fd=$((fd + 1)); done
	prlimit --pid "$DAEMON" --nofile="$fd:"
}

test_late_workers_change_nothing() { # limit 60
	# The spawner of a daemon that is dead may still have orders before it.
	daemon_start
	expect 0 ctl create --name old busybox true
	expect 0 ctl create --name goes busybox true
	local spawner order
	spawner=$(spawner)
	kill -STOP "$spawner"
	for order in 'create --name late busybox true' 'run -d --name later busybox sleep 100' 'rename old new' 'rm goes'; do
		# shellcheck disable=SC2086
		ctl $order >/dev/null 2>&1 &
	done
	sleep 0.5
	daemon_kill
	daemon_start
	kill -CONT "$spawner"
	eventually 5 is_gone_or_zombie "$spawner"
	sleep 0.5
	is "$(ctl ps -a | awk 'NR > 1 {print $NF}' | sort | paste -sd ' ')" 'goes old'
	is "$(find "$STATE/containers" -mindepth 1 -maxdepth 1 | wc -l)" 2
	daemon_kill
	daemon_start
	is "$(ctl ps -a | awk 'NR > 1 {print $NF}' | sort | paste -sd ' ')" 'goes old'
	wait_jobs
}
is_gone_or_zombie() { ! [ -e "/proc/$1/stat" ] || [ "$(awk '{print $3}' "/proc/$1/stat")" = Z ]; }

test_a_shim_killed_while_it_clears_up() { # limit 60
	daemon_start
	local kind id shim pid
	for kind in --rm --name=c; do
		rm -f ready go
		id=$(ctl run -d $kind -v "$T:/t" busybox sh -c 'mkdir /d; cd /d; seq 15000 | xargs touch
			setsid sleep 4731 & touch /t/ready; until [ -e /t/go ]; do sleep 0.1; done')
		eventually 10 test -e ready
		shim=$(shim_of "$id")
		ctl wait "$id" >/dev/null &
		pid=$!
		touch go
		wait $pid
		kill -KILL "$shim" || true
		eventually 10 nothing_in "$RUN/shims"
		eventually 10 nothing_in "$STATE/transient"
		if pgrep -f 'sleep 4731'; then fail 'something of it lives on'; fi
	done
	expect 0 ctl start c
	expect 0 ctl rm -f c
}

test_reboot_is_said_only_of_a_reboot() {
	daemon_start
	expect 0 ctl create --name c busybox sleep 1000
	daemon_kill
	daemon_start
	expect 0 ctl start c
	kill -KILL "$(shim_of c)"
	eventually 5 has_state c exited
	is "$(field_of c .exit.reason)" 'shim died'
}

test_a_dead_shims_socket_is_in_nobodys_way() { # limit 60
	daemon_start
	expect 0 ctl run --name c busybox true
	local id
	id=$(field_of c .id)
	daemon_kill
	# As a shim leaves it that is killed after its exit record
	/usr/bin/python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).bind(sys.argv[1])' "$RUN/shims/$id"
	mkdir "$STATE/trash/large"
	(cd "$STATE/trash/large" && seq $((60000 / FACTOR)) | xargs touch)
	daemon_start
	expect 0 ctl start -a c
	expect 0 ctl start -a c
	eventually 20 nothing_in "$STATE/trash"
}

test_remove_400_at_once() { # limit 300
	daemon_start
	local i
	for i in 1 2 3 4; do
		py <<'PY' &
c = Conn(timeout=120)
for i in range(100):
    r = c.call("Create", {"config": {"image": "busybox", "args": ["true"]}})
    assert "error" not in r, r
PY
	done
	wait_jobs
	is "$(ctl ps -aq | wc -l)" 400
	# shellcheck disable=SC2046
	try timeout 250 "$BUILD/ctl" rm $(ctl ps -aq)
	echo "$ERR" | sort | uniq -c | sort -rn | head -5
	is "$CODE" 0
}

test_a_socket_that_is_not_free_stays() {
	daemon_start
	echo precious >file
	expect 1 timeout 5 "$BUILD/containerd-lite" --state-dir "$T/s2" --run-dir "$T/r2" --socket "$T/file"
	like "$ERR" "*containerd-lite: '$T/file' is there already, and is not a socket*"
	is "$(cat file)" precious
	expect 1 timeout 5 "$BUILD/containerd-lite" --state-dir "$T/s2" --run-dir "$T/r2" --socket "$CTL_SOCKET"
	like "$ERR" "*containerd-lite: another daemon listens on '$CTL_SOCKET'*"
	daemon_alive
	rm -rf "$T/s2" "$T/r2"
}

test_an_exit_is_told_once() { # limit 60
	# A daemon that is started while a shim clears up what a daemon before has been told of.
	daemon_start
	local i
	for i in 1 2 3 4 5 6 7 8; do
		expect 0 ctl run --name "c$i" busybox true
		daemon_kill
		daemon_start
		is "$(state_of "c$i")" exited
	done
	is "$(call '{"method":"io.containerdlite.system.Events","parameters":{"filters":["kind=exit"]}}' |
		pick '.parameters.events[].name' | paste -sd ' ')" 'c1 c2 c3 c4 c5 c6 c7 c8'
}

test_a_start_that_waited_for_one_that_went() {
	# Its name is another's by the time that it hears of it.
	daemon_start
	py "$DAEMON" "$(spawner)" "$RUN/shims" <<'PY'
import signal
daemon, spawner, shims = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
config = {"name": "x", "image": "busybox", "args": ["/no/such/program"], "remove": True}
first, waits, second = Conn(), Conn(), Conn()
os.kill(spawner, signal.SIGSTOP)
first.send("Run", {"config": config})
while Conn().call("Inspect", {"container": "x"}).get("parameters", {}).get("container", {}).get("state") != "starting":
    time.sleep(0.02)
waits.send("Start", {"containers": ["x"], "console": {}}, upgrade=True)
Conn().call("List")  # so it has been read
os.kill(daemon, signal.SIGSTOP)
before = os.stat(shims).st_mtime_ns
os.kill(spawner, signal.SIGCONT)
while os.stat(shims).st_mtime_ns == before or os.listdir(shims):
    time.sleep(0.01)
time.sleep(0.2 * FACTOR)  # until it has said how its start failed
second.send("Run", {"config": dict(config, args=["sleep", "1000"])})
os.kill(daemon, signal.SIGCONT)
reply = waits.recv()
assert reply["error"].endswith(".NoSuchContainer"), reply
assert reply["parameters"]["message"] == "container 'x' was removed meanwhile", reply
assert "error" not in second.recv()
PY
	expect 0 ctl rm -f x
}

test_what_stays_is_told_with_its_reason() {
	daemon_start
	local id
	id=$(ctl run -d --rm busybox sleep 1000)
	mkdir "$STATE/transient/$id/upper/mine"
	mount -t tmpfs none "$STATE/transient/$id/upper/mine"
	expect 0 ctl stop -t 0 "$id"
	eventually 5 grep -q "$id: remove its folder: .*: Device or resource busy" "$T/daemon.log"
	umount "$STATE/transient/$id/upper/mine"
	rm -r "$STATE/transient/$id"
}
