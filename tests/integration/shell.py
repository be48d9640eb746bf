"""shell.py bash|zsh: an interactive shell on a terminal, with ctl's completion. Each line of stdin is typed, then a tab;
what the command line has become is printed."""
import os
import pty
import select
import shlex
import sys
import tempfile
import time

FACTOR = int(os.environ.get("TEST_FACTOR") or 1)
KILL_LINE, SHOW, END = b"\x15", b"\x14", b"\x04"
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], [
        "bind 'set enable-bracketed-paste off'",
        "source <(ctl completion bash)",
        r"""show() { printf '%s|' "$READLINE_LINE" >{out}.new && mv {out}.new {out}; }""",
        r"""bind -x '"\C-t": show'""",
    ]),
    "zsh": (["zsh", "-f", "-i"], [
        "autoload -Uz compinit && compinit -u -D",
        "source <(ctl completion zsh)",
        "show() {{ print -rn -- \"$BUFFER|\" >{out}.new && mv {out}.new {out} }}",
        "zle -N show && bindkey '^T' show && bindkey '^U' kill-whole-line",
    ]),
}


class Shell:
    def __init__(self, name, folder):
        command, setup = SHELLS[name]
        self.out = os.path.join(folder, "out")
        self.ready = os.path.join(folder, "ready")
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="vt100", INPUTRC="/dev/null", HOME=folder, PS1="$ ")
            os.execvp(command[0], command)
        lines = [line.replace("{out}", shlex.quote(self.out)).replace("{{", "{").replace("}}", "}") for line in setup]
        lines.append("touch " + shlex.quote(self.ready))
        self.send("".join(line + "\n" for line in lines).encode())
        self.wait_for(self.ready)

    def send(self, data):
        os.write(self.terminal, data)

    def wait_for(self, path):
        """The shell must not be stopped by a terminal that nobody reads."""
        end = time.monotonic() + 60 * FACTOR
        shown = b""
        while not os.path.exists(path):
            if time.monotonic() > end:
                sys.exit(f"the shell does not answer; it shows {shown[-2000:]!r}")
            if select.select([self.terminal], [], [], 0.01)[0]:
                shown += os.read(self.terminal, 65536)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        os.unlink(path)
        return text

    def complete(self, keys):
        self.send(KILL_LINE + keys.encode() + b"\t" + SHOW)
        return self.wait_for(self.out)[:-1]

    def end(self):
        self.send(KILL_LINE + END)
        os.close(self.terminal)
        os.waitpid(self.pid, 0)


with tempfile.TemporaryDirectory() as home:
    shell = Shell(sys.argv[1], home)
    for typed in sys.stdin.read().splitlines():
        print(shell.complete(typed) + "|", flush=True)
    shell.end()
