# shellcheck shell=bash disable=SC2034
# What systemd sees of the daemon and of the containers' unit, with systemd played by a python script: tests/vm has the
# real one.

test_notify_socket_watchdog_and_reload() {
	python3 - "$BUILD" "$T" <<'PY'
import json, os, signal, socket, subprocess, sys

build, folder = sys.argv[1:]
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(folder + "/notify")
notify.settimeout(10)
listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listener.bind(folder + "/sock")
listener.listen(8)


def told(word):
    while True:
        lines = notify.recv(4096).decode().split("\n")
        if word in [line.split("=")[0] + "=" + line.split("=")[1][:1] for line in lines] or word in lines:
            return lines


pid = os.fork()
if pid == 0:
    os.dup2(listener.fileno(), 3)
    mine = str(os.getpid())
    os.environ.update(NOTIFY_SOCKET=folder + "/notify", WATCHDOG_USEC="400000", WATCHDOG_PID=mine, LISTEN_FDS="1",
                      LISTEN_PID=mine)
    os.execv(build + "/containerd-lite", ["containerd-lite", "--state-dir", folder + "/state", "--run-dir",
                                          folder + "/run"])
try:
    told("STATUS=0 containers running")
    told("READY=1")
    told("WATCHDOG=1")
    told("WATCHDOG=1")
    made = subprocess.run(["ctl", "--socket", folder + "/sock", "create", "busybox", "true"], check=True, capture_output=True,
                          text=True).stdout.strip()
    told("STATUS=0 containers running, 1 not running")
    subprocess.run(["ctl", "--socket", folder + "/sock", "rm", made], check=True, capture_output=True)
    out = subprocess.run(["ctl", "--socket", folder + "/sock", "run", "--rm", "busybox", "env"], check=True,
                         capture_output=True, text=True).stdout
    assert "NOTIFY_SOCKET" not in out and "LISTEN" not in out, out
    info = subprocess.run(["ctl", "--socket", folder + "/sock", "info", "--format", "json"], check=True,
                          capture_output=True, text=True).stdout
    cgroup = json.loads(info)["cgroup"]["path"]
    os.kill(pid, signal.SIGHUP)
    lines = told("RELOADING=1")
    assert any(line.startswith("MONOTONIC_USEC=") for line in lines), lines
    told("READY=1")
    os.kill(pid, signal.SIGTERM)
    told("STOPPING=1")
finally:
    os.kill(pid, signal.SIGTERM)
    code = os.waitpid(pid, 0)[1]
assert code == 0, code
# A second TERM came in the middle of its end: nothing is left behind all the same.
assert not os.path.exists(cgroup), cgroup
# The socket is systemd's: clients wait at it for the next daemon.
client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
client.connect(folder + "/sock")
PY
	rm "$T/notify" "$T/sock"
}

test_hold_sleeps_in_a_leaf() {
	local mount cgroup=containerd-lite-hold-$$ code=0
	mount=$(awk '{for (i = 1; i <= NF; i++) if ($i == "-" && $(i + 1) == "cgroup2") print $5}' /proc/self/mountinfo | head -n 1)
	[ -n "$mount" ] || skip 'cgroup v2 is not mounted'
	mkdir "$mount/$cgroup"
	sh -c "echo 0 >$mount/$cgroup/cgroup.procs; exec $BUILD/containerd-lite-shim --hold" &
	local holder=$!
	eventually 5 grep -q "$holder" "$mount/$cgroup/holder/cgroup.procs"
	is "$(cat "$mount/$cgroup/cgroup.procs")" '' 'its parent'
	kill -TERM "$holder"
	wait "$holder" || code=$?
	is "$code" 0
	rmdir "$mount/$cgroup/holder" "$mount/$cgroup"
}

