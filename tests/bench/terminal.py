"""terminal.py: what a terminal of a container's costs: a keystroke there and back, a stream, and a stream beside a client
that has been stopped. Each as a ratio to the least that there can be, taken in turns; used by run."""
import json
import os
import pty
import select
import signal
import statistics
import subprocess
import time

KEYS = int(os.environ.get("KEYS", "2000"))
STREAM_MIB = int(os.environ.get("STREAM_MIB", "64"))
STREAMS = int(os.environ.get("STREAMS", "7"))
GATE_KEY = 1.5
GATE_STREAM = 0.85
GATE_STOPPED = 0.9
ECHO = "stty raw -echo; echo ready; exec cat"
PRINT = f"stty raw -echo; echo ready; read x; head -c {STREAM_MIB}m /dev/zero; echo END; read x"


def read_to(fd, text):
    """Reads until text has come; how many bytes."""
    end, size = b"", 0
    while text not in end:
        data = os.read(fd, 65536)
        if not data:
            raise EOFError(end)
        size += len(data)
        end = (end + data)[-100:]
    return size


class Person:
    """A program on a terminal of its own, at whose other side this process sits."""

    def __init__(self, command):
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.execv(command[0], command)
        self.await_text(b"ready\n")

    def await_text(self, text):
        return read_to(self.master, text)

    def key(self):
        """One keystroke there and back, in µs."""
        begin = time.perf_counter()
        os.write(self.master, b"x")
        os.read(self.master, 1)
        return (time.perf_counter() - begin) * 1e6

    def stream(self):
        """MB/s."""
        os.write(self.master, b"\n")
        begin = time.perf_counter()
        size = self.await_text(b"END\n")
        return size / (time.perf_counter() - begin) / 1e6

    def leave(self):
        os.close(self.master)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def make_relay(folder):
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "relay.c")
    subprocess.run([os.environ.get("CC") or "cc", "-O2", "-o", f"{folder}/relay", source, "-lutil"], check=True)
    return f"{folder}/relay"


def run(ctl, script, *options):
    return [ctl, "run", "-it", "--rm", "--log-driver", "none", *options, "busybox", "sh", "-c", script]


def keystroke(ctl, relay, busybox):
    """Ratio of medians."""
    floor = subprocess_floor(relay, busybox, ECHO)
    mine = Person(run(ctl, ECHO))
    times = {floor: [], mine: []}
    for _ in range(KEYS // 50):
        for person, values in times.items():
            person.key()
            values += [person.key() for _ in range(50)]
    medians = [statistics.median(times[person]) for person in (mine, floor)]
    worst = [sorted(times[person])[len(times[person]) * 99 // 100] for person in (mine, floor)]
    print(f"  a keystroke there and back: {medians[0]:.0f} µs [p99 {worst[0]:.0f}], "
          f"through one relay {medians[1]:.0f} [{worst[1]:.0f}]")
    for person in times:
        person.leave()
    return medians[0] / medians[1]


def subprocess_floor(relay, busybox, script):
    """The program behind one relay; the terminal in front is raw, as ctl's is."""
    command = [busybox, "sh", "-c", f"stty raw -echo; exec {relay} {busybox} sh -c '{script}'"]
    return Person(command)


def piped(ctl):
    """A stream of a container's terminal into a pipe, MB/s."""
    with subprocess.Popen(run(ctl, PRINT, "--flow=block"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as client:
        read_to(client.stdout.fileno(), b"ready\n")
        os.write(client.stdin.fileno(), b"\n")
        begin = time.perf_counter()
        rate = read_to(client.stdout.fileno(), b"END\n") / (time.perf_counter() - begin) / 1e6
        client.kill()
    return rate


def seen(person):
    """A stream on a user's terminal, MB/s."""
    rate = person.stream()
    person.leave()
    return rate


def stream(ctl, relay, busybox):
    """Ratio of medians. On a user's terminal each byte goes through two of them, which nothing but the relay is held against."""
    ways = {"read": lambda: seen(Person([busybox, "sh", "-c", PRINT])),
            "piped": lambda: piped(ctl),
            "relayed": lambda: seen(subprocess_floor(relay, busybox, PRINT)),
            "seen": lambda: seen(Person(run(ctl, PRINT, "--flow=block")))}
    rates = {name: [] for name in ways}
    for _ in range(STREAMS):
        for name, way in ways.items():
            rates[name].append(way())
    medians = {name: statistics.median(values) for name, values in rates.items()}
    print(f"  a stream: into a pipe {medians['piped']:.0f} MB/s, a plain reader of a terminal {medians['read']:.0f}; "
          f"on one more terminal {medians['seen']:.0f}, there through one relay {medians['relayed']:.0f}")
    return medians["piped"] / medians["read"]


def beside(ctl, name, stopped):
    """One who reads all, and beside him one who has been stopped, or not. MB/s."""
    subprocess.run([ctl, "run", "-dit", "--rm", "--name", name, "--log-driver", "none", "busybox", "sh", "-c", PRINT],
                   stdout=subprocess.DEVNULL, check=True)
    other = None
    if stopped:
        other = subprocess.Popen([ctl, "attach", name], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        select.select([other.stdout], [], [])
        other.send_signal(signal.SIGSTOP)
    person = Person([ctl, "attach", "--flow=block", name])
    rate = person.stream()
    person.leave()
    if other:
        other.kill()
        other.wait()
    subprocess.run([ctl, "rm", "-f", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return rate


def stopped_client(ctl):
    rates = {True: [], False: []}
    for i in range(STREAMS):
        for stopped in (False, True):
            rates[stopped].append(beside(ctl, f"beside{i}{stopped}", stopped))
    medians = {stopped: statistics.median(values) for stopped, values in rates.items()}
    print(f"  a stream to one client: {medians[False]:.0f} MB/s, beside a stopped one {medians[True]:.0f}")
    return medians[True] / medians[False]


def clear(ctl):
    """Whoever was left goes: his containers would go on."""
    left = subprocess.run([ctl, "ps", "-aq"], stdout=subprocess.PIPE, check=True).stdout.split()
    if left:
        subprocess.run([ctl, "rm", "-f", *left], stdout=subprocess.DEVNULL, check=True)


def measure(ctl, folder, busybox):
    """Gates: passed, and what."""
    print(f"a terminal: {KEYS} keystrokes, {STREAMS} streams of {STREAM_MIB} MiB")
    relay = make_relay(folder)
    try:
        key = keystroke(ctl, relay, busybox)
        rate = stream(ctl, relay, busybox)
        rest = stopped_client(ctl)
    finally:
        clear(ctl)
    return [(key <= GATE_KEY, f"a keystroke takes {key:.2f} × one relay's, at most {GATE_KEY}"),
            (rate >= GATE_STREAM, f"a terminal's stream into a pipe has {rate:.2f} × a plain reader's speed, at least {GATE_STREAM}"),
            (rest >= GATE_STOPPED, f"beside a stopped client it has {rest:.2f} × its speed, at least {GATE_STOPPED}")]
