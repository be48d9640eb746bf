# shellcheck shell=bash disable=SC2030,SC2031,SC2034
# A state folder that is full, read-only or damaged.

fill() { dd if=/dev/zero of="$STATE/fill" bs=4k 2>/dev/null || true; }

test_a_full_disk() { # limit 60
	mkdir state
	mount -t tmpfs -o size=2m tmpfs state
	daemon_start
	expect 0 ctl create --name made busybox echo made
	expect 0 ctl create --name goes busybox true
	for name in stops shim; do expect 0 ctl run -d --name "$name" busybox sleep 1000; done
	fill
	expect 125 ctl create --name full busybox true
	is "$ERR" "ctl: full: write 'config.json': No space left on device"
	expect 125 ctl run --name full busybox true
	is "$ERR" "ctl: full: write 'config.json': No space left on device"
	expect 125 ctl run -d --name full busybox true
	is "$ERR" "ctl: full: write 'config.json': No space left on device"
	expect 125 ctl run --rm --name full busybox true
	is "$ERR" "ctl: full: write 'config.json': No space left on device"
	expect 1 ctl start made
	like "$ERR" "ctl: made: *: No space left on device"
	is "$(state_of made)" exited
	is "$(field_of made .exit.reason)" 'start failed'
	expect 1 ctl rename made other
	is "$ERR" "ctl: made: write 'state.json': No space left on device"
	is "$(field_of made .name)" made
	is "$(ctl ps -a | awk 'NR > 1 {print $NF}' | sort | paste -sd ' ')" 'goes made shim stops'
	is "$(find "$STATE/containers" "$STATE/transient" -mindepth 1 -maxdepth 1 | wc -l)" 4
	kill -KILL "$(shim_of shim)"
	expect 0 ctl stop -t 0 stops
	eventually 5 has_state shim exited
	fill
	expect 0 ctl rm goes
	fill
	daemon_kill
	daemon_start
	is "$(ctl ps -a | awk 'NR > 1 {print $NF}' | sort | paste -sd ' ')" 'made shim stops'
	is "$(field_of stops .exit.code)" 137
	is "$(field_of shim .exit.reason)" 'shim died'
	rm "$STATE/fill"
	expect 0 ctl start -a made
	is "$OUT" made
	expect 0 ctl rm made stops shim
	daemon_stop
	DAEMON=
	umount state
}

# The container is there; who reads the file is not told so by an exit code of 0.
test_an_id_that_cannot_be_written() {
	daemon_start
	mkdir full
	mount -t tmpfs -o size=4k tmpfs full
	dd if=/dev/zero of=full/fill bs=4k 2>/dev/null || true
	expect 1 ctl create --name c --cidfile full/id busybox true
	is "$ERR" "ctl: c: write 'full/id': No space left on device"
	is "$OUT" "$(field_of c .id)"
	expect 1 ctl run -d --rm --cidfile full/other busybox true
	umount full
}

events_since() { call "{\"method\":\"io.containerdlite.system.Events\",\"parameters\":{\"since_seq\":$1}}"; }
last_event() { events_since 0 | pick '.parameters.events[-1].seq'; }

# What a full disk has not taken was told all the same: its numbers are never given to something else.
test_numbers_of_events_on_a_full_disk() { # limit 60
	mkdir state
	mount -t tmpfs -o size=2m tmpfs state
	daemon_start
	expect 0 ctl run -d --name c busybox sleep 1000
	fill
	local i last before
	before=$(last_event)
	for i in $(seq 60); do expect 0 ctl kill -s USR1 c; done
	last=$(last_event)
	is "$last" $((before + 60))
	daemon_kill
	rm "$STATE/fill"
	daemon_start
	expect 0 ctl kill -s USR1 c
	events_since "$last" >events
	is "$(jq -c '.parameters.events | map(.kind)' events)" '["daemon","kill"]'
	is "$(pick '.parameters.events[0].seq' events)" $((last + 1))
	# And once it takes them again, nothing is left out any more.
	daemon_kill
	daemon_start
	is "$(last_event)" $((last + 3))
	expect 0 ctl rm -f c
	daemon_stop
	DAEMON=
	umount state
}

