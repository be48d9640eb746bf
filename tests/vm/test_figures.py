"""What containers use, and what becomes of those that want too much memory."""
import json

import daemon

MIB = 1 << 20
# Takes so many times 4 MiB; a tmpfs is memory like any other. The buffer makes it the largest process.
EAT = "dd if=/dev/zero of=/dev/shm/eaten bs=4M count={} 2>/dev/null"


def inspect(vm, name):
    return json.loads(vm.check(f"ctl inspect {name}"))[0]


def test_stats(vm):
    """Every column has its figure where every controller is."""
    daemon.start(vm)
    try:
        vm.check(f"ctl run -d --name c -m 64m --pids-limit 50 busybox sh -c '{EAT.format(2)}; exec sleep 1000'")
        vm.check("until ctl stats --format json c | jq -e '.[0].memory.shmem >= 8388608' >/dev/null; do sleep 0.5; done")
        stat = json.loads(vm.check("ctl stats --format json c"))[0]
        memory = stat["memory"]
        assert memory["limit"] == 64 * MIB and 8 * MIB <= memory["usage"] <= memory["current"] <= 64 * MIB, memory
        assert memory["usage"] == memory["current"] - memory["inactive_file"] or memory["usage"] <= memory["current"], memory
        assert memory["anon"] > 0 and memory["file"] >= 8 * MIB and memory["peak"] >= memory["usage"], memory
        assert 0 < memory["percent"] <= 100 and memory["swap"] == 0, memory
        assert stat["pids"]["current"] == 1 and stat["pids"]["limit"] == 50, stat["pids"]
        assert stat["cpu"]["percent"] >= 0 and stat["io"]["written_bytes"] >= 0, stat
        assert stat["pressure"]["memory"]["full"]["total_us"] >= 0, stat
        row = vm.check("ctl stats --no-stream c").splitlines()[1]
        assert "MiB / 64.0MiB" in row and "--" not in row, row
        # without a limit of its own it is the machine's memory
        vm.check("ctl run -d --name free busybox sleep 1000")
        total = int(vm.check("sed -n 's/MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo")) * 1024
        assert json.loads(vm.check("ctl stats --format json free"))[0]["memory"]["limit"] == total
    finally:
        daemon.clear(vm)


def test_oom(vm):
    """The whole container, by its own limit."""
    daemon.start(vm)
    try:
        code, _ = vm.run(f"ctl run --name own -m 16m busybox sh -c '{EAT.format(16)}; sleep 1000'", 120)
        assert code == 137, code
        listed = vm.check("ctl ps -a --filter name=own")
        assert "OOM, limit 16M" in listed, listed
        ended = inspect(vm, "own")["exit"]
        assert ended["oom_killed"] and ended["oom"]["whose"] == "own" and ended["oom"]["limit"] == 16 * MIB, ended
        told = [json.loads(line) for line in
                vm.check("ctl events --no-follow --since 10m --filter name=own --format jsonl").splitlines()]
        oom = [event for event in told if event["kind"] == "oom"]
        assert oom and oom[0]["attributes"]["whose"] == "own" and oom[0]["attributes"]["limit"] == str(16 * MIB), told
        # it is in the record, too
        vm.check(f"systemctl restart {daemon.UNIT}", 120)
        assert inspect(vm, "own")["exit"] == ended
    finally:
        daemon.clear(vm)


def test_oom_of_a_child(vm):
    """A child dies and the first process goes on; the daemon is killed meanwhile, and still knows."""
    daemon.start(vm)
    try:
        vm.check("ctl run -d --name kept -m 16m --cgroup-conf memory.oom.group=0 busybox sh -c "
                 f"'({EAT.format(16)}); rm -f /dev/shm/eaten; echo lived; exec sleep 1000'")
        vm.check("until ctl inspect kept | jq -e '.[0].oom.killed >= 1' >/dev/null; do sleep 0.5; done", 120)
        assert inspect(vm, "kept")["state"] == "running"
        assert "OOM, limit 16M" in vm.check("ctl ps --filter name=kept")
        assert "oom" in vm.check("ctl events --no-follow --since 10m --filter name=kept --filter kind=oom")
        vm.check(f"systemctl kill -s KILL --kill-who=main {daemon.UNIT}; until ctl ps -q; do sleep 0.2; done", 120)
        assert inspect(vm, "kept")["oom"]["whose"] == "own"
    finally:
        daemon.clear(vm)


