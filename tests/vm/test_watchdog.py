"""A daemon that no longer turns is killed and started again; containers do not notice."""
import daemon


def test_a_stopped_daemon(vm):
    with daemon.DropIn(vm, daemon.UNIT, ["WatchdogSec=15"]):
        daemon.start(vm)
        vm.check(f"systemctl restart {daemon.UNIT}", 120)  # it is told the time when it starts
        pid = daemon.run(vm, "c", daemon.ENDS_WELL)
        main = daemon.show(vm, daemon.UNIT, "MainPID")
        vm.check(f"kill -STOP {main}")
        daemon.until(vm, f"[ $(systemctl show -p MainPID --value {daemon.UNIT}) -gt 1 ] && "
                         f"[ $(systemctl show -p MainPID --value {daemon.UNIT}) != {main} ]", 300)
        daemon.answers(vm)
        assert "watchdog" in vm.check(f"journalctl -q -b _PID=1 UNIT={daemon.UNIT}").lower()
        found = daemon.inspect(vm, "c")
        assert (found["pid"], found["state"]) == (pid, "running")
        vm.check("ctl stop c", 120)
        assert daemon.inspect(vm, "c")["exit"]["code"] == 7
        daemon.clear(vm)


def test_an_idle_daemon_is_not_bitten(vm):
    """It feeds the dog by itself."""
    with daemon.DropIn(vm, daemon.UNIT, ["WatchdogSec=15"]):
        daemon.start(vm)
        vm.check(f"systemctl restart {daemon.UNIT}", 120)  # it is told the time when it starts
        main = daemon.show(vm, daemon.UNIT, "MainPID")
        vm.check("sleep 40", 200)
        assert daemon.show(vm, daemon.UNIT, "MainPID") == main
        daemon.clear(vm)
