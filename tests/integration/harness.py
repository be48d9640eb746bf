"""harness.py: one integration test, and what it must not leave behind. tests/run forks a process for each.

The function runs in bash with lib.sh, in a mount namespace of its own (it unmounts what it mounts itself, and every
mount of ours would show) below this process, which is a child subreaper: whatever the test or its daemon leaves
running ends up here, however often it forked.
"""
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TOP = os.environ["TOP"]
LIB = os.path.join(TOP, "tests", "integration", "lib.sh")
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
CLONE_NEWNS = 0x20000
MS_REC_PRIVATE = 0x4000 | 0x40000
LIBC = ctypes.CDLL(None, use_errno=True)
SKIPPED = 77
FACTOR = int(os.environ.get("TEST_FACTOR") or 1)  # all waiting is this much longer


def isolate():
    # Interrupted, or its runner gone: what it started goes all the same.
    for sig in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
        signal.signal(sig, lambda *_: sys.exit(1))
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "prctl")
    if LIBC.unshare(CLONE_NEWNS) < 0 or LIBC.mount(b"none", b"/", None, MS_REC_PRIVATE, None) < 0:
        raise OSError(ctypes.get_errno(), "a mount namespace of our own (the tests need root)")


def mounts():
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
        return {line.split(" ", 1)[1] for line in file}


def descendants():
    """pid → command line of everything below this process."""
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        if not file.read().strip():  # nor grandchildren: they would be its own by now
            return {}
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                    fields = file.read().rpartition(")")[2].split()
                parents[int(entry)] = (int(fields[1]), fields[0])
            except OSError:
                pass
    found = {}
    for pid, (_, state) in parents.items():
        above = pid
        while above in parents and above != os.getpid():
            above = parents[above][0]
        if above == os.getpid() and pid != os.getpid() and state != "Z":
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    command = file.read().replace(b"\0", b" ").decode("utf-8", "replace").strip()
                found[pid] = f"pid {pid} ({state}): {command}"
            except OSError:
                pass
    return found


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def wait_for(test, limit):
    """The test's exit code, or None after the time limit; meanwhile this is the init that orphans expect."""
    end = time.monotonic() + limit
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    while True:
        try:
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                if found[0] == test:
                    return os.waitstatus_to_exitcode(found[1])
        except ChildProcessError:
            return 1
        if time.monotonic() > end:
            return None
        signal.sigtimedwait([signal.SIGCHLD], end - time.monotonic() + 0.1)


def settle(look, seconds):
    """Waits for look() to find nothing; returns what it still finds then."""
    end = time.monotonic() + seconds * FACTOR
    while True:
        reap()
        found = look()
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.02 * FACTOR)


def kill_rest():
    for _ in range(100):
        rest = descendants()
        if not rest:
            return
        for pid in rest:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.05)
        reap()


def unmount(points):
    """Takes left-over mounts away before the folder is deleted: what lies behind one is not the test's."""
    for line in sorted(points, reverse=True):
        point = line.split(" ")[3].encode().decode("unicode_escape").encode("latin-1")
        LIBC.umount2(point, 2)  # MNT_DETACH


def cgroups(folder):
    """The cgroup folders that lib.sh noted for this test's daemons, as far as they are still there."""
    try:
        with open(os.path.join(folder, ".cgroups"), encoding="utf-8") as file:
            return sorted({line.strip() for line in file if os.path.isdir(line.strip())})
    except FileNotFoundError:
        return []


def remove_cgroups(folder):
    for path in cgroups(folder):
        for inner, _, _ in os.walk(path, topdown=False):
            try:
                with open(os.path.join(inner, "cgroup.kill"), "w", encoding="utf-8") as file:
                    file.write("1")
                time.sleep(0.1)
            except OSError:
                pass
            try:
                os.rmdir(inner)
            except OSError as error:
                print(f"leak: {inner}: {error}")


def run_test(script, function, limit):
    """Exit code 0, 1, or 77 for skipped."""
    isolate()
    folder = tempfile.mkdtemp(prefix="cl.", dir=os.environ.get("TEST_TMP", "/tmp"))
    os.mkfifo(os.path.join(folder, ".pause"))
    before = mounts()
    environment = dict(os.environ, T=folder, TEST_SCRIPT=script, TEST_NAME=function)
    environment.pop("CTL_SOCKET", None)
    test = subprocess.Popen(["bash", "-c", 'source "$1"; test_main "$2" "$3"', "bash", LIB, script, function],
                            env=environment, cwd=folder, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        code = wait_for(test.pid, limit)
    except SystemExit:
        kill_rest()
        settle(lambda: descendants() or None, 2)
        remove_cgroups(folder)
        unmount(mounts() - before)
        if not mounts() - before:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    if code is None:
        print(f"timed out after {limit} s; what runs:")
        print("".join(f"  {line}\n" for line in descendants().values()), end="")
        code = 1
        kill_rest()
    leaks = list(settle(descendants, 3 if code in (0, SKIPPED) else 0).values())
    kill_rest()
    leaks += [f"mount: {line.strip()}" for line in sorted(mounts() - before)]
    leaks += [f"cgroup: {path}" for path in settle(lambda: cgroups(folder), 1)]
    remove_cgroups(folder)
    if code in (0, SKIPPED):
        for leak in leaks:
            print(f"leak: {leak}")
            code = 1
    if code not in (0, SKIPPED):
        keep = os.environ["TEST_KEEP"]
        shutil.rmtree(keep, ignore_errors=True)
        # The texts only: a root file system or a gigabyte of output is no help.
        for inner, _, files in os.walk(folder):
            for name in files:
                path = os.path.join(inner, name)
                if os.path.isfile(path) and not os.path.islink(path) and os.path.getsize(path) < 1 << 20 \
                        and inner.count("/") < 8:
                    copy = keep + path[len(folder):]
                    os.makedirs(os.path.dirname(copy), exist_ok=True)
                    shutil.copyfile(path, copy)
    unmount(mounts() - before)
    if not mounts() - before:
        shutil.rmtree(folder, ignore_errors=True)
    return code if code in (0, SKIPPED) else 1
