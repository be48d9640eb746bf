"""client.py: the daemon's socket without ctl, for what ctl would never do. Imported by the py scripts of the tests."""
import json
import os
import socket
import struct
import sys
import time

CONTAINER = "io.containerdlite.container."
SYSTEM = "io.containerdlite.system."
STDIN, STDOUT, STDERR, RESIZE, STDIN_END, SIGNAL, TAKEN, GAP, EXIT, ERROR = 0, 1, 2, 16, 17, 18, 19, 32, 33, 34
STDIN_WINDOW = 256 * 1024
FACTOR = int(os.environ.get("TEST_FACTOR") or 1)  # how much slower than usual this machine is


class Closed(Exception):
    pass


class Conn:
    """One connection; end is b"\\0" or b"\\n"."""

    def __init__(self, end=b"\0", path=None, timeout=30):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(timeout * FACTOR)
        self.sock.connect(path or os.environ["CTL_SOCKET"])
        self.end, self.buffer = end, b""

    def raw(self, data):
        self.sock.sendall(data)

    def send(self, method, parameters=None, **flags):
        call = {"method": method if method.startswith(("io.", "org.")) else CONTAINER + method}
        if parameters is not None:
            call["parameters"] = parameters
        call.update(flags)
        self.raw(json.dumps(call).encode() + self.end)

    def more(self):
        data = self.sock.recv(1 << 16)
        if not data:
            raise Closed(self.buffer)
        self.buffer += data

    def recv(self):
        """The next reply."""
        while self.end not in self.buffer:
            self.more()
        text, self.buffer = self.buffer.split(self.end, 1)
        return json.loads(text)

    def call(self, method, parameters=None, **flags):
        self.send(method, parameters, **flags)
        return self.recv()

    def take(self, size):
        while len(self.buffer) < size:
            self.more()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def frame(self):
        """The next frame: type and payload."""
        kind, zeros, size = struct.unpack(">B3sI", self.take(8))
        assert zeros == b"\0\0\0" and size <= 65536, (kind, zeros, size)
        return kind, self.take(size)

    def send_frame(self, kind, payload=b""):
        self.raw(struct.pack(">B3xI", kind, len(payload)) + payload)

    def rest(self):
        """All bytes until end of file."""
        try:
            while True:
                self.more()
        except (Closed, ConnectionResetError):
            return self.buffer

    def close(self):
        self.sock.close()


class Session:
    """A container's console: Run or Start by upgrade. Collects what comes, in order."""

    def __init__(self, method, parameters, conn=None):
        self.conn = conn or Conn()
        self.reply = self.conn.call(method, parameters, upgrade=True)
        assert "error" not in self.reply, self.reply
        self.streams = {STDOUT: bytearray(), STDERR: bytearray()}
        self.gaps, self.taken, self.sent, self.exit, self.error = [], 0, 0, None, None

    def step(self):
        """Takes one frame; False after the last."""
        try:
            kind, payload = self.conn.frame()
        except Closed:
            return False
        if kind in self.streams:
            self.streams[kind] += payload
        elif kind == TAKEN:
            self.taken = struct.unpack(">Q", payload)[0]
        elif kind == GAP:
            self.gaps.append(struct.unpack(">B3xQQ", payload))
        elif kind == EXIT:
            self.exit = json.loads(payload)
        elif kind == ERROR:
            self.error = json.loads(payload)
        else:
            raise AssertionError(f"frame type {kind}")
        return True

    def finish(self):
        while self.step():
            pass
        return self

    def write(self, data):
        """stdin within the window."""
        while data:
            while self.sent - self.taken >= STDIN_WINDOW:
                if not self.step():
                    return
            part = data[:min(65536, STDIN_WINDOW - (self.sent - self.taken))]
            self.conn.send_frame(STDIN, part)
            self.sent += len(part)
            data = data[len(part):]

    def end_stdin(self):
        self.conn.send_frame(STDIN_END)
