# shellcheck shell=bash
# A real tree: Debian from mmdebstrap, made once and kept in build/.

# debian_tree: sets TREE, or skips the test
debian_tree() {
	TREE=$TOP/build/trees/bookworm
	mkdir -p "$TOP/build/trees"
	make_tree 9>>"$TOP/build/trees/lock"
	[ -e "$TREE/.complete" ] || skip "no Debian tree: $(tail -n 1 log)"
}

make_tree() {
	flock 9
	[ ! -e "$TREE/.complete" ] || return 0
	rm -rf "$TREE"
	if ! command -v mmdebstrap >/dev/null; then
		echo 'mmdebstrap is not installed' >log
	elif timeout 300 mmdebstrap --quiet --variant=minbase --include=python3 bookworm "$TREE" >log 2>&1; then
		touch "$TREE/.complete"
	fi
}

test_debian() { # limit 400
	debian_tree
	daemon_start
	expect 0 ctl run --rm --rootfs "$TREE" bash -c 'echo $BASH_VERSION; cd /usr; pwd; echo a | tr a b'
	like "$OUT" $'5.*\n/usr\nb'
	expect 0 ctl run --rm --rootfs "$TREE" apt-get --version
	like "$OUT" 'apt *'
	expect 0 ctl run --rm --rootfs "$TREE" sh -c 'dpkg -l | wc -l; ls -ld /tmp; id; perl -e "print 6*7"'
	like "$OUT" '*42'
	expect 0 ctl run -i --rm --rootfs "$TREE" sh -c 'cat >/root/x && wc -c </root/x' < <(head -c 1000000 /dev/zero)
	is "$OUT" 1000000
}

test_python() { # limit 400
	debian_tree
	daemon_start
	cat >work.py <<-'EOF'
		import multiprocessing, subprocess, sys, threading
		total, lock = 0, threading.Lock()
		def add():
		    global total
		    for _ in range(1000):
		        with lock:
		            total += 1
		threads = [threading.Thread(target=add) for _ in range(20)]
		[t.start() for t in threads]
		[t.join() for t in threads]
		a, b = multiprocessing.Pipe()
		p = multiprocessing.Process(target=lambda c: c.send(c.recv() * 2), args=(b,))
		p.start()
		a.send(21)
		out = subprocess.run(["sh", "-c", "cat; exit 5"], input=b"piped", stdout=subprocess.PIPE)
		with multiprocessing.Pool(3) as pool:
		    squares = pool.map(abs, [-1, -2, -3])
		print(total, a.recv(), out.stdout.decode(), out.returncode, squares, sys.stdin.read().strip())
	EOF
	expect 0 ctl run -i --rm --rootfs "$TREE" -v ./work.py:/work.py:ro python3 /work.py < <(echo input)
	is "$OUT" '20000 42 piped 5 [1, 2, 3] input'
}

test_a_debian_as_another_user() { # limit 400
	debian_tree
	daemon_start
	expect 1 ctl run --rm --rootfs "$TREE" -u www-data -w /tmp sh -c 'id; touch x; stat -c %U x; cat /etc/shadow 2>&1'
	is "$OUT" $'uid=33(www-data) gid=33(www-data) groups=33(www-data)\nwww-data\ncat: /etc/shadow: Permission denied'
}

test_apt_installs_nothing_but_works() { # limit 400
	debian_tree
	daemon_start
	expect 0 ctl run --rm --rootfs "$TREE" sh -c 'apt-mark hold dash >/dev/null && dpkg --configure -a && apt-cache policy bash | head -n 1'
	is "$OUT" 'bash:'
}
