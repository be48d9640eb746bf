"""shim_wire.py: what daemon and shim say to each other (common/control.h), by hand: a fake shim, and a fake daemon, of
another build than the one that they talk to."""
import os
import socket
import struct

VERSION = 1
FAILED, EXITED, EXIT_TAKEN, KILL, STOP, HELLO, STATUS = 3, 4, 5, 6, 7, 8, 9
RUNNING = 1
EXIT = "=QiibbxxIqqQQQQ512s128x"
FUTURE = bytes(2048) + b"\xff" * 64  # fields that no build has: behind all that it may have by now
FIRST_STATUS = 792  # the first release's: without types


def exit_status(run, code, reason=0):
    return struct.pack(EXIT, run, code, 0, 0, 0, reason, 1, 2, 0, 0, 0, 0, b"")


def message(kind, body=b""):
    return struct.pack("=HHI", VERSION, kind, 8 + len(body)) + body


def status(container, run, pid, state=RUNNING, more=b""):
    """As the first release sent it, and what a later one may add."""
    body = struct.pack("=33s7xQIIi4xq", container.encode(), run, state, 0, pid, 1) + exit_status(run, 0)
    assert 8 + len(body) == FIRST_STATUS
    return message(STATUS, body + more)


def take(conn):
    """Its kind, and its body."""
    data = conn.recv(16384)
    if not data:
        return None, b""
    version, kind, size = struct.unpack("=HHI", data[:8])
    assert version == VERSION and size == len(data), (version, size, len(data))
    return kind, data[8:]


def path(run_dir, container):
    return os.path.join(run_dir, "shims", container)


def listen(run_dir, container):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path(run_dir, container))
    listener.listen(4)
    return listener


def accept(listener):
    """A fake shim's end of its daemon's connection; waits until that has come and said HELLO."""
    while True:
        conn = listener.accept()[0]
        conn.settimeout(60)
        if take(conn)[0] == HELLO:
            return conn
        conn.close()  # somebody only asked whether there is a shim


def connect(run_dir, container):
    conn = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    conn.settimeout(60)
    conn.connect(path(run_dir, container))
    return conn
