# shellcheck shell=bash
# Limits: what each option becomes in the container's cgroup, or why it cannot be; what values are refused; other limits
# later. Where the machine has a controller the file is read; where not, the sentence names it.

mount_of() { awk '{for (i = 1; i <= NF; i++) if ($i == "-" && $(i + 1) == "cgroup2") {print $5; exit}}' /proc/self/mountinfo; }
MOUNT=$(mount_of)
CONTROLLERS=" $(<"$MOUNT/cgroup.controllers") "
DISK=$(find /sys/block -mindepth 1 -maxdepth 1 -printf '%f\n' | grep -vE '^(loop|ram|zram|sr|fd|dm)' | head -n 1)
NUMBER=$(cat "/sys/block/$DISK/dev" 2>/dev/null || true)

has() { [[ $CONTROLLERS == *" $1 "* ]]; }
effective() { cat "$(field_of "$1" .paths.cgroup)/$2"; }

# The option that the sentence must name; of several any.
named() {
	case $1 in
	*\ --*) echo '--*' ;;
	-m*) echo --memory ;;
	*) echo "${1%%[ =]*}" ;;
	esac
}

# Lines: OPTIONS | CONTROLLER | FILE | TEXT OF THE FILE. Each option is tried by itself.
each_option() {
	local options controller file text n=0
	while IFS='|' read -r options controller file text; do
		options=${options% } controller=${controller# } controller=${controller% } file=${file# } file=${file% } text=${text# }
		n=$((n + 1))
		# shellcheck disable=SC2086
		try ctl run -d --name "c$n" $options busybox sleep 1000
		if has "$controller"; then
			is "$CODE" 0 "$options: $ERR"
			is "$(effective "c$n" "$file" | head -n 1)" "$text" "$options"
			ctl rm -f "c$n" >/dev/null
		else
			is "$CODE" 125 "$options"
			is "$OUT" '' "$options"
			like "$ERR" "ctl: run: $(named "$options"): $controller.* needs the controller '$controller', which is not in $MOUNT/cgroup.controllers
hint: *" "$options"
		fi
	done
	[ -z "$(ctl ps -aq)" ] || fail "left: $(ctl ps -a)"
}

test_memory_options() { # limit 90
	daemon_start
	each_option <<-'EOF2'
		-m 64m | memory | memory.max | 67108864
		--memory=67108864 | memory | memory.max | 67108864
		--memory -1 | memory | memory.max | max
		--memory-high 1.5G | memory | memory.high | 1610612736
		--memory-low 8m | memory | memory.low | 8388608
		--memory-min 8m | memory | memory.min | 8388608
		--memory-reservation 8m | memory | memory.low | 8388608
		-m 64m --memory-swap 96m | memory | memory.swap.max | 33554432
		-m 64m | memory | memory.swap.max | 67108864
		-m 64m | memory | memory.oom.group | 1
		--cgroup-conf memory.oom.group=0 | memory | memory.oom.group | 0
	EOF2
}
test_cpu_options() { # limit 90
	daemon_start
	each_option <<-'EOF2'
		--cpus 0.5 | cpu | cpu.max | 50000 100000
		--cpu-quota 20000 | cpu | cpu.max | 20000 100000
		--cpu-quota -1 | cpu | cpu.max | max 100000
		--cpu-period 50000 | cpu | cpu.max | max 50000
		--cpu-period 50000 --cpus 2 | cpu | cpu.max | 100000 50000
		--cpu-weight 77 | cpu | cpu.weight | 77
		--cpu-shares 1024 | cpu | cpu.weight | 39
		--cpu-shares 2 | cpu | cpu.weight | 1
		--cpu-shares 262144 | cpu | cpu.weight | 10000
		--cpu-idle true | cpu | cpu.idle | 1
		--cpuset-cpus 0 | cpuset | cpuset.cpus | 0
		--cpuset-mems 0 | cpuset | cpuset.mems | 0
	EOF2
}

test_pids_and_io_options() { # limit 90
	[ -n "$NUMBER" ] || skip 'there is no disk'
	daemon_start
	each_option <<-EOF2
		--pids-limit 20 | pids | pids.max | 20
		--pids-limit -1 | pids | pids.max | max
		--io-max /dev/$DISK:rbps=1M,wiops=10 | io | io.max | $NUMBER rbps=1048576 wbps=max riops=max wiops=10
		--io-max $NUMBER:wbps=max,riops=5 | io | io.max | $NUMBER rbps=max wbps=max riops=5 wiops=max
		--device-read-bps /dev/$DISK:1M | io | io.max | $NUMBER rbps=1048576 wbps=max riops=max wiops=max
		--device-write-bps /dev/$DISK:1M | io | io.max | $NUMBER rbps=max wbps=1048576 riops=max wiops=max
		--device-read-iops /dev/$DISK:9 | io | io.max | $NUMBER rbps=max wbps=max riops=9 wiops=max
		--device-write-iops /dev/$DISK:9 | io | io.max | $NUMBER rbps=max wbps=max riops=max wiops=9
	EOF2
}

# The words after "--option 'value': " of ctl's, or what the daemon says; nothing is made.
test_values_that_cannot_be() {
	daemon_start
	local options sentence
	while IFS='|' read -r options sentence; do
		options=${options% } sentence=${sentence# }
		# shellcheck disable=SC2086
		expect 125 ctl run --name c $options busybox true
		is "$OUT" '' "$options"
		is "$(head -n 1 <<<"$ERR")" "ctl: run: $sentence" "$options"
	done <<-'EOF2'
		-m 0 | --memory '0': 0 is less than a start needs: at least 1M
		-m 100k | --memory '100k': 100K is less than a start needs: at least 1M
		-m -5 | --memory '-5': negative (no limit is -1)
		-m x | --memory 'x': not a size (such as 4096, 64k, 1.5G)
		-m 5q | --memory '5q': not a size (such as 4096, 64k, 1.5G)
		-m 99999999999999999999 | --memory '99999999999999999999': too large
		-m 9999999999g | --memory '9999999999g': not a size (such as 4096, 64k, 1.5G)
		--memory-swap 1g | --memory-swap: needs --memory, too
		-m 2g --memory-swap 1g | --memory-swap: 1073741824 is less than --memory: it is memory and swap together
		--cpus 0 | --cpus '0': out of range: 0.01 to 65536
		--cpus -1 | --cpus '-1': not a number of CPUs (such as 0.5, 2)
		--cpus . | --cpus '.': not a number of CPUs (such as 0.5, 2)
		--cpus .005 | --cpus '.005': out of range: 0.01 to 65536
		--cpus 1,5 | --cpus '1,5': not a number of CPUs (such as 0.5, 2)
		--cpus 1 --cpu-quota 5000 | --cpus and --cpu-quota exclude each other
		--cpu-quota 0 | --cpu-quota '0': 0 is out of range: 1000 to 17592186044415
		--cpu-period 0 | --cpu-period '0': 0 is out of range: 1000 to 1000000
		--cpu-weight 0 | --cpu-weight '0': 0 is out of range: 1 to 10000
		--cpu-weight 10001 | --cpu-weight '10001': 10001 is out of range: 1 to 10000
		--cpu-shares 1 | --cpu-shares '1': out of range: 2 to 262144
		--cpu-shares -1 | --cpu-shares '-1': not a number from 2 to 262144
		--cpu-idle maybe | --cpu-idle 'maybe': not true or false
		--cpu-idle true --cpu-weight 5 | --cpu-weight: what is idle has no weight
		--cpuset-cpus= | --cpuset-cpus '': the value is empty
		--cpuset-cpus a | --cpuset-cpus 'a': 'a' is not a list of numbers (such as 0-3,7)
		--cpuset-cpus 3-1 | --cpuset-cpus: '3-1' is not a list of numbers (such as 0-3,7)
		--cpuset-cpus 0, | --cpuset-cpus: '0,' ends with a comma
		--cpuset-mems 77 | --cpuset-mems: there is no memory node 77: this machine has 0
		--pids-limit 0 | --pids-limit '0': 0 is out of range: 1 to 4194304
		--pids-limit -2 | --pids-limit '-2': -2 is negative
		--pids-limit 4194305 | --pids-limit '4194305': 4194305 is out of range: 1 to 4194304
		--io-max vda | --io-max 'vda': not DEVICE:KEY=RATE,… (keys: rbps, wbps, riops, wiops)
		--io-max /dev/null:rbps=1M | --io-max: '/dev/null' is not a block device
		--io-max /dev/nope:rbps=1M | --io-max: the device '/dev/nope': No such file or directory
		--io-max /etc/passwd:rbps=1M | --io-max: '/etc/passwd' is not MAJOR:MINOR nor a block device below /dev
		--io-max /dev/../etc/passwd:rbps=1M | --io-max: '/dev/../etc/passwd' is not MAJOR:MINOR nor a block device below /dev
		--io-max 999:999:rbps=1M | --io-max: there is no block device '999:999'
		--device-read-bps x | --device-read-bps 'x': not DEVICE:RATE (such as /dev/sda:1M)
		--io-weight 0 | --io-weight '0': 0 is out of range: 1 to 10000
		--blkio-weight 5 | --blkio-weight '5': out of range: 10 to 1000
		--hugetlb 2MB | --hugetlb '2MB': not PAGESIZE=SIZE
		--hugetlb 3MB=64M | --hugetlb: this machine has no huge pages of 3MB
		--cgroup-conf x | --cgroup-conf 'x': not FILE=VALUE
		--cgroup-conf x=1 | --cgroup-conf: x: 'x' is not a file of a cgroup (such as memory.max)
		--cgroup-conf ../memory.max=1 | --cgroup-conf: ../memory.max: '../memory.max' is not a file of a cgroup (such as memory.max)
		--cgroup-conf cgroup.procs=1 | --cgroup-conf: cgroup.procs: it is no limit
		--cgroup-conf cgroup.subtree_control=+cpu | --cgroup-conf: cgroup.subtree_control: it is no limit
		--cgroup-parent ../x | --cgroup-parent: '../x' has '..' in it
		--cgroup-parent /x/../y | --cgroup-parent: '/x/../y' has '..' in it
		--cgroup-parent a//b | --cgroup-parent: 'a//b' is not a cgroup's path (such as web/front)
		--cgroup-parent / | --cgroup-parent: '/' is not a cgroup's path (such as web/front)
		--cgroup-parent shims | --cgroup-parent: 'shims' is not a cgroup's path (such as web/front): 'shims' is not a name for a folder
		--cgroup-parent a/memory.max | --cgroup-parent: 'a/memory.max' is not a cgroup's path (such as web/front): 'memory.max' is not a name for a folder
		--cgroup-parent /no/such | --cgroup-parent: open the cgroup '/no/such': No such file or directory
	EOF2
	is "$(ctl ps -aq)" ''
}

# The bounds are the machine's: no list, however long, costs time or memory.
test_a_cpuset_outside_the_machine() {
	daemon_start
	local begin list
	begin=$(milliseconds)
	for list in 0-4294967295 0-18446744073709551615 4294967295 0,0-4294967295; do
		expect 125 ctl run --cpuset-cpus "$list" busybox true
		like "$ERR" 'ctl: run: --cpuset-cpus: there is no CPU *: this machine has *'
	done
	expect 125 ctl run --cpuset-cpus 0-99999999999999999999 busybox true
	like "$ERR" "*is not a list of numbers*"
	py <<-'EOF2'
		conn = Conn()
		for text in "0," * 2000 + "0", "0-1" * 10000, "9" * 100000, "0-4294967295," * 300 + "1":
		    reply = conn.call("Create", {"config": {"image": "busybox", "resources": {"cpuset_cpus": text}}})
		    # The first names processor 0 only, if often: where there is a controller for it, that is one that can be.
		    refused = reply.get("error", "").endswith((".InvalidConfig", ".NotSupported"))
		    assert refused or text.startswith("0,") and "error" not in reply, (text[:20], reply)
	EOF2
	took_less 5000 "$begin" 'lists of processors'
}

test_bad_values_by_the_raw_socket() {
	daemon_start
	py <<-'EOF2'
		table = [
		    ({"memory_max": 0}, "memory_max"), ({"memory_max": -2}, "memory_max"), ({"memory_max": 1000}, "memory_max"),
		    ({"memory_high": 1}, "memory_high"), ({"memory_low": -5}, "memory_low"), ({"memory_swap_max": -2}, "memory_swap_max"),
		    ({"cpu_quota_us": 1}, "cpu_quota_us"), ({"cpu_quota_us": 1 << 62}, "cpu_quota_us"),
		    ({"cpu_period_us": -1}, "cpu_period_us"), ({"cpu_weight": -1}, "cpu_weight"), ({"cpu_weight": 1 << 40}, "cpu_weight"),
		    ({"cpuset_cpus": ""}, "cpuset_cpus"), ({"cpuset_cpus": "0\n1"}, "cpuset_cpus"), ({"cpuset_mems": "-"}, "cpuset_mems"),
		    ({"pids_max": 0}, "pids_max"), ({"io_weight": 0}, "io_weight"), ({"io_weights": {"8:99999999": 5}}, "io_weights"),
		    ({"io_max": {"": "rbps=1"}}, "io_max"), ({"io_max": {"x y": "rbps=1"}}, "io_max"),
		    ({"io_max": {"/dev/" + "a" * 5000: "rbps=1"}}, "io_max"), ({"io_max": {"/dev/null": "rbps=" + "1" * 5000}}, "io_max"),
		    ({"hugetlb": {"2MB/../..": 1}}, "hugetlb"), ({"hugetlb": {"2.MB": 1}}, "hugetlb"), ({"hugetlb": {"x" * 99: 1}}, "hugetlb"),
		    ({"cgroup": {"": "1"}}, "cgroup"), ({"cgroup": {"memory.": "1"}}, "cgroup"), ({"cgroup": {".max": "1"}}, "cgroup"),
		    ({"cgroup": {"memory.max": ""}}, "cgroup"), ({"cgroup": {"memory.max/../x.y": "1"}}, "cgroup"),
		    ({"cgroup": {"cgroup.kill": "1"}}, "cgroup"), ({"cgroup": {"cgroup.freeze": "1"}}, "cgroup"),
		    ({"cgroup": {"memory.max": "1\t2"}}, "cgroup"), ({"cgroup": {"m" * 100 + ".max": "1"}}, "cgroup"),
		    ({"cgroup": {"cpu.max": "x" * 100000}}, "cgroup"),
		]
		conn = Conn()
		for resources, field in table:
		    for method, parameters, prefix in ("Create", {"config": {"image": "busybox", "resources": resources}}, "config.resources."), :
		        reply = conn.call(method, parameters)
		        assert reply.get("error") == CONTAINER + "InvalidConfig", (str(resources)[:80], reply)
		        assert reply["parameters"]["field"] == prefix + field, (str(resources)[:80], reply)
		        assert reply["parameters"]["message"].startswith(prefix + field + ": "), reply
		many = {"cgroup": {f"cgroup.max.depth{'' if i == 0 else i}": "1" for i in range(1)} | {f"x.a{i}": "1" for i in range(600)}}
		assert conn.call("Create", {"config": {"image": "busybox", "resources": many}})["error"] == CONTAINER + "InvalidConfig"
		assert conn.call("Create", {"config": {"image": "busybox", "resources": {"nonsense": 1}}})["error"] == \
		    "org.varlink.service.InvalidParameter"
		assert conn.call("List", {"all": True})["parameters"]["containers"] == []
	EOF2
}

# What nobody asked for changes nothing above our own folder.
test_defaults_leave_the_root_alone() {
	local before
	before=$(<"$MOUNT/cgroup.subtree_control")
	daemon_start
	expect 0 ctl run -d --name c busybox sleep 1000
	local file
	for file in pids.max memory.oom.group; do
		if has "${file%%.*}"; then
			is "$(field_of c ".limits[\"$file\"].effective")" "$(effective c "$file")" "$file"
			is "$(field_of c ".limits[\"$file\"].asked")" false
		else
			is "$(field_of c ".limits[\"$file\"]")" \
				"{\"wanted\":\"$([ "$file" = pids.max ] && echo 2048 || echo 1)\",\"asked\":false,\"effective\":null}" "$file"
			like "$(ctl info)" "*left_out: *$file*" 'info names it'
			is "$(<"$MOUNT/cgroup.subtree_control")" "$before"
		fi
	done
	is "$(field_of c .resources)" '{}'
}

test_cgroup_parent() {
	daemon_start
	expect 0 ctl run -d --name a --cgroup-parent web/front busybox sleep 1000
	expect 0 ctl run -d --name b --cgroup-parent web busybox sleep 1000
	local folder path
	folder=$(head -n 1 "$T/.cgroups")
	path=$(field_of a .paths.cgroup)
	is "$path" "$folder/web/front/$(field_of a .id)"
	grep -q "^$(field_of a .pid)\$" "$path/cgroup.procs" || fail 'its process is elsewhere'
	expect 0 ctl pause a
	expect 0 ctl unpause a
	expect 0 ctl rm -f a
	[ ! -e "$folder/web/front" ] || fail 'an empty folder is left'
	[ -d "$folder/web" ] || fail "the other's folder is gone"
	kill -KILL "$(shim_of b)"
	eventually 15 has_state b exited
	eventually 5 test ! -e "$folder/web"
	# one that is there already is only used
	mkdir "$MOUNT/cl-test-$$"
	expect 0 ctl run -d --name c --cgroup-parent "/cl-test-$$" busybox sleep 1000
	is "$(field_of c .paths.cgroup)" "$MOUNT/cl-test-$$/$(field_of c .id)"
	expect 0 ctl run -d --rm --name d --cgroup-parent "/cl-test-$$" busybox sleep 1000
	expect 0 ctl run -d --rm --name e --cgroup-parent web/x busybox sleep 1000
	# The daemon and two shims die: what they left is found at the next start.
	local shims
	shims="$(shim_of d) $(shim_of e) $(shim_of c)"
	daemon_kill
	# shellcheck disable=SC2086
	kill -KILL $shims
	daemon_start
	eventually 15 has_state c exited
	eventually 15 nothing_below "$MOUNT/cl-test-$$"
	eventually 15 test ! -e "$folder/web"
	rmdir "$MOUNT/cl-test-$$"
	expect 1 ctl start c
	like "$ERR" "ctl: c: open the cgroup '/cl-test-$$': No such file or directory*"
}
nothing_below() { [ -z "$(find "$1" -mindepth 1 -type d)" ]; }

# cgroup.max.depth and .descendants are in every cgroup, whatever controllers there are.
test_update() {
	daemon_start
	expect 0 ctl run -d --name c --cgroup-conf cgroup.max.depth=3 busybox sleep 1000
	is "$(effective c cgroup.max.depth)" 3
	expect 0 ctl update --cgroup-conf cgroup.max.depth=4 --cgroup-conf cgroup.max.descendants=9 c
	is "$(sort <<<"$OUT")" $'c: cgroup cgroup.max.depth: 3 -> 4\nc: cgroup cgroup.max.descendants: - -> 9'
	is "$(effective c cgroup.max.depth)$(effective c cgroup.max.descendants)" 49
	is "$(field_of c '.limits["cgroup.max.depth"]')" '{"wanted":"4","asked":true,"effective":"4"}'
	is "$(field_of c .resources)" '{"cgroup":{"cgroup.max.depth":"4","cgroup.max.descendants":"9"}}'
	expect 0 ctl update --cgroup-conf cgroup.max.depth=4 c
	is "$OUT" 'c: nothing to change'
	# All or none: the kernel refuses the second.
	expect 1 ctl update --cgroup-conf cgroup.max.depth=5 --cgroup-conf cgroup.max.descendants=nonsense c
	is "$ERR" "ctl: c: write 'nonsense' into the cgroup's cgroup.max.descendants: Invalid argument"
	is "$(effective c cgroup.max.depth)" 4 'taken back'
	is "$(field_of c '.resources.cgroup["cgroup.max.depth"]')" 4
	daemon_kill
	daemon_start
	is "$(effective c cgroup.max.depth)" 4
	is "$(field_of c '.limits["cgroup.max.depth"].effective')" 4
	ctl restart -t 0 c >/dev/null
	is "$(effective c cgroup.max.depth)" 4 'at its next start'
	is "$(call '{"method":"io.containerdlite.system.Events","parameters":{"filters":["kind=update"]}}' |
		pick '.parameters.events[0].attributes')" '{"cgroup.max.depth":"4","cgroup.max.descendants":"9"}'
}

test_update_of_several_and_of_what_does_not_run() {
	daemon_start
	ctl create --name created busybox sleep 1000 >/dev/null
	ctl run --name exited busybox true
	ctl run -d --rm --name transient busybox sleep 1000 >/dev/null
	expect 1 ctl update --cgroup-conf cgroup.max.depth=7 created nobody exited transient
	is "$OUT" $'created: cgroup cgroup.max.depth: - -> 7\nexited: cgroup cgroup.max.depth: - -> 7\ntransient: cgroup cgroup.max.depth: - -> 7'
	is "$ERR" 'ctl: nobody: no such container'
	is "$(effective transient cgroup.max.depth)" 7
	daemon_kill
	daemon_start
	is "$(field_of transient '.limits["cgroup.max.depth"].wanted')" 7 'of a --rm container'
	ctl start created >/dev/null
	is "$(effective created cgroup.max.depth)" 7
	expect 125 ctl update created
	is "$(head -n 1 <<<"$ERR")" 'ctl: update: needs a limit'
	expect 125 ctl update -m 1k created
	is "$(head -n 1 <<<"$ERR")" "ctl: update: --memory '1k': 1K is less than a start needs: at least 1M"
	expect 125 ctl update --cpuset-cpus 0-4294967295 created
	like "$ERR" 'ctl: created: --cpuset-cpus: there is no CPU *'
	if ! has memory; then
		expect 125 ctl update -m 64m created
		like "$ERR" "ctl: created: --memory: memory.max needs the controller 'memory', which is not in *"
	fi
	is "$(effective created cgroup.max.depth)" 7
}

# Many at once, of one container that starts, stops and is renamed meanwhile: each is done or told, and the last one counts.
test_updates_in_a_storm() { # limit 90
	daemon_start
	ctl create --name c busybox sh -c 'sleep 0.1' >/dev/null
	local i
	for i in $(seq 20); do
		ctl update --cgroup-conf cgroup.max.depth="$i" c >/dev/null &
		[ $((i % 3)) != 0 ] || ctl start c >/dev/null 2>&1 &
		[ $((i % 7)) != 0 ] || ctl stop -t 0 c >/dev/null &
	done
	wait_jobs
	expect 0 ctl update --cgroup-conf cgroup.max.depth=77 c
	ctl stop -t 0 c >/dev/null
	is "$(pick '.linux.resources.unified["cgroup.max.depth"]' "$STATE/containers/$(field_of c .id)/config.json")" 77
	for i in 1 2 3 4 5; do
		ctl run -d --rm --name "t$i" busybox sleep 0.05 >/dev/null
		try ctl update --cgroup-conf cgroup.max.depth=5 "t$i"
		[ "$CODE" = 0 ] || like "$ERR" 'ctl: t?: *'
	done
	eventually 10 only_c_is_left
}
only_c_is_left() { [ "$(ctl ps -aq | wc -l)" = 1 ]; }

# An update that is killed in the middle leaves the old limits or the new ones, and they agree.
test_the_updating_worker_dies() {
	daemon_start
	expect 0 ctl run -d --name c --cgroup-conf cgroup.max.depth=1 busybox sleep 1000
	local i
	for i in 2 3 4 5 6; do
		ctl update --cgroup-conf cgroup.max.depth=$i c >/dev/null 2>&1 &
		pkill -KILL -P "$(pgrep -P "$DAEMON" -x ctl-spawner)" -x ctl-worker || true
		wait $! || true
		is "$(field_of c '.limits["cgroup.max.depth"] | .wanted == .effective')" true 'another worker finishes it'
	done
	expect 0 ctl update --cgroup-conf cgroup.max.depth=9 c
	is "$(effective c cgroup.max.depth)" 9
	daemon_kill
	daemon_start
	is "$(field_of c '.limits["cgroup.max.depth"].wanted') $(field_of c '.limits["cgroup.max.depth"].effective')" '9 9'
}

test_a_bundle_with_resources() {
	mkdir -p bundle/rootfs
	cp -a "$BUILD/rootfs/busybox/." bundle/rootfs
	daemon_start
	base='{"ociVersion":"1.0.2","process":{"args":["sleep","1000"],"cwd":"/"},"root":{"path":"rootfs"},"linux":{"namespaces":[
		{"type":"pid"},{"type":"network"},{"type":"ipc"},{"type":"uts"},{"type":"mount"}],"resources":'
	bundle() { echo "$base$1}}" >bundle/config.json; }
	bundle '{"unified":{"cgroup.max.depth":"6"}}'
	expect 0 ctl run -d --name c --bundle bundle --cgroup-conf cgroup.max.descendants=8
	is "$(effective c cgroup.max.depth)$(effective c cgroup.max.descendants)" 68
	is "$(field_of c .config.linux.resources.unified)" '{"cgroup.max.depth":"6","cgroup.max.descendants":"8"}'
	ctl rm -f c >/dev/null
	local resources expected
	while IFS='|' read -r resources expected; do
		bundle "${resources% }"
		expect 125 ctl run --name c --bundle bundle
		like "$ERR" "ctl: *${expected# }*"
	done <<-'EOF2'
		{"memory":{"limit":1000}} | linux.resources.memory.limit: 1000 is less than a start needs
		{"memory":{"limit":"x"}} | linux.resources.memory.limit must be a whole number
		{"memory":{"swap":1000000000}} | linux.resources.memory.swap needs linux.resources.memory.limit
		{"memory":{"limit":100000000,"swap":1000000}} | linux.resources.memory.swap is memory and swap together
		{"memory":{"swappiness":5}} | linux.resources.memory.swappiness is not supported
		{"cpu":{"quota":5}} | linux.resources.cpu.quota: 5 is out of range
		{"cpu":{"cpus":"x"}} | linux.resources.cpu.cpus: 'x' is not a list
		{"cpu":{"cpus":"0-4294967295"}} | there is no CPU
		{"cpu":{"realtimeRuntime":5}} | linux.resources.cpu.realtimeRuntime is not supported
		{"pids":{"limit":-5}} | linux.resources.pids.limit is negative
		{"blockIO":{"throttleReadBpsDevice":[{"major":999,"minor":999,"rate":5}]}} | there is no block device '999:999'
		{"hugepageLimits":[{"pageSize":"x","limit":5}]} | 'x' is not a size of pages
		{"unified":{"cgroup.procs":"1"}} | linux.resources.unified.cgroup.procs: it is no limit
		{"unified":{"memory.max":5}} | linux.resources.unified must be an object of strings
		{"nonsense":{}} | linux.resources.nonsense is not supported
	EOF2
	is "$(ctl ps -aq)" ''
	if has memory && has cpu && has pids; then
		bundle '{"memory":{"limit":67108864,"swap":100663296,"reservation":8388608},"cpu":{"shares":1024,"quota":20000},"pids":{"limit":33}}'
		expect 0 ctl run -d --name c --bundle bundle
		is "$(effective c memory.max) $(effective c memory.swap.max) $(effective c memory.low)" '67108864 33554432 8388608'
		is "$(effective c cpu.weight) $(effective c cpu.max) $(effective c pids.max)" '39 20000 100000 33'
	else
		bundle '{"memory":{"limit":67108864}}'
		expect 125 ctl run --name c --bundle bundle
		like "$ERR" "ctl: *linux.resources*memory.max needs the controller 'memory'*"
	fi
}

test_no_cgroup_is_left() { # limit 600
	daemon_start
	local n=300 folder
	[ -z "${SLOW:-}" ] || n=10000
	folder=$(head -n 1 "$T/.cgroups")
	seq "$n" | xargs -P 4 -n 10 sh -c 'for i; do ctl run --rm --cgroup-conf cgroup.max.depth=2 --cgroup-parent w/a$((i % 3)) busybox true || exit 255; done' sh
	eventually 10 only_shims "$folder"
}
only_shims() { [ "$(find "$1" -mindepth 1 -type d)" = "$1/shims" ]; }

# What cannot be written down is not in force either.
test_update_on_a_full_disk() {
	mkdir state
	mount -t tmpfs -o size=2m tmpfs state
	daemon_start
	expect 0 ctl run -d --name c --cgroup-conf cgroup.max.depth=3 busybox sleep 1000
	ctl create --name d busybox true >/dev/null
	dd if=/dev/zero of="$STATE/fill" bs=4k 2>/dev/null || true
	expect 1 ctl update --cgroup-conf cgroup.max.depth=5 c d
	is "$ERR" $'ctl: c: write \'config.json\': No space left on device\nctl: d: write \'config.json\': No space left on device'
	is "$(effective c cgroup.max.depth)" 3
	is "$(field_of c '.limits["cgroup.max.depth"].wanted')" 3
	rm "$STATE/fill"
	expect 0 ctl update --cgroup-conf cgroup.max.depth=5 c d
	is "$(effective c cgroup.max.depth)" 5
	ctl rm -f c d >/dev/null
	daemon_stop
	DAEMON=
	umount state
}

# However often, and with whatever: it stays something that inspect can tell and the next daemon can read.
# A disk may hold anything.
test_update_of_a_damaged_configuration() {
	daemon_start
	expect 0 ctl create --name c busybox true
	local file text
	file=$STATE/containers/$OUT/config.json
	for text in '[]' '5' '{"linux": 5}' '{"linux": {"resources": ["x"]}}'; do
		daemon_kill
		echo "$text" >"$file"
		daemon_start
		expect 125 ctl update --cgroup-conf cgroup.max.depth=3 c
		is "$ERR" 'ctl: c: config.json is damaged: there is something else where objects must be' "$text"
		is "$(<"$file")" "$text"
		expect 125 ctl start -a c
		like "$ERR" 'ctl: *config.json is damaged*' "$text"
		daemon_alive
	done
}

test_update_has_bounds() {
	daemon_start
	ctl create --name c busybox true >/dev/null
	py <<-'EOF2'
		conn = Conn()
		refused = 0
		for turn in range(12):
		    files = {f"misc.f{turn}x{i}": "x" * 4000 for i in range(8)}
		    reply = conn.call("Update", {"container": "c", "resources": {"cgroup": files}})
		    refused += "error" in reply
		    assert "error" not in reply or reply["parameters"]["message"], reply
		assert refused == 12 or refused > 4, refused
		assert "error" not in conn.call("Inspect", {"container": "c"})
	EOF2
	daemon_kill
	daemon_start
	is "$(state_of c)" created
	expect 0 ctl inspect c
}
