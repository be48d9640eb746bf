"""Limits, where all controllers are: what the kernel makes of them, at the start and after an update."""
import json
import re

import daemon

SPIN = "while :; do :; done"  # busybox's shell, on one processor
# Waits until somebody makes the file, then runs what follows.
ON_GO = "until [ -e /x/go ]; do sleep 0.1; done; "


def cgroup(vm, name):
    return daemon.inspect(vm, name)["paths"]["cgroup"]


def read(vm, name, *files):
    """The texts of files of a container's cgroup."""
    folder = cgroup(vm, name)
    return [vm.check(f"cat {folder}/{file}").strip() for file in files]


def key(vm, name, file, word):
    return int(re.search(rf"^{word} (\d+)$", read(vm, name, file)[0], re.MULTILINE).group(1))


def remove(vm, *names):
    vm.check(f"ctl rm -f {' '.join(names)}", 120)


def refused(vm, command, sentence):
    """It fails, and says this; nothing is made and nothing changes."""
    code, output = vm.run(command)
    assert code != 0 and sentence in output, f"{command}: {code}: {output}"


def rate(vm, folders, file, word, seconds=6):
    """How fast a number of a file grows in each of the cgroups, a second by the guest's clock."""
    pattern = f"s/.*{word}[= ]\\([0-9]*\\).*/\\1/p"
    command = (f"look() {{ for f in {' '.join(folders)}; do sed -n '{pattern}' $f/{file} | head -n 1; done; echo $EPOCHREALTIME; }}; "
               f"look; sleep {seconds}; look")
    numbers = [float(word) for word in vm.check(f"LC_ALL=C; {command}", seconds + 120).split()]
    n = len(folders) + 1
    assert len(numbers) == 2 * n, numbers
    elapsed = numbers[2 * n - 1] - numbers[n - 1]
    return [(numbers[n + i] - numbers[i]) / elapsed for i in range(len(folders))]


def test_a_hog_ends(vm):
    """Out of memory: 137, and it is known why; the same after an update."""
    daemon.start(vm)
    code, output = vm.run("ctl run --name hog -m 32m busybox dd if=/dev/zero of=/dev/null bs=64M count=1", 120)
    assert code == 137, (code, output)
    end = daemon.inspect(vm, "hog")["exit"]
    assert end["oom_killed"] and end["code"] == 137, end
    assert "OOM" in vm.check("ctl ps -a | grep hog")
    # not one process, all of it: memory.oom.group
    code, output = vm.run("ctl run --rm -m 32m busybox sh -c 'dd if=/dev/zero of=/dev/null bs=64M count=1; echo went on'", 120)
    assert code == 137 and "went on" not in output, (code, output)
    vm.check("rm -rf /x; mkdir /x")
    vm.check(f"ctl run -d --name later -m 256m -v /x:/x busybox sh -c '{ON_GO}exec dd if=/dev/zero of=/dev/null bs=64M count=1'")
    assert vm.check("ctl update -m 32m later").splitlines() == [
        "later: memory_max: 268435456 -> 33554432", "later: memory_swap_max: 268435456 -> 33554432"]
    vm.check("touch /x/go")
    assert vm.check("ctl wait later", 120).strip() == "137"
    assert daemon.inspect(vm, "later")["exit"]["oom_killed"]
    remove(vm, "hog", "later")
    daemon.clear(vm)


def test_the_least_memory(vm):
    """4 MiB start `true`; less than the least is refused with the figure."""
    daemon.start(vm)
    for _ in range(5):
        vm.check("ctl run --rm -m 4m busybox true", 120)
    refused(vm, "ctl run -m 4k busybox true", "4K is less than a start needs")
    vm.check("ctl create --name small -m 64m busybox true")
    refused(vm, "ctl update -m 4k small", "4K is less than a start needs")
    vm.check("ctl update -m 4m small && ctl start small", 120)
    assert vm.check("ctl wait small", 120).strip() == "0"
    code, output = vm.run("ctl run --name least -m 1m busybox true", 120)
    assert code in (0, 125), (code, output)
    if code == 125:
        assert "memory.max, is 1048576 bytes" in output, output
    assert vm.check("ctl ps -aq").split() != [] or code == 125
    daemon.clear(vm)


def test_memory_high_slows_down(vm):
    """Nothing is killed under memory.high."""
    daemon.start(vm)
    vm.check("ctl run -d --name slow --memory-high 16m busybox dd if=/dev/zero of=/dev/null bs=64M count=1")
    folder = cgroup(vm, "slow")
    daemon.until(vm, f"[ $(sed -n 's/^high //p' {folder}/memory.events) -gt 3 ]")
    assert key(vm, "slow", "memory.events", "oom_kill") == 0
    assert daemon.inspect(vm, "slow")["state"] == "running"
    vm.check("ctl update --memory-high max slow")
    assert vm.check("ctl wait slow", 120).strip() == "0"
    daemon.clear(vm)


