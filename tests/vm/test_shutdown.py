"""The end of the host, and of the containers' unit: each container ends within its own timeout, and none is left for systemd
to kill."""
import daemon

SHORT = ["TimeoutStopSec=5"]  # less than the slow one takes: the time must have been extended
CODES = {"well": 7, "slowly": 8, "never": 137}


def three_containers(vm):
    """One ends at once, one takes longer than systemd would wait by itself, one has to be killed."""
    daemon.start(vm)
    daemon.run(vm, "well", daemon.ENDS_WELL)
    daemon.run(vm, "slowly", daemon.ENDS_SLOWLY, "--stop-timeout 120")
    daemon.run(vm, "never", daemon.NEVER_ENDS, "--stop-timeout 3")


def ended_as_they_should(vm):
    daemon.start(vm)
    for name, code in CODES.items():
        found = daemon.inspect(vm, name)
        assert found["state"] == "exited" and found["exit"].get("code") == code, f"{name}: {found['state']}, {found['exit']}"
    daemon.clear(vm)


def forget_journal(vm):
    """Other tests kill daemons on purpose."""
    vm.check("journalctl -q --rotate; journalctl -q --vacuum-time=1s 2>/dev/null")


def killed_by_systemd(vm, boot):
    """What systemd had to kill of our units, or waited for in vain, in this boot."""
    return vm.check(f"journalctl -q -b {boot} _PID=1 | grep -E 'containerd-lite.*(SIGKILL|timed out|Failed with)' || true")


def test_the_host_goes_down(vm):
    three_containers(vm)
    for unit in daemon.UNIT, daemon.CONTAINERS:
        vm.check(f"mkdir -p /etc/systemd/system/{unit}.d; printf '[Service]\\n{SHORT[0]}\\n' "
                 f">/etc/systemd/system/{unit}.d/test.conf; systemctl daemon-reload")
    forget_journal(vm)
    vm.reboot(300)
    vm.check(f"rm -r /etc/systemd/system/{daemon.UNIT}.d /etc/systemd/system/{daemon.CONTAINERS}.d; systemctl daemon-reload")
    assert killed_by_systemd(vm, -1) == "", killed_by_systemd(vm, -1)
    ended_as_they_should(vm)


def ends_by(vm, command):
    """The command stops the containers' unit."""
    three_containers(vm)
    with daemon.DropIn(vm, daemon.UNIT, SHORT), daemon.DropIn(vm, daemon.CONTAINERS, SHORT):
        forget_journal(vm)
        vm.check(command, 300)
        assert daemon.show(vm, daemon.CONTAINERS, "ActiveState") == "inactive"
        assert daemon.show(vm, daemon.CONTAINERS, "Result") == "success"
        assert killed_by_systemd(vm, 0) == "", killed_by_systemd(vm, 0)
    ended_as_they_should(vm)


def test_the_containers_unit_is_stopped(vm):
    ends_by(vm, f"systemctl stop {daemon.CONTAINERS}")


def test_all_units_are_stopped(vm):
    """The daemon may have gone before the other unit's turn comes."""
    ends_by(vm, f"systemctl stop {daemon.UNIT} {daemon.SOCKET} {daemon.CONTAINERS}")


def test_no_daemon_is_there(vm):
    ends_by(vm, f"systemctl stop {daemon.UNIT} && systemctl stop {daemon.CONTAINERS}")


def test_the_holder_is_killed(vm):
    """It takes no container with it."""
    daemon.start(vm)
    pid = daemon.run(vm, "c", daemon.ENDS_WELL)
    vm.check(f"kill -KILL $(systemctl show -p MainPID --value {daemon.CONTAINERS})")
    vm.check(f"systemctl restart {daemon.UNIT}", 120)
    assert daemon.inspect(vm, "c")["pid"] == pid
    vm.check("ctl run --rm busybox true")
    daemon.clear(vm)
    # Without its sleeper the unit ends with its last process: here between the end of one daemon and the start of the next.
    vm.check(f"systemctl restart {daemon.UNIT}", 120)
    vm.check("ctl run --rm busybox true")
    assert daemon.show(vm, daemon.CONTAINERS, "MainPID") != "0"
