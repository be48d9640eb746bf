# shellcheck shell=bash
# Daemons and shims of different builds: what each says may have fewer or more fields than the other knows.

# A container whose first run never ended; prints its id. No daemon runs afterwards.
container_without_shim() {
	daemon_start
	local id
	id=$(ctl create --name c busybox true)
	daemon_kill
	printf '{"version":1,"run":1,"started_at":"2026-01-01T00:00:00Z","boot_id":"%s"}\n' \
		"$(</proc/sys/kernel/random/boot_id)" >"$STATE/containers/$id/run.json"
	echo "$id"
}

# fake_shim ID AGE STATE: the first release's shim, or one that says more than any that we know; it ends at a STOP, with
# code 5.
fake_shim() {
	python3 - "$RUN" "$@" >"$T/shim.out" <<'PY' &
import sys
from shim_wire import *

run_dir, container, age, state = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
more = FUTURE if age == "newer" else b""
listener = listen(run_dir, container)
print("listens", os.getpid(), flush=True)
conn = accept(listener)
conn.sendall(message(60000, b"?" * 64))  # of a type that is yet to come
conn.sendall(status(container, 1, os.getpid(), state, more))
kind, body = take(conn)
assert kind == STOP and struct.unpack("=i", body[:4])[0] == 15, (kind, body)
conn.sendall(message(EXITED, exit_status(1, 5) + more))
assert take(conn)[0] == EXIT_TAKEN
os.unlink(path(run_dir, container))
conn.close()
PY
	eventually 10 grep -q listens "$T/shim.out"
}

# adopts AGE STATE
adopts() {
	local id shim
	id=$(container_without_shim)
	fake_shim "$id" "$@"
	shim=$!
	daemon_start
	is "$(state_of c)" running
	is "listens $(field_of c .pid)" "$(cat "$T/shim.out")"
	expect 0 ctl stop c
	is "$(state_of c)" exited
	is "$(field_of c .exit.code)" 5
	wait "$shim" || fail 'the fake shim is not content'
	eventually 10 ctl start c
	is "$(ctl wait c)" 0
}

test_older_shim() {
	adopts older 1
}

test_newer_shim() {
	adopts newer 1
}

test_newer_shims_unknown_state() {
	adopts newer 60000
}

test_newer_daemon() {
	daemon_start
	local id
	id=$(ctl run -d --name c busybox sleep 1000)
	daemon_kill
	python3 - "$RUN" "$id" <<'PY'
import sys
from shim_wire import *

run_dir, container = sys.argv[1:]
conn = connect(run_dir, container)
conn.sendall(message(HELLO, FUTURE))
kind, body = take(conn)
assert kind == STATUS and 8 + len(body) >= FIRST_STATUS, (kind, len(body))
run, state, _, pid = struct.unpack("=QIIi", body[40:60])
assert (run, state) == (1, RUNNING) and pid > 1, (run, state, pid)
conn.sendall(message(60000, b"?" * 64))
conn.sendall(message(KILL, struct.pack("=iI", 9, 0) + FUTURE))
kind, body = take(conn)
assert kind == EXITED and struct.unpack("=Qi", body[:12]) == (1, 137), (kind, body[:12])
conn.sendall(message(EXIT_TAKEN, FUTURE))
assert take(conn)[0] is None
PY
	daemon_start
	is "$(state_of c)" exited
	is "$(field_of c .exit.code)" 137
}

test_nonsense_harms_no_shim() {
	daemon_start
	local id
	id=$(ctl run -d --name c busybox sleep 1000)
	daemon_kill
	python3 - "$RUN" "$id" <<'PY'
import sys
from shim_wire import *

run_dir, container = sys.argv[1:]
for first in b"", b"x", struct.pack("=HHI", 2, HELLO, 8), struct.pack("=HHI", 1, KILL, 8), b"\xff" * 16384:
    conn = connect(run_dir, container)
    conn.sendall(first)
    conn.close()
PY
	daemon_start
	is "$(state_of c)" running
}
