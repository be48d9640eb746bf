"""What a container is after a reboot in good order."""
import daemon


def reboot_with_containers(vm, sudden):
    """Reboots with one container that runs, and returns its exit's reason afterwards. The one that had ended keeps its
    exit and log; of the --rm one nothing is left."""
    daemon.start(vm)
    vm.check("ctl run -d --name runs busybox sleep 10000")
    vm.check("ctl run -d --rm --name transient busybox sleep 10000")
    vm.check("ctl run --name ended busybox sh -c 'echo hello; exit 7' || [ $? = 7 ]")
    vm.check("ctl create --name made busybox echo first")
    vm.reboot(sudden=sudden)
    daemon.start(vm)
    names = vm.check("ctl ps -a | awk 'NR > 1 {print $NF}' | sort").split()
    assert names == ["ended", "made", "runs"], names
    reason = vm.check("ctl inspect runs | jq -r '.[0].exit.reason'").strip()
    assert vm.check("ctl wait ended").strip() == "7"
    assert vm.check("ctl logs ended") == "hello\n"
    assert vm.check("ctl start -a made") == "first\n"
    vm.check("ctl start runs")
    left = vm.check(f"find {daemon.STATE}/transient {daemon.STATE}/trash -mindepth 1")
    assert left == "", left
    daemon.clear(vm)
    return reason


def test_reboot_in_good_order(vm):
    """The units end the container while its shim still looks: the exit is known."""
    reason = reboot_with_containers(vm, sudden=False)
    assert reason in ("exited", "signaled"), reason


def test_sudden_reboot(vm):
    """Nobody saw its end: that is what it says."""
    reason = reboot_with_containers(vm, sudden=True)
    assert reason == "reboot", reason
