# shellcheck shell=bash
# Which devices a container has, and what it may do with them: the filter of its cgroup decides, not the nodes.

needs_filter() {
	call '{"method":"io.containerdlite.system.Info"}' | pick '.parameters.features[]' | grep -x device-filter >/dev/null ||
		skip 'this kernel lets us load no device filter'
}

# A device that no container has by itself and that opens without doing anything; its path, major and minor.
find_device() {
	local path
	for path in /dev/fuse /dev/loop-control /dev/cpu_dma_latency /dev/tty0; do
		if [ -c "$path" ] && : 2>/dev/null <"$path"; then
			DEVICE=$path
			MAJOR=$((0x$(stat -c %t "$path"))) MINOR=$((0x$(stat -c %T "$path")))
			return
		fi
	done
	skip 'no device of the host can be opened'
}

test_default() {
	daemon_start
	needs_filter
	find_device
	ctl run --rm --cap-add MKNOD busybox sh -c '
		for d in null zero full urandom tty; do ls -l /dev/$d | cut -c1-10; done
		head -c 4 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c; echo x >/dev/null && echo written
		mknod /dev/a c '"$MAJOR $MINOR"' && mknod /dev/b b 7 0 && mknod /dev/c c 10 200 && echo made
		for d in a b c; do (: </dev/$d) 2>/dev/null || echo closed; (: >>/dev/$d) 2>/dev/null || echo closed; done' >out
	is "$(paste -sd' ' out)" "crw-rw-rw- crw-rw-rw- crw-rw-rw- crw-rw-rw- crw-rw-rw- 4 4 written made \
closed closed closed closed closed closed"
	# a node that a folder of the host's brings along
	mkdir nodes
	mknod nodes/it c "$MAJOR" "$MINOR"
	expect 1 ctl run --rm -v "$T/nodes:/nodes" busybox sh -c ': </nodes/it'
	like "$ERR" '*Operation not permitted*'
}

test_device() {
	daemon_start
	needs_filter
	find_device
	ctl run --rm --device "$DEVICE" busybox sh -c ": <$DEVICE && : >>$DEVICE && echo opened" >out
	is "$(cat out)" opened
	ctl run --rm --device "$DEVICE:/dev/deep/er/mine:r" busybox sh -c '
		: </dev/deep/er/mine && echo read; (: >>/dev/deep/er/mine) 2>&1 || echo not written' >out
	like "$(cat out)" $'read\n*Operation not permitted\nnot written'
	# owner and mode are those of the host's node
	mkdir nodes
	mknod -m 0640 nodes/own c "$MAJOR" "$MINOR"
	chown 12:34 nodes/own
	ctl run --rm --device "$T/nodes/own:/dev/own" busybox stat -c '%a %u %g' /dev/own >out
	is "$(cat out)" "640 12 34"
	# nobody else's container has it
	expect 1 ctl run --rm --cap-add MKNOD busybox sh -c "mknod /dev/x c $MAJOR $MINOR; : </dev/x"
	like "$ERR" '*Operation not permitted*'
}

test_folder_and_links() {
	daemon_start
	needs_filter
	find_device
	mkdir -p nodes/sub
	mknod nodes/sub/deep c "$MAJOR" "$MINOR"
	ln -s sub/deep nodes/link
	ln -s nowhere nodes/broken
	ln -s . nodes/loop
	echo text >nodes/file
	mkfifo nodes/fifo
	ctl run --rm --device "$T/nodes:/dev/all" busybox sh -c 'cd /dev/all; find . | sort; : <link && : <sub/deep && echo opened' >out
	is "$(paste -sd' ' out)" ". ./link ./sub ./sub/deep opened"
	# a link to one device; it is looked up at each start
	ctl run --name linked --device "$T/nodes/link:/dev/it" busybox sh -c ': </dev/it && stat -c %t:%T /dev/it' >out
	is "$(cat out)" "$(stat -c %t:%T nodes/sub/deep)"
	ln -sf /dev/null nodes/link
	ctl start -a linked >out
	is "$(cat out)" 1:3
	rm nodes/link
	expect 125 ctl start -a linked
	like "$ERR" "ctl: linked: devices: look at the device '$T/nodes/link': No such file or directory"
	# all of the host's
	ctl run --rm --privileged busybox sh -c "ls -l /dev/ptmx; : <$DEVICE && echo opened" >out
	like "$(cat out)" $'*/dev/ptmx -> pts/ptmx\nopened'
	ctl run -d --name all --privileged busybox sleep 1000 >/dev/null
	is "$(field_of all .device_filter)" false
}

