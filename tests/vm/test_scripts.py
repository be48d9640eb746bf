"""docs/scripts: the one that needs systemd's varlinkctl."""
import daemon
from machine import Skip

SCRIPT = "/srv/containerd-lite/docs/scripts/job-varlinkctl.sh"


def test_varlinkctl(vm):
    """It runs a command, tells what happens, removes the container, and ends with the command's exit code."""
    if "257" > vm.check("varlinkctl --version 2>/dev/null | sed -n '1s/systemd \\([0-9]*\\).*/\\1/p'").strip():
        raise Skip("needs varlinkctl of systemd 257")
    daemon.start(vm)
    out = vm.check(f"{SCRIPT} sh -c 'echo one; echo \"$1\"; exit 7' sh \"it's\" 2>/tmp/told; echo $?", 120)
    assert out == "one\nit's\n7\n", out
    told = vm.check("cat /tmp/told; rm /tmp/told")
    assert told == "job: create\njob: start\njob: exit\njob: remove\n", told
    assert vm.check("ctl ps -aq") == ""
    daemon.clear(vm)
