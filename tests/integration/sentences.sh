# shellcheck shell=bash
# What the daemon refuses and what a start fails of: the exact sentence, its hint, the exit code, and nothing left.
# (Command lines that ctl itself refuses are in usage.sh.)

# Rows of `code: command line => sentence`, each followed by ` | hint` where there is one. A sentence's ID is the short
# id of the container that the command made.
says() {
	local row code words sentence hint got
	while IFS= read -r row; do
		[ -n "$row" ] || continue
		code=${row%%: *}
		row=${row#*: }
		words=${row%% => *}
		sentence=${row#* => }
		sentence=${sentence//'$T'/$T}
		hint=${sentence#* | }
		[ "$hint" != "$sentence" ] || hint=
		sentence=${sentence%% | *}
		eval "try timeout 20 '$BUILD/ctl' $words"
		got=$(head -n 1 <<<"$ERR" | sed -E 's/^ctl: [0-9a-f]{12}:/ctl: ID:/')
		is "$got" "ctl: $sentence" "ctl $words"
		is "$CODE" "$code" "ctl $words: exit code"
		is "$(sed -n 2p <<<"$ERR")" "${hint:+hint: $hint}" "ctl $words: hint"
		[ "$(wc -l <<<"$ERR")" -le 2 ] || fail "ctl $words: more than a sentence and a hint: $ERR"
	done
}

test_values_that_cannot_be() {
	daemon_start
	says <<-'EOF'
		125: run nosuchimage true => run: there is no built-in root file system 'nosuchimage' | built in is busybox; a folder is given by rootfs
		125: run --cap-add NOPE busybox true => run: --cap-add: there is no capability 'NOPE'
		125: run -w relative busybox true => run: --workdir: 'relative' is not an absolute path
		125: run -h 'a b' busybox true => run: --hostname: 'a b' is not a host name
		125: run --bundle $T/nowhere => run: bundle '$T/nowhere': No such file or directory
	EOF
	is "$(ctl ps -aq)" '' 'nothing was made'
}

test_roots() {
	daemon_start
	echo text >file
	mkdir empty
	says <<-'EOF'
		125: run --rm --rootfs $T/nowhere true => ID: rootfs: open the root file system '$T/nowhere': No such file or directory
		125: run --rm --rootfs $T/file true => ID: rootfs: open the root file system '$T/file': Not a directory
		127: run --rm --rootfs $T/empty true => ID: exec: find 'true' in PATH: No such file or directory
		125: run --rm --rootfs $T/empty => run: no command was given
	EOF
	is "$(ctl ps -aq)" ''
}

test_programs() {
	daemon_start
	mkdir root
	cp -a "$BUILD/rootfs/busybox/." root/
	printf '#!/no/interpreter\n' >root/script
	printf 'no program' >root/text
	chmod 755 root/script root/text
	says <<-'EOF'
		127: run --rm busybox nosuchprogram => ID: exec: find 'nosuchprogram' in PATH: No such file or directory
		127: run --rm busybox /no/such => ID: exec: execute '/no/such': No such file or directory
		126: run --rm busybox /etc/passwd => ID: exec: execute '/etc/passwd': Permission denied | the file is not executable: chmod +x
		126: run --rm busybox /etc => ID: exec: execute '/etc': Is a directory
		127: run --rm --rootfs root /script => ID: exec: execute '/script': its interpreter '/no/interpreter': No such file or directory
		126: run --rm --rootfs root /text => ID: exec: execute '/text': Exec format error | it is neither a program nor a script that begins with #!
		125: run --rm -w /etc/passwd busybox true => ID: cwd: enter the working directory '/etc/passwd': Not a directory
		125: run --rm -u nosuch busybox true => ID: user: user 'nosuch' is not in the container's /etc/passwd
		125: run --rm -u 4294967296 busybox true => ID: user: user '4294967296' is larger than 4294967294
	EOF
	is "$(ctl ps -aq)" ''
}

test_mounts() {
	daemon_start
	echo text >file
	mkdir folder
	says <<-'EOF'
		125: run --rm -v $T/nowhere:/x busybox true => ID: mounts: bind mount '$T/nowhere' on '/x': No such file or directory
		125: run --rm -v $T/file:/tmp busybox true => ID: mounts: bind mount '$T/file' on '/tmp': Is a directory | the source is a file, the target is a folder
		125: run --rm -v $T/folder:/etc/passwd busybox true => ID: mounts: bind mount '$T/folder' on '/etc/passwd': Not a directory | the source is a folder, the target is not
	EOF
	is "$(ctl ps -aq)" ''
}

test_containers() {
	daemon_start
	ctl create --name c busybox true >/dev/null
	ctl run -d --name r busybox sleep 100 >/dev/null
	says <<-'EOF'
		1: kill nobody => nobody: no such container
		1: kill c => c: is not running
		1: rm r => r: is running | stop it first, or remove it with -f
		1: start nobody => nobody: no such container
		1: wait nobody => nobody: no such container
		1: inspect nobody => nobody: no such container
		1: logs nobody => nobody: no such container
		125: ps --filter nope=1 => ps: there is no filter 'nope=1' | filters are id=, name=, label=, exited=, status=, before=, since=
	EOF
	like "$(ctl rename c r 2>&1)" "ctl: c: the name 'r' is in use by container ????????????"
	is "$(ctl ps -aq | wc -l)" 2
}
