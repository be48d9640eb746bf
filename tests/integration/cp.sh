# shellcheck shell=bash
# cp: files into a container and out of it.

web() { # a container that runs
	daemon_start
	ctl run -d --name web "$@" busybox sleep 1000 >/dev/null
}

tree() { # a tree with what is hard to copy
	mkdir -p "$1/folder/empty" "$1/folder/$(printf 'long%.0s' {1..60})"
	echo one >"$1/one"
	printf '%s' "$(printf 'x%.0s' {1..100000})" >"$1/folder/many"
	: >"$1/folder/nothing"
	ln "$1/one" "$1/folder/hard"
	ln -s ../one "$1/folder/soft"
	ln -s /nowhere "$1/dangling"
	mkfifo "$1/fifo"
	chmod 750 "$1/folder"
	chmod 400 "$1/one"
	touch -d '2001-02-03 04:05:06.123456789' "$1/one" "$1/folder/empty" "$1/folder"
}
# What there is of a tree, but for owners.
listing() { (cd "$1" && find . -printf '%P %y %m %n %T+ %l %s\n' | sed 's/\( d [0-9]*\) .*\(  *[0-9]*\)$/\1/' | sort && find . -type f -exec cksum {} + | sort); }
same() { is "$(listing "$2")" "$(listing "$1")" "$1 and $2"; }
inside() { ctl exec web sh -c "$1"; }


test_there_and_back() {
	web
	tree source
	expect 0 ctl cp source web:/tmp/copy
	is "$OUT$ERR" ''
	expect 0 ctl cp web:/tmp/copy back
	same source back
	# Into a folder that is there: under its own name.
	expect 0 ctl cp source web:/tmp
	mkdir here
	expect 0 ctl cp web:/tmp/source here
	same source here/source
	# What is in it.
	expect 0 ctl cp source/. web:/tmp/contents
	expect 0 ctl cp web:/tmp/contents/. here
	rm -r here/source
	same source here
	expect 0 ctl cp web:/tmp/contents/. contents
	same source contents
	# Once more over what is there already.
	expect 0 ctl cp source web:/tmp
	expect 0 ctl cp source/. web:/tmp/source
	rm -r back
	expect 0 ctl cp web:tmp/source back
	same source back
}

test_names_of_files() {
	web
	echo new >file
	ctl cp file web:/tmp
	ctl cp file web:/tmp/other
	ctl cp ./file web:/tmp/
	is "$(inside 'cat /tmp/file /tmp/other')" $'new\nnew'
	# Over one that is there, also through a link to it, which stays.
	inside 'echo old >/tmp/other; ln -s other /tmp/link; ln -s /tmp /tmp/folder'
	ctl cp file web:/tmp/link
	is "$(inside 'readlink /tmp/link; cat /tmp/other')" $'other\nnew'
	ctl cp file web:/tmp/folder
	is "$(inside 'readlink /tmp/folder')" /tmp
	# Here, too.
	ln -s elsewhere link
	echo old >elsewhere
	ctl cp web:/tmp/file link
	is "$(readlink link) $(cat elsewhere)" 'elsewhere new'
	mkdir folder
	ctl cp web:/tmp/other folder
	is "$(cat folder/other)" new
	ctl cp web:/tmp/file ./a:b
	ctl cp ./a:b web:/tmp
	is "$(inside 'cat /tmp/a:b')" new
	# A link is copied itself, or with -L what it leads to.
	ctl cp web:/tmp/link copied
	is "$(readlink copied)" other
	ctl cp -L web:/tmp/link followed
	is "$(cat followed)" new
	ctl cp -L link web:/tmp/followed
	ctl cp link web:/tmp/kept
	is "$(inside 'cat /tmp/followed; readlink /tmp/kept')" $'new\nelsewhere'
	ctl cp web:/tmp/folder/ trailing
	is "$(cat trailing/other)" new
}

