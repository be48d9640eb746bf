# shellcheck shell=bash
# Bundles of other tools: config.json as it is, with and without the daemon.

# The bundle that `crun spec` makes, with the built-in root and this command.
spec() { # FOLDER COMMAND…
	local folder=$1
	shift
	mkdir -p "$folder/rootfs"
	cp -a "$BUILD/rootfs/busybox/." "$folder/rootfs/"
	(cd "$folder" && crun spec)
	jq --arg args "$(printf '%s\n' "$@")" '.process.terminal = false | .process.args = ($args | split("\n"))' \
		<"$folder/config.json" >"$folder/new"
	mv "$folder/new" "$folder/config.json"
}
change() { # FOLDER JQ-FILTER
	jq "$2" <"$1/config.json" >"$1/new"
	mv "$1/new" "$1/config.json"
}

test_crun_spec_without_the_daemon() {
	spec b sh -c 'echo hi; cat; exit 3'
	expect 3 containerd-lite-shim --bundle "$T/b" < <(echo input)
	is "$OUT" $'hi\ninput'
	is "$ERR" ''
}

test_crun_spec() {
	daemon_start
	spec b sh -c 'hostname; id -u; echo made >/made; exit 4'
	change b '.root.readonly = false'
	expect 4 ctl run --name c --bundle "$T/b"
	is "$OUT" $'crun\n0'
	is "$(cat b/rootfs/made)" made 'the root in place'
	is "$(field_of c .image)" "$T/b"
	expect 4 ctl start -a c
}

test_config_is_copied_at_create() {
	daemon_start
	spec b echo first
	expect 0 ctl create --name c --bundle "$T/b"
	change b '.process.args = ["echo", "second"]'
	expect 0 ctl start -a c
	is "$OUT" first
}

test_read_only_root() {
	daemon_start
	spec b sh -c 'touch /x 2>&1; true'
	expect 0 ctl run --rm --bundle "$T/b"
	like "$OUT" '*Read-only file system'
}

test_what_is_not_implemented_is_named() {
	daemon_start
	spec b true
	local filter name
	while IFS='|' read -r filter name; do
		cp b/config.json keep
		change b "$filter"
		expect 125 ctl run --rm --bundle "$T/b"
		like "$ERR" "ctl: *$name*" "$filter"
		expect 125 containerd-lite-shim --bundle "$T/b"
		like "$ERR" "*$name*" "--bundle: $filter"
		mv keep b/config.json
	done <<-'EOF'
		.process.consoleSize = {"height": 70000, "width": 80}|process.consoleSize.height
		.hooks = {"prestart": [{"path": "/bin/true"}]}|hooks
		.linux.seccomp = {"defaultAction": "SCMP_ACT_ERRNO"}|seccomp
		.linux.namespaces += [{"type": "user"}]|user
		.linux.namespaces += [{"type": "network", "path": "/proc/1/ns/net"}]|namespaces
		.linux.intelRdt = {"closID": "x"}|intelRdt
		.process.apparmorProfile = "x"|apparmorProfile
		.process.selinuxLabel = "x"|selinuxLabel
		.linux.resources.memory = {"limit": 1000000}|memory
	EOF
	daemon_alive
}

test_bundles_that_are_none() {
	daemon_start
	mkdir empty
	expect 125 ctl run --rm --bundle "$T/empty"
	like "$ERR" "ctl: *config.json*No such file or directory"
	expect 125 ctl run --rm --bundle "$T/nowhere"
	like "$ERR" "ctl: *$T/nowhere*No such file or directory"
	mkdir bad
	local text
	for text in '' '{' '[]' 'null' '{}' '{"ociVersion":"1.0.0"}' '{"ociVersion":1}' '{"ociVersion":"9.0.0","process":{"args":["x"]},"root":{"path":"x"}}' \
		'{"ociVersion":"1.0.0","process":{"args":[]},"root":{"path":"rootfs"}}' '{"ociVersion":"1.0.0","process":{"args":["x"],"cwd":"rel"},"root":{"path":"rootfs"}}'; do
		echo "$text" >bad/config.json
		expect 125 ctl run --rm --bundle "$T/bad"
		like "$ERR" 'ctl: *' "$text"
		is "$(grep -vc '^hint' <<<"$ERR")" 1 "one sentence for $text"
		expect 125 containerd-lite-shim --bundle "$T/bad"
		[ -n "$ERR" ] || fail "--bundle without a word: $text"
	done
	head -c 20000000 /dev/zero | tr '\0' '[' >bad/config.json
	expect 125 ctl run --rm --bundle "$T/bad"
	rm bad/config.json
	mkfifo bad/config.json
	expect 125 timeout 10 ctl run --rm --bundle "$T/bad"
	rm bad/config.json
	ln -s /dev/zero bad/config.json
	expect 125 timeout 10 ctl run --rm --bundle "$T/bad"
	is "$(ctl ps -aq)" ''
}

test_flags_that_contradict_a_bundle() {
	daemon_start
	spec b true
	expect 125 ctl run --rm --bundle "$T/b" -e A=B
	expect 125 ctl run --rm --bundle "$T/b" --rootfs "$T/b/rootfs" true
	expect 0 ctl run --rm --bundle "$T/b" --name c -l a=b
}

test_config_cut_anywhere() { # limit 120
	spec b true
	local size step
	size=$(stat -c %s b/config.json)
	step=$((size / 60 + 1))
	cp b/config.json whole
	local i
	for ((i = 0; i < size - 1; i += step)); do
		head -c "$i" whole >b/config.json
		expect 125 containerd-lite-shim --bundle "$T/b"
		[ "$(wc -l <<<"$ERR")" -le 2 ] || fail "cut at $i: $ERR"
	done
}

test_device_rules_are_accepted() {
	daemon_start
	spec b true
	change b '.linux.resources.devices = [{"allow": false, "access": "rwm"}]'
	expect 0 ctl run --name c --bundle "$T/b"
}

test_too_many_paths() {
	spec b true
	change b '.linux.maskedPaths = [range(2000) | "/proc/keys"]'
	expect 125 containerd-lite-shim --bundle "$T/b"
	is "$ERR" 'containerd-lite-shim: spec: config.json: linux.maskedPaths are too many'
}
