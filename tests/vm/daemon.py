"""daemon.py: the installed daemon in the guest, by its units."""
import json

STATE = "/var/lib/containerd-lite"
UNIT = "containerd-lite.service"
CONTAINERS = "containerd-lite-containers.service"
SOCKET = "containerd-lite.socket"

# What a container does at TERM; each waits without ever waking up.
ENDS_WELL = 'trap "exit 7" TERM; sleep 100000 & wait'
ENDS_SLOWLY = 'trap "sleep 15; exit 8" TERM; sleep 100000 & wait'
NEVER_ENDS = 'trap "" TERM; sleep 100000 & wait; sleep 100000'


def start(vm):
    """If it does not run yet; also at each boot from now on."""
    vm.check(f"[ \"$(systemctl is-active {UNIT} {SOCKET} {CONTAINERS} | uniq)\" = active ] || systemctl enable -q --now {UNIT} || "
             f"{{ systemctl status --no-pager {UNIT}; exit 1; }}", 120)


def clear(vm):
    """No container is left for the next test, which finds the daemon running: each start of it takes seconds here."""
    vm.check("ids=$(ctl ps -aq); [ -z \"$ids\" ] || ctl rm -f $ids >/dev/null", 120)


def stop(vm):
    """All its units."""
    vm.check(f"systemctl disable -q --now {UNIT} {SOCKET} {CONTAINERS} 2>&1", 120)


def run(vm, name, program, *options):
    """A container of busybox's shell in the background; returns its first process once that is ready."""
    vm.check(f"ctl run -d --name {name} {' '.join(options)} busybox sh -c {quote('echo ready; ' + program)}", 120)
    until(vm, f"ctl logs {name} | grep -q ready")
    return inspect(vm, name)["pid"]


def quote(text):
    return "'" + text.replace("'", "'\\''") + "'"


def inspect(vm, name):
    return json.loads(vm.check(f"ctl inspect {name}"))[0]


def show(vm, unit, what):
    return vm.check(f"systemctl show -p {what} --value {unit}").strip()


def until(vm, command, limit=120):
    """Waits for a condition; it may take long on an emulated machine that others use, too."""
    code, output = vm.run(f"end=$((SECONDS + {limit})); until {command}; do [ $SECONDS -lt $end ] || exit 1; sleep 0.2; done",
                          limit + 60)
    assert code == 0, f"never came true: {command}\n{output}"


def answers(vm):
    until(vm, "ctl ps -q >/dev/null 2>&1")


class DropIn:
    """A unit's settings, changed for a test."""

    def __init__(self, vm, unit, lines):
        self.vm, self.folder = vm, f"/run/systemd/system/{unit}.d"
        text = "[Service]\n" + "\n".join(lines) + "\n"
        vm.check(f"mkdir -p {self.folder} && printf %s {quote(text)} >{self.folder}/test.conf && systemctl daemon-reload")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.vm.running():
            self.vm.check(f"rm -f {self.folder}/test.conf && systemctl daemon-reload")