# Only "/." means contents: what ends in ".." is a folder with a name.
test_up() {
	local step
	web
	mkdir -p named/below here && echo x >named/file
	inside 'mkdir -p /tmp/named/below && echo x >/tmp/named/file && ln -s /tmp/named/below /tmp/link'
	for step in running stopped; do
		ctl cp web:/tmp/named/below/.. here
		is "$(cat here/named/file; ls here)" $'x\nnamed'
		rm -r here/named
		ctl cp web:/tmp/link/../ here
		is "$(cat here/named/file; ls here)" $'x\nnamed'
		rm -r here/named
		ctl cp web:/tmp/named/below/../. here
		is "$(ls here)" $'below\nfile'
		rm -r here/*
		(cd named/below && ctl cp .. web:/srv-$step && ctl cp .. web:/tmp/named/below)
		ctl cp named/below/../. web:/tmp/contents-$step
		[ $step = stopped ] || ctl stop -t 0 web >/dev/null
	done
	# As a target it is a folder that is there; above the root is the root.
	(cd here && ctl cp web:/tmp/named/file ..)
	is "$(cat file)" x
	ctl cp file web:/tmp/named/below/../..
	ctl cp web:/../.. whole
	is "$(cat whole/tmp/file whole/tmp/named/below/named/file whole/srv-*/file whole/tmp/contents-*/file | xargs)" 'x x x x x x'
}

test_owners() {
	web
	mkdir d && echo x >d/x
	chown 1234:2345 d/x
	chmod 6755 d/x
	ctl cp d web:/tmp
	is "$(inside 'stat -c "%u %g %a" /tmp/d/x')" '0 0 755'
	ctl cp -a d web:/tmp/kept
	is "$(inside 'stat -c "%u %g %a" /tmp/kept/x')" '1234 2345 6755'
	ctl cp web:/tmp/kept mine
	is "$(stat -c '%u %g %a' mine/x)" "$(id -u) $(id -g) 755"
	ctl cp -a web:/tmp/kept theirs
	is "$(stat -c '%u %g %a' theirs/x)" '1234 2345 6755'
	ctl cp web:/tmp/kept - | tar xp --numeric-owner
	is "$(stat -c '%u %g %a' kept/x)" '1234 2345 6755'
}

test_tar_streams() {
	local format
	web
	tree source
	ctl cp web:/etc/passwd - | tar tf - >list
	is "$(cat list)" passwd
	find source -exec touch -h -d '2001-02-03 04:05:06' {} +
	for format in gnu posix; do
		tar c --format=$format source | ctl cp - web:/tmp
		mkdir back-$format
		ctl cp web:/tmp/source - | tar x -C back-$format
		same source back-$format/source
		inside 'rm -r /tmp/source'
	done
	ctl cp source/. web:/tmp/x
	is "$(ctl cp web:/tmp/x/. - | tar t | grep -cx './one')" 1
	# As the hint for two containers says.
	ctl run -d --name two busybox sleep 1000 >/dev/null
	ctl cp web:/tmp/x - | ctl cp - two:/tmp
	ctl cp two:/tmp/x two-x
	same source two-x
}

# expect_error COMMAND… with the sentence last
refuses() {
	local sentence=${*: -1}
	try "${@:1:$#-1}"
	is "$CODE: $ERR" "$sentence" "${*:1:$#-1}"
}

