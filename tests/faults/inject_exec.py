"""inject_exec.py: an exec in a running container, over and over, each time with another system call of the shim, of the
joiner or of the clone that executes the program failing (strace -e inject, attached to the shim).

After each: exit code 0, or one sentence; the shim has the children and descriptors that it had, the container runs, and
an undisturbed exec works. One line per system call on stdout: `ok NAME` or `not ok NAME: why`.
"""
import collections
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("BUILD") or "build")
CTL = os.path.join(BUILD, "ctl")
LIMIT = 30  # seconds for one exec, strace included
OUTPUT = "written"  # by the program
PER_CALL = 12  # faults; of loops that make one call over and over only every so-manieth

# Calls that cannot fail, or whose failure tells nothing: the kernel does them anyway.
SPARED = {"brk", "close", "exit_group", "munmap", "rt_sigreturn", "restart_syscall", "getpid", "umask", "execve",
          "getrandom", "epoll_wait", "clock_gettime"}
ERRORS = ["ENOMEM", "EACCES"]
# Waiting for a child of one's own fails for an interruption only; a socket that refuses for good is a lost one.
ONLY = {"waitid": ["EINTR"], "poll": ["EINTR"], "recvmsg": ["ENOMEM", "EINTR"], "sendmsg": ["ENOMEM", "EAGAIN"]}


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
        return file.read().split()


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class Rig:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="containerd-lite-faults-", dir="/var/tmp")
        self.trace = os.path.join(self.folder, "trace")
        os.environ["CTL_SOCKET"] = os.path.join(self.folder, "run/containerd-lite.sock")
        with open(os.path.join(self.folder, "log"), "wb") as log:
            self.daemon = subprocess.Popen([f"{BUILD}/containerd-lite", "--state-dir", f"{self.folder}/state", "--run-dir",
                                            f"{self.folder}/run"], stderr=log, stdin=subprocess.DEVNULL)
        while subprocess.run([CTL, "ps"], capture_output=True, check=False).returncode != 0:
            time.sleep(0.05)
        self.ctl("run", "-d", "--init", "--name", "c", "busybox", "sleep", "100000")
        first = json.loads(self.ctl("inspect", "c"))[0]["pid"]
        with open(f"/proc/{first}/stat", encoding="utf-8") as file:
            self.shim = int(file.read().rpartition(")")[2].split()[1])
        self.exec()
        self.exec()
        self.clean = self.state()
        # What belongs to those two may go a moment later.
        for _ in range(25):
            time.sleep(0.02)
            self.clean = min(self.clean, self.state())

    @staticmethod
    def ctl(*arguments):
        return subprocess.run([CTL, *arguments], check=True, stdout=subprocess.PIPE).stdout.decode()

    @staticmethod
    def exec():
        """(code, stdout, stderr), code None if it took too long."""
        try:
            done = subprocess.run([CTL, "exec", "-u", "daemon", "c", "echo", OUTPUT], stdin=subprocess.DEVNULL, capture_output=True,
                                  timeout=LIMIT, check=False)
        except subprocess.TimeoutExpired:
            return None, "", ""
        return done.returncode, *(text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))

    def state(self):
        return len(children(self.shim)), descriptors(self.shim)

    def traced(self, *options):
        with subprocess.Popen(["strace", "-f", "-o", self.trace, *options, "-p", str(self.shim)], stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL) as strace:
            while b"attached" not in (line := strace.stderr.readline()):
                if not line:
                    sys.exit("strace does not attach")
            try:
                return self.exec()
            finally:
                self.rest()
                strace.terminate()
                strace.stderr.read()

    def rest(self):
        """Until the shim has nothing to do: in the middle of a call strace would leave it with an error (ENOSYS) that
        nobody asked for."""
        end, asleep = time.monotonic() + 10, 0
        while '"running"' in self.ctl("sessions", "--format", "json", "c") and time.monotonic() < end:
            time.sleep(0.02)
        while asleep < 3 and time.monotonic() < end and os.path.exists(f"/proc/{self.shim}"):
            with open(f"/proc/{self.shim}/stat", encoding="utf-8") as file:
                asleep = asleep + 1 if file.read().rpartition(")")[2].split()[0] == "S" else 0
            time.sleep(0.01)

    def settled(self):
        """What is not as it was, or None."""
        end = time.monotonic() + 10
        if not os.path.exists(f"/proc/{self.shim}"):
            with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as log:
                return "the shim is dead; " + log.read()[-300:].replace("\n", "; ")
        while True:
            state = self.state()
            if all(now <= then for now, then in zip(state, self.clean)):
                return None
            if time.monotonic() > end:
                return f"children and descriptors are {state}, were {self.clean}"
            time.sleep(0.02)

    def done(self):
        subprocess.run([CTL, "rm", "-f", "c"], check=False, stdout=subprocess.DEVNULL)
        self.daemon.terminate()
        self.daemon.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def points(trace):
    """(call, n) of the shim, the joiner and the clone until it has executed the program; n as strace counts."""
    counts = collections.defaultdict(collections.Counter)
    over, found = set(), collections.OrderedDict()
    with open(trace, encoding="utf-8", errors="replace") as file:
        for line in file:
            match = re.match(r"(\d+) +(?:([a-z0-9_]+)\(|<\.\.\. execve resumed>)(.*)", line)
            if not match or match.group(1) in over:
                continue
            pid, call, rest = match.groups()
            if (call is None or call == "execve") and rest.endswith("= 0"):
                over.add(pid)
            elif call is not None:
                counts[pid][call] += 1
                if call not in SPARED:
                    found[(call, counts[pid][call])] = True
    return found


