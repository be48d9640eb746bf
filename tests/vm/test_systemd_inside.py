"""systemd as the first process of a container: the guest's own tree, below an overlay, boots once more inside."""
import daemon

# What the guest has been given to be tested is not to be tested in there, too.
MASKED = ("containerd-lite.service", "containerd-lite.socket", "containerd-lite-containers.service", "vm-agent.service",
          "networking.service", "systemd-networkd.service", "systemd-resolved.service")
INIT = "/sbin/init " + " ".join(f"systemd.mask={unit}" for unit in MASKED)


def inside(vm, command, limit=120):
    return vm.run(f"ctl exec sd {command}", limit)


def test_boots_and_stops(vm):
    """To multi-user, with cgroups of its own; exec works in it, limits stay, and stop shuts it down in good order."""
    daemon.start(vm)
    try:
        vm.check(f"ctl run -d --name sd --systemd -m 512m --rootfs / {INIT}")
        vm.check("until ctl exec sd systemctl is-active multi-user.target | grep -qx active; do sleep 2; done", 300)
        _, state = inside(vm, "systemctl is-system-running --wait", 300)
        assert state.strip() in ("running", "degraded"), state + inside(vm, "systemctl --failed --no-pager")[1]
        assert inside(vm, "systemd-detect-virt --container")[1].strip() not in ("none", ""), "it thinks that it is a machine"
        # its services have cgroups, below the limit that they cannot see
        tree = vm.check("cd $(ctl inspect sd | jq -r '.[0].paths.cgroup') && cat memory.max && find container -type d")
        assert tree.startswith(f"{512 << 20}\n") and "container/init.scope" in tree and "container/system.slice" in tree, tree
        code, output = inside(vm, "systemd-run --wait -p MemoryMax=64M sh -c 'grep ^0:: /proc/self/cgroup'", 180)
        assert code == 0, output
        assert "systemd" in vm.check("ctl top sd")
        # everything that changes its cgroups from outside still does
        vm.check("ctl update -m 400m sd && ctl pause sd && ctl unpause sd && ctl stats --no-stream sd")
        cgroup = vm.check("ctl inspect sd | jq -r '.[0].paths.cgroup'").strip()
        vm.check("ctl stop -t 120 sd", 180)
        ended = vm.check("ctl inspect sd | jq -c '.[0].exit | [.code, .signal]'").strip()
        assert ended in ("[0,null]", "[130,null]"), ended
        vm.check(f"[ ! -e {cgroup} ]")
        # once more, over what it has written
        vm.check("ctl start sd && until ctl exec sd systemctl is-active multi-user.target | grep -qx active; do sleep 2; done", 300)
    finally:
        daemon.stop(vm)
