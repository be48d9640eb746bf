# shellcheck shell=bash
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
    told("READY=1")
    told("WATCHDOG=1")
    told("WATCHDOG=1")
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

test_units_name_what_is_installed() {
	make -s -C "$TOP" install DESTDIR="$T/root" PREFIX=/usr BUILD="$BUILD" >/dev/null
	local unit program
	for unit in containerd-lite.service containerd-lite-containers.service; do
		program=$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$T/root/usr/lib/systemd/system/$unit")
		[ -x "$T/root$program" ] || fail "$unit: no $program"
	done
	[ -f "$T/root/usr/lib/systemd/system/containerd-lite.socket" ] || fail 'no socket unit'
	rm -r "$T/root"
}
