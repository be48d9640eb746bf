"""What a container is after a reboot in good order."""
import daemon


def test_reboot_with_containers(vm):
    """The one that ran has an exit that is true; the one that had ended keeps its own; of the --rm one nothing is left."""
    daemon.start(vm)
    vm.check("ctl run -d --name runs busybox sleep 10000")
    vm.check("ctl run -d --rm --name transient busybox sleep 10000")
    vm.check("ctl run --name ended busybox sh -c 'echo hello; exit 7' || [ $? = 7 ]")
    vm.check("ctl create --name made busybox echo first")
    vm.reboot()
    daemon.start(vm)
    names = vm.check("ctl ps -a | awk 'NR > 1 {print $NF}' | sort").split()
    assert names == ["ended", "made", "runs"], names
    reason = vm.check("ctl inspect runs | jq -r '.[0].exit.reason // .exit.reason'").strip()
    assert reason == "reboot", reason
    assert vm.check("ctl wait ended").strip() == "7"
    assert vm.check("ctl logs ended") == "hello\n"
    assert vm.check("ctl start -a made") == "first\n"
    vm.check("ctl start runs")
    left = vm.check(f"find {daemon.STATE}/transient {daemon.STATE}/trash -mindepth 1")
    assert left == "", left
    daemon.stop(vm)