test_rules() {
	daemon_start
	needs_filter
	find_device
	ctl run --rm --cap-add MKNOD --device-cgroup-rule "c $MAJOR:$MINOR r" busybox sh -c "
		mknod /dev/x c $MAJOR $MINOR; : </dev/x && echo read; (: >>/dev/x) 2>/dev/null || echo not written" >out
	is "$(paste -sd' ' out)" "read not written"
	ctl run --rm --cap-add MKNOD --device-cgroup-rule "c $MAJOR:* rwm" busybox sh -c "
		mknod /dev/x c $MAJOR $MINOR; : </dev/x && : >>/dev/x && echo both" >out
	is "$(cat out)" both
}

test_wrong() {
	daemon_start
	local rule
	expect 125 ctl run --rm --device /dev/null:/opt/null busybox true
	is "${ERR%%$'\n'*}" "ctl: run: --device: '/opt/null' is not a place below /dev"
	expect 125 ctl run --rm --device /dev/null:/dev/../x busybox true
	is "${ERR%%$'\n'*}" "ctl: run: --device: '/x' is not a place below /dev"
	expect 125 ctl run --rm --device /dev/null:/dev/x:rwx busybox true
	is "${ERR%%$'\n'*}" "ctl: run: --device '/dev/null:/dev/x:rwx': the access is not made of r, w and m"
	expect 125 ctl run --rm --device /dev/null:/dev/x:r:w busybox true
	is "${ERR%%$'\n'*}" "ctl: run: --device '/dev/null:/dev/x:r:w': not DEVICE[:TARGET][:ACCESS]"
	expect 125 ctl run --rm --name a --device /dev/not-there busybox true
	is "$ERR" "ctl: a: devices: look at the device '/dev/not-there': No such file or directory"
	expect 125 ctl run --rm --name a --device /etc/passwd:/dev/x busybox true
	is "$ERR" "ctl: a: devices: '/etc/passwd' is neither a device nor a folder of devices"
	expect 125 ctl run --rm --name a --device /dev/null:/dev/zero busybox true
	is "$ERR" "ctl: a: devices: '/dev/zero' is there and not the device of that name"
	expect 125 ctl run --rm --name a -v /dev:/dev --device /dev/null:/dev/x busybox true
	is "${ERR%%$'\n'*}" "ctl: a: devices: no device can be made: /dev is a folder of the host's"
	mkdir empty
	expect 125 ctl run --rm --name a --device "$T/empty:/dev/x" busybox true
	is "$ERR" "ctl: a: devices: no device is in '$T/empty'"
	for rule in 'c' 'c 1:3' 'x 1:3 r' 'c 1:3 rx' 'c 1:3 rr' 'c -1:3 r' 'c 1:99999999999 r' 'c 1 r' 'c  1:3 r' 'c 1:3 r '; do
		expect 125 ctl run --rm --device-cgroup-rule "$rule" busybox true
		is "${ERR%%$'\n'*}" "ctl: run: --device-cgroup-rule: '$rule' is not a rule"
	done
	like "$(method Create '{"config":{"image":"busybox","args":["true"],"devices":[{"path":"null"}]}}' | pick .parameters.message)" \
		"config.devices[[]0[]].path: 'null' is not an absolute path"
	like "$(method Create '{"config":{"image":"busybox","args":["true"],"devices":[{"path":"/dev/null","access":""}]}}' |
		pick .parameters.message)" "config.devices[[]0[]].access: '' is not made of r, w and m"
	is "$(ctl ps -aq)" ""
}

