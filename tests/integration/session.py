#!/usr/bin/python3
"""session.py DOCUMENT [FROM=TO…]: types the commands of a document's ```console blocks and compares what comes back.

A line that begins with "# " or "/ # " is a command, typed into one shell that lasts for the whole document (a command may
be another shell, and `exit` leave it); lines with "> " go on with it. The other lines are its output: … stands for any text
within a line, a line of only … for any lines. A comment `<!-- needs NAME -->` above a block names what it takes; a block
whose need is not in HAVE (names separated by spaces) is passed over. Ids, times and the width of columns may differ. FROM in
commands is typed as TO.
"""
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

LIMIT_S = 60 * int(os.environ.get("TEST_FACTOR") or 1)
MARK = "--- typed ---"


class Shell:
    """bash that reads from a terminal, so that each program in it that reads commands takes one line at a time, and
    writes into a pipe, so that it is not interactive."""

    def __init__(self):
        self.master, slave = pty.openpty()
        subprocess.run(["stty", "-echo", "-onlcr"], stdin=slave, check=True)
        self.process = subprocess.Popen(["bash", "--norc", "--noprofile"], stdin=slave, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, start_new_session=True)
        os.close(slave)
        self.out = self.process.stdout.fileno()

    def type(self, command):
        """What it prints, in lines."""
        os.write(self.master, f"{command}\necho '{MARK}'\n".encode())
        text, end = b"", time.monotonic() + LIMIT_S
        while not text.endswith(f"{MARK}\n".encode()):
            ready, _, _ = select.select([self.out], [], [], max(0, end - time.monotonic()))
            data = os.read(self.out, 65536) if ready else b""
            if not data:
                sys.exit(f"# {command}\n{text.decode(errors='replace')}\nand then nothing")
            text += data
        # What the last command left in the middle of a line is a line.
        lines = text.decode(errors="replace").removesuffix(f"{MARK}\n").splitlines()
        # What the shell says of a job that was killed is not shown.
        return [line for line in lines if not re.match(r"bash: line \d+: +\d+ Killed ", line)]

    def close(self):
        os.close(self.master)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def blocks(text):
    """(what it needs or None, its lines) of each."""
    pattern = r"(?:^<!-- needs (.+?) -->\n+)?^```console\n(.*?)^```$"
    for found in re.finditer(pattern, text, re.MULTILINE | re.DOTALL):
        yield found.group(1), found.group(2).splitlines()


def commands(lines):
    """(command, expected lines) of each in a block."""
    command, expected = None, []
    for line in lines:
        begin = re.match(r"(?:/ )?# (.*)", line)
        if begin:
            if command is not None:
                yield command, expected
            command, expected = begin.group(1), []
        elif line.startswith("> ") and not expected:
            command += "\n" + line[2:]
        else:
            expected.append(line)
    if command is not None:
        yield command, expected


# What is different each time, however it is shown.
CHANGING = ((r"\b[0-9a-f]{32}\b|\b[0-9a-f]{12}\b", "ID"), (r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "TIME"),
            (r"\b(Less than a second|About a minute|\d+ (second|minute)s?)\b", "DURATION"), (r"(?<=\S) {2,}", " "))


def plain(line):
    for pattern, word in CHANGING:
        line = re.sub(pattern, word, line)
    return line.rstrip()


def fits(expected, got):
    pattern = ""
    for line in map(plain, expected):
        if line == "…":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*?".join(re.escape(part) for part in line.split("…")) + r"\n"
    return re.fullmatch(pattern, "".join(plain(line) + "\n" for line in got)) is not None


def main():
    have = (os.environ.get("HAVE") or "").split()
    changes = [argument.split("=", 1) for argument in sys.argv[2:]]
    with open(sys.argv[1], encoding="utf-8") as file:
        text = file.read()
    shell, count = Shell(), 0
    for need, lines in blocks(text):
        if need and need not in have:
            continue
        for command, expected in commands(lines):
            for old, new in changes:
                command = command.replace(old, new)
            got = shell.type(command)
            if not fits(expected, got):
                wanted, came = ("".join(f"    {line}\n" for line in lines) for lines in (expected, got))
                sys.exit(f"# {command}\nexpected\n{wanted}got\n{came}")
            count += 1
    shell.close()
    if count == 0:
        sys.exit("no commands")
    print(count, "commands")


main()
