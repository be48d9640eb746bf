#!/usr/bin/python3
"""job.py COMMAND [ARGUMENT…]: runs a command in a container, with nothing but Python's standard library. Its standard
streams are the script's, its exit code too; what happens to the container is told on stderr."""
import json
import os
import socket
import struct
import sys
import threading

SOCKET = os.environ.get("CTL_SOCKET") or "/run/containerd-lite/containerd-lite.sock"
STDOUT, STDERR, EXIT, ERROR = 1, 2, 33, 34  # frames of a console


class Failure(Exception):
    """An error reply: its message is a sentence for a person."""


class Connection:
    """One Varlink connection: a JSON object and a NUL byte, both ways."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(SOCKET)
        self.file = self.socket.makefile("rb")

    def send(self, method, parameters, **flags):
        call = {"method": "io.containerdlite." + method, "parameters": parameters, **flags}
        self.socket.sendall(json.dumps(call).encode() + b"\0")

    def receive(self):
        """(parameters, whether more replies come)"""
        text = b""
        while not text.endswith(b"\0"):
            byte = self.file.read(1)
            if not byte:
                raise Failure("the daemon has hung up")
            text += byte
        reply = json.loads(text[:-1])
        if "error" in reply:
            raise Failure(reply["parameters"].get("message", reply["error"]))
        return reply["parameters"], reply.get("continues", False)

    def call(self, method, parameters, **flags):
        self.send(method, parameters, **flags)
        return self.receive()[0]

    def frames(self):
        """(type, payload) of each, after a call with upgrade."""
        while header := self.file.read(8):
            kind, size = header[0], struct.unpack(">I", header[4:])[0]
            yield kind, self.file.read(size)


def tell_events(events, container):
    """Until the container is gone."""
    more = True
    while more:
        reply, more = events.receive()
        for event in reply["events"]:
            if event.get("container") == container:
                print("job:", event["kind"], file=sys.stderr, flush=True)
                more = more and event["kind"] != "remove"


def serve(console):
    """The console's output, up to the exit code."""
    for kind, payload in console.frames():
        if kind in (STDOUT, STDERR):
            while payload:
                payload = payload[os.write(kind, payload):]
        elif kind == EXIT:
            return json.loads(payload)["exit"].get("code", 255)
        elif kind == ERROR:
            raise Failure(json.loads(payload)["parameters"].get("message", "the console failed"))
    raise Failure("the shim has hung up")


def main(command):
    if not command:
        print(__doc__, file=sys.stderr)
        return 125
    control, events, console = Connection(), Connection(), Connection()
    # From this number on no event is missed, whenever the watching begins.
    seq = control.call("container.List", {})["event"]
    config = {"image": "busybox", "args": command}
    container = console.call("container.Run", {"config": config, "console": {"stdout": True, "stderr": True}},
                             upgrade=True)["id"]
    events.send("system.Events", {"follow": True, "since_seq": seq}, more=True)
    watcher = threading.Thread(target=tell_events, args=(events, container), daemon=True)
    watcher.start()
    code = serve(console)
    control.call("container.Remove", {"containers": [container], "force": True})
    watcher.join()
    return code


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (Failure, OSError) as failure:
        print(f"job: {failure}", file=sys.stderr)
        sys.exit(125)