def test_memory_below_use_is_refused(vm):
    """update -m below what is in use: a sentence with the figure, and the container lives; page cache is no obstacle."""
    daemon.start(vm)
    vm.check("ctl run -d --name anon -m 256m busybox sh -c 'dd if=/dev/zero of=/dev/shm/file bs=1M count=30; echo ready; sleep 100000'")
    daemon.until(vm, "ctl logs anon | grep -q ready")
    refused(vm, "ctl update -m 8m anon", "bytes in use that cannot be reclaimed")
    assert read(vm, "anon", "memory.max", "memory.high") == ["268435456", "max"]
    assert daemon.inspect(vm, "anon")["state"] == "running"
    assert daemon.inspect(vm, "anon")["resources"]["memory_max"] == 268435456
    vm.check("ctl run -d --name cache -m 256m busybox sh -c 'dd if=/dev/zero of=/file bs=1M count=40 conv=fsync; echo ready; sleep 100000'")
    daemon.until(vm, "ctl logs cache | grep -q ready")
    assert int(read(vm, "cache", "memory.current")[0]) > 40 << 20
    vm.check("ctl update -m 16m cache", 120)
    assert read(vm, "cache", "memory.max", "memory.high") == ["16777216", "max"]
    assert key(vm, "cache", "memory.events", "oom_kill") == 0
    daemon.clear(vm)


def test_a_worker_that_dies_leaves_memory_high(vm):
    """Lowering memory.max lowers memory.high for a moment; one more worker puts it back."""
    daemon.start(vm)
    vm.check("ctl run -d --name anon -m 256m busybox sh -c 'dd if=/dev/zero of=/dev/shm/file bs=1M count=30; echo ready; sleep 100000'")
    daemon.until(vm, "ctl logs anon | grep -q ready")
    # The worker writes memory.swap.max, memory.high, and then would put memory.high back; another one begins anew.
    vm.tell("strace -f -qq -o /x.trace -e trace=write -e inject=write:signal=KILL:when=3 -p $(pgrep -x ctl-spawner)")
    daemon.until(vm, "grep -q '^TracerPid:.*[1-9]' /proc/$(pgrep -x ctl-spawner)/status")
    vm.run("ctl update -m 8m anon", 120)
    vm.check("pkill -x strace; rm -f /x.trace")
    assert read(vm, "anon", "memory.max", "memory.high") == ["268435456", "max"]
    refused(vm, "ctl update -m 8m anon", "bytes in use that cannot be reclaimed")
    daemon.clear(vm)


def test_cpus(vm):
    """0.2 CPUs are a fifth of one; after an update two fifths."""
    daemon.start(vm)
    vm.check(f"ctl run -d --name spin --cpus 0.2 busybox sh -c '{SPIN}'")
    for share, update in ((0.2, None), (0.4, "ctl update --cpus 0.4 spin")):
        if update:
            vm.check(update)
        used = rate(vm, [cgroup(vm, "spin")], "cpu.stat", "usage_usec")[0] / 1e6
        assert abs(used - share) <= 0.03, f"{used:.3f} CPUs of {share}"
    refused(vm, "ctl update --cpus 0 spin", "out of range: 0.01")
    refused(vm, "ctl update --cpu-quota 10 spin", "10 is out of range: 1000 to")
    refused(vm, "ctl update --cpu-period 10 spin", "10 is out of range: 1000 to 1000000")
    assert read(vm, "spin", "cpu.max") == ["40000 100000"]
    daemon.clear(vm)


def test_weights(vm):
    """100 and 300 on one processor share it 1 to 3; after an update evenly."""
    daemon.start(vm)
    for name, weight in (("light", 100), ("heavy", 300)):
        vm.check(f"ctl run -d --name {name} --cpuset-cpus 1 --cpu-weight {weight} busybox sh -c '{SPIN}'")
    folders = [cgroup(vm, "light"), cgroup(vm, "heavy")]
    light, heavy = rate(vm, folders, "cpu.stat", "usage_usec")
    assert 3 * 0.85 <= heavy / light <= 3 * 1.15, f"{heavy / light:.2f} to 1"
    vm.check("ctl update --cpu-shares 2597 light")  # docker's scale: 100 of 10000
    assert read(vm, "light", "cpu.weight") == ["99"], "as runc: 1 + (2597 - 2) * 9999 / 262142"
    vm.check("ctl update --cpu-weight 300 light")
    light, heavy = rate(vm, folders, "cpu.stat", "usage_usec")
    assert 0.85 <= heavy / light <= 1.15, f"{heavy / light:.2f} to 1"
    refused(vm, "ctl update --cpu-weight 10001 light", "10001 is out of range: 1 to 10000")
    refused(vm, "ctl update --cpuset-cpus 0-4294967295 light", "there is no CPU 2: this machine has 0-1")
    vm.check("ctl update --cpuset-cpus 0 light")
    assert read(vm, "light", "cpuset.cpus.effective") == ["0"]
    # What is idle has no weight, and gets it back.
    vm.check("ctl update --cpu-idle true heavy && ctl update --cpu-idle false heavy")
    assert read(vm, "heavy", "cpu.weight") == ["300"]
    daemon.clear(vm)