test_sentences() {
	web
	mkdir folder && echo x >file && printf nonsense >nonsense && gzip -k nonsense
	refuses ctl cp web:/nope x "1: ctl: web: find '/nope': No such file or directory"
	refuses ctl cp nobody:/etc x "1: ctl: nobody: no such container"
	refuses ctl cp web:/etc/passwd/x y "1: ctl: web: find '/etc/passwd/x': Not a directory"
	refuses ctl cp web:/etc/passwd/ y "1: ctl: web: find '/etc/passwd/': Not a directory"
	refuses ctl cp web:/etc no/where "1: ctl: cp: find 'no/where': No such file or directory"
	refuses ctl cp web:/etc file "1: ctl: cp: 'file' is no folder: no folder can be copied over it"
	refuses ctl cp web:/etc/passwd no/ "1: ctl: cp: there is no folder 'no'"
	refuses ctl cp missing web:/ "1: ctl: cp: find 'missing': No such file or directory"
	refuses ctl cp file web:/no/where "1: ctl: web: find '/no/where': No such file or directory"
	refuses ctl cp file web:/no/ "1: ctl: web: there is no folder '/no'"
	refuses ctl cp folder web:/etc/passwd "1: ctl: web: '/etc/passwd' is no folder: no folder can be copied over it"
	inside 'mkdir -p /tmp/file /tmp/x/folder'
	refuses ctl cp file web:/tmp "1: ctl: web: '/tmp/file' is a folder: no file can be copied over it"
	refuses ctl cp - web:/nope "1: ctl: web: '/nope' is not there: an archive needs a folder" <file
	refuses ctl cp - web:/tmp "1: ctl: web: this is no tar archive: its first block is no header" < <(cat nonsense /dev/zero | head -c 5000)
	refuses ctl cp - web:/tmp "1: ctl: web: the archive is cut" <nonsense
	refuses ctl cp - web:/tmp "1: ctl: web: the archive is empty" </dev/null
	refuses ctl cp - web:/tmp "1: ctl: web: the archive is compressed (gzip)
hint: zcat unpacks it: zcat FILE | ctl cp - …" < <(cat nonsense.gz /dev/zero | head -c 5000)
	refuses ctl cp - web:/tmp "1: ctl: web: the archive is compressed (gzip)
hint: zcat unpacks it: zcat FILE | ctl cp - …" <nonsense.gz
	refuses ctl cp web:/etc two:/etc "125: ctl: cp: from one container to another needs two copies
hint: ctl cp web:/etc - | ctl cp - two:/etc"
	refuses ctl cp file folder "125: ctl: cp: neither 'file' nor 'folder' is CONTAINER:PATH
hint: cp(1) copies files of this host"
	refuses ctl cp web: x "125: ctl: cp: 'web:' has no path
hint: the container's root is web:/"
	refuses ctl cp file web:/dev/null "1: ctl: web: '/dev/null' is a device: nothing is copied over it"
	refuses ctl cp web:/etc/passwd /dev/null "1: ctl: cp: '/dev/null' is a device: nothing is copied over it"
	refuses ctl cp web:/dev/null x "1: ctl: cp: 'x' is a device, which is not copied
hint: run's --device gives a container a device"
	[ ! -e x ]
	ctl run -d --name ro --read-only busybox sleep 1000 >/dev/null
	refuses ctl cp file ro:/x "1: ctl: ro: make '/x': Read-only file system"
	ctl create --rm --name once busybox true >/dev/null
	refuses ctl cp once:/etc x "1: ctl: once: has no files before its start"
}

test_states() {
	web
	tree source
	ctl pause web
	ctl cp source web:/tmp
	ctl cp web:/tmp/source paused
	same source paused
	ctl unpause web
	ctl stop -t 0 web >/dev/null
	ctl cp web:/tmp/source stopped
	same source stopped
	ctl cp source web:/srv-new
	ctl start web >/dev/null
	ctl cp web:/srv-new started
	same source started
	# Before the first start, with a root in which nothing can be executed; with a folder of the host's in it.
	mkdir root mine && echo x >mine/x
	ctl create --name made --rootfs root -v "$PWD/mine:/mine" -v "$PWD/mine:/ro:ro" true >/dev/null
	ctl cp source made:/new
	ctl cp made:/new created
	same source created
	ctl cp source/one made:/mine
	is "$(cat mine/one)" one
	is "$(ls root)" ''
	refuses ctl cp source/one made:/ro "1: ctl: made: make '/ro/one': Read-only file system"
	# Nothing of it stays mounted.
	! grep -F "$STATE" /proc/self/mountinfo
	# With a root that is written to in place.
	ctl create --name direct --rootfs-rw root true >/dev/null
	ctl cp source/one direct:/
	is "$(cat root/one)" one
}

# What the copy makes itself is not copied again, by whatever way it is reached.
test_into_itself() {
	local last upper way
	many() { # with the folder that is read last, when the other end has begun to write
		mkdir -p "$1"/{a,b,c}
		for folder in a b c; do head -c 1000000 /dev/zero >"$1/$folder/file"; done
		last=$(cd "$1" && find . -mindepth 1 -maxdepth 1 -printf '%P\n' | tail -n 1)
	}
	is_copied() { # TREE COPY-IN-IT
		is "$(cd "$1/$2" && find . | sort | xargs)" '. ./a ./a/file ./b ./b/file ./c ./c/file'
		rm -r "${1:?}/$2"
		is "$(cd "$1" && find . | sort | xargs)" '. ./a ./a/file ./b ./b/file ./c ./c/file'
	}
	many own
	web -v "$PWD/own:/own" -v "$PWD:/here"
	expect 0 ctl cp own "web:/own/$last"
	is_copied own "$last/own"
	expect 0 ctl cp web:/own "own/$last"
	is_copied own "$last/own"
	# The contents of a tree into a folder in it.
	expect 0 ctl cp own/. "web:/own/$last"
	is "$(find own -path '*/c/c/c/c')$(find own -path '*/a/a/a/a')" ''
	# Below the overlay, where what is changed behind its back may not be seen: a tree for each way.
	for way in out in; do
		inside "mkdir /tmp/$way"
		upper=$(find "$STATE" -type d -path "*/upper/tmp/$way")
		many "$upper"
		[ $way = in ] || expect 0 ctl cp web:/tmp/out "$upper/$last"
		[ $way = out ] || expect 0 ctl cp "$upper" "web:/tmp/in/$last"
		is_copied "$upper" "$last/$way"
	done
	# All of the container's files into a folder that it has, too.
	mkdir all
	expect 0 ctl cp web:/ all
	cmp all/bin/busybox "$BUILD/rootfs/busybox/bin/busybox"
	[ ! -e all/here/all/here/all ]
}

