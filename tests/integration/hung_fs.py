"""hung_fs.py FOLDER read|deaf: a FUSE file system that never answers, until this process is told to end (TERM).

deaf: requests are not even read, so that who waits can be killed. read: they are read, and then who waits cannot be killed
any more: the kernel waits for the answer in any case (fs/fuse/dev.c, request_wait_answer).
"""
import ctypes
import os
import signal
import struct
import sys

MNT_DETACH, PR_SET_PDEATHSIG, INIT = 2, 1, 26
libc = ctypes.CDLL(None, use_errno=True)


def end(*_):
    libc.umount2(folder.encode(), MNT_DETACH)
    os._exit(0)


folder, kind = sys.argv[1:]
signal.signal(signal.SIGTERM, end)
libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
fuse = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0"
if libc.mount(b"hung", folder.encode(), b"fuse", 0, options.encode()) < 0:
    sys.exit(f"mount: {os.strerror(ctypes.get_errno())}")
request = os.read(fuse, 1 << 17)
opcode, unique = struct.unpack_from("=4xIQ", request)
assert opcode == INIT, opcode
answer = struct.pack("=IIIIHHIIHHI28x", 7, 31, 0, 0, 0, 0, 1 << 16, 1, 0, 0, 0)
os.write(fuse, struct.pack("=IiQ", 16 + len(answer), 0, unique) + answer)
print("ready", flush=True)
while kind == "read":
    os.read(fuse, 1 << 17)
signal.pause()
