# shellcheck shell=bash
# README.md: its tour and its script, typed as they stand, in a fresh folder.

# The README has a daemon of its own; it ends here. Its containers are gone by then.
end_daemon() {
	local pid
	[ -S "$CTL_SOCKET" ] || return 0
	pid=$(call '{"method":"io.containerdlite.system.Info"}' | pick .parameters.pid)
	is "$(ctl ps -aq)" '' 'containers are left'
	kill -TERM "$pid"
	eventually 20 gone "$pid"
}

test_tour() { # limit 120
	[ -e "$TOP/README.md" ] || skip 'README.md is not there'
	needs_static_shim # --init
	command -v crun >/dev/null || skip 'needs crun'
	export CTL_SOCKET=$T/cl/run/containerd-lite.sock
	mkdir fresh
	cd fresh || fail "no folder"
	ln -s "$BUILD" build
	sed -n '/^```sh$/,/^```$/p' "$TOP/README.md" | sed '1d;$d' >script
	chmod +x script
	/usr/bin/python3 "$TOP/tests/integration/session.py" "$TOP/README.md" "/tmp/cl/=$T/cl/" "./script=$PWD/script"
	end_daemon
}
