"""fake.py: a daemon that does what no real one would: loses connections, miscounts, answers nonsense. For ctl's tests."""
import json
import os
import select
import signal
import socket
import struct
import subprocess
import time

STDIN, STDOUT, STDERR, STDIN_END, SIGNAL, TAKEN, GAP, EXIT, ERROR = 0, 1, 2, 17, 18, 19, 32, 33, 34
CONTAINER = "io.containerdlite.container."
EXITED = {"code": 0, "core_dumped": False, "oom_killed": False, "reason": "exited"}
STARTED = {"id": "0123456789abcdef" * 2, "name": "web", "terminal": False, "stdin": True}


class Peer:
    """ctl's connection, as the daemon sees it."""

    def __init__(self, sock):
        self.sock, self.buffer = sock, b""
        sock.settimeout(10)

    def more(self):
        data = self.sock.recv(1 << 16)
        assert data, f"ctl hung up; unread: {self.buffer[:200]}"
        self.buffer += data

    def call(self, method=None):
        """The next call; its parameters if this is its method."""
        while b"\0" not in self.buffer:
            self.more()
        text, self.buffer = self.buffer.split(b"\0", 1)
        found = json.loads(text)
        if method is None:
            return found
        assert found["method"].endswith("." + method), found
        return found["parameters"]

    def reply(self, parameters, **more):
        self.sock.sendall(json.dumps(dict(parameters=parameters, **more)).encode() + b"\0")

    def error(self, name, **parameters):
        self.sock.sendall(json.dumps(dict(error=CONTAINER + name, parameters=parameters)).encode() + b"\0")

    def frame(self, kind, payload=b""):
        if isinstance(payload, dict):
            payload = json.dumps(payload).encode()
        self.sock.sendall(struct.pack(">B3xI", kind, len(payload)) + payload)

    def taken(self, count):
        self.frame(TAKEN, struct.pack(">Q", count))

    def exit(self, stdout=0, stderr=0, **changes):
        self.frame(EXIT, {"exit": dict(EXITED, **changes), "stdout": stdout, "stderr": stderr})

    def take_frame(self):
        while len(self.buffer) < 8 or len(self.buffer) < 8 + struct.unpack(">I", self.buffer[4:8])[0]:
            self.more()
        size = struct.unpack(">I", self.buffer[4:8])[0]
        kind, payload, self.buffer = self.buffer[0], self.buffer[8:8 + size], self.buffer[8 + size:]
        return kind, payload

    def quiet(self, seconds=0.3):
        """Nothing more comes."""
        return not self.buffer and not select.select([self.sock], [], [], seconds)[0]

    def close(self):
        self.sock.close()


class Fake:
    def __init__(self):
        self.path = os.path.join(os.environ["T"], "fake.socket")
        self.listen()

    def listen(self):
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.settimeout(10)
        self.listener.bind(self.path)
        self.listener.listen(8)

    def away(self):
        self.listener.close()
        os.unlink(self.path)

    def accept(self):
        return Peer(self.listener.accept()[0])

    def ctl(self, *words, **more):
        environment = dict(os.environ, CTL_SOCKET=self.path)
        more = dict(dict(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE), **more)
        return subprocess.Popen(["ctl", *words], env=environment, **more)

    def console(self, *words, **more):
        """A `run` that has got its reply."""
        process = self.ctl("run", "--name", "web", *words, "busybox", "true", **more)
        peer = self.accept()
        call = peer.call()
        assert call["upgrade"] and call["method"] == CONTAINER + "Run", call
        peer.reply(STARTED)
        peer.parameters = call["parameters"]
        return process, peer


def ends(process, code, out=b"", err=b""):
    """ctl ends so, having said exactly this."""
    found_out, found_err = process.communicate(timeout=40)
    expected, found = (code, out, err), (process.returncode, found_out, found_err)
    if expected != found:
        raise AssertionError(f"expected {str(expected)[:2000]}, got {str(found)[:2000]}")
