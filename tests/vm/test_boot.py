"""What only this machine has: all of cgroup v2, all capabilities."""


def test_controllers(vm):
    """All of cgroup v2 is there, and a container gets a folder with its files."""
    controllers = vm.check("cat /sys/fs/cgroup/cgroup.controllers").split()
    for name in ("cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma", "misc"):
        assert name in controllers, f"{name} is not in {controllers}"


def test_capabilities(vm):
    """All that the kernel knows, so that nothing was left out of a bounding set before we came."""
    last = int(vm.check("cat /proc/sys/kernel/cap_last_cap"))
    bounding = int(vm.check("sed -n 's/^CapBnd:\\s*//p' /proc/self/status"), 16)
    assert bounding == (1 << (last + 1)) - 1, f"{bounding:x}"


def test_no_unit_failed(vm):
    vm.check("systemctl is-system-running --wait", 120)