def test_oom_of_an_ancestor(vm):
    """Without a limit of its own, in a folder that has one."""
    daemon.start(vm)
    try:
        vm.check("ctl run -d --name first --cgroup-parent group busybox sleep 1000")
        group = inspect(vm, "first")["paths"]["cgroup"].rsplit("/", 1)[0]
        vm.check(f"echo {24 * MIB} >{group}/memory.max")
        code, _ = vm.run(f"ctl run --name greedy --cgroup-parent group busybox sh -c '{EAT.format(16)}; sleep 1000'", 120)
        assert code == 137, code
        oom = inspect(vm, "greedy")["exit"]["oom"]
        assert oom["whose"] == "ancestor" and oom["levels"] == 1 and oom["limit"] == 24 * MIB, oom
        assert inspect(vm, "first")["state"] == "running" and "oom" not in inspect(vm, "first")
        assert "OOM, limit 24M of a cgroup above" in vm.check("ctl ps -a --filter name=greedy")
    finally:
        daemon.clear(vm)


def test_network(vm):
    """Bytes of the container's own interfaces, not the host's."""
    daemon.start(vm)
    try:
        vm.check("ctl run -d --name net --cap-add NET_ADMIN busybox sleep 1000")
        pid = inspect(vm, "net")["pid"]
        vm.check(f"ip link add veth-host type veth peer name eth0 netns {pid} && ip addr add 10.9.9.1/24 dev veth-host && "
                 f"ip link set veth-host up && nsenter -t {pid} -n sh -c 'ip addr add 10.9.9.2/24 dev eth0; ip link set eth0 up'")
        vm.check("until busybox ping -c 1 -W 1 10.9.9.2 >/dev/null 2>&1; do sleep 0.2; done; busybox ping -c 4 -s 1000 10.9.9.2", 120)
        network = json.loads(vm.check("ctl stats --format json net"))[0]["network"]
        assert network["received_bytes"] > 3000 and network["sent_packets"] >= 3, network
    finally:
        daemon.clear(vm)


def test_diff_limits(vm):
    """What was asked for, what a hand has changed, and whose limit counts."""
    daemon.start(vm)
    try:
        vm.check("ctl run -d --name c -m 64m --cpus 0.5 --cgroup-parent group busybox sleep 1000")
        cgroup = inspect(vm, "c")["paths"]["cgroup"]

        def limits():
            return {limit["file"]: limit for limit in json.loads(vm.check("ctl diff-limits --format json c"))}
        before = limits()
        assert not any(limit["drift"] for limit in before.values()), before
        assert before["memory.max"] == {"file": "memory.max", "wanted": str(64 * MIB), "asked": True,
                                        "present": str(64 * MIB), "effective": str(64 * MIB), "drift": False}, before
        assert before["pids.max"]["wanted"] == "2048" and not before["pids.max"]["asked"], before
        vm.check(f"echo {48 * MIB} >{cgroup}/../memory.max; echo 100 >{cgroup}/pids.max; echo {MIB} >{cgroup}/memory.low; "
                 f"echo '20000 100000' >{cgroup}/../cpu.max")
        after = limits()
        assert after["memory.max"]["effective"] == str(48 * MIB) and after["memory.max"]["levels"] == 1, after
        assert not after["memory.max"]["drift"] and after["cpu.max"]["effective"] == "20000 100000", after
        assert after["pids.max"]["drift"] and after["pids.max"]["present"] == "100", after
        assert after["memory.low"]["drift"] and "wanted" not in after["memory.low"], after
        table = vm.check("ctl diff-limits c")
        assert f"{48 * MIB} (1 above)" in table, table
    finally:
        daemon.clear(vm)
