"""The installed units: what happens to the daemon, and containers do not notice."""
import daemon


def test_containers_outlive_the_daemon(vm):
    """kill -9, restart, reload and daemon-reload leave the container's process where it is, under the other unit."""
    daemon.start(vm)
    vm.check("ctl run -d --name c busybox sleep 10000")
    pid = vm.check("ctl inspect c | jq .[0].pid").strip()
    where = vm.check(f"cat /proc/{pid}/cgroup").strip()
    assert "/containerd-lite-containers.service/" in where, where
    main = f"systemctl show -p MainPID --value {daemon.UNIT}"
    for action in (f"kill -KILL $({main})", f"systemctl restart {daemon.UNIT}", f"systemctl reload {daemon.UNIT}",
                   "systemctl daemon-reload"):
        vm.check(f"{action}; timeout 60 sh -c 'until ctl ps -q 2>/dev/null; do sleep 0.2; done'", 120)
        assert vm.check("ctl inspect c | jq .[0].pid").strip() == pid, action
        assert vm.check("ctl inspect c | jq -r .[0].state").strip() == "running", action
        vm.check("ctl run --rm busybox true")
    daemon.stop(vm)
