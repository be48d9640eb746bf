"""The filter of devices where all capabilities and a real systemd are."""
import daemon

# Opens a device that no container has, whose node it makes itself; says "opened" or "closed".
PROBE = "mknod /dev/probe c 10 200 2>/dev/null; (: </dev/probe) 2>/dev/null && echo opened || echo closed"


def probe(vm, name):
    """What a container that waits for a file says now: it is asked by a signal."""
    before = vm.check(f"ctl logs {name} | wc -l").strip()
    vm.check(f"ctl kill -s USR1 {name} >/dev/null")
    return vm.check(f"until [ $(ctl logs {name} | wc -l) -gt {before} ]; do sleep 0.2; done; ctl logs {name} | tail -n 1").strip()


def test_filter(vm):
    """A node that a container makes opens nothing: not after other limits, daemon-reload, nor with the daemon killed."""
    daemon.start(vm)
    try:
        # 10:200 is tun: it opens for who may
        vm.check("modprobe tun; [ -c /dev/net/tun ] && : </dev/net/tun")
        assert vm.check(f"ctl run --rm --cap-add ALL --device /dev/net/tun busybox sh -c '{PROBE}'").strip() == "opened"
        assert vm.check(f"ctl run --rm --privileged busybox sh -c '{PROBE}'").strip() == "opened"
        vm.check(f"ctl run -d --name closed --cap-add ALL busybox sh -c 'trap \"{PROBE}\" USR1; while :; do sleep 1 & wait; done'")
        assert probe(vm, "closed") == "closed"
        vm.check("ctl update --pids-limit 300 closed")
        assert probe(vm, "closed") == "closed"
        vm.check("systemctl daemon-reload")
        assert probe(vm, "closed") == "closed"
        vm.check(f"systemctl kill -s KILL --kill-who=main {daemon.UNIT}; until ctl ps -q; do sleep 0.2; done", 120)
        assert probe(vm, "closed") == "closed"
        vm.check(f"systemctl restart {daemon.UNIT}; systemctl daemon-reload", 120)
        assert probe(vm, "closed") == "closed"
    finally:
        daemon.clear(vm)
