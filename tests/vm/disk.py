#!/usr/bin/python3
"""disk.py IMAGE SOCKET SEED: a disk with a volatile cache, for one virtual machine, by the NBD protocol.

What was written is in the image for sure only after a flush (or when written with FUA), as with a real disk. When the
connection ends without a word, that is a power cut: each block that was not flushed gets to the image or does not, by
chance.
"""
import os
import random
import socket
import struct
import sys

BLOCK = 4096
MAGIC, OPTION_MAGIC, REPLY_MAGIC = b"NBDMAGIC", b"IHAVEOPT", 0x0003E889045565A9
REQUEST, REPLY = 0x25609513, 0x67446698
FIXED_NEWSTYLE, NO_ZEROES = 1, 2
OPTION_EXPORT_NAME, OPTION_ABORT, OPTION_GO = 1, 2, 7
ACK, INFO, UNSUPPORTED = 1, 3, 0x80000001
HAS_FLAGS, SEND_FLUSH, SEND_FUA = 1, 4, 8
READ, WRITE, DISCONNECT, FLUSH = 0, 1, 2, 3
FUA = 1


class Cut(Exception):
    """The other end is gone."""


class Disk:
    """The image and what has been written to it but not flushed."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self.size = os.fstat(self.fd).st_size
        self.dirty = {}  # number → block

    def block(self, number):
        return self.dirty.get(number) or os.pread(self.fd, BLOCK, number * BLOCK).ljust(BLOCK, b"\0")

    def read(self, offset, size):
        first, last = offset // BLOCK, (offset + size - 1) // BLOCK
        if not any(number in self.dirty for number in range(first, last + 1)):
            return os.pread(self.fd, size, offset).ljust(size, b"\0")
        data = b"".join(self.block(number) for number in range(first, last + 1))
        return data[offset - first * BLOCK:][:size]

    def write(self, offset, data):
        at = 0
        while at < len(data):
            number, skip = divmod(offset + at, BLOCK)
            part = data[at:at + BLOCK - skip]
            if len(part) < BLOCK:
                old = self.block(number)
                part = old[:skip] + part + old[skip + len(part):]
                at += BLOCK - skip
            else:
                at += BLOCK
            self.dirty[number] = bytes(part)

    def write_through(self, offset, data):
        self.write(offset, data)
        for number in range(offset // BLOCK, (offset + len(data) - 1) // BLOCK + 1):
            self.save(number)

    def save(self, number):
        os.pwrite(self.fd, self.dirty.pop(number), number * BLOCK)

    def flush(self):
        for number in list(self.dirty):
            self.save(number)

    def power_cut(self):
        for number in list(self.dirty):
            if random.random() < 0.5:
                self.save(number)


class Connection:
    """The machine's."""

    def __init__(self, sock, disk):
        self.sock, self.disk = sock, disk

    def take(self, size):
        data = bytearray()
        while len(data) < size:
            part = self.sock.recv(size - len(data))
            if not part:
                raise Cut
            data += part
        return bytes(data)

    def negotiate(self):
        export = struct.pack(">QH", self.disk.size, HAS_FLAGS | SEND_FLUSH | SEND_FUA)
        self.sock.sendall(MAGIC + OPTION_MAGIC + struct.pack(">H", FIXED_NEWSTYLE | NO_ZEROES))
        self.take(4)
        while True:
            _, option, size = struct.unpack(">8sII", self.take(16))
            self.take(size)
            if option == OPTION_EXPORT_NAME:
                self.sock.sendall(export)
                return
            if option == OPTION_GO:
                self.answer(option, INFO, struct.pack(">H", 0) + export)
                self.answer(option, ACK)
                return
            self.answer(option, ACK if option == OPTION_ABORT else UNSUPPORTED)

    def answer(self, option, kind, data=b""):
        self.sock.sendall(struct.pack(">QIII", REPLY_MAGIC, option, kind, len(data)) + data)

    def serve(self):
        """Until it says good-bye."""
        while True:
            magic, flags, kind, handle, offset, size = struct.unpack(">IHHQQI", self.take(28))
            assert magic == REQUEST, magic
            data = b""
            if kind == DISCONNECT:
                return
            if kind == READ:
                data = self.disk.read(offset, size)
            elif kind == WRITE:
                (self.disk.write_through if flags & FUA else self.disk.write)(offset, self.take(size))
            elif kind == FLUSH:
                self.disk.flush()
            self.sock.sendall(struct.pack(">IIQ", REPLY, 0, handle) + data)


def main():
    image, path, seed = sys.argv[1:]
    random.seed(seed)
    disk = Disk(image)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen(1)
        print("ready", flush=True)
        connection = Connection(listener.accept()[0], disk)
    try:
        connection.negotiate()
        connection.serve()
    except (Cut, ConnectionError):
        disk.power_cut()
    else:
        disk.flush()


main()
