"""ctl doctor on a host that has all that there is to have."""
import json

import daemon

AS_USER = "setpriv --reuid=nobody --regid={} --clear-groups "


def findings(vm, prefix=""):
    """The exit code, and of each check its verdict, message and fix."""
    code, said = vm.run(f"{prefix}ctl doctor --format json", 120)
    return code, {f["check"]: (f["verdict"], f["message"], f.get("fix")) for f in json.loads(said)}


def lacking(found):
    return {check: finding for check, finding in found.items() if finding[0] != "ok"}


def test_nothing_is_lacking(vm):
    """With the units as they are installed."""
    daemon.start(vm)
    code, found = findings(vm)
    assert code == 0 and not lacking(found), lacking(found)
    assert found["units"][1] == f"{daemon.UNIT} and {daemon.CONTAINERS} are active", found["units"]
    assert "cpu" in found["controllers"][1] and "memory" in found["controllers"][1], found["controllers"]
    # One check a line, and what does not fit behind blanks.
    table = [line for line in vm.check("ctl doctor").splitlines() if not line.startswith(" ")]
    assert len(table) == len(found) and all(line.startswith("ok ") for line in table), table
    daemon.clear(vm)


def test_the_socket_is_enough(vm):
    """Its question starts the daemon."""
    daemon.stop(vm)
    vm.check(f"systemctl start {daemon.SOCKET}")
    code, found = findings(vm)
    assert code == 0 and found["daemon"][0] == "ok", lacking(found)
    daemon.until(vm, f"systemctl is-active -q {daemon.UNIT}")
    daemon.clear(vm)


def test_stopped_units(vm):
    """What does not run is named, with the command that starts it, and the command does."""
    daemon.start(vm)
    vm.check(f"systemctl stop {daemon.UNIT} {daemon.SOCKET}", 120)
    code, found = findings(vm)
    assert code == 1 and set(lacking(found)) == {"units", "daemon"}, lacking(found)
    verdict, message, fix = found["units"]
    assert (verdict, message) == ("warning", f"{daemon.UNIT} is not active"), found["units"]
    assert found["daemon"][0] == "problem" and found["daemon"][2].startswith("systemctl start containerd-lite"), found["daemon"]
    vm.check(fix, 120)
    daemon.answers(vm)
    code, found = findings(vm)
    assert code == 0 and not lacking(found), lacking(found)
    daemon.clear(vm)


def test_who_is_not_in_the_group(vm):
    """Is told what to be; who is in it, is answered."""
    daemon.start(vm)
    code, found = findings(vm, AS_USER.format("nogroup"))
    assert code == 1 and found["daemon"][0] == "problem", (code, lacking(found))
    assert "Permission denied" in found["daemon"][1] and "in the group containerd-lite" in found["daemon"][2], found["daemon"]
    code, found = findings(vm, AS_USER.format("containerd-lite"))
    assert found["daemon"][0] == "ok", (code, lacking(found))
    daemon.clear(vm)