# What belongs to the kernel is no part of /.
test_whole_root() {
	web --tmpfs /tmp
	inside 'echo in-tmpfs >/tmp/file'
	ctl cp web:/ whole
	is "$(ls -A whole/proc whole/sys whole/dev)" $'whole/dev:\n\nwhole/proc:\n\nwhole/sys:'
	is "$(cat whole/tmp/file)" in-tmpfs
	cmp whole/bin/busybox "$BUILD/rootfs/busybox/bin/busybox"
	# Asked for by name, they are copied as far as they can be.
	ctl cp web:/proc/version version
	is "$(ctl cp web:/sys/kernel/mm/transparent_hugepage/enabled - | tar xO | wc -l)" 1
}

# Links of the container's mean its own root, whether it runs or not.
test_links_stay_inside() {
	local step
	web
	echo secret >secret && mkdir outside
	inside "ln -s / /tmp/root; mkdir -p '$T'; echo own >'$T/secret'; ln -s '$T/secret' /tmp/secret; ln -s '$T' /tmp/t
		ln -s ../../../../../../../../..$T/secret /tmp/up"
	for step in running stopped; do
		ctl cp -L web:/tmp/secret got
		is "$(cat got)" own
		ctl cp -L web:/tmp/up got
		is "$(cat got)" own
		ctl cp web:/tmp/t/secret got
		is "$(cat got)" own
		ctl cp secret web:/tmp/t/new-$step
		[ ! -e new-$step ]
		ctl cp web:/tmp/root/../../../../etc/passwd got
		grep -q root got
		# Nothing is written through a link that an archive brings, or that is there.
		mkdir -p evil/x && rm -rf evil/x/* && ln -sfn "$T/outside" evil/l
		tar cf links.tar -C evil l
		mkdir -p evil2/l && echo evil >evil2/l/file && tar rf links.tar -C evil2 l/file
		try ctl cp - web:/tmp <links.tar
		is "$CODE" 1
		is "$ERR" "ctl: web: open '/tmp/l': Too many levels of symbolic links
hint: a symbolic link is on the way, and nothing is written through it"
		[ "$step" = stopped ] || ctl stop -t 0 web >/dev/null
	done
	is "$(ls -A outside)" ''
	is "$(cat secret)" secret
}

# A program inside exchanges folders and links all the time.
test_race_inside() {
	local i
	daemon_start
	mkdir -p source/a/b/c && for i in {1..30}; do echo evil >"source/a/b/c/$i"; done
	mkdir -p victim
	ctl run -d --name web busybox sh -c "mkdir -p '$T/victim' /tmp/source/a; cd /tmp/source/a; mkdir -p b
		while :; do mv b x; ln -s '$T/victim' b; rm b; mv x b; done" >/dev/null
	for i in {1..20}; do
		try ctl cp source web:/tmp
		try ctl cp web:/tmp/source "out$i"
	done
	is "$(ls -A victim)" ''
	ctl cp source/a/b/c/1 web:/tmp/fine
}

# A fifo or a device in the way is never opened, and a name that no terminal should see is shown escaped.
test_odd_files() {
	web
	inside 'mkfifo /tmp/fifo; mkdir /tmp/d; printf x >/tmp/d/$(printf "a\033b")'
	ctl cp web:/tmp/fifo out
	[ -p out ]
	ctl cp web:/tmp/d odd
	is "$(cat odd/*)" x
	ctl cp odd web:/tmp
	mknod null c 1 3 && mkdir n && mv null n
	refuses ctl cp n web:/tmp "1: ctl: web: '/tmp/n/null' is a device, which is not copied
hint: run's --device gives a container a device"
}

test_large() {
	local pid peak=0 size=$((1024 * 1024 * 1024))
	[ "$FACTOR" = 1 ] || size=$((64 * 1024 * 1024))
	web
	# Of which little takes space here; what is compared are all bytes.
	truncate -s $size big && printf end | dd of=big bs=1 seek=$((size - 3)) conv=notrunc status=none
	printf middle | dd of=big bs=1 seek=$((size * 2 / 3)) conv=notrunc status=none
	ctl run -d --name vol -v "$PWD:/here" busybox sleep 1000 >/dev/null
	mkfifo pipe
	ctl cp vol:/here/big - >pipe &
	pid=$!
	tar xO <pipe | cmp - big
	wait $pid
	ctl cp big web:/big &
	pid=$!
	while ! gone $pid; do
		local now
		now=$(awk '/VmHWM/ {print $2}' "/proc/$pid/status" 2>/dev/null) || true
		[ "${now:-0}" -le "$peak" ] || peak=$now
		pause
	done
	wait $pid
	[ "$peak" -lt 20000 ] || fail "ctl took $peak KiB"
	ctl cp web:/big - | tar xO | cmp - big
}

test_full() {
	web --tmpfs /small:size=1m
	truncate -s 5M big
	refuses ctl cp big web:/small "1: ctl: web: write '/small/big': No space left on device"
	is "$(inside 'ls -A /small')" ''
	daemon_alive
	inside 'dd if=/dev/zero of=/tmp/big bs=1M count=5 2>/dev/null'
	mkdir mnt
	unshare -m sh -c "mount -t tmpfs -o size=1m none mnt && ! ctl cp web:/tmp/big mnt 2>err && ls -A mnt >left"
	is "$(cat err)" "ctl: cp: write 'mnt/big': No space left on device"
	is "$(cat left)" ''
}

# A worker of this daemon's that copies has a child: its pid.
copying_child() {
	local worker
	for worker in $(pgrep -P "$(pgrep -P "$DAEMON")" -x ctl-worker); do
		pgrep -P "$worker" || true
	done
}
a_worker() { [ -n "$(copying_child)" ]; }
no_worker() { ! a_worker; }

# Whether it is killed while it does not read, or in the middle of what it sends.
test_client_goes() {
	local state copier code=0
	daemon_start
	truncate -s 300M big
	ctl run -d --name web -v "$PWD:/here" busybox sleep 1000 >/dev/null
	(tar c big || true) | head -c 1000000 >part
	mkfifo slow && exec 8<>slow
	for state in running stopped; do
		mkfifo "$state" && exec 9<>"$state" # a new one: nobody may have read what was put into the last
		ctl cp web:/here/big - >slow &
		copier=$!
		eventually 10 a_worker
		kill -KILL $copier
		eventually 10 no_worker
		(cat part && read -r _) <&9 | ctl cp - web:/tmp &
		copier=$!
		eventually 10 a_worker
		kill -KILL $copier
		eventually 10 no_worker
		echo >&9
		[ $state = stopped ] || ctl stop -t 0 web >/dev/null
	done
	ctl start web >/dev/null
	is "$(inside 'ls -A /tmp')" '' 'what was not complete'
	# A signal lets ctl clear up.
	mkdir here
	ctl cp web:/here/big here &
	copier=$!
	eventually 10 a_worker
	kill -INT $copier || true
	wait $copier || code=$?
	[ -e here/big ] || is "$code $(ls -A here)" '130 '
}

writes() { # PID FOLDER
	[ -n "$(find "/proc/$1/fd" -lname "*/$2/*")" ]
}
in_the_middle() { # PID FOLDER: the other end stands still, and this one has begun a file
	kill -STOP "$(copying_child)" || return 1
	sleep 0.1
	writes "$@" && return 0
	kill -CONT "$(copying_child)"
	return 1
}

# copier is a ctl that has sent the beginning of `big` into web's /tmp, and waits for more.
half_a_copy_in() {
	(tar c big || true) | head -c 1000000 >part
	mkfifo parts && exec 9<>parts
	cat part >&9 &
	ctl cp - web:/tmp <parts 2>err 9<&- &
	copier=$!
	eventually 10 a_worker
}

# Nothing can clear up then: what is not complete has no name.
test_killed() {
	local copier
	daemon_start
	truncate -s 300M big
	ctl run -d --name web --tmpfs /tmp -v "$PWD:/here" busybox sleep 1000 >/dev/null
	half_a_copy_in
	eventually 10 writes "$(copying_child)" tmp
	kill -KILL "$(copying_child)"
	! wait "$copier"
	is "$(inside 'ls -A /tmp')" ''
	# Here: ctl itself, in a file system that is known to be able to.
	mkdir mnt
	unshare -m bash -c 'mount -t tmpfs none mnt
		ctl cp web:/here/big mnt &
		echo $! >pid.new && mv pid.new pid
		wait $!
		ls -A mnt >left' 2>err &
	eventually 10 test -s pid
	eventually 10 a_worker
	eventually 10 in_the_middle "$(cat pid)" mnt
	kill -KILL "$(cat pid)"
	wait $!
	kill -CONT "$(copying_child)"
	eventually 10 no_worker
	is "$(cat left)" ''
}

test_container_ends() {
	local code=0 copier reader
	web
	mkfifo slow && exec 8<>slow
	truncate -s 100M big && ctl cp big web:/big
	ctl cp web:/big - >slow 2>err &
	copier=$!
	head -c 1000 <&8 >/dev/null
	cat <&8 >/dev/null 8<&- &
	reader=$!
	ctl rm -f web >/dev/null
	wait "$copier" || code=$?
	[ "$code" = 0 ] || is "$code $(cat err)" '1 ctl: web: the container has ended'
	kill $reader
	eventually 10 no_worker
	# One that is copied into is not there any longer for its next start.
	ctl run -d --name web busybox sleep 1000 >/dev/null
	code=0
	half_a_copy_in
	ctl restart -t 0 web >/dev/null
	wait "$copier" || code=$?
	like "$code $(cat err)" '1 ctl: web: the container has *ended'
	is "$(inside 'ls -A /tmp')" ''
}

test_daemon_dies() {
	local copier reader code=0
	web
	truncate -s 50M big && touch -d 2001-02-03 big && ctl cp big web:/big
	mkfifo slow && exec 8<>slow
	ctl cp web:/big - >slow &
	copier=$!
	eventually 10 a_worker
	daemon_kill
	# Of a container that runs the copy goes on.
	head -c $((50 * 1024 * 1024 + 1536)) <&8 | tar xO | cmp - big
	wait $copier
	daemon_start 8<&-
	ctl stop -t 0 web >/dev/null
	ctl cp web:/big - >slow 2>err &
	copier=$!
	head -c 1000 <&8 >/dev/null
	daemon_kill
	cat <&8 >/dev/null 8<&- &
	reader=$!
	wait $copier || code=$?
	kill $reader
	is "$code $(cat err)" '1 ctl: web: the daemon has ended'
	daemon_start 8<&-
	ctl start web >/dev/null
}

# One that hangs in a file system is in the way of no removal and of no daemon.
test_stuck() { # limit 120
	local copier child begin
	web
	mkfifo slow && exec 8<>slow
	truncate -s 50M big && ctl cp big web:/big
	ctl cp web:/big - >slow 2>err &
	copier=$!
	head -c 1000 <&8 >/dev/null
	eventually 10 a_worker
	child=$(copying_child)
	is "$(sed -n 's/^Cap\(Prm\|Eff\|Bnd\):\t//p' "/proc/$child/status" | sort -u)" 000000000000001b
	kill -STOP "$child"
	expect 0 timeout $((20 * FACTOR)) ctl rm -f web
	kill "$copier"
	wait "$copier" || true
	ctl run -d --name web busybox sleep 1000 >/dev/null
	ctl cp big web:/big
	ctl stop -t 0 web >/dev/null
	ctl cp web:/big - >slow 2>err &
	copier=$!
	head -c 1000 <&8 >/dev/null
	eventually 10 a_worker
	kill -STOP "$(copying_child)"
	daemon_kill
	begin=$(milliseconds)
	daemon_start 8<&-
	took_less 5000 "$begin" 'the start of the next daemon'
	kill "$copier"
	wait "$copier" || true
	ctl start web >/dev/null
}

# hang FOLDER deaf|read: a file system there that never answers; HUNG is its process.
hang() {
	[ -c /dev/fuse ] || skip 'needs FUSE'
	mkfifo "ready-$2"
	/usr/bin/python3 -S "$TOP/tests/integration/hung_fs.py" "$1" "$2" >"ready-$2" &
	HUNG=$!
	is "$(head -n 1 "ready-$2")" ready
}
# A container that does not run, with a bind mount of that, being copied: COPIER.
copy_hangs() { # deaf|read
	mkdir -p "$1/sub"
	ctl create --name web -v "$PWD/$1/sub:/sub" busybox sleep 1000 >/dev/null
	hang "$PWD/$1" "$1"
	ctl cp web:/etc/passwd copied 2>err &
	COPIER=$!
	eventually 10 a_worker
}
other_lives() { is "$(timeout $((5 * FACTOR)) ctl run --rm busybox echo yes)" yes; }

# A copy that hangs in a bind mount of the user's, before its reply: start and rm do not wait for ever, rm -f ends it.
test_hangs_in_a_mount() { # limit 120
	local begin code=0 sentence pid verb waiting=()
	daemon_start
	copy_hangs deaf
	sentence="ctl: web: is being copied from ('/etc/passwd', asked for by ctl, pid $COPIER)
hint: wait for that copy, or end that program; rm -f ends the copy"
	for verb in rm start 'start -a'; do
		# shellcheck disable=SC2086
		timeout $((30 * FACTOR)) ctl $verb web 2>"refused $verb" &
		waiting+=("$!")
	done
	other_lives
	for pid in "${waiting[@]}"; do ! wait "$pid" || fail 'it was not refused'; done
	for verb in rm start 'start -a'; do is "$(cat "refused $verb")" "$sentence" "$verb"; done
	[ "$(state_of web)" = created ]
	begin=$(milliseconds)
	expect 0 ctl rm -f web
	took_less 2000 "$begin" 'rm -f'
	wait "$COPIER" || code=$?
	is "$code: $(cat err)" '1: ctl: web: the container is being removed'
	eventually 10 no_worker
	kill $HUNG
	wait $HUNG
}

# The same with the client gone: the container is free after a moment.
test_hangs_without_its_client() { # limit 120
	daemon_start
	copy_hangs deaf
	kill -KILL "$COPIER"
	eventually 10 no_worker
	kill $HUNG
	wait $HUNG
	expect 0 ctl start web
}

# Where not even SIGKILL ends it, the container stays, and nothing else.
test_cannot_be_killed() { # limit 120
	local begin code=0 child sentence
	daemon_start
	copy_hangs read
	child=$(copying_child)
	begin=$(milliseconds)
	refuses ctl rm -f web "1: ctl: web: is held by a copy of '/etc/passwd' that hangs in a file system and cannot be killed
hint: it ends when that file system answers; until then the container stays"
	took_less $((15000 * FACTOR)) "$begin" 'rm -f'
	wait "$COPIER" || code=$?
	is "$code: $(cat err)" '1: ctl: web: the container is being removed'
	grep -q '^State:.D' "/proc/$child/status"
	other_lives
	# The next daemon does not wait for it, and nothing of the container is mounted twice.
	daemon_kill
	begin=$(milliseconds)
	daemon_start
	took_less 5000 "$begin" 'the start of the next daemon'
	other_lives
	sentence="1: ctl: web: a copy of its files that a daemon before this one began is not over
hint: it hangs in a file system, and ends when that answers"
	refuses timeout $((30 * FACTOR)) ctl start web "$sentence"
	refuses timeout $((30 * FACTOR)) ctl cp web:/etc/passwd x "$sentence"
	refuses timeout $((30 * FACTOR)) ctl rm -f web "$sentence"
	kill $HUNG
	wait $HUNG
	eventually 10 gone "$child"
	expect 0 ctl rm web
}

# What the kernel makes up tells no size.
test_files_without_a_size() {
	web
	expect 0 ctl cp web:/proc/1/limits here
	grep -q '^Max open files' here
	ctl cp here web:/tmp
	ctl cp /proc/self/limits web:/tmp/there
	inside 'grep -q "^Max open files" /tmp/there'
	is "$(inside 'cat /tmp/here')" "$(cat here)"
}

test_file_size_limit() {
	web
	inside 'head -c 1000000 /dev/zero >/tmp/big'
	mkdir here
	expect 1 bash -c 'ulimit -f 100; exec ctl cp web:/tmp/big here'
	like "$ERR" "ctl: cp: write 'here/big': File too large*"
	is "$(ls -A here)" ''
}

# A start and a removal wait for a copy, and copies for each other.
test_one_at_a_time() {
	local reader
	web
	ctl stop -t 0 web >/dev/null
	mkfifo slow && exec 8<>slow
	truncate -s 1M big && ctl cp big web:/big
	ctl cp web:/big - >slow &
	head -c 1000 <&8 >/dev/null
	ctl cp web:/etc/passwd copy &
	ctl start web >started &
	ctl ps -a >/dev/null
	sleep 0.3
	is "$(cat started)" ''
	[ ! -e copy ]
	cat <&8 >/dev/null 8<&- &
	reader=$!
	eventually 10 test -s started
	eventually 10 test -s copy
	kill $reader
}

test_raw_socket() {
	web
	py <<-'END'
		import io, tarfile
		conn = Conn()
		reply = conn.call("io.containerdlite.container.CopyOut", {"container": "web", "path": "/etc/passwd"}, upgrade=True)
		parameters = reply["parameters"]
		assert parameters["name"] == "passwd" and parameters["kind"] == "file" and parameters["mode"] == 0o644, reply
		data = b""
		while True:
		    kind, payload = conn.frame()
		    if kind != STDOUT:
		        break
		    data += payload
		assert kind == 36 and json.loads(payload) == {"entries": 1, "bytes": parameters["size"]}, (kind, payload)
		assert conn.rest() == b""
		with tarfile.open(fileobj=io.BytesIO(data)) as archive:
		    assert b"root" in archive.extractfile("passwd").read()

		out = io.BytesIO()
		with tarfile.open(fileobj=out, mode="w") as archive:
		    for name in ("one", "f/two"):
		        info = tarfile.TarInfo(name)
		        info.size = 5
		        archive.addfile(info, io.BytesIO(b"hello"))
		conn = Conn()
		reply = conn.call("io.containerdlite.container.CopyIn", {"container": "web", "path": "/tmp"}, upgrade=True)
		assert reply == {"parameters": {}}, reply
		for at in range(0, len(out.getvalue()), 1000):
		    conn.send_frame(STDIN, out.getvalue()[at:at + 1000])
		conn.send_frame(17)
		kind, payload = conn.frame()
		assert kind == 36 and json.loads(payload) == {"entries": 2, "bytes": 10}, (kind, payload)

		# What is wrong before the reply leaves an ordinary connection, what is wrong later is a frame.
		conn = Conn()
		call = "io.containerdlite.container.CopyIn"
		for parameters, error in (({"path": "/nope"}, "CopyFailed"), ({"path": ""}, "InvalidConfig"),
		                          ({"path": "/", "source": {"name": "a/b", "folder": False}}, "InvalidConfig"),
		                          ({"path": "/", "source": {"name": "..", "folder": True}}, "InvalidConfig"),
		                          ({"path": "/", "source": {"name": ".", "folder": False}}, "InvalidConfig")):
		    reply = conn.call(call, {"container": "web", **parameters}, upgrade=True)
		    assert reply["error"].endswith("." + error), reply
		reply = conn.call(call, {"container": "web", "path": "/"})
		assert reply["error"].endswith(".UpgradeRequired"), reply
		for frames, error in (((1, b"x"),), "BadMessage"), (((0, b"x" * 512),), "CopyFailed"):
		    conn = Conn()
		    assert "error" not in conn.call(call, {"container": "web", "path": "/tmp"}, upgrade=True)
		    for frame in frames:
		        conn.send_frame(*frame)
		    kind, payload = conn.frame()
		    assert kind == ERROR and json.loads(payload)["error"].endswith("." + error), payload
		    assert conn.rest() == b""
	END
	is "$(inside 'cat /tmp/one /tmp/f/two')" hellohello
	eventually 10 no_worker
}

# A person at a terminal sees how far a big file is, and then how much it was; nobody else does.
test_progress() {
	web
	truncate -s 64M big
	cat >terminal.py <<-'EOF'
		import os, pty, sys
		def read(fd):
		    data = os.read(fd, 4096)
		    with open("screen", "ab") as file: file.write(data)
		    return data
		sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:], read)))
	EOF
	local line='*\[*\] *% * of 64.0MiB*copied 64.0MiB to *'
	/usr/bin/python3 terminal.py ctl cp big web:/tmp </dev/null >/dev/null
	like "$(tr '\r' '\n' <screen)" "$line"
	rm screen
	/usr/bin/python3 terminal.py ctl cp web:/tmp/big copy </dev/null >/dev/null
	like "$(tr '\r' '\n' <screen)" "$line"
	rm screen
	/usr/bin/python3 terminal.py ctl cp -q web:/tmp/big copy </dev/null >/dev/null
	[ ! -s screen ] || fail "$(cat screen)"
	expect 0 ctl cp big web:/tmp
	is "$OUT$ERR" ''
	cmp big copy
}
