# Runs the transcripts of docs/protocol.md: ```varlink blocks of → (sent) and ← (expected) lines. In what is expected,
# "…" in a string stands for any text, "…" as a value for any value, "…" as a key for any further fields, and "…" as
# an array's last element for any further elements. Blocks share one daemon, in their order; one connection a block.
import re


def fits(expected, got):
    if expected == "…":
        return True
    if isinstance(expected, str):
        pattern = ".*".join(re.escape(part) for part in expected.split("…"))
        return isinstance(got, str) and re.fullmatch(pattern, got, re.DOTALL) is not None
    if isinstance(expected, dict):
        further = "…" in expected
        keys = set(expected) - {"…"}
        return isinstance(got, dict) and keys <= set(got) and (further or keys == set(got)) and \
            all(fits(expected[key], got[key]) for key in keys)
    if isinstance(expected, list):
        if not isinstance(got, list):
            return False
        if expected and expected[-1] == "…" and len(expected) > 1:
            expected, got = expected[:-1], got[:len(expected) - 1]
        elif expected == ["…"]:
            return True
        return len(expected) == len(got) and all(map(fits, expected, got))
    return expected == got and isinstance(expected, bool) == isinstance(got, bool)


with open(sys.argv[1], encoding="utf-8") as file:
    text = file.read()
blocks = re.findall(r"^```varlink\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
assert blocks, "no transcripts"
for block in blocks:
    conn = Conn(end=b"\n")
    for line in block.splitlines():
        if line.startswith("→ "):
            asked = line[2:]
            conn.raw(asked.encode() + b"\n")
        elif line.startswith("← "):
            got = conn.recv()
            # What somebody else has yet to see (a session's end) may take a moment.
            end = time.monotonic() + 5 * FACTOR
            while ".List" in asked and not fits(json.loads(line[2:]), got) and time.monotonic() < end:
                conn.raw(asked.encode() + b"\n")
                got = conn.recv()
            assert fits(json.loads(line[2:]), got), f"expected {line[2:]}\ngot      {json.dumps(got, ensure_ascii=False)}"
    conn.close()
print(len(blocks), "transcripts")
