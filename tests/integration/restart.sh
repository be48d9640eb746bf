# shellcheck shell=bash
# ctl restart: stop, and then start.

runs_of() { field_of "$1" .run; }
pid_of() { field_of "$1" .pid; }

test_restart() {
	daemon_start
	ctl run -d --name r busybox sleep 1000 >/dev/null
	ctl create --name c busybox sleep 1000 >/dev/null
	ctl run --name e busybox true
	local before
	before=$(pid_of r)
	expect 0 ctl restart -t 0 r c e
	is "$OUT" $'r\nc\ne'
	is "$(state_of r) $(runs_of r)" 'running 2'
	is "$(state_of c) $(runs_of c)" 'running 1' 'one that has never run'
	is "$(runs_of e)" 2 'one that has ended'
	gone "$before" || fail 'the first run goes on'
	is "$(ctl events --no-follow -f name=r --format jsonl | pick .kind | tr '\n' ' ')" \
		'create start stop exit start '
}

test_signal_and_timeout() {
	daemon_start
	ctl run -d --name r busybox sh -c 'trap "echo hup; exit 3" HUP; echo up; while true; do sleep 0.1; done' >/dev/null
	eventually 10 sh -c 'ctl logs r | grep -q up'
	expect 0 ctl restart -s HUP r
	like "$(ctl logs r)" $'up\nhup*'
	expect 0 ctl restart -t 0 r
	is "$(runs_of r)" 3
}

test_refused() {
	daemon_start
	ctl run -d --rm --name gone busybox sleep 1000 >/dev/null
	ctl run -d --name r busybox sleep 1000 >/dev/null
	expect 1 ctl restart -t 0 gone nobody r
	is "$OUT" r 'the others are restarted'
	is "$(sort <<<"$ERR")" "ctl: gone: is removed when it ends
ctl: nobody: no such container
hint: it was made with --rm: run it anew"
	is "$(state_of gone)" running
}

test_start_fails() {
	daemon_start
	mkdir tree
	cp -a "$BUILD/rootfs/busybox/." tree/
	ctl run -d --name r --rootfs tree --rootfs-rw sleep 1000 >/dev/null
	rm tree/bin/sleep
	expect 1 ctl restart -t 0 r
	is "$ERR" "ctl: r: exec: find 'sleep' in PATH: No such file or directory"
	is "$(state_of r)" exited
}

# However many ask for it at once, there is one that runs in the end, and nobody waits for ever.
test_many_at_once() { # limit 300
	daemon_start
	ctl run -d --name r busybox sleep 1000 >/dev/null
	local i
	for i in $(seq 12); do
		timeout 250 ctl restart -t 0 r >"out$i" 2>&1 &
	done
	wait_jobs
	is "$(cat out* | sort -u)" r
	is "$(state_of r)" running
}

test_daemon_killed_meanwhile() {
	daemon_start
	ctl run -d --name r busybox sh -c 'trap : TERM; while true; do sleep 0.1; done' >/dev/null
	ctl restart -t 100 r >out 2>&1 &
	eventually 10 has_state r stopping
	daemon_kill
	daemon_start
	wait_jobs
	like "$(cat out)" 'ctl: r: whether it was restarted is not known: *'
	expect 0 ctl restart -t 0 r
	is "$(state_of r)" running
}