# make_bundle LINUX: its root is busybox's, its program is in the file program
make_bundle() {
	mkdir -p bundle
	jq -n --arg root "$BUILD/rootfs/busybox" --arg command "$(cat program)" --argjson more "$1" '{
		ociVersion: "1.0.2", root: {path: $root, readonly: true},
		process: {args: ["sh", "-c", $command], cwd: "/", env: ["PATH=/bin"],
			capabilities: {bounding: ["CAP_MKNOD"], effective: ["CAP_MKNOD"], permitted: ["CAP_MKNOD"]}},
		mounts: [{destination: "/proc", type: "proc", source: "proc"},
			{destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"]}],
		linux: ({namespaces: [{type: "pid"}, {type: "network"}, {type: "ipc"}, {type: "uts"}, {type: "mount"}]} + $more)}' \
		>bundle/config.json
}

test_bundle() {
	daemon_start
	needs_filter
	find_device
	echo "mknod /dev/y c $MAJOR $MINOR; (: </dev/y) 2>/dev/null && echo y; ls -l /dev/x 2>/dev/null | cut -c1-10; (: </dev/x) 2>/dev/null && echo x
		(: </dev/null) && echo null; (: </dev/full) 2>/dev/null && echo full; echo end" >program
	# with none, and with the usual denial of everything: the defaults
	make_bundle '{}'
	is "$(ctl run --rm --bundle bundle | paste -sd' ')" "null full end"
	make_bundle '{"resources":{"devices":[{"allow":false,"access":"rwm"}]}}'
	is "$(ctl run --rm --bundle bundle | paste -sd' ')" "null full end"
	# nodes and rules, each for itself
	make_bundle '{"devices":[{"path":"/dev/x","type":"c","major":'"$MAJOR"',"minor":'"$MINOR"',"fileMode":416,"uid":0,"gid":2}],
		"resources":{"devices":[{"allow":false},{"allow":true,"type":"c","major":'"$MAJOR"',"minor":'"$MINOR"',"access":"rw"},
		{"allow":false,"type":"c","major":1,"minor":7,"access":"r"}]}}'
	is "$(ctl run --rm --bundle bundle | paste -sd' ')" "y crw-r----- x null end"
	make_bundle '{"devices":[{"path":"/dev/x","type":"c","major":'"$MAJOR"',"minor":'"$MINOR"'}]}'
	is "$(ctl run --rm --bundle bundle | paste -sd' ')" "crw-rw-rw- null full end"
	make_bundle '{"resources":{"devices":[{"allow":true,"access":"rwm"}]}}'
	is "$(ctl run --rm --bundle bundle | paste -sd' ')" "y null full end"
	# what is wrong in it
	local config
	while read -r config; do
		read -r error
		make_bundle "$config"
		expect 125 ctl run --rm --bundle bundle
		like "$ERR" "*$error*"
	done <<-'END'
		{"devices":[{"path":"/srv/x","type":"c","major":1,"minor":3}]}
		linux.devices[[]0[]].path must be below /dev
		{"devices":[{"path":"/dev/x/","type":"c","major":1,"minor":3}]}
		linux.devices[[]0[]].path must be below /dev
		{"devices":[{"path":"/dev/x","type":"d","major":1,"minor":3}]}
		linux.devices[[]0[]].type must be one of
		{"devices":[{"type":"c"}]}
		linux.devices[[]0[]] must have a path
		{"resources":{"devices":[{"allow":true,"type":"x"}]}}
		linux.resources.devices[[]0[]].type must be one of
		{"resources":{"devices":[{"allow":true,"access":"rwx"}]}}
		linux.resources.devices[[]0[]].access must be made of
		{"resources":{"devices":[{"allow":true,"major":-2}]}}
		linux.resources.devices[[]0[]].major
		{"resources":{"devices":[{"allow":true,"speed":3}]}}
		linux.resources.devices[[]0[]].speed
	END
}

without() {
	strace -f -qq -e trace=bpf -e inject=bpf:error=EPERM -o trace containerd-lite-shim --bundle bundle --cgroup-parent "${T##*/}"
}

# Where bpf(2) is not to be had, what can do without the filter starts; the rest says so.
test_no_bpf() {
	needs_static_shim
	strace -o trace true 2>/dev/null || skip 'strace cannot trace here'
	printf 'echo started' >program
	make_bundle '{}'
	jq '.process.capabilities = {}' bundle/config.json >new && mv new bundle/config.json
	expect 0 without
	is "$OUT" started
	make_bundle '{}'
	expect 125 without
	is "$ERR" "containerd-lite-shim: devices: ask bpf(2) for the cgroup's device filter: Operation not permitted
hint: without it a container gets no device, no CAP_MKNOD, and bind mounts only with nodev"
	make_bundle '{"resources":{"devices":[{"allow":true,"type":"c","major":10,"minor":229,"access":"rw"}]}}'
	jq '.process.capabilities = {}' bundle/config.json >new && mv new bundle/config.json
	expect 125 without
	make_bundle '{"resources":{"devices":[{"allow":true,"access":"rwm"}]}}'
	expect 0 without
}

# The filter belongs to the cgroup: who dies changes nothing of it.
test_outlives() {
	daemon_start
	needs_filter
	find_device
	mkdir share
	ctl run -d --name c --cap-add MKNOD -v "$T/share:/share" busybox sh -c "
		mknod /dev/x c $MAJOR $MINOR
		while [ ! -e /share/go ]; do sleep 0.05; done; (: </dev/x) 2>/dev/null && echo opened || echo closed" >/dev/null
	is "$(field_of c .device_filter)" true
	daemon_kill
	daemon_start
	is "$(field_of c .device_filter)" true
	touch share/go
	ctl wait c >/dev/null
	is "$(ctl logs c)" closed
}