def test_a_fork_bomb(vm):
    """Its limit stops it; everybody else goes on, and it is gone when somebody wants that."""
    daemon.start(vm)
    # The first process itself needs no more fork.
    vm.check("ctl run -d --name bomb --pids-limit 64 busybox sh -c 'f() { f | f & }; f; exec sleep 100000'")
    folder = cgroup(vm, "bomb")
    daemon.until(vm, f"[ $(sed -n 's/^max //p' {folder}/pids.events) -gt 0 ]")
    assert "bomb" in vm.check("ctl ps", 120)
    assert int(read(vm, "bomb", "pids.current")[0]) <= 64
    refused(vm, "ctl update --pids-limit 0 bomb", "0 is out of range: 1 to 4194304")
    assert vm.check("ctl update --pids-limit 32 bomb", 120).strip() == "bomb: pids_max: 64 -> 32"
    assert read(vm, "bomb", "pids.max") == ["32"]
    seconds = float(vm.check("LC_ALL=C; a=$EPOCHREALTIME; ctl rm -f bomb >/dev/null; b=$EPOCHREALTIME; "
                             "awk \"BEGIN { print $b - $a }\"", 120))
    assert seconds < 5, f"rm -f took {seconds} s"
    assert vm.run(f"test -e {folder}")[0] != 0
    daemon.clear(vm)


def test_device_rates(vm):
    """A megabyte a second, past the page cache; after an update two."""
    daemon.start(vm)
    vm.check("rm -rf /x; mkdir /x")
    number = vm.check("cat /sys/block/vda/dev").strip()
    vm.check("ctl run -d --name writer --device-write-bps /dev/vda:1M -v /x:/x busybox sh -c "
             "'while :; do dd if=/dev/zero of=/x/file bs=64k count=256 oflag=direct conv=notrunc 2>/dev/null; done'")
    assert read(vm, "writer", "io.max") == [f"{number} rbps=max wbps=1048576 riops=max wiops=max"]
    folder = cgroup(vm, "writer")
    for megabytes, update in ((1, None), (2, "ctl update --device-write-bps /dev/vda:2M writer")):
        if update:
            vm.check(update)
        daemon.until(vm, f"grep -q wbytes {folder}/io.stat")
        speed = rate(vm, [folder], "io.stat", "wbytes")[0] / (megabytes << 20)
        assert 0.8 <= speed <= 1.2, f"{speed:.2f} times {megabytes} MiB/s"
    vm.check("ctl update --device-read-iops /dev/vda:100 writer")
    assert read(vm, "writer", "io.max") == [f"{number} rbps=max wbps=2097152 riops=100 wiops=max"], "what else was limited stays"
    refused(vm, "ctl update --device-write-bps /dev/vda:0 writer", "0 is out of range")
    refused(vm, "ctl update --device-write-bps /dev/null:1M writer", "'/dev/null' is not a block device")
    refused(vm, "ctl update --device-write-bps /dev/nope:1M writer", "/dev/nope")
    daemon.clear(vm)


def test_as_by_hand(vm):
    """What tutorials do with mkdir and echo, and with cgcreate and cgset, is what the options do."""
    daemon.start(vm)
    vm.check("cd /sys/fs/cgroup && mkdir -p byhand && echo '+cpu +cpuset +memory +pids' >cgroup.subtree_control && cd byhand && "
             "echo '10000 100000' >cpu.max && echo 0 >cpuset.cpus && echo 64M >memory.max && echo 100 >pids.max && "
             "cgcreate -g cpu,memory:tools && cgset -r cpu.max='10000 100000' -r memory.high=33554432 -r cpu.weight=50 tools")
    assert vm.check("cgexec -g cpu,memory:tools cat /proc/self/cgroup | grep tools").strip() == "0::/tools"
    vm.check("ctl run -d --name same --cpus 0.1 --cpuset-cpus 0 -m 64m --pids-limit 100 --memory-high 32m --cpu-weight 50 "
             "busybox sleep 100000")
    for file in ("cpu.max", "cpuset.cpus", "memory.max", "pids.max"):
        assert read(vm, "same", file) == [vm.check(f"cat /sys/fs/cgroup/byhand/{file}").strip()], file
    for file in ("cpu.max", "memory.high", "cpu.weight"):
        assert read(vm, "same", file) == [vm.check(f"cat /sys/fs/cgroup/tools/{file}").strip()], file
    # from inside, too
    assert vm.check("ctl run --rm --cpu-quota 10000 --cpu-period 100000 busybox cat /sys/fs/cgroup/cpu.max").strip() == "10000 100000"
    assert vm.check("ctl run --rm --cgroup-conf cpu.max='20000 100000' --cgroup-conf memory.oom.group=0 busybox cat "
                    "/sys/fs/cgroup/cpu.max /sys/fs/cgroup/memory.oom.group").split() == ["20000", "100000", "0"]
    vm.check("rmdir /sys/fs/cgroup/byhand; cgdelete -g cpu,memory:tools")
    daemon.clear(vm)


