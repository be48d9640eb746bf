"""The Debian package: installed, upgraded below running containers, removed, purged. It takes the place of what the machine
has from make install, which comes back at the end."""
import daemon
from machine import Skip

OLD, NEW = "/srv/debs/old.deb", "/srv/debs/new.deb"  # by make check-vm


def installed(vm):
    return vm.check("dpkg-query -W -f '${Version}' containerd-lite")


def installs(vm):
    vm.check(f"dpkg -i {OLD} 2>&1", 300)
    for unit in daemon.UNIT, daemon.SOCKET, daemon.CONTAINERS:
        assert daemon.show(vm, unit, "ActiveState") == "active", unit
    assert vm.check(f"systemctl is-enabled {daemon.UNIT} {daemon.SOCKET}").split() == ["enabled", "enabled"]
    assert vm.check("stat -c '%a %U %G' /run/containerd-lite/containerd-lite.sock").strip() == "660 root containerd-lite"
    assert vm.check("ctl info --format json | jq -r .version").strip() == installed(vm)


def upgrades(vm):
    """Container, session and socket go on; the daemon is the new one, the shim the old one."""
    vm.tell("ctl run --name c --stop-timeout 60 busybox sh -c 'trap \"exit 7\" TERM; while echo beat; do sleep 1; done' >/root/beats")
    daemon.until(vm, "grep -q beat /root/beats 2>/dev/null")
    pid = daemon.inspect(vm, "c")["pid"]
    since = [daemon.show(vm, unit, "ActiveEnterTimestampMonotonic") for unit in (daemon.SOCKET, daemon.CONTAINERS)]
    before, main = installed(vm), daemon.show(vm, daemon.UNIT, "MainPID")
    vm.check(f"dpkg -i {NEW} 2>&1", 300)
    daemon.answers(vm)
    assert installed(vm) == before + ".1"
    assert daemon.show(vm, daemon.UNIT, "MainPID") != main
    found = daemon.inspect(vm, "c")
    assert (found["pid"], found["state"]) == (pid, "running"), found
    assert since == [daemon.show(vm, unit, "ActiveEnterTimestampMonotonic") for unit in (daemon.SOCKET, daemon.CONTAINERS)]
    beats = int(vm.check("wc -l </root/beats"))
    daemon.until(vm, f"[ $(wc -l </root/beats) -gt {beats} ]")
    vm.check("ctl run --rm busybox true")


def is_removed(vm):
    """Its containers are stopped; what they are stays, and so does the configuration."""
    vm.check("dpkg -r containerd-lite 2>&1", 300)
    for unit in daemon.UNIT, daemon.SOCKET, daemon.CONTAINERS:
        assert daemon.show(vm, unit, "ActiveState") == "inactive", unit
    vm.check("! command -v ctl && [ -d /var/lib/containerd-lite ] && [ -e /etc/containerd-lite/containerd-lite.conf ]")
    vm.check(f"dpkg -i {NEW} 2>&1", 300)
    daemon.answers(vm)
    found = daemon.inspect(vm, "c")
    assert (found["state"], found["exit"]["code"]) == ("exited", 7), found["exit"]


def is_purged(vm):
    vm.check("ctl run -d busybox sleep 100000 && dpkg -P containerd-lite 2>&1", 300)
    # The manual's pages are make install's, since this machine's dpkg leaves out the package's.
    left = vm.check("find / -xdev \\( -path /srv -o -path /proc -o -path /root -o -path /usr/share/man -o -path /var/lib/dpkg -o -path /var/log \\) "
                    "-prune -o -name '*containerd-lite*' -print", 300)
    assert left == "", left


def test_the_package(vm):
    if vm.run(f"[ -e {OLD} ]")[0] != 0:
        raise Skip("debhelper is not installed, so there is no package")
    daemon.stop(vm)
    existing = f"for path in $(dpkg-deb --fsys-tarfile {NEW} | tar -t); do [ ! -f /$path ] && [ ! -L /$path ] || echo $path; done"
    vm.check(f"cd / && {{ {existing}; }} | tar -cf /root/product.tar -T - && rm -rf $({existing})", 300)
    try:
        installs(vm)
        upgrades(vm)
        is_removed(vm)
        is_purged(vm)
    finally:
        vm.check("dpkg -P containerd-lite 2>&1; tar -xf /root/product.tar -C / && systemctl daemon-reload && systemd-sysusers && "
                 "systemd-tmpfiles --create", 300)
