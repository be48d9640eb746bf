"""daemon.py: the installed daemon in the guest, by its units."""

STATE = "/var/lib/containerd-lite"
UNIT = "containerd-lite.service"


def start(vm):
    """Also at each boot from now on."""
    vm.check(f"systemctl enable -q --now {UNIT} || {{ systemctl status --no-pager {UNIT}; exit 1; }}", 120)


def stop(vm):
    """All containers are removed, then the daemon ends."""
    vm.check(f"ids=$(ctl ps -aq); [ -z \"$ids\" ] || ctl rm -f $ids >/dev/null; "
             f"systemctl disable -q --now {UNIT} containerd-lite.socket containerd-lite-containers.service 2>&1", 120)
