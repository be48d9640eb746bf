# shellcheck shell=bash
# What containers use and what runs in them, as far as every machine can tell: CPU time, pressure, network, processes.

stat_of() { method Stats "{\"containers\":[\"$1\"]}" | pick ".parameters.stats[0]$2"; }
percent_of() { stat_of "$1" .cpu.percent | tr -d .; } # in hundredths
is_busy() { [ "$(percent_of busy)" -gt 500 ]; }
is_idle() { [ "$(percent_of idle)" -lt 500 ]; }
redrawn() { [ "$(grep -ao $'\e\[H' typescript | wc -l)" -ge 2 ]; }
three() { [ "$(ctl top --format json c | pick '.[].pid' | wc -l)" -ge 3 ]; }
shown() { ctl top c | grep -F 'bad\x1b[31m\xff'; }
some() { [ "$(wc -l <out)" -ge "$1" ]; }

test_stats() {
	daemon_start
	ctl run -d --name busy busybox sh -c 'while :; do :; done' >/dev/null
	ctl run -d --name idle busybox sleep 1000 >/dev/null
	ctl create --name made busybox true >/dev/null
	eventually 20 is_busy
	eventually 20 is_idle
	method Stats '{"containers":["busy"]}' >stats
	is "$(jq '.parameters.stats[0] | .cpu.usage_us > 10000 and .cpu.user_us > 0 and .monotonic_ns > 0' stats)" true
	is "$(stat_of busy .network.received_bytes)" 0
	if [ -e /proc/pressure/cpu ]; then
		is "$(jq '.parameters.stats[0].pressure | .cpu.some.total_us >= 0 and .io.full.avg300 >= 0' stats)" true
	fi
	is "$(stat_of busy .name) $(stat_of busy .state)" 'busy running'
	is "$(stat_of busy .overhead)" null
	# those that run, those named in their order, all of them
	is "$(method Stats | pick '.parameters.stats[].name' | sort | paste -sd ' ')" "busy idle"
	is "$(method Stats '{"all":true}' | pick '.parameters.stats[].name' | sort | paste -sd ' ')" "busy idle made"
	is "$(method Stats '{"containers":["made","idle"]}' | jq -c '.parameters.stats | map([.name, .state, .cpu != null])')" \
		'[["made","created",false],["idle","running",true]]'
	is "$(method Stats '{"containers":["idle"],"overhead":true}' | jq -c '.parameters.stats[0].overhead |
		.pid == '"$(shim_of idle)"' and .memory > 0 and .cpu_us >= 0')" true
	like "$(method Stats '{"containers":["nobody"]}')" '*NoSuchContainer*'
	# gone with its run
	ctl kill busy >/dev/null
	ctl wait busy >/dev/null
	is "$(stat_of busy .state) $(stat_of busy .cpu)" 'exited null'
}

# A look a second, until the client leaves; a removed container leaves the list, and the last one ends it.
test_more() {
	daemon_start
	ctl run -d --name one busybox sh -c 'while :; do :; done' >/dev/null
	ctl run -d --name two busybox sleep 1000 >/dev/null
	py <<-'END'
		import subprocess
		CONTAINER = "io.containerdlite.container."
		def names(reply):
		    return [stat["name"] for stat in reply["parameters"]["stats"]]
		daemon = Conn()
		daemon.send(CONTAINER + "Stats", {"containers": ["one", "two"]}, more=True)
		first, second = daemon.recv(), daemon.recv()
		assert first["continues"] and names(first) == names(second) == ["one", "two"], first
		before, after = (reply["parameters"]["stats"][0] for reply in (first, second))
		passed = after["monotonic_ns"] - before["monotonic_ns"]
		assert passed >= 900_000_000, passed
		spent = (after["cpu"]["usage_us"] - before["cpu"]["usage_us"]) * 100_000 / passed
		assert spent > 1 and after["cpu"]["percent"] > 1, (spent, after)
		subprocess.run(["ctl", "rm", "-f", "one"], check=True, stdout=subprocess.DEVNULL)
		reply = daemon.recv()
		while names(reply) != ["two"]:
		    assert reply["continues"], reply
		    reply = daemon.recv()
		subprocess.run(["ctl", "rm", "-f", "two"], check=True, stdout=subprocess.DEVNULL)
		while reply.get("continues"):
		    reply = daemon.recv()
		assert reply["parameters"] == {"stats": []}, reply
		# the connection goes on, and one that leaves in between takes nothing with it
		assert daemon.call(CONTAINER + "List", {})["parameters"]["containers"] == []
		for _ in range(20):
		    leaver = Conn()
		    leaver.send(CONTAINER + "Stats", {}, more=True)
		    leaver.close()
	END
	daemon_alive
}

test_stats_formats() {
	daemon_start
	ctl run -d --name c busybox sleep 1000 >/dev/null
	ctl stats --no-stream >out
	like "$(head -1 out)" 'CONTAINER ID   NAME   CPU %*MEM USAGE / LIMIT   MEM %   NET I/O*BLOCK I/O*PIDS*PRESSURE (CPU / MEM / IO)'
	like "$(tail -1 out)" "$(field_of c '.id[:12]')   c *%*"
	is "$(wc -l <out)" 2
	like "$(ctl stats --no-stream --overhead c | tail -1)" '*iB*s'
	is "$(ctl stats --format json c | pick '.[].name')" c
	# shellcheck disable=SC2015
	is "$(ctl stats --format jsonl c | head -n 3 | pick .name | paste -sd' ')" "c c c"
	ctl stats --format openmetrics >out
	is "$(tail -1 out)" '# EOF'
	grep -q "^container_cpu_usage_seconds_total{id=\"$(field_of c .id)\",name=\"c\"} [0-9.e-]*$" out
	is "$(grep -c '^# TYPE container_cpu_usage_seconds counter$' out)" 1
	# a terminal is redrawn, and no line is left of the table before
	script -qefc 'ctl stats' /dev/null >typescript </dev/null &
	eventually 20 redrawn
	kill $!
	wait $! || true
	grep -qa $'\e\[K' typescript
	ctl create --name made busybox true >/dev/null
	like "$(ctl stats --no-stream made | tail -1)" '* made *--*--*--*'
	expect 1 ctl stats --no-stream nobody
	is "$ERR" "ctl: stats: no such container 'nobody'"
	expect 125 ctl stats --format xml
	ctl rm -f c >/dev/null
	ctl stats --no-stream >out
	is "$(wc -l <out)" 1
}

