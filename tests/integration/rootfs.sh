# shellcheck shell=bash
# Root file systems and mounts: odd paths, overlay and direct, binds, tmpfs, read-only.

small_root() { # a root of its own with busybox in it
	mkdir -p "$1"
	cp -a "$BUILD/rootfs/busybox/." "$1/"
}

test_overlay_leaves_the_folder_alone() {
	daemon_start
	small_root root
	expect 0 ctl run --name c --rootfs "$T/root" sh -c 'echo new >/etc/new; rm /etc/hosts; ls /etc'
	[ ! -e root/etc/new ] && [ -e root/etc/hosts ] || fail 'the folder changed'
	like "$OUT" '*new*'
	expect 0 ctl create --name d --rootfs "$T/root" cat /etc/hosts
	expect 0 ctl start -a d
	is "$(ctl ps -a | awk '$NF == "c" {print $2}')" "$T/root" 'IMAGE is the path'
}

test_overlay_is_kept_until_rm() {
	daemon_start
	expect 0 ctl create --name c busybox sh -c 'echo x >>/count; wc -l </count'
	expect 0 ctl start -a c
	expect 0 ctl start -a c
	is "$OUT" 2
}

test_rootfs_rw_writes_into_it() {
	daemon_start
	small_root root
	expect 0 ctl run -d --name c --rootfs "$T/root" --rootfs-rw sh -c 'echo new >/etc/new; exec sleep 100'
	eventually 3 test -e root/etc/new
	expect 125 ctl run --rm --rootfs "$T/root" --rootfs-rw true
	like "$ERR" "ctl: *$T/root*" 'one writer at a time'
	expect 0 ctl rm -f c
	expect 0 ctl run --rm --rootfs "$T/root" --rootfs-rw true
}

test_a_path_of_300_bytes() {
	daemon_start
	local path
	path=$T/$(printf 'd%.0s' {1..250})/$(printf 'e%.0s' {1..50})
	small_root "$path"
	expect 0 ctl run --rm --rootfs "$path" echo long
	is "$OUT" long
	expect 0 ctl run --rm --rootfs "$path" --rootfs-rw echo long
	is "$OUT" long
}

test_a_path_with_everything_in_it() {
	daemon_start
	local path=$T/'a:b,c\d "e'$'\t''%s ä'
	small_root "$path"
	expect 0 ctl run --name c --rootfs "$path" sh -c 'echo odd >/file; cat /file'
	is "$OUT" odd
	is "$(field_of c .image)" "$path"
	expect 0 ctl run --rm --rootfs "$path" --rootfs-rw cat /etc/hosts
	# --mount takes CSV, where quotes are doubled.
	expect 0 ctl run --rm --mount "type=bind,target=/mnt,\"source=${path//\"/\"\"}\",readonly" busybox cat /mnt/etc/shells
	is "$OUT" $'/bin/sh\n/bin/ash'
}

test_a_missing_root() {
	daemon_start
	expect 125 ctl run --rm --rootfs "$T/nowhere" true
	like "$ERR" "ctl: *$T/nowhere*No such file or directory"
	is "$(wc -l <<<"$ERR")" 1
	echo text >file
	expect 125 ctl run --rm --rootfs "$T/file" true
	like "$ERR" "ctl: *$T/file*Not a directory"
	is "$(ctl ps -aq)" ''
}

test_programs_that_are_not_there() {
	daemon_start
	expect 127 ctl run --rm busybox nosuchprogram
	like "$ERR" "ctl: *'nosuchprogram'*" 127
	expect 127 ctl run --rm busybox /no/such/program
	like "$ERR" "ctl: *'/no/such/program'*No such file or directory*"
	expect 126 ctl run --rm busybox /etc/passwd
	like "$ERR" "ctl: *'/etc/passwd'*Permission denied*"
	expect 126 ctl run --rm busybox /etc
	like "$ERR" "ctl: *'/etc'*"
	small_root root
	printf '#!/no/interpreter\n' >root/bin/script
	printf 'not a program' >root/bin/text
	chmod 755 root/bin/script root/bin/text
	expect 127 ctl run --rm --rootfs "$T/root" script
	like "$ERR" '*interpreter*' 'the file is there, its interpreter is not'
	expect 126 ctl run --rm --rootfs "$T/root" text
	like "$ERR" '*Exec format error*'
	expect 127 ctl run -d --name c busybox nosuchprogram
	is "$(state_of c)" exited 'a start that failed is an exit with a reason'
	is "$(field_of c .exit.code)" 127
	is "$(field_of c .exit.reason)" 'start failed'
}

test_read_only() {
	daemon_start
	expect 0 ctl run --rm --read-only busybox sh -c 'touch /x 2>&1 || true; touch /dev/shm/x && echo shm; touch /dev/x 2>&1 || true'
	like "$OUT" '*Read-only file system*shm*'
	expect 0 ctl run --rm --read-only --tmpfs /tmp busybox sh -c 'touch /tmp/x && echo ok'
	is "$OUT" ok
	small_root root
	expect 0 ctl run --rm --read-only --rootfs "$T/root" --rootfs-rw sh -c 'touch /x 2>&1 || true'
	like "$OUT" '*Read-only file system*'
	[ ! -e root/x ]
}

