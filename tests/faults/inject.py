"""inject.py: a start of a bundle, over and over, each time with another system call failing (strace -e inject).

The calls are those that an undisturbed start makes, in the runner and in the container's first process until it
executes its program; over an overlay, and in the root itself with --init. After each: exit code 0, or one sentence and nothing else on stderr; no cgroup, no file, no
mount, no process left. One line per system call on stdout: `ok NAME` or `not ok NAME: why`.
"""
import collections
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("BUILD") or "build")
SHIM = os.path.join(BUILD, "containerd-lite-shim")
LIMIT = 20  # seconds for one start, strace included
PER_CALL = 40  # faults; of loops that make one call over and over only every so-manieth

# Calls that cannot fail, or whose failure tells nothing: the kernel does them anyway. brk(2) fails by giving back the
# old end, which strace cannot fake.
SPARED = {"brk", "close", "exit_group", "munmap", "rt_sigreturn", "restart_syscall", "getpid", "umask", "execve", "getrandom"}
ERRORS = ["ENOMEM", "EACCES"]
# Those that exist to survive an interruption.
EXTRA = {"poll": ["EINTR"], "waitid": ["EINTR"], "recvfrom": ["EINTR"], "read": ["EINTR"], "pread64": ["EINTR"],
         "sendfile": ["EINTR"], "execveat": [], "move_mount": ["ENOSPC"], "openat2": ["EAGAIN"],
         "unlinkat": ["EBUSY"]}


def config(folder):
    """A bundle that goes through every step."""
    system = [("/proc", "proc", []), ("/dev", "tmpfs", ["nosuid", "mode=755"]), ("/dev/pts", "devpts", ["newinstance"]),
              ("/dev/shm", "tmpfs", ["size=1m"]), ("/dev/mqueue", "mqueue", []), ("/sys", "sysfs", ["ro"]),
              ("/sys/fs/cgroup", "cgroup", ["ro"]), ("/scratch/deep", "tmpfs", ["ro"])]
    mounts = [{"destination": place, "type": kind, "source": kind, "options": options}
              for place, kind, options in system]
    mounts.append({"destination": "/here/it/is", "type": "bind", "source": folder, "options": ["rbind", "ro"]})
    mounts.append({"destination": "/file", "type": "bind", "source": os.path.join(folder, "config.json"),
                   "options": ["bind"]})
    return {
        "ociVersion": "1.0.2",
        "process": {"args": ["true"], "cwd": "/made/for/it", "env": ["PATH=/bin"], "noNewPrivileges": True,
                    "user": {"uid": 33, "gid": 33, "additionalGids": [4]}, "oomScoreAdj": 100,
                    "capabilities": {s: ["CAP_KILL", "CAP_CHOWN"]
                                     for s in ("bounding", "effective", "permitted", "inheritable", "ambient")},
                    "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 256, "hard": 256}]},
        "root": {"path": os.path.join(BUILD, "rootfs/busybox"), "readonly": True},
        "hostname": "faults", "domainname": "example", "mounts": mounts,
        "linux": {"namespaces": [{"type": t} for t in ("pid", "network", "ipc", "uts", "mount", "cgroup")],
                  "sysctl": {"kernel.msgmax": "8192"},
                  "maskedPaths": ["/proc/keys", "/proc/acpi", "/sys/firmware", "/proc/timer_list"],
                  "readonlyPaths": ["/proc/sys", "/proc/bus"]}}


class Rig:
    def __init__(self, name, direct):
        self.name = name
        self.folder = tempfile.mkdtemp(prefix="containerd-lite-faults-", dir="/var/tmp")
        self.layers = os.path.join(self.folder, "layers")
        self.trace = os.path.join(self.folder, "trace")
        self.parent = os.path.basename(self.folder)
        os.mkdir(self.layers)
        bundle = os.path.join(self.folder, "bundle")
        os.mkdir(bundle)
        with open(os.path.join(bundle, "config.json"), "w", encoding="utf-8") as file:
            json.dump(config(bundle), file)
        root = os.path.join(BUILD, "rootfs/busybox")
        if direct:
            root = shutil.copytree(root, os.path.join(self.folder, "root"), symlinks=True)
        self.command = [SHIM, "--bundle", bundle, "--cgroup-parent", self.parent,
                        *(["--init", "--user", "33:33", "--rootfs-rw", root] if direct else ["--rootfs", root])]
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            found = re.search(r"^\S+ \S+ \S+ \S+ (\S+) .* - cgroup2 ", file.read(), re.MULTILINE)
        self.cgroup = os.path.join(found.group(1), self.parent)
        self.mounts = self.mountinfo()

    @staticmethod
    def mountinfo():
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            return file.read()

    def start(self, *options):
        """(code, stderr), code None if it took too long."""
        command = ["strace", "-f", "-o", self.trace, *options, *self.command]
        environment = {"PATH": os.environ["PATH"], "TMPDIR": self.layers}
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=environment, start_new_session=True) as process:
            try:
                _, stderr = process.communicate(timeout=LIMIT)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                return None, ""
        return process.returncode, stderr.decode("utf-8", "replace")

    def calls(self):
        """The trace as {pid: [(call, whether it came back with success)]}, in the order of the first appearance."""
        found = collections.OrderedDict()
        with open(self.trace, encoding="utf-8", errors="replace") as file:
            for line in file:
                match = re.match(r"(\d+) +([a-z0-9_]+)\((.*)", line)
                if match:
                    found.setdefault(match.group(1), []).append((match.group(2), match.group(3)))
        return found

    def executed(self):
        """Whether the program ran: what happens in it afterwards is its own affair."""
        with open(self.trace, encoding="utf-8", errors="replace") as file:
            text = file.read()
        lines = [line for line in text.splitlines() if "execve" in line and " = 0" in line]
        return len([line for line in lines if "execve(" in line or "<... execve resumed>" in line]) > 1

    def leftovers(self):
        """What is still there, in words; and removes it."""
        found = []
        if os.listdir(self.layers):
            found.append("a folder of layers")
            shutil.rmtree(self.layers)
            os.mkdir(self.layers)
        if os.path.isdir(self.cgroup):
            found.append("a cgroup")
            self.remove_cgroup()
        if self.mountinfo() != self.mounts:
            found.append("a mount")
        return found

    def remove_cgroup(self):
        for kill in glob.glob(os.path.join(self.cgroup, "*", "cgroup.kill")):
            with open(kill, "w", encoding="utf-8") as file:
                file.write("1")
        for _ in range(100):
            for child in glob.glob(os.path.join(self.cgroup, "*/")):
                subprocess.run(["rmdir", child], check=False, stderr=subprocess.DEVNULL)
            if subprocess.run(["rmdir", self.cgroup], check=False, stderr=subprocess.DEVNULL).returncode == 0:
                return

    def done(self):
        shutil.rmtree(self.folder)