# A daemon whose containers live below a holder: $HOLDER_CGROUP, $HOLDER.
hold_containers() {
	local mount
	mount=$(awk '{for (i = 1; i <= NF; i++) if ($i == "-" && $(i + 1) == "cgroup2") print $5}' /proc/self/mountinfo | head -n 1)
	[ -n "$mount" ] || skip 'cgroup v2 is not mounted'
	HOLDER_CGROUP=$mount/containerd-lite-hold-$$
	mkdir "$HOLDER_CGROUP"
	sh -c "echo 0 >$HOLDER_CGROUP/cgroup.procs; exec $BUILD/containerd-lite-shim --hold" &
	HOLDER=$!
	eventually 5 grep -q "$HOLDER" "$HOLDER_CGROUP/holder/cgroup.procs"
	daemon_start --cgroup-parent "$HOLDER_CGROUP"
}

test_a_shims_term_stops_its_container() {
	daemon_start
	ctl run -d --name well --stop-signal USR1 busybox sh -c 'trap "exit 7" USR1; echo ready; sleep 1000 & while :; do wait; done' >/dev/null
	ctl run -d --name never --stop-timeout 1 busybox sh -c 'trap "" TERM; echo ready; while :; do sleep 1; done' >/dev/null
	local name
	for name in well never; do
		eventually 5 sh -c "ctl logs $name | grep -q ready"
		kill -TERM "$(shim_of "$name")"
	done
	is "$(ctl wait well)" 7
	is "$(ctl wait never)" 137
	expect 0 ctl start well
}

test_the_holders_end_is_the_containers() {
	hold_containers
	ctl run -d --name well busybox sh -c 'trap "sleep 1; exit 7" TERM; echo ready; sleep 1000 & while :; do wait; done' >/dev/null
	ctl run -d --name never --stop-timeout 1 busybox sh -c 'trap "" TERM; echo ready; while :; do sleep 1; done' >/dev/null
	ctl run -d --name gone --rm --stop-timeout 1 busybox sleep 1000 >/dev/null
	local name
	for name in well never; do
		eventually 5 sh -c "ctl logs $name | grep -q ready"
	done
	daemon_kill
	kill -TERM "$HOLDER"
	wait "$HOLDER" || fail "the holder: $?"
	is "$(cat "$HOLDER_CGROUP"/containerd-lite-*/shims/cgroup.procs)" '' 'shims'
	daemon_start --cgroup-parent "$HOLDER_CGROUP"
	is "$(ctl wait well)" 7
	is "$(ctl wait never)" 137
	is "$(ctl ps -aq | wc -l)" 2
	ctl rm well never >/dev/null
	daemon_stop
	DAEMON=
	rmdir "$HOLDER_CGROUP/holder" "$HOLDER_CGROUP"
}

test_units_name_what_is_installed() {
	needs_source
	make -s -C "$TOP" install DESTDIR="$T/root" PREFIX=/usr BUILD="$BUILD" >/dev/null
	local unit program
	for unit in containerd-lite.service containerd-lite-containers.service; do
		program=$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$T/root/usr/lib/systemd/system/$unit")
		[ -x "$T/root$program" ] || fail "$unit: no $program"
	done
	[ -f "$T/root/usr/lib/systemd/system/containerd-lite.socket" ] || fail 'no socket unit'
	rm -r "$T/root"
}

test_lines_for_the_journal_have_priorities() {
	: >"$T/journal"
	local stream
	stream=$(stat -L -c %d:%i "$T/journal")
	expect 125 env JOURNAL_STREAM="$stream" sh -c "containerd-lite --nonsense 2>>$T/journal"
	is "$(cat "$T/journal")" "<3>unknown option '--nonsense'"
	# Only while stderr is the journal's.
	expect 125 env JOURNAL_STREAM="$stream" containerd-lite --nonsense
	is "$ERR" "containerd-lite: unknown option '--nonsense'"
	env JOURNAL_STREAM="$stream" containerd-lite --state-dir "$STATE" --run-dir "$RUN" 2>>"$T/journal" &
	DAEMON=$!
	CTL_SOCKET=$RUN/containerd-lite.sock
	export CTL_SOCKET
	eventually 10 daemon_answers
	daemon_fds DAEMON_FDS
	daemon_note_cgroup
	grep -q '^<6>containerd-lite .* listens on ' "$T/journal" || fail "$(cat "$T/journal")"
}
