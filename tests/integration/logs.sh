# shellcheck shell=bash
# The log: what was printed comes back, whole, in order, also after a rotation and from a container that is gone.

test_both_streams() {
	daemon_start
	expect 0 ctl run --name c busybox sh -c 'echo one; echo two >&2; echo three'
	expect 0 ctl logs c
	is "$OUT" $'one\nthree'
	is "$ERR" two
	expect 0 ctl logs --stdout c
	is "$OUT|$ERR" $'one\nthree|'
	expect 0 ctl logs --stderr c
	is "$OUT|$ERR" '|two'
}

test_a_line_just_before_the_end() { # limit 120
	daemon_start
	local i
	for i in $(seq 30); do
		ctl run -d --name "c$i" busybox sh -c "echo last words $i" >/dev/null
		ctl wait "c$i" >/dev/null
		is "$(ctl logs "c$i")" "last words $i"
	done
}

test_tail() {
	daemon_start
	expect 0 ctl run --name c busybox seq 1000
	is "$(ctl logs --tail 3 c)" $'998\n999\n1000'
	is "$(ctl logs -n 1 c)" 1000
	is "$(ctl logs --tail 0 c)" ''
	is "$(ctl logs --tail 5000 c | wc -l)" 1000
	is "$(ctl logs --tail all c | wc -l)" 1000
}

test_since_and_until() {
	daemon_start
	expect 0 ctl run --name c busybox sh -c 'echo one; sleep 1.2; echo two; sleep 1.2; echo three'
	local begin
	begin=$(ctl logs -t c | sed -n 2p | awk '{print $1}')
	is "$(ctl logs --since "$begin" c)" $'two\nthree'
	is "$(ctl logs --until "$begin" c | head -n 1)" one
	is "$(ctl logs --since 1h c | wc -l)" 3
	is "$(ctl logs --since "$(date +%s -d '+1 hour')" c)" ''
	is "$(ctl logs --since "$begin" --until "$begin" c)" two
}

test_times() {
	daemon_start
	expect 0 ctl run --name c busybox echo hi
	[[ $(ctl logs -t c) =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}Z\ hi$ ]] || fail "$(ctl logs -t c)"
}

test_follow() {
	daemon_start
	expect 0 ctl run -d --name c busybox sh -c 'for i in $(seq 20); do echo line $i; sleep 0.1; done; exit 3'
	expect 0 timeout 20 ctl logs -f c
	is "$(wc -l <<<"$OUT")" 20
	is "$(tail -n 1 <<<"$OUT")" 'line 20' 'it ends with its container'
	expect 0 timeout 5 ctl logs -f c
	is "$(wc -l <<<"$OUT")" 20
	expect 0 timeout 5 ctl logs -fn 2 c
	is "$OUT" $'line 19\nline 20'
}

test_a_follower_who_does_not_read_is_told_what_is_missing() { # limit 120
	daemon_start
	expect 0 ctl run -d --name c --log-opt max-size=50k,max-file=2 -v "$T:/t" busybox sh -c \
		'echo 999999; until [ -e /t/go ]; do sleep 0.1; done; seq 1000000 1200000; touch /t/written; until [ -e /t/end ]; do sleep 0.1; done'
	py <<-'PY'
		import pathlib, re, time
		T = pathlib.Path(os.environ["T"])
		conn = Conn()
		conn.send("Logs", {"container": "c", "stdout": True, "stderr": True, "follow": True}, more=True)
		records = conn.recv()["parameters"]["records"]
		(T / "go").touch()
		while not (T / "written").exists():
		    time.sleep(0.05)
		(T / "end").touch()
		while True:
		    reply = conn.recv()
		    records += reply["parameters"]["records"]
		    if not reply.get("continues"):
		        break
		expected, gaps = 999999, 0
		for record in records:
		    gap = re.fullmatch(r"\[containerd-lite: (some|\d+ bytes) of the log missing: .*\]", record["text"])
		    if gap:
		        assert record["stream"] == "stderr", record
		        gaps, expected = gaps + 1, None
		    else:
		        assert expected in (None, int(record["text"])), (expected, record)
		        expected = int(record["text"]) + 1
		assert gaps >= 1 and expected == 1200001, (gaps, expected)
	PY
}
test_follow_is_prompt() {
	daemon_start
	expect 0 ctl run -d --name c busybox sh -c 'echo first; sleep 1; echo second; sleep 100'
	ctl logs -f c >got &
	local pid=$!
	eventually 5 grep -q second got
	ctl kill c >/dev/null
	eventually 5 gone $pid
	wait $pid
}

