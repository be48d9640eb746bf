"""The installed units: what happens to the daemon, and containers do not notice."""
import daemon

MAIN = f"systemctl show -p MainPID --value {daemon.UNIT}"


def test_the_units_are_well_formed(vm):
    """systemd has nothing to say about them."""
    said = vm.check("cd /usr/lib/systemd/system && systemd-analyze verify --man=no containerd-lite.service "
                    "containerd-lite-containers.service containerd-lite.socket 2>&1")
    assert said == "", said


def test_containers_outlive_the_daemon(vm):
    """kill -9, restart, stop and start, reload and daemon-reload leave the container's process where it is, under the other
    unit, with its limits, and its session goes on."""
    daemon.start(vm)
    vm.tell("ctl run --name c busybox sh -c 'while echo beat; do sleep 1; done' >/root/beats")
    daemon.until(vm, "grep -q beat /root/beats 2>/dev/null")
    pid = daemon.inspect(vm, "c")["pid"]
    where = vm.check(f"cat /proc/{pid}/cgroup").strip()
    assert f"/{daemon.CONTAINERS}/" in where, where
    vm.check("ctl run -d --name limited --memory 64m --pids-limit 7 busybox sleep 100000")
    files = f"cd {daemon.inspect(vm, 'limited')['paths']['cgroup']} && cat memory.max pids.max cgroup.procs"
    limits = vm.check(files)
    assert limits.split()[:2] == [str(64 << 20), "7"], limits
    for action in (f"kill -KILL $({MAIN})", f"systemctl restart {daemon.UNIT}", f"systemctl reload {daemon.UNIT}",
                   "systemctl daemon-reload", f"systemctl stop {daemon.UNIT} && systemctl start {daemon.UNIT}"):
        vm.check(action, 120)
        daemon.answers(vm)
        found = daemon.inspect(vm, "c")
        assert (found["pid"], found["state"]) == (pid, "running"), f"{action}: {found['pid']}, {found['state']}"
        assert vm.check(files) == limits, action
        beats = int(vm.check("wc -l </root/beats"))
        daemon.until(vm, f"[ $(wc -l </root/beats) -gt {beats} ]")
        vm.check("ctl run --rm busybox true")
    daemon.clear(vm)


def test_ready_means_adopted(vm):
    """Once `systemctl restart` returns, nothing has still to be found out."""
    daemon.start(vm)
    for number in range(3):
        vm.check(f"ctl run -d --name c{number} busybox sleep 10000")
    assert vm.check(f"systemctl restart {daemon.UNIT}; ctl ps -q | wc -l", 120).strip() == "3"
    status = daemon.show(vm, daemon.UNIT, "StatusText")
    assert status == "3 containers running", status
    vm.check("ctl stop -t 0 c0 c1")
    daemon.until(vm, f"systemctl show -p StatusText {daemon.UNIT} | grep -q '=1 container running, 2 not running$'")
    daemon.clear(vm)


def test_who_may_connect(vm):
    """The group, after each kind of start, and nobody else."""
    daemon.start(vm)
    as_user = "setpriv --reuid=nobody --regid={} --clear-groups ctl ps -q 2>&1"
    for action in ("true", f"systemctl restart {daemon.UNIT}", f"kill -KILL $({MAIN})",
                   f"systemctl stop {daemon.UNIT} {daemon.SOCKET} && systemctl start {daemon.UNIT}"):
        vm.check(action, 120)
        daemon.answers(vm)
        code, said = vm.run(as_user.format("containerd-lite"))
        assert code == 0, f"{action}: {said}"
        code, said = vm.run(as_user.format("nogroup"))
        assert code == 125 and "Permission denied" in said, f"{action}: {code} {said}"
    assert vm.check("stat -c '%a %U %G' /run/containerd-lite /run/containerd-lite/shims /var/lib/containerd-lite").split("\n")[
        :3] == ["710 root containerd-lite", "700 root root", "700 root root"]
    daemon.clear(vm)


