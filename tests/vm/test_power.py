"""What was acknowledged is there after the plug was pulled, on a disk that loses what was not flushed."""
import json
import os
import random

import daemon
from machine import MachineError, wants

ROUNDS = int(os.environ.get("POWER_ROUNDS") or 10)
SEED = int(os.environ.get("POWER_SEED") or random.randrange(1 << 32))
LOAD_S = 20  # about what LOAD takes

# A line goes out only after ctl was told: what the host has read was acknowledged. What is about to be removed is told
# before, as it may be there or not.
LOAD = """for i in $(seq 100); do
    name=ROUND.$i
    ctl create --name made.$name busybox sh -c "echo $name" >/dev/null && echo made made.$name
    code=0; ctl run --name ran.$name busybox sh -c "exit $((i % 100))" || code=$?
    [ $code != $((i % 100)) ] || echo ran ran.$name $code
    ctl run --rm --name transient.$name busybox true && echo transient
    [ $((i % 3)) != 0 ] || { echo removing made.$name; ctl rm made.$name >/dev/null && echo removed made.$name; }
    [ $((i % 7)) != 0 ] || { echo removing ran.$name; ctl rm ran.$name >/dev/null && echo removed ran.$name; }
done
"""


class Told:
    """What clients were told, over all rounds."""

    def __init__(self):
        self.expected = {}  # name → (state, exit code)
        self.removing, self.removed = set(), set()
        self.count = 0

    def line(self, text):
        words = text.split()
        self.count += 1
        if words[0] == "made":
            self.expected[words[1]] = ("created", None)
        elif words[0] == "ran":
            self.expected[words[1]] = ("exited", int(words[2]))
        elif words[0] == "removing":
            self.removing.add(words[1])
        elif words[0] == "removed":
            self.removed.add(words[1])

    def check(self, listed):
        for name, expected in self.expected.items():
            if name not in self.removing:
                assert listed.get(name) == expected, f"{name}: {listed.get(name)}, but {expected} was acknowledged"
        for name in self.removed:
            assert name not in listed, f"{name} came back"
        for name, (state, _) in listed.items():
            assert state in ("created", "exited"), f"{name}: {state}"
            assert not name.startswith("transient"), f"{name} was run with --rm"


def load_and_cut(vm, number, seconds, told):
    """Runs LOAD, pulls the plug after so many seconds."""
    try:
        vm.run(LOAD.replace("ROUND", str(number)), seconds, told.line)
    except MachineError:
        pass  # the time limit, which is what was waited for
    vm.power_cut()


def look(vm, told, made):
    """After the cut: the daemon is there, and what it shows is whole."""
    text = vm.check("ctl ps -a --format jsonl", 120)
    listed = {}
    for line in text.splitlines():
        item = json.loads(line)
        listed[item["name"]] = item["state"], item.get("exit", {}).get("code")
    told.check(listed)
    left = vm.check(f"find {daemon.STATE}/transient {daemon.STATE}/trash -mindepth 1; ls /run/containerd-lite/shims")
    assert left == "", f"left behind: {left}"
    if listed:
        inspected = vm.check(f"ctl inspect {' '.join(listed)}", 120)
        assert len(json.loads(inspected)) == len(listed)
    # Complete enough to run.
    for name in random.sample(made, min(2, len(made))):
        assert vm.check(f"ctl start -a {name}") == name[len("made."):] + "\n", name
        told.expected[name] = ("exited", 0)


@wants(volatile=True, cpus=1, memory="1G")
def test_power_cuts(vm):
    """Everything that clients were told of is there, exit codes too; nothing of --rm containers is; nothing half-written is
    used; the daemon starts, also when the next cut comes while it does."""
    print(f"# power cuts: POWER_SEED={SEED} repeats their moments", flush=True)
    random.seed(SEED)
    vm.random_seed = str(SEED)
    told = Told()
    daemon.start(vm)
    vm.check("sync")
    for number in range(ROUNDS):
        load_and_cut(vm, number, random.uniform(1, LOAD_S), told)
        vm.boot()
        if number % 3 == 2:
            vm.tell("systemctl start containerd-lite.service")
            load_and_cut(vm, f"{number}.again", random.uniform(0, 2), told)
            vm.boot()
        daemon.start(vm)
        look(vm, told, [name for name, (state, _) in told.expected.items()
                        if state == "created" and name not in told.removing])
    daemon.clear(vm)
    assert told.count > 2 * ROUNDS, f"only {told.count} things were acknowledged"