def judge(rig, code, stdout, stderr):
    wrong = []
    lines = stderr.splitlines()
    sentences = [line for line in lines if line.startswith("ctl: c: ")]
    hints = [line for line in lines if line.startswith("hint: ")]
    # A client that was let go of asks how it ended.
    asked = "asking the daemon" in stderr
    if code is None:
        wrong.append(f"no end within {LIMIT} s")
    elif code != 0 and not asked and (len(sentences) != 1 or len(sentences) + len(hints) != len(lines)):
        wrong.append(f"exit code {code} and said {stderr!r}")
    elif code not in (0, 125, 126, 127, 255):
        wrong.append(f"exit code {code}")
    if stdout != OUTPUT + "\n" and (code == 0 or stdout):
        wrong.append(f"exit code {code} and wrote {stdout!r}")
    wrong += filter(None, [rig.settled()])
    code, stdout, stderr = rig.exec()
    if code != 0 or stdout != OUTPUT + "\n":
        wrong.append(f"the next exec: exit code {code}, wrote {stdout!r}, said {stderr!r}")
    return wrong


def faults(rig, only):
    code, stdout, stderr = rig.traced()
    if code != 0 or stdout != OUTPUT + "\n" or stderr:
        print(f"not ok undisturbed: exit code {code}, wrote {stdout!r}, said {stderr!r}")
        return 1
    cases = collections.OrderedDict()
    for call, n in points(rig.trace):
        if not only or call in only:
            cases.setdefault(call, []).extend((n, error) for error in ONLY.get(call, ERRORS))
    failures = 0
    for call, list_ in cases.items():
        wrong = []
        list_ = list_[::-(-len(list_) // PER_CALL)]
        for n, error in list_:
            end = rig.traced("-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={n}")
            wrong += [f"{error} at {n}: {what}" for what in judge(rig, *end)]
            if "the shim is dead" in "".join(wrong):
                print(f"not ok {call}: {'; '.join(wrong)}")
                return failures + 1
        failures += bool(wrong)
        print(f"not ok {call}: {'; '.join(wrong)}" if wrong else f"ok {call} ({len(list_)} faults)", flush=True)
    return failures


def main():
    if not os.path.exists(os.path.join(BUILD, "rootfs/busybox/bin/busybox")) or not shutil.which("strace"):
        print("skip exec: needs strace and the built-in root file system")
        return 0
    with open(os.path.join(BUILD, "containerd-lite-shim"), "rb") as file:
        if b"/ld-linux" in file.read(4096):
            print("skip exec: a sanitized build, whose runtime would be what fails")
            return 0
    rig = Rig()
    try:
        return 1 if faults(rig, sys.argv[1:]) else 0
    finally:
        rig.done()


if __name__ == "__main__":
    sys.exit(main())
