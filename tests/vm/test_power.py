"""What was acknowledged is there after the plug was pulled."""
import random

import daemon
from machine import MachineError

ROUNDS = 3

# A line goes out only after ctl was told: what the host has read was acknowledged.
LOAD = """for i in $(seq 1000); do
    name=ROUND.$i
    ctl create --name made.$name busybox true >/dev/null && echo made made.$name
    code=0; ctl run --name ran.$name busybox sh -c "exit $((i % 100))" || code=$?
    [ $code != $((i % 100)) ] || echo ran ran.$name $code
    ctl run --rm busybox true && echo transient
    [ $((i % 3)) != 0 ] || { echo removing made.$name; ctl rm made.$name >/dev/null && echo removed made.$name; }
done
"""


def load_and_cut(vm, number, seconds):
    """Runs LOAD, pulls the plug after so many seconds; returns the words of each line that had come out by then."""
    lines = []
    try:
        vm.run(LOAD.replace("ROUND", str(number)), seconds, lambda line: lines.append(line.split()))
    except MachineError:
        pass  # the time limit, which is what was waited for
    vm.power_cut()
    return lines


def test_power_cuts(vm):
    """Everything that ctl was told of is there, exit codes too; nothing of --rm containers is; the daemon starts."""
    told = 0
    for number in range(ROUNDS):
        daemon.start(vm)
        lines = load_and_cut(vm, number, random.uniform(5, 12))
        told += len(lines)
        vm.boot()
        daemon.start(vm)
        listed = {}
        for line in vm.check("ctl ps -a --format jsonl | jq -r '[.name, .state, .exit.code] | @tsv'").splitlines():
            name, state, code = (line.split("\t") + [""])[:3]
            listed[name] = state, code
        removing = {words[1] for words in lines if words[0] == "removing"}
        for words in lines:
            if words[0] == "made" and words[1] not in removing:
                assert listed.get(words[1], ("gone",))[0] == "created", f"{words[1]}: {listed.get(words[1])}"
            elif words[0] == "ran":
                assert listed.get(words[1]) == ("exited", words[2]), f"{words}: {listed.get(words[1])}"
            elif words[0] == "removed":
                assert words[1] not in listed, f"{words[1]} came back"
        for name, (state, _) in listed.items():
            assert state in ("created", "exited"), f"{name}: {state}"
        left = vm.check(f"find {daemon.STATE}/transient {daemon.STATE}/trash -mindepth 1")
        assert left == "", left
        vm.check(f"find {daemon.STATE} -name '*.json' -size +0 -print0 | xargs -0 -r jq empty", 120)
        daemon.stop(vm)
    assert told > 2 * ROUNDS, f"only {told} things were acknowledged"