def test_defaults_and_protection(vm):
    """2048 processes, all killed together; what is protected is protected in our own folders, too."""
    daemon.start(vm)
    vm.check("ctl run -d --name a --memory-low 8m --memory-min 4m busybox sleep 100000")
    vm.check("ctl run -d --name b --memory-low 16m --cgroup-parent web/front busybox sleep 100000")
    assert read(vm, "a", "pids.max", "memory.oom.group", "memory.low", "memory.min") == ["2048", "1", "8388608", "4194304"]
    folder = json.loads(vm.check("ctl info --format json"))["cgroup"]["path"]
    assert vm.check(f"cat {folder}/memory.low {folder}/memory.min {folder}/web/memory.low {folder}/web/front/memory.low"
                    ).split() == ["25165824", "4194304", "16777216", "16777216"]
    vm.check("ctl update --memory-low 32m b")
    assert vm.check(f"cat {folder}/memory.low {folder}/web/memory.low").split() == ["41943040", "33554432"]
    vm.check("ctl run -d --name c busybox sleep 100000 && ctl update --memory-low 1m c")
    assert vm.check(f"cat {folder}/memory.low").strip() == "42991616"
    remove(vm, "b", "c")
    assert vm.check(f"cat {folder}/memory.low; ls {folder} | grep -c web || true").split() == ["8388608", "0"]
    limits = daemon.inspect(vm, "a")["limits"]
    assert limits["pids.max"] == {"wanted": "2048", "asked": False, "effective": "2048"}, limits
    assert limits["memory.low"] == {"wanted": "8388608", "asked": True, "effective": "8388608"}, limits
    daemon.clear(vm)


def test_limits_outlive_the_daemon(vm):
    """kill -9, restart, reload, daemon-reload: the files say what they said, and so does inspect; a start has them again."""
    daemon.start(vm)
    vm.check("ctl run -d --name c -m 64m --cpus 0.5 --pids-limit 50 --cpuset-cpus 1 busybox sleep 100000 && ctl create --name d busybox sleep 1000")
    vm.check("ctl update -m 96m --cpu-weight 77 c && ctl update --pids-limit 9 d")
    files = ("memory.max", "memory.swap.max", "cpu.max", "cpu.weight", "pids.max", "cpuset.cpus")
    expected = ["100663296", "100663296", "50000 100000", "77", "50", "1"]
    assert read(vm, "c", *files) == expected
    main = f"systemctl show -p MainPID --value {daemon.UNIT}"
    for action in (f"kill -KILL $({main})", f"systemctl restart {daemon.UNIT}", f"systemctl reload {daemon.UNIT}",
                   "systemctl daemon-reload"):
        vm.check(action, 120)
        daemon.answers(vm)
        assert read(vm, "c", *files) == expected, action
        found = daemon.inspect(vm, "c")["limits"]
        assert [found[file]["effective"] for file in files] == expected, action
    vm.check("ctl restart -t 0 c && ctl start d", 120)
    assert read(vm, "c", *files) == expected, "after a restart of the container"
    assert read(vm, "d", "pids.max") == ["9"], "an update of what did not run yet"
    daemon.clear(vm)


def test_no_cgroup_is_left(vm):
    """500 run and removed, with limits: not one folder more than before."""
    daemon.start(vm)
    vm.check("ctl run --rm -m 64m busybox true")
    count = "find /sys/fs/cgroup/system.slice/containerd-lite-containers.service -type d | wc -l"
    before = vm.check(count).strip()
    vm.check("seq 500 | xargs -P 4 -n 1 sh -c 'ctl run --rm -m 64m --cpus 0.5 --pids-limit 20 --cgroup-parent web/a$(($0 % 3)) busybox true' ", 900)
    daemon.until(vm, f"[ $({count}) = {before} ]")
    daemon.clear(vm)
