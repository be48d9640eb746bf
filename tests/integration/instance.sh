# shellcheck shell=bash disable=SC2034
# A private instance: its options, its configuration file, and what make install makes.

test_it_needs_nothing_but_two_folders() {
	daemon_start
	is "$(cd "$T" && echo *)" 'daemon.log run state'
	expect 0 ctl run --rm busybox echo hi
	is "$OUT" hi
	daemon_stop
	DAEMON=
	[ ! -S "$CTL_SOCKET" ] || fail 'its socket is still there'
	is "$(sed 's/ .*//' .cgroups | while read -r folder; do [ ! -d "$folder" ] || echo "$folder"; done)" '' 'its cgroup'
}

test_socket_option() {
	daemon_start
	daemon_stop
	DAEMON=
	"$BUILD/containerd-lite" --state-dir "$STATE" --run-dir "$RUN" --socket "$T/other" 2>>"$T/daemon.log" &
	DAEMON=$!
	eventually 5 ctl --socket "$T/other" ps
	expect 125 ctl ps
	export CTL_SOCKET=$T/other
	expect 0 ctl run --rm busybox echo hi
}

test_a_long_run_folder() {
	RUN=$T/$(printf 'r%.0s' {1..200})
	mkdir "$RUN"
	"$BUILD/containerd-lite" --state-dir "$STATE" --run-dir "$RUN" 2>>"$T/daemon.log" &
	DAEMON=$!
	export CTL_SOCKET=$RUN/containerd-lite.sock
	eventually 5 ctl ps
	daemon_fds DAEMON_FDS
	daemon_note_cgroup
	expect 0 ctl run -d --name c busybox sleep 100
	daemon_kill
	"$BUILD/containerd-lite" --state-dir "$STATE" --run-dir "$RUN" 2>>"$T/daemon.log" &
	DAEMON=$!
	eventually 5 ctl ps
	is "$(ctl ps | awk 'NR > 1 {print $NF}')" c
}

test_wrong_options() {
	local row
	while read -r row; do
		# shellcheck disable=SC2086
		expect 125 timeout 5 containerd-lite $row
		[ "$(wc -l <<<"$ERR")" -le 2 ] || fail "$row: $ERR"
		like "$ERR" 'containerd-lite: *' "$row"
	done <<-'EOF'
		--nonsense
		--state-dir
		--log-level nonsense --state-dir s --run-dir r
		--config /nowhere --state-dir s --run-dir r
		extra --state-dir s --run-dir r
	EOF
	expect 1 timeout $((20 * FACTOR)) containerd-lite --state-dir "$T/s" --run-dir "$T/r" --cgroup-parent "$T"
	is "$ERR" "containerd-lite: cgroup_parent: '$T' is not a cgroup v2 folder"
	is "$(find "$T" -name 'containerd-lite-*')" '' 'a folder was made where none should be'
	expect 0 containerd-lite --help
	expect 1 sh -c 'containerd-lite --help >/dev/full'
	is "$ERR" 'containerd-lite: cannot write to standard output'
	expect 0 containerd-lite --version
	like "$OUT" 'containerd-lite *'
	expect 0 ctl --version
}

test_configuration() {
	printf '# comment\n\nnonsense = 1\n' >conf
	expect 125 timeout 5 containerd-lite --state-dir "$STATE" --run-dir "$RUN" --config "$T/conf"
	like "$ERR" "*$T/conf:3: *nonsense*"
	printf '# only comments\n' >conf
	daemon_start --config "$T/conf"
	expect 0 ctl run --rm busybox true
	daemon_stop
	DAEMON=
	# Every key of the sample is known, with the value that it shows.
	sed -n 's/^#\([a-z_]* *=.*\)/\1/p' "$TOP/etc/containerd-lite.conf" | grep -vE '^(state_dir|run_dir|socket|cgroup_parent) ' >conf
	[ -s conf ] || fail 'the sample has no keys'
	daemon_start --config "$T/conf"
	expect 0 ctl run --rm busybox true
}

test_ends_cleanly_with_clients() {
	daemon_start
	expect 0 ctl run -d --name c busybox sleep 100
	ctl wait c >/dev/null 2>&1 &
	local pid=$!
	sleep 0.3
	daemon_stop
	DAEMON=
	kill $pid
	wait $pid || true
	daemon_start
	is "$(state_of c)" running
}