test_binds() {
	daemon_start
	mkdir src
	echo text >src/file
	expect 0 ctl run --rm -v "$T/src:/data" busybox sh -c 'cat /data/file; echo new >/data/new'
	is "$OUT" text
	is "$(cat src/new)" new
	expect 0 ctl run --rm -v "$T/src:/data:ro" busybox sh -c 'cat /data/file; touch /data/x 2>&1 || true'
	like "$OUT" 'text*Read-only file system'
	expect 0 ctl run --rm -v ./src/file:/etc/made/by/us busybox cat /etc/made/by/us
	is "$OUT" text 'a relative source is made absolute by ctl'
	expect 0 ctl run --rm --mount "type=bind,source=$T/src,target=/data,readonly" busybox cat /data/file
	is "$OUT" text
	expect 125 ctl run --rm -v "$T/nowhere:/data" busybox true
	like "$ERR" "ctl: *$T/nowhere*No such file or directory*"
	is "$(ctl ps -aq)" ''
	expect 0 ctl run --rm -v "$T/src/file:/etc/passwd:ro" -v "$T/src:/etc/sub" busybox sh -c 'cat /etc/passwd; cat /etc/sub/file'
	is "$OUT" $'text\ntext'
}

test_binds_that_cannot_be() {
	daemon_start
	mkdir src
	local target
	for target in /proc /proc/sys /sys /sys/kernel / relative /a/../b; do
		try ctl run --rm -v "$T/src:$target" busybox true
		is "$CODE" 125 "-v src:$target"
		like "$ERR" 'ctl: *' "-v src:$target"
		is "$(grep -vc '^hint:' <<<"$ERR")" 1 "one sentence for -v src:$target"
	done
	echo x >file
	expect 125 ctl run --rm -v "$T/file:/tmp" busybox true
	like "$ERR" "*$T/file*/tmp*"
	expect 125 ctl run --rm -v "$T/src:/etc/passwd" busybox true
	like "$ERR" '*/etc/passwd*'
	is "$(ctl ps -aq)" ''
}

test_tmpfs() {
	daemon_start
	expect 0 ctl run --rm --tmpfs /scratch:size=1m busybox sh -c 'df -k /scratch | tail -n 1 | tr -s " " | cut -d " " -f 1,2'
	is "$OUT" 'tmpfs 1024'
	expect 0 ctl run --rm --mount type=tmpfs,target=/scratch busybox sh -c 'grep -c " /scratch tmpfs" /proc/mounts'
	is "$OUT" 1
}

test_mounts_are_seen_by_nobody_else() {
	daemon_start
	mkdir src
	wc -l </proc/self/mountinfo >before
	expect 0 ctl run -d --name c -v "$T/src:/data" --tmpfs /x busybox sleep 100
	wc -l </proc/self/mountinfo | cmp - before
	mount -t tmpfs later src
	expect 0 ctl run --rm -v "$T/src:/data" busybox grep -c ' /data ' /proc/mounts
	is "$OUT" 1
	umount src
}

test_symlinks_in_the_root_stay_in_the_root() {
	daemon_start
	small_root root
	mkdir src outside
	echo secret >outside/file
	ln -s "$T/outside" root/link
	ln -s /../../etc root/etclink
	ln -s "../../../../../../../../..$T/outside" root/up
	# A link that leads nowhere in the root is not followed out of it: what it names is made inside.
	expect 0 ctl run --rm --rootfs "$T/root" -v "$T/src:/link/sub" ls -d "$T/outside/sub"
	expect 0 ctl run --rm --rootfs "$T/root" -v "$T/src:/up/sub" ls -d "$T/outside/sub"
	expect 0 ctl run --rm --rootfs "$T/root" -v "$T/src:/etclink/sub" ls -d /etc/sub
	is "$(ls outside)" file 'nothing was made on the host'
	expect 1 ctl run --rm --rootfs "$T/root" cat /link/file
}

test_a_root_without_the_usual_folders() {
	daemon_start
	mkdir -p root/bin
	cp "$BUILD/rootfs/busybox/bin/busybox" root/bin/
	expect 0 ctl run --rm --rootfs "$T/root" /bin/busybox ls /
	is "$(paste -sd ' ' <<<"$OUT")" 'bin dev proc sys'
	is "$(ls root)" bin
}

test_the_overlay_on_an_overlay() {
	mkdir -p lower upper work merged
	small_root lower
	mount -t overlay overlay -o "lowerdir=$T/lower,upperdir=$T/upper,workdir=$T/work" merged
	daemon_start
	try ctl run --rm --rootfs "$T/merged" echo deep
	umount merged
	is "$CODE $OUT" '0 deep'
}

test_the_built_in_root() {
	daemon_start
	expect 0 ctl run --rm busybox uname -a
	like "$OUT" 'Linux *'
	expect 0 ctl run --rm busybox sh -c 'cat /etc/passwd /etc/group /etc/hosts | wc -l; ls -ld /root /tmp | cut -c 1-10'
	like "$OUT" "*"$'\ndrwx------\ndrwxrwxrwt'
	expect 0 ctl run --rm busybox sh -c 'for a in $(busybox --list); do which "$a" >/dev/null || echo "$a"; done'
	is "$OUT" '' 'every applet of the list is there'
	expect 125 ctl run --rm nosuchimage true
	like "$ERR" "ctl: *nosuchimage*"
}