test_follow_over_rotation() { # limit 120
	daemon_start
	# A few MiB a second through files of 1 MiB; a reader that keeps up loses nothing.
	local rounds=$((FACTOR > 1 ? 15 : 40))
	expect 0 ctl run -d --name c --log-opt max-size=1m,max-file=3 busybox \
		sh -c 'i=0; while [ $i -lt '$rounds' ]; do seq 1${i}00001 1${i}20000; i=$((i + 1)); sleep 0.3; done'
	timeout 100 ctl logs -f c >got
	[ -e "$STATE/containers/$(field_of c .id)/container.log.1" ] || fail 'nothing was rotated'
	is "$(wc -l <got)" $((rounds * 20000))
	is "$(sort -u got | wc -l)" $((rounds * 20000))
}

test_rotation_keeps_the_newest() { # limit 60
	daemon_start
	expect 0 ctl run --name c --log-opt max-size=64k --log-opt max-file=2 busybox seq 100000 >/dev/null
	local folder
	folder=$STATE/containers/$(field_of c .id)
	is "$(cd "$folder" && echo container.log*)" 'container.log container.log.1'
	local file
	for file in "$folder"/container.log*; do
		[ "$(stat -c %s "$file")" -le 81920 ] || fail "$file is $(stat -c %s "$file") bytes long"
	done
	is "$(ctl logs c | tail -n 1)" 100000
	# What is left is an end of the sequence without a hole.
	ctl logs c >got
	seq "$(head -n 1 got)" 100000 | cmp - got
}

test_a_line_of_a_mebibyte() {
	daemon_start
	expect 0 ctl run --name c busybox sh -c 'head -c 1048576 /dev/zero | tr "\0" x; echo; echo short'
	ctl logs c >got
	is "$(head -n 1 got | wc -c)" 1048577
	is "$(tail -n 1 got)" short
	is "$(wc -l <got)" 2
}

test_no_newline_at_the_end() {
	daemon_start
	expect 0 ctl run --name c busybox printf 'a\nb'
	ctl logs c >got
	printf 'a\nb' | cmp - got
	expect 0 ctl run --name d busybox printf 'x'
	expect 0 ctl start -a d
	ctl logs d >got
	like "$(cat got)" 'x*x'
}

test_bytes_that_are_no_text() {
	daemon_start
	expect 0 ctl run --name c busybox sh -c 'head -c 100000 /bin/busybox; printf "\0\377\n"'
	ctl logs c >got
	(head -c 100000 "$BUILD/rootfs/busybox/bin/busybox"; printf '\0\377\n') | cmp - got
}

test_the_file_is_in_cri_format() {
	daemon_start
	expect 0 ctl run --name c busybox sh -c 'echo whole; printf part >&2'
	local file
	file=$STATE/containers/$(field_of c .id)/container.log
	grep -qE '^[0-9T:.-]+Z stdout F whole$' "$file"
	grep -qE '^[0-9T:.-]+Z stderr P part$' "$file"
	is "$(stat -c %a "$file")" 600
}

test_log_none() {
	daemon_start
	expect 0 ctl run --name c --log-driver none busybox echo hi
	is "$OUT" hi
	[ ! -e "$STATE/containers/$(field_of c .id)/container.log" ] || fail 'it has a log'
	try ctl logs c
	is "$OUT" ''
	expect 125 ctl run --log-driver syslog busybox true
}