test_install() { # limit 120
	[ "$BUILD" = "$TOP/build" ] || skip 'only the plain build is installed'
	needs_source
	make -s -C "$TOP" install DESTDIR="$T/dest" PREFIX=/usr >/dev/null
	(cd dest && find . -type f -o -type l | grep -v /rootfs/busybox/ | sort) >list
	diff - list <<-'EOF'
		./etc/containerd-lite/containerd-lite.conf
		./usr/bin/containerd-lite
		./usr/bin/ctl
		./usr/lib/systemd/system/containerd-lite-containers.service
		./usr/lib/systemd/system/containerd-lite.service
		./usr/lib/systemd/system/containerd-lite.socket
		./usr/lib/sysusers.d/containerd-lite.conf
		./usr/lib/tmpfiles.d/containerd-lite.conf
		./usr/libexec/containerd-lite/containerd-lite-shim
		./usr/share/bash-completion/completions/ctl
		./usr/share/containerd-lite/interface/io.containerdlite.container.varlink
		./usr/share/containerd-lite/interface/io.containerdlite.system.varlink
		./usr/share/containerd-lite/interface/org.varlink.service.varlink
		./usr/share/fish/vendor_completions.d/ctl.fish
		./usr/share/man/man1/ctl.1
		./usr/share/man/man5/containerd-lite.conf.5
		./usr/share/man/man7/containerd-lite-protocol.7
		./usr/share/man/man8/containerd-lite.8
		./usr/share/zsh/vendor-completions/_ctl
	EOF
	# It runs from there, wherever that is.
	"$T/dest/usr/bin/containerd-lite" --state-dir "$STATE" --run-dir "$RUN" 2>>daemon.log &
	DAEMON=$!
	export CTL_SOCKET=$RUN/containerd-lite.sock
	eventually 5 "$T/dest/usr/bin/ctl" ps
	daemon_fds DAEMON_FDS
	daemon_note_cgroup
	expect 0 "$T/dest/usr/bin/ctl" run --rm busybox uname -a
	like "$OUT" 'Linux *'
}

test_info_and_introspection() {
	daemon_start
	is "$(call '{"method":"io.containerdlite.system.Info"}' | pick .parameters.pid)" "$DAEMON"
	is "$(call '{"method":"org.varlink.service.GetInfo"}' | pick '.parameters.interfaces[]' | sort | paste -sd ' ')" \
		'io.containerdlite.container io.containerdlite.system org.varlink.service'
	local name
	for name in io.containerdlite.container io.containerdlite.system; do
		call "{\"method\":\"org.varlink.service.GetInterfaceDescription\",\"parameters\":{\"interface\":\"$name\"}}" |
			pick .parameters.description | head -c -1 | cmp - "$TOP/interface/$name.varlink"
	done
}

test_events() {
	daemon_start
	expect 3 ctl run --name c busybox sh -c 'exit 3'
	expect 0 ctl rename c d
	expect 0 ctl rm d
	is "$(call '{"method":"io.containerdlite.system.Events","parameters":{"since_seq":0,"filters":["container=c","name=c","name=d"]}}' | pick .error)" null
	call '{"method":"io.containerdlite.system.Events","parameters":{"since_seq":0}}' >events
	like "$(pick '.parameters.events[].kind' events | paste -sd ' ')" '*create*start*exit*rename*remove*'
	is "$(jq -r '.parameters.events | map(.seq) | . == sort and (unique | length) == length' events)" true
	local last
	last=$(pick '.parameters.events[-1].seq' events)
	daemon_kill
	daemon_start
	ctl create --name e busybox true >/dev/null
	call "{\"method\":\"io.containerdlite.system.Events\",\"parameters\":{\"since_seq\":$last}}" >events
	[ "$(pick '.parameters.events[0].seq' events)" -gt "$last" ] || fail 'numbers go on after a restart'
}

test_a_daemon_in_a_chroot_refuses() {
	mkdir tree
	mount --rbind / tree
	expect 1 timeout 5 chroot tree "$BUILD/containerd-lite" --state-dir /tmp/never --run-dir /tmp/never2
	umount -R -l tree
	rm -rf /tmp/never /tmp/never2
	like "$ERR" '*chroot*'
}
