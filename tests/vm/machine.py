"""machine.py: one virtual machine. It boots, takes commands over a virtio port, and is powered off, rebooted, or has its
plug pulled; its disk stays the same over all of these.
"""
import ctypes
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
BOOT_LIMIT_S = 180  # on a machine that others use, too
# softlockup_panic: emulated processors that wait for each other for ever end the machine, with a trace; watchdog_thresh: after
# a minute, since they may also wait for a processor of the host.
# norandmaps: with the same addresses in each process the emulator translates a program once, not at each start: five times
# faster. The others save it work that only matters to an attacker, waits for RCU, switching before it must, huge pages that it
# would have to clear, the processor's string instructions (112: rep_good), which are slower than plain loops here, and checks of ciphers.
KERNEL_OPTIONS = ("console=ttyS0 quiet panic=-1 softlockup_panic=1 watchdog_thresh=30 apparmor=1 security=apparmor "
                  "systemd.show_status=0 systemd.getty_auto=0 norandmaps nokaslr mitigations=off audit=0 init_on_alloc=0 "
                  "hardened_usercopy=off cryptomgr.notests randomize_kstack_offset=off tsc=reliable rcupdate.rcu_expedited=1 "
                  "transparent_hugepage=never clearcpuid=112 preempt=none")


class MachineError(Exception):
    pass


class Skip(Exception):
    """A test that cannot be made here; its text says why."""


def wants(**features):
    """Decorator of a test: it gets a machine that was made with these (see Machine)."""
    def decorate(function):
        function.wants = features
        return function
    return decorate