def test_the_socket_starts_it(vm):
    """Who connects while only the socket is there is answered, by a daemon that is started for it."""
    daemon.stop(vm)
    vm.check(f"systemctl start {daemon.SOCKET}")
    assert daemon.show(vm, daemon.UNIT, "ActiveState") == "inactive"
    vm.check("ctl ps -q", 120)
    daemon.until(vm, f"systemctl is-active -q {daemon.UNIT}")
    daemon.clear(vm)


HAMMER = """
import json, os, socket
refused = lost = answered = 0
call = b'{"method":"io.containerdlite.container.List"}\\0'
print("begins", flush=True)
while True:
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(120)
            s.connect("/run/containerd-lite/containerd-lite.sock")
            data = b""
            try:
                s.sendall(call)
                while not data.endswith(b"\\0"):
                    part = s.recv(65536)
                    if not part:
                        break
                    data += part
            except ConnectionError:
                data = b""
            if data.endswith(b"\\0"):
                assert "containers" in json.loads(data[:-1])["parameters"], data
                answered += 1
            else:
                lost += 1
    except OSError as error:
        print("refused", error, flush=True)
        refused += 1
    with open("/root/hammer.new", "w") as file:
        file.write(f"{answered} {lost} {refused}\\n")
    os.rename("/root/hammer.new", "/root/hammer.sums")
    try:
        if open("/root/hammer.stop").read():
            break
    except OSError:
        pass
"""


def test_restarts_refuse_nobody(vm):
    """A client that connects and lists without a pause, over ten restarts: each call is answered, but for those that a
    daemon which is killed has in hand."""
    daemon.start(vm)
    vm.check(f"rm -f /root/hammer.*; cat >/root/hammer <<'EOF'\n{HAMMER}\nEOF")
    vm.tell("python3 /root/hammer >/root/hammer.out 2>&1")
    daemon.until(vm, "[ -s /root/hammer.sums ]")
    for number in range(10):
        before = int(vm.check("cut -d' ' -f1 /root/hammer.sums"))
        vm.check(f"kill -KILL $({MAIN})" if number % 5 == 4 else f"systemctl restart {daemon.UNIT}", 120)
        daemon.until(vm, f"[ \"$(cut -d' ' -f1 /root/hammer.sums)\" -gt {before} ] 2>/dev/null")
    vm.check("echo stop >/root/hammer.stop")
    daemon.until(vm, "! pgrep -f '^python3 /root/hammer' >/dev/null")
    answered, lost, refused = (int(word) for word in vm.check("cat /root/hammer.sums").split())
    assert refused == 0 and answered >= 10, vm.check("cat /root/hammer.out /root/hammer.sums")
    assert lost <= 2, f"{lost} answers were lost"  # one of each daemon that was killed
    daemon.clear(vm)


def test_the_journal_knows_what_is_bad(vm):
    """Each line has its priority; a reload with a mistake in the file is an error, and changes nothing."""
    daemon.start(vm)
    pid = daemon.show(vm, daemon.UNIT, "MainPID")
    vm.check("cp /etc/containerd-lite/containerd-lite.conf /root/conf && echo nonsense >>/etc/containerd-lite/containerd-lite.conf")
    vm.check(f"systemctl reload {daemon.UNIT}", 120)
    lines = f"journalctl -q _PID={pid} -o json --output-fields=PRIORITY,MESSAGE | jq -r '[.PRIORITY, .MESSAGE] | @tsv'"
    daemon.until(vm, f"{lines} | grep -P '^3\\s.*the configuration stays as it was: .*containerd-lite.conf:[0-9]+: '")
    vm.check("cp /root/conf /etc/containerd-lite/containerd-lite.conf")
    vm.check(f"systemctl reload {daemon.UNIT}", 120)
    daemon.until(vm, f"{lines} | grep -P '^6\\s+the configuration has been read anew$'")
    assert daemon.show(vm, daemon.UNIT, "MainPID") == pid
    daemon.clear(vm)