test_a_read_only_state_folder() {
	mkdir state
	mount -t tmpfs -o ro,mode=700 tmpfs state
	expect 1 timeout 5 "$BUILD/containerd-lite" --state-dir "$STATE" --run-dir "$RUN"
	is "$ERR" "containerd-lite: open '$STATE/lock': Read-only file system"
	umount state
}

damage() { # KIND FILE
	local big
	case $1 in
	empty) : >"$2" ;;
	cut) truncate -s 20 "$2" ;;
	garbage) head -c 300 /dev/urandom >"$2" ;;
	zeros) head -c 300 /dev/zero >"$2" ;;
	version) sed -i 's/"version": *1/"version":2/' "$2" ;;
	types) echo '{"version":1,"name":7,"run":"x","boot_id":[],"exit":{},"code":"a","process":3,"root":[]}' >"$2" ;;
	array) echo '[1,2,3]' >"$2" ;;
	link) mv "$2" "$2.was"; ln -s "$2.was" "$2" ;;
	fifo) rm "$2"; mkfifo "$2" ;;
	folder) rm "$2"; mkdir "$2" ;;
	huge) rm "$2"; truncate -s 5G "$2" ;;
	gone) rm "$2" ;;
	deep) printf '[%.0s' $(seq 60000) >"$2" ;;
	huge_number) sed -i 's/"run": *1/"run":99999999999999999999/; s/"code": *[0-9]*/"code":-77/' "$2" ;;
	esac
}

damaged_files() { (cd "$STATE/containers" && find . -name '*.json*' -printf '%p %y %s %T@\n' | sort); }

test_damaged_files() { # limit 200
	# Whatever a file has become: the daemon starts, says so, leaves it alone, and takes back no other container's name.
	daemon_start
	local file kind name id
	for file in config shim state run exit; do
		for kind in empty cut garbage zeros version types array link fifo folder huge gone deep huge_number; do
			case $file.$kind in
			config.version | run.gone | exit.gone | *.huge_number) continue ;; # no damage
			esac
			expect 3 ctl run --name "$file.$kind" busybox sh -c 'exit 3'
			echo "$file $kind $(field_of "$file.$kind" .id)" >>list
		done
	done
	expect 4 ctl run --name good busybox sh -c 'exit 4'
	daemon_stop
	DAEMON=
	while read -r file kind id; do damage "$kind" "$STATE/containers/$id/$file.json"; done <list
	damaged_files >before
	daemon_start
	while read -r file kind id; do
		name=$file.$kind
		case $name in
		config.link | config.fifo | config.folder | config.huge | config.gone | shim.*)
			expect 1 ctl inspect "$id"
			;;
		config.*)
			is "$(field_of "$name" .exit.code)" 3 "$name"
			continue
			;;
		state.*)
			is "$(field_of "$id" .name)" "${id:0:12}" "$name"
			is "$(field_of "$id" .exit.code)" 3 "$name"
			;;
		run.*) is "$(field_of "$name" .exit.code)" 3 "$name" ;;
		exit.*)
			is "$(state_of "$name")" exited "$name"
			is "$(field_of "$name" .exit.code)" null "$name"
			like "$(field_of "$name" .exit.error)" 'its exit record cannot be read: *'
			;;
		esac
		grep -q "warning: container $id: " "$T/daemon.log" || fail "not a word about $name"
	done <list
	is "$(field_of good .exit.code)" 4
	damaged_files | diff before - || fail 'a damaged file was touched'
	daemon_stop
	DAEMON=
	while read -r file kind id; do rm -rf "${STATE:?}/containers/$id"; done <list
	daemon_start
}