test_top() {
	daemon_start
	mkdir etc
	printf 'root:x:0:0::/:/bin/sh\nme\tand\033:x:7:7::/:/bin/sh\nwww:x:33:33::/:/bin/sh\n' >etc/passwd
	ctl run -d --name c -u 33 -v "$T/etc/passwd:/etc/passwd:ro" busybox sh -c '
		sleep 1001 & sh -c "exec sleep 1003" & wait; sleep 1004' >/dev/null
	eventually 20 three
	ctl top c >out
	like "$(head -1 out)" 'PID*INSIDE   USER   CPU %   TIME*RSS*COMMAND'
	like "$(sed -n 2p out)" "$(field_of c .pid) * 1 * www * 00:00:00 *iB *sh -c *"
	grep -q ' www .* sleep 1001$' out
	ctl top --format json c >out
	is "$(jq -c 'map(select(.command == ["sleep","1003"])) | .[0] | [.ppid == '"$(field_of c .pid)"', .uid, .user, .state, .threads]' out)" \
		'[true,33,"www","S",1]'
	is "$(jq 'map(.pid_inside) | (index(1) != null) and length == (unique | length)' out)" true
	is "$(jq 'map(.rss > 0 and (.started_at | length) == 30) | all' out)" true
	# it needs nothing of the root file system, and believes nothing of it
	mkdir -p root/bin root/etc && cp "$BUILD/rootfs/busybox/bin/busybox" root/bin/ && mkfifo root/etc/passwd
	ctl run -d --name bare --rootfs "$T/root" /bin/busybox sleep 1000 >/dev/null
	is "$(ctl top --format json bare | jq -c '.[0] | [.user, .uid, .command]')" '[null,0,["/bin/busybox","sleep","1000"]]'
	like "$(ctl top bare | tail -1)" '* 0 * /bin/busybox sleep 1000'
	expect 1 ctl top nobody
	is "$ERR" "ctl: nobody: no such container"
	ctl create --name made busybox true >/dev/null
	expect 1 ctl top made
	is "$ERR" "ctl: made: is not running"
	expect 125 ctl top
	expect 125 ctl top made bare
}

# What a program calls itself is shown, and does nothing to who looks.
test_top_names() {
	daemon_start
	mkdir share
	printf '#!/bin/sh\nsleep 1000\n' >share/$'bad\e[31m\xff'
	chmod +x share/*
	ctl run -d --name c -v "$T/share:/share" busybox sh -c 'for f in /share/*; do "$f"; done' >/dev/null
	eventually 20 shown
	is "$(ctl top c | grep -c $'\e')" 0
}

# The figures of many take one look; who asks meanwhile for something else is not held up by it.
test_many() {
	daemon_start
	local i
	for ((i = 0; i < 12; i++)); do
		ctl run -d busybox sleep 1000 >/dev/null
	done
	for ((i = 0; i < 8; i++)); do
		ctl stats --format json >"out.$i" &
	done
	for ((i = 0; i < 8; i++)); do
		ctl ps -q >/dev/null
	done
	wait_jobs
	for ((i = 0; i < 8; i++)); do
		is "$(pick '.[].cpu.percent' "out.$i" | grep -vcx null)" 12
	done
}

# ctl asks again after a loss.
test_survives_the_daemon() {
	daemon_start
	ctl run -d --name c busybox sleep 1000 >/dev/null
	ctl stats --format jsonl c >out &
	local watcher=$!
	eventually 20 some 1
	daemon_kill
	daemon_start
	local seen
	seen=$(wc -l <out)
	eventually 30 some $((seen + 1))
	is "$(tail -1 out | jq -c '[.name, .cpu != null]')" '["c",true]'
	kill "$watcher"
	is "$(ctl top --format json c | pick '.[].pid' | wc -l)" 1
}

# Without controllers defaults are left out, and say so; what they do is tested where there are some.
test_diff_limits() {
	daemon_start
	ctl run -d --name c busybox sleep 1000 >/dev/null
	ctl diff-limits c >out
	like "$(head -1 out)" 'FILE * WANTED * PRESENT * EFFECTIVE * DRIFT'
	grep -Eq '^pids.max +2048 \(default\) +(2048|--) +(2048|--|[0-9]+ \([0-9]+ above\)) +no$' out
	is "$(ctl diff-limits --format json c | jq -c 'map(select(.file == "pids.max")) | .[0] | [.wanted, .asked, .drift]')" \
		'["2048",false,false]'
	ctl kill c >/dev/null
	ctl wait c >/dev/null
	expect 1 ctl diff-limits c
	is "$ERR" "ctl: c: is not running"
	expect 1 ctl diff-limits nobody
	is "$ERR" "ctl: nobody: no such container"
}