test_logs_of_a_start_without_end() {
	daemon_start
	expect 0 ctl create --name c busybox true
	expect 0 ctl logs c
	is "$OUT" ''
	expect 1 ctl logs nobody
	is "$ERR" 'ctl: nobody: no such container'
}

test_logging_goes_on_without_the_daemon() {
	daemon_start
	expect 0 ctl run -d --name c busybox sh -c 'for i in $(seq 30); do echo $i; sleep 0.05; done'
	daemon_kill
	sleep 2.5
	daemon_start
	eventually 5 has_state c exited
	is "$(ctl logs c | paste -sd ' ')" "$(seq -s ' ' 30)"
}

test_removed_meanwhile() {
	daemon_start
	expect 0 ctl run -d --rm --name c busybox sleep 1000
	py "$(tr -d ' ' <"/proc/$DAEMON/task/$DAEMON/children")" <<-'EOF'
		import signal
		spawner = int(sys.argv[1])
		def state():
		    with open(f"/proc/{spawner}/stat") as file:
		        return file.read().rpartition(")")[2].split()[0]
		logs = Conn()
		os.kill(spawner, signal.SIGSTOP)
		while state() != "T":
		    time.sleep(0.01)
		logs.send("Logs", {"container": "c"})
		# Answered behind it: the daemon has ordered the log by then.
		folder = os.path.join(os.environ["T"], "state", "transient")
		assert "error" not in Conn().call("Kill", {"containers": ["c"]})
		while os.listdir(folder):
		    time.sleep(0.01)
		os.kill(spawner, signal.SIGCONT)
		reply = logs.recv()
		assert reply["error"].endswith("NoSuchContainer"), reply
		assert reply["parameters"]["message"] == "the container was removed meanwhile", reply
	EOF
}

test_a_reader_that_stops_delays_nobody() { # limit 60
	daemon_start
	expect 0 ctl run --name c busybox seq $((2000000 / FACTOR)) >/dev/null
	py <<-'EOF'
		stuck = Conn()
		stuck.send("Logs", {"container": "c"}, more=True)
		time.sleep(0.5)
		begin = time.monotonic()
		assert "error" not in Conn().call("List", {"all": True})
		assert time.monotonic() - begin < 1
		# and then it reads all the same
		records = 0
		while True:
		    reply = stuck.recv()
		    records += len(reply["parameters"]["records"])
		    if not reply.get("continues"):
		        break
		assert records > 1000, records
		# the connection goes on
		assert "error" not in stuck.call("List")
	EOF
}

# Neither of the two is lost in silence, and nobody follows what goes nowhere.
test_output_that_cannot_be_written() {
	daemon_start
	expect 0 ctl run -d --name c busybox sh -c 'echo one; echo two >&2; sleep 1000'
	eventually 20 sh -c '[ "$(ctl logs c 2>&1 | wc -l)" = 2 ]'
	expect 1 timeout $((20 * FACTOR)) sh -c 'ctl logs -f c >/dev/full'
	is "$ERR" 'ctl: write to standard output: No space left on device'
	expect 1 timeout $((20 * FACTOR)) sh -c 'ctl logs -f c 2>/dev/full'
	is "$OUT" one
	expect 1 sh -c 'ctl logs --stderr c 2>/dev/full'
	ctl rm -f c >/dev/null
}

test_a_full_disk_never_stops_the_container() { # limit 60
	mkdir state
	mount -t tmpfs -o size=2m tmpfs state
	daemon_start
	expect 0 ctl run -d --name c --log-opt max-size=100m busybox sh -c 'seq 1000000; sleep 1; exit 4'
	expect 0 timeout 30 ctl wait c
	is "$OUT" 4
	is "$(ctl ps -aq | wc -l)" 1
	ctl rm -f c >/dev/null
	eventually 3 daemon_left_nothing
	kill -TERM "$DAEMON"
	wait "$DAEMON"
	DAEMON=
	umount state
}
