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
		sentence=${sentence//'$OWN'/${OWN-}}
		sentence=${sentence//'$FOREIGN'/${FOREIGN-}}
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
		125: run nosuchimage true => run: there is no built-in root file system 'nosuchimage' | busybox is built in; --rootfs takes a folder, --bundle an OCI bundle
		125: run --cap-add NOPE busybox true => run: --cap-add: there is no capability 'NOPE'
		125: run -w relative busybox true => run: --workdir: 'relative' is not an absolute path
		125: run --log-opt max-size=1k busybox true => run: --log-opt max-size must be at least 4096
		125: run --log-opt max-file=0 busybox true => run: --log-opt max-file must be 1 to 1000
		125: run --bundle / -e A=B => run: --env cannot be given together with a bundle, whose config.json says it
		125: run --bundle / -v $T:/x => run: -v or --mount cannot be given together with a bundle, whose config.json says it
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

# Of a program of this machine's one for another machine, and one whose loader is nowhere.
make_foreign() { # ROOT
	/usr/bin/python3 - "$1" <<-'EOF'
		import os, shutil, struct, sys
		data = bytearray(open(shutil.which("true"), "rb").read())
		own = struct.unpack_from("<H", data, 18)[0]
		foreign = bytearray(data)
		struct.pack_into("<H", foreign, 18, 183 if own != 183 else 62)
		open(sys.argv[1] + "/foreign", "wb").write(foreign)
		at, size, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
		for i in range(count):
		    kind, _, offset = struct.unpack_from("<IIQ", data, at + i * size)
		    if kind == 3:
		        data[offset:offset + 16] = b"/no/such/loader\0"
		open(sys.argv[1] + "/loader", "wb").write(data)
	EOF
	OWN=$(uname -m | sed s/aarch64/arm64/)
	FOREIGN=arm64
	[ "$OWN" != arm64 ] || FOREIGN=x86_64
}

test_programs() {
	daemon_start
	mkdir root
	cp -a "$BUILD/rootfs/busybox/." root/
	printf '#!/no/interpreter\n' >root/script
	printf 'no program' >root/text
	printf '#!/bin/sh\r\n' >root/windows
	: >root/empty
	ln -s loop root/loop
	head -c 30 "$BUILD/ctl" >root/cut
	make_foreign root
	chmod 755 root/script root/text root/windows root/empty root/cut root/foreign root/loader
	says <<-'EOF'
		127: run --rm busybox nosuchprogram => ID: exec: find 'nosuchprogram' in PATH: No such file or directory
		127: run --rm busybox -it => ID: exec: find '-it' in PATH: No such file or directory | options of ctl run stand before IMAGE
		127: run -d --rm busybox -- true => ID: exec: find '--' in PATH: No such file or directory | options of ctl run stand before IMAGE
		127: run --rm busybox /no/such => ID: exec: execute '/no/such': No such file or directory
		126: run --rm busybox /etc/passwd => ID: exec: execute '/etc/passwd': Permission denied | the file is not executable: chmod +x
		126: run --rm busybox /etc => ID: exec: execute '/etc': Is a directory
		126: run --rm --rootfs root /loop => ID: exec: execute '/loop': Too many levels of symbolic links
		126: run --rm --rootfs root /empty => ID: exec: execute '/empty': Exec format error | the file is empty
		126: run --rm --rootfs root /cut => ID: exec: execute '/cut': Exec format error | it is neither a program nor a script that begins with #!
		126: run --rm --rootfs root /foreign => ID: exec: execute '/foreign': Exec format error | it is built for $FOREIGN, this machine is $OWN
		127: run --rm --rootfs root /loader => ID: exec: execute '/loader': its library loader '/no/such/loader': No such file or directory | the program is for another distribution or C library, or its libraries are missing
		127: run --rm --rootfs root /windows => ID: exec: execute '/windows': its interpreter '/bin/sh': No such file or directory | the script has Windows line ends
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
		125: run --rm -v $T/folder:/proc/x busybox true => run: --volume '$T/folder:/proc/x': the target is /proc or below it: nothing can be mounted there
		125: run --rm -v $T/folder:/a -v $T/folder:/sys/x busybox true => run: --volume '$T/folder:/sys/x': the target is /sys or below it: nothing can be mounted there
		125: run --rm -v $T/folder:/ busybox true => run: --volume '$T/folder:/': the target is the root itself
		125: run --rm -v $T/folder:/x:bogus busybox true => run: --volume '$T/folder:/x:bogus': unknown option 'bogus' of a bind mount
		125: run --rm --tmpfs /x:bogus busybox true => run: --tmpfs '/x:bogus': unknown option 'bogus' of a tmpfs mount
		125: run --rm --mount type=tmpfs,target=/x,tmpfs-mode=9 busybox true => ID: mounts: option 'mode=9': mount tmpfs on '/x': Invalid argument
		125: run --rm -v data:/x busybox true => run: --volume 'data:/x': there is no 'data' here | named volumes are not supported: the source is a folder or file of the host
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
		1: stop '' => '': no such container
		1: restart nobody => nobody: no such container
		1: rm -f nobody => nobody: no such container
		1: rename nobody x => nobody: no such container
		1: logs nobody => nobody: no such container
		125: ps --filter name=^c$ => ps: name='^c$' is no part of a name | there are no patterns: what is given is found anywhere in a name, as it is
		125: ps --filter status=dead => ps: status='dead' is not a state | states are created, starting, running, paused, stopping, exited, removing
		125: ps --filter exited=256 => ps: exited='256' is not an exit code, 0 to 255
		125: ps --filter nope=1 => ps: there is no filter 'nope=1' | filters are id=, name=, label=, exited=, status=, before=, since=
	EOF
	like "$(ctl rename c r 2>&1)" "ctl: c: the name 'r' is in use by container ????????????"
	is "$(ctl ps -aq | wc -l)" 2
}