def end_with_parent():
    """In the child: no machine outlives the runner, however that ends."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Machine:
    """files: folder with vmlinuz, initrd and base.img (tests/vm/guest); seed: a tar that is unpacked over the root at the
    first boot; folder: where its disk and its console's text go; volatile: its disk forgets what was not flushed when the
    plug is pulled; cpus: with one, and with less memory, it boots sooner; options: more of them for the kernel."""

    def __init__(self, files, seed, folder, volatile=False, cpus=2, memory="4G", options=""):
        self.files, self.seed, self.folder, self.volatile = files, seed, folder, volatile
        self.cpus, self.memory = cpus, memory
        self.options = f"{KERNEL_OPTIONS} {options}"
        self.server = None  # of a volatile disk
        self.random_seed = f"{time.time():.6f}"
        self.disk, self.console = os.path.join(folder, "disk.img"), os.path.join(folder, "console.log")
        self.qemu = self.port = None
        self.buffer = bytearray()  # what has come from the port and nobody has asked for yet
        self.fresh = True  # its disk is still to be made

    # --- power ---

    def boot(self):
        """From power-on until it takes commands; returns the seconds."""
        started = time.monotonic()
        if self.fresh:
            subprocess.run(["cp", "--sparse=always", os.path.join(self.files, "base.img"), self.disk], check=True)
        # Its sockets need short paths, and must be there until QEMU has opened all of them.
        with tempfile.TemporaryDirectory(prefix="vm.") as folder, \
                socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            path = os.path.join(folder, "port")
            listener.bind(path)
            listener.listen(1)
            listener.settimeout(1)
            self.power_on(folder, path)
            try:
                self.port, self.buffer = self.accept(listener, started + BOOT_LIMIT_S), bytearray()
                self.read_until(b"vm-agent ready\n", BOOT_LIMIT_S)
            except MachineError as error:
                self.power_cut()
                raise MachineError(f"it did not boot: {error}; {self.console_end()}") from None
        self.fresh = False
        return time.monotonic() - started

    def accept(self, listener, end):
        while self.running() and time.monotonic() < end:
            try:
                return listener.accept()[0]
            except TimeoutError:
                pass
        raise MachineError("QEMU did not start")

    def power_on(self, folder, port):
        drive = f"file={self.disk},cache=unsafe"
        if self.volatile:
            drive = f"file=nbd:unix:{self.serve_disk(folder)},cache=writeback"
        with open(self.console, "ab") as console:
            # With the translator's own tables in huge pages, too, it takes 3 % less time.
            self.qemu = subprocess.Popen(self.command(["-serial", "stdio"], drive) + [
                "-chardev", f"socket,id=port,path={port}", "-device", "virtio-serial",
                "-device", "virtserialport,chardev=port,name=vm"],
                stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT, start_new_session=True,
                env=dict(os.environ, GLIBC_TUNABLES="glibc.malloc.hugetlb=1"), preexec_fn=end_with_parent)

    def serve_disk(self, folder):
        """The volatile disk's server, which ends with its machine; returns its socket."""
        path = os.path.join(folder, "disk")
        server = os.path.join(os.path.dirname(os.path.abspath(__file__)), "disk.py")
        self.server = subprocess.Popen([sys.executable, server, self.disk, path, self.random_seed], stdout=subprocess.PIPE,
                                       start_new_session=True, preexec_fn=end_with_parent)
        if self.server.stdout.readline() != b"ready\n":
            raise MachineError(f"{server}: exit code {self.server.wait()}")
        return path

    def command(self, console, drive):
        """QEMU's command line; plain emulation: KVM does not work where this has to."""
        # cache=unsafe: what the guest flushed is in our page cache, which outlives QEMU: that is enough of a disk here.
        drives = [drive] + ([f"file={self.seed},cache=unsafe,readonly=on"] if self.fresh else [])
        return ["qemu-system-x86_64", "-accel", "tcg,thread=multi,tb-size=1024", "-M", "q35,hpet=off",
                "-cpu", "qemu64,+rdrand,+ssse3,+sse4.1,-svm", "-m", self.memory, "-smp", str(self.cpus), "-display", "none",
                "-no-reboot", "-nodefaults", "-no-user-config", *console,
                "-kernel", os.path.join(self.files, "vmlinuz"), "-initrd", os.path.join(self.files, "initrd"),
                "-append", f"{self.options}{' vm.seed' if self.fresh else ''}",
                *[word for drive in drives for word in ("-drive", f"{drive},if=virtio,format=raw")]]

    def shell(self):
        """A console for a person, until the machine is powered off (or ctrl-a x)."""
        subprocess.run(["cp", "--sparse=always", os.path.join(self.files, "base.img"), self.disk], check=True)
        drive = f"file={self.disk},cache=unsafe"
        return subprocess.run(self.command(["-serial", "mon:stdio"], drive), check=False).returncode

    def running(self):
        return self.qemu is not None and self.qemu.poll() is None

    def gone(self, limit):
        """Waits for QEMU's end (with -no-reboot a reboot is one, too)."""
        try:
            self.qemu.wait(limit)
        except subprocess.TimeoutExpired:
            self.power_cut()
            raise MachineError(f"the machine did not go down in {limit} s; {self.console}") from None
        self.after_power()

    def after_power(self):
        if self.port is not None:
            self.port.close()
        if self.server is not None:
            try:
                self.server.wait(60)
            except subprocess.TimeoutExpired:  # QEMU never came
                self.server.kill()
                self.server.wait()
            self.server.stdout.close()
            self.server = None

    def power_off(self, limit=120):
        if self.running():
            self.tell("systemctl poweroff")
            self.gone(limit)

    def reboot(self, limit=120, sudden=False):
        """In good order, by systemd; sudden: by the kernel, at once, but with the disks synced."""
        self.tell("sync; systemctl reboot -ff" if sudden else "systemctl reboot")
        self.gone(limit)
        return self.boot()

    def power_cut(self):
        """Pulls the plug: what the guest had not written to its disk is lost; of what it had not flushed, some, if the disk
        is a volatile one."""
        if self.qemu is not None:
            self.qemu.kill()
            self.qemu.wait()
            self.after_power()

    def remove(self):
        """Its disk; the console's text stays."""
        if os.path.exists(self.disk):
            os.unlink(self.disk)

    # --- commands ---

    def tell(self, command):
        """A command whose answer nobody waits for."""
        self.port.sendall(f"({command}) </dev/null >/dev/null 2>&1 &\n".encode())

    def run(self, command, limit=60, on_line=None, silence=float("inf")):
        """A command in bash: its exit code, and what it wrote to stdout and stderr. on_line gets each line at once; silence:
        how long it may say nothing."""
        mark = uuid.uuid4().hex.encode()
        text = command.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
        self.port.sendall(f"bash -c $'{text}' </dev/null; printf '{mark.decode()} %d\\n' $?\n".encode())
        output = self.read_until(mark, limit, on_line, silence)
        return int(self.read_until(b"\n", 10)), output.decode("utf-8", "replace")

    def check(self, command, limit=60):
        """What the command wrote; it must succeed."""
        code, output = self.run(command, limit)
        if code != 0:
            raise MachineError(f"exit code {code} in the guest: {command}\n{output}")
        return output

    def fetch(self, path, folder):
        """Copies a folder of the guest here."""
        mark = uuid.uuid4().hex.encode()
        self.port.sendall(f"tar -C {path} -cf - . 2>/dev/null; printf '{mark.decode()}'\n".encode())
        os.makedirs(folder, exist_ok=True)
        subprocess.run(["tar", "-x", "-C", folder, "--no-same-owner"], input=self.read_until(mark, 120), check=False)

    def read_until(self, mark, limit, on_line=None, silence=float("inf")):
        """What comes before the mark; on_line sees the complete lines of it while they come."""
        end, told = time.monotonic() + limit, 0
        heard = time.monotonic()
        while (at := self.buffer.find(mark)) < 0:
            while on_line and (line := self.buffer.find(b"\n", told)) >= 0:
                on_line(self.buffer[told:line].decode("utf-8", "replace"))
                told = line + 1
            left = min(end, heard + silence) - time.monotonic()
            if left <= 0:
                raise MachineError(f"no answer in {limit if limit < silence else silence} s; so far: "
                                   f"{bytes(self.buffer[-2000:]).decode('utf-8', 'replace')}")
            if not select.select([self.port], [], [], min(left, 60))[0]:
                continue
            data = self.port.recv(1 << 16)
            if not data:
                self.qemu.wait(10)
                raise MachineError(f"the machine went down; {self.console} ends with:\n{self.console_end()}")
            self.buffer += data
            heard = time.monotonic()
        output, self.buffer = bytes(self.buffer[:at]), self.buffer[at + len(mark):]
        for line in output[told:].splitlines() if on_line else ():
            on_line(line.decode("utf-8", "replace"))
        return output

    def locked_up(self):
        """Emulation's fault and nobody else's: its processors wait for each other for ever."""
        with open(self.console, "rb") as file:
            return b"soft lockup" in file.read()

    def console_end(self):
        with open(self.console, "rb") as file:
            return file.read()[-2000:].decode("utf-8", "replace")