def points(calls):
    """(call, n) of everything from main() on until the program is executed: n counts from the process's start, as
    strace does it."""
    found = collections.OrderedDict()
    for index, (_, sequence) in enumerate(list(calls.items())[:2]):
        counts = collections.Counter()
        # The container's first process is ours from its first call; the runner after libc's start-up, twice.
        ours = index > 0
        last_exec = max((i for i, (call, _) in enumerate(sequence) if call.startswith("execve")),
                        default=len(sequence))
        for i, (call, rest) in enumerate(sequence):
            counts[call] += 1
            if index > 0 and i >= last_exec:
                break
            if call == "openat" and "/proc/self/exe" in rest:
                ours = True
            if ours and call not in SPARED:
                found[(call, counts[call])] = True
            if index == 0 and call == "execveat":
                ours = False
    return found


def judge(rig, call, code, stderr):
    """What is wrong with the end of a start, or None."""
    wrong = rig.leftovers()
    if code is None:
        wrong.append(f"no end within {LIMIT} s")
    elif code != 0 and not rig.executed():
        lines = stderr.splitlines()
        sentences = [line for line in lines if line.startswith("containerd-lite-shim: ")]
        hints = [line for line in lines if line.startswith("hint: ")]
        if call == "write" and not lines:
            pass  # the sentence itself was the runner's first write
        elif len(sentences) != 1 or len(sentences) + len(hints) != len(lines):
            wrong.append(f"exit code {code} and said {stderr!r}")
        elif code not in (125, 126, 127):
            wrong.append(f"exit code {code}")
    return wrong


def faults(rig, only, done):
    """Every fault of one rig whose call at that place was not met before; the number of calls that went wrong."""
    code, stderr = rig.start()
    if code != 0 or stderr:
        print(f"not ok {rig.name} undisturbed: exit code {code}, said {stderr!r}")
        return 1
    cases = collections.OrderedDict()
    for call, n in points(rig.calls()):
        if not only or call in only:
            cases.setdefault(call, []).extend((n, error) for error in ERRORS + EXTRA.get(call, []))
    failures = 0
    for call, list_ in cases.items():
        if call in done:
            continue
        wrong = []
        list_ = list_[::-(-len(list_) // PER_CALL)]
        for n, error in list_:
            code, stderr = rig.start("-e", f"trace=execve,execveat,{call}", "-e", f"inject={call}:error={error}:when={n}")
            wrong += [f"{error} at {n}: {what}" for what in judge(rig, call, code, stderr)]
        failures += bool(wrong)
        print(f"not ok {rig.name} {call}: {'; '.join(wrong)}" if wrong else
              f"ok {rig.name} {call} ({len(list_)} faults)", flush=True)
    return failures


def main():
    if not os.path.exists(os.path.join(BUILD, "rootfs/busybox/bin/busybox")) or not shutil.which("strace"):
        print("skip start: needs strace and the built-in root file system")
        return 0
    with open(SHIM, "rb") as file:
        if b"/ld-linux" in file.read(4096):
            print("skip start: a sanitized build, whose runtime would be what fails")
            return 0
    failures = 0
    # What both starts do alike is tried in the first one.
    same = {"prctl", "fsconfig", "fsopen", "fsmount", "mknodat", "symlinkat", "rt_sigaction", "getdents64", "unlinkat"}
    for name, direct, done in (("overlay", False, set()), ("direct", True, same)):
        rig = Rig(name, direct)
        try:
            failures += faults(rig, sys.argv[1:], done)
        finally:
            rig.leftovers()
            rig.done()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
