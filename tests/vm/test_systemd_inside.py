"""systemd as the first process of a container: the guest's own tree boots once more inside."""
import daemon

# What the guest has been given to be tested is not to be tested in there, too.
MASKED = ("containerd-lite.service", "containerd-lite.socket", "containerd-lite-containers.service", "vm-agent.service")
INIT = "/sbin/init " + " ".join(f"systemd.mask={unit}" for unit in MASKED)
# An overlay's upper folder cannot lie in its lower one: this one is in memory.
MAKE_TREE = ("mkdir -p /run/inside/upper /run/inside/work /run/inside/tree && mount -t overlay overlay -o "
             "lowerdir=/,upperdir=/run/inside/upper,workdir=/run/inside/work /run/inside/tree")
REMOVE_TREE = "umount /run/inside/tree; rm -rf /run/inside"


def boot(vm):
    vm.check("until ctl exec sd systemctl is-active multi-user.target 2>/dev/null | grep -qx active && "
             "ctl exec sd systemctl is-system-running | grep -Eqx 'running|degraded'; do "
             "ctl ps -q --filter name=sd | grep -q . || { ctl ps -a; ctl logs sd; exit 1; }; sleep 2; done", 300)


def test_boots_and_stops(vm):
    """To multi-user, with cgroups of its own; exec works in it, limits stay, and stop shuts it down in good order."""
    daemon.start(vm)
    vm.check(MAKE_TREE)
    try:
        vm.check(f"ctl run -d --name sd --systemd -m 512m --rootfs-rw /run/inside/tree {INIT}")
        boot(vm)
        assert vm.run("ctl exec sd systemd-detect-virt --container")[1].strip() not in ("none", ""), "it thinks that it is a machine"
        # its services have cgroups, with controllers, below the limit that they cannot see
        vm.check("ctl exec sd systemd-run -q --unit=probe -p MemoryMax=64M sleep 1000", 120)
        tree = vm.check("cd $(ctl inspect sd | jq -r '.[0].paths.cgroup') && cat memory.max && find container -type d && "
                        "cat container/system.slice/probe.service/memory.max")
        assert tree.startswith(f"{512 << 20}\n") and "container/init.scope" in tree and tree.endswith(f"\n{64 << 20}\n"), tree
        assert "systemd" in vm.check("ctl top sd")
        # everything that changes its cgroups from outside still does
        vm.check("ctl update -m 400m sd && ctl pause sd && ctl unpause sd && ctl stats --no-stream sd")
        cgroup = vm.check("ctl inspect sd | jq -r '.[0].paths.cgroup'").strip()
        vm.check("ctl stop -t 200 sd", 260)
        ended = vm.check("ctl inspect sd | jq -c '.[0].exit | [.code, .signal]'").strip()
        assert ended == "[0,null]", ended
        vm.check(f"[ ! -e {cgroup} ]")
        # once more, over what it has written
        vm.check("ctl start sd")
        boot(vm)
    finally:
        daemon.clear(vm)
        vm.check(REMOVE_TREE)
