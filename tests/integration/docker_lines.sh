# shellcheck shell=bash
# Lines of docker's own documentation (its command line's reference), with ctl in docker's place. Images are busybox, where
# docker's pages take ubuntu, debian, alpine or redis; nothing here pulls an image or publishes a port. What is not the
# same is in the comments.

docker() { ctl "$@"; }

# docs CODE LINE [STDOUT-PATTERN [STDERR-PATTERN]]: typed as it stands in the documentation.
docs() {
	local code=$1 line=$2
	# shellcheck disable=SC2294 # a line is a line of a shell's
	try eval "$line"
	is "$CODE" "$code" "$line (stderr '$ERR')"
	[ $# -lt 3 ] || like "$OUT" "$3" "$line"
	[ $# -lt 4 ] || like "$ERR" "$4" "$line"
}

ID='[0-9a-f]*'

# --- docker run ---

test_exit_status() {
	daemon_start
	docs 125 'docker run --foo busybox' '' "*unknown option '--foo'*"
	docs 126 'docker run busybox /etc' '' "*'/etc'*"
	docs 127 'docker run busybox foo' '' "*'foo'*"
	docs 3 "docker run busybox /bin/sh -c 'exit 3'" ''
}

test_run() { # limit 120
	daemon_start
	docs 0 'docker run --name test -d busybox sleep infinity' "$ID"
	docs 125 'docker run --name test busybox true' '' "*the name 'test' is in use*"
	docs 0 'docker run --rm busybox echo hello' hello
	docs 0 'docker run --cidfile ./docker_test.cid busybox echo "test"' test
	is "$(cat docker_test.cid)" "$(ctl ps -aq --no-trunc | head -n 1)"
	docs 0 'docker run -w /path/to/dir/ busybox pwd' '/path/to/dir'
	docs 0 'docker run -v `pwd`:`pwd` -w `pwd` -i busybox pwd' "$T"
	docs 0 'docker run --tmpfs /run:rw,noexec,nosuid,size=65536k busybox stat -f -c %T /run' tmpfs
	docs 0 'docker run --rm --tmpfs /x busybox grep -o " /x tmpfs rw,nosuid,nodev,noexec" /proc/mounts' ' /x tmpfs rw,nosuid,nodev,noexec'
	docs 0 'docker run --rm --tmpfs /x:exec busybox sh -c "cp /bin/busybox /x/echo && /x/echo ran"' ran
	docs 1 'docker run --read-only busybox touch /icantwrite' '' '*Read-only file system*'
	docs 0 'docker run --read-only --mount type=bind,src="$T",target=/icanwrite busybox touch /icanwrite/here'
	[ -e here ] || fail 'nothing was written'
	docs 0 'docker run --hostname example --rm busybox hostname' example
	docs 0 'docker run --rm --network none busybox cat /sys/class/net/lo/flags' 0x9
	docs 0 'docker run --rm --entrypoint /bin/sh busybox -c "echo \$0"' /bin/sh
	docs 0 'docker run --rm --pull never busybox true'
	docs 0 "docker run -i --rm busybox cat <<<'from a pipe'" 'from a pipe'
	docs 0 'docker run --rm=true busybox true'
}

test_run_environment() {
	daemon_start
	printf 'VAR1=value1\nVAR2=value2\nUSER\n# a comment\n' >env.list
	docs 0 'docker run -e MYVAR1 --env MYVAR2=foo --env-file ./env.list busybox env' '*VAR1=value1*VAR2=value2*MYVAR2=foo*'
	docs 0 'export VAR1=value1; export VAR2=value2; docker run --env VAR1 --env VAR2 busybox env | grep VAR' $'VAR1=value1\nVAR2=value2'
	docs 0 'docker run --env VAR1=value1 --env VAR2=value2 busybox env | grep VAR' $'VAR1=value1\nVAR2=value2'
	docs 0 'docker run -l my-label --label com.example.foo=bar -d busybox true' "$ID"
	is "$(ctl inspect "$OUT" | pick '.[0].labels')" '{"my-label":"","com.example.foo":"bar"}'
	printf 'com.example.label1="a label"\n# this is a comment\ncom.example.label2=another\\ label\ncom.example.label3\n' >labels
	docs 0 'docker run --label-file ./labels -d busybox true' "$ID"
}

test_run_settings() { # limit 120
	daemon_start
	docs 0 'docker run --ulimit nofile=1024:1024 --rm busybox sh -c "ulimit -n"' 1024
	docs 0 'docker run --sysctl net.ipv4.ip_forward=1 --rm busybox cat /proc/sys/net/ipv4/ip_forward' 1
	docs 0 'docker run --rm --group-add tty --group-add nogroup --group-add 777 busybox id' \
		'uid=0(root) gid=0(root) groups=0(root),5(tty),10(wheel),777,65534(nogroup)'
	docs 0 'docker run --rm -u 1000:1000 busybox id -u' 1000
	docs 0 'docker run --rm --security-opt no-new-privileges busybox grep NoNewPrivs /proc/self/status' '*1'
	# an unprivileged container mounts nothing, a privileged one does
	docs 1 'docker run --rm busybox mount -t tmpfs none /mnt' '' '*'
	docs 0 'docker run --rm --privileged busybox sh -c "mount -t tmpfs none /mnt; df -h | grep none"' '*none*'
	docs 0 'docker run --rm --cap-drop=MKNOD --cap-add=SYS_TIME busybox true'
	docs 0 'docker run --rm --cap-add=ALL --cap-drop=MKNOD busybox grep CapBnd /proc/self/status' '*'
	docs 0 'docker run --device=/dev/zero:/dev/nulo -i --rm busybox ls -l /dev/nulo' 'crw-rw-rw-*/dev/nulo'
	docs 0 'docker run --rm --shm-size 128k busybox df -k /dev/shm' '*128*'
	docs 0 'docker run --rm --log-driver none busybox echo seen' seen
	docs 0 'docker run --rm --stop-signal SIGKILL --stop-timeout 2 busybox true'
	docs 0 'docker run --rm --oom-score-adj 500 busybox cat /proc/self/oom_score_adj' 500
}

test_run_namespaces() { # limit 120
	daemon_start
	docs 0 'docker run --rm --pid=host busybox sh -c "test $(ls -d /proc/[0-9]* | wc -l) -gt 3"'
	docs 0 'docker run --name my-nginx --ipc=shareable -d busybox sleep 1000' "$ID"
	docs 0 'docker run --rm --pid=container:my-nginx --cap-add SYS_PTRACE busybox sh -c "tr \\\\0 \" \" </proc/1/cmdline"' 'sleep 1000*'
	docs 0 'docker run --rm --network container:my-nginx busybox cat /sys/class/net/lo/flags' 0x9
	docs 0 'docker run --rm --ipc=container:my-nginx busybox true'
	docs 0 'docker run --rm --uts=host busybox hostname' "$(hostname)"
	docs 0 'docker run --rm --network=host busybox hostname' "$(hostname)"
	docs 0 'docker run --rm --cgroupns=private busybox cat /proc/self/cgroup' '*0::/'
	docs 125 'docker run --rm --uts=host --hostname x busybox true' '' "*the host's uts namespace*"
	docs 125 'docker run --rm --network=my-net busybox true' '' "*'my-net' is not none, host or container:NAME*"
}

has_controllers() {
	local name
	for name in cpu memory pids; do
		grep -qw "$name" "$(findmnt -n --first-only -t cgroup2 -o TARGET)/cgroup.controllers" || return 1
	done
}

test_run_limits() {
	has_controllers || skip 'this cgroup2 has no controllers for cpu, memory and pids'
	daemon_start
	docs 0 'docker run -i --rm --memory 300M busybox cat /sys/fs/cgroup/memory.max' 314572800
	docs 0 'docker run -i --rm --cpu-period=50000 --cpu-quota=25000 busybox cat /sys/fs/cgroup/cpu.max' '25000 50000'
	docs 0 'docker run -i --rm --cpus 1.5 busybox cat /sys/fs/cgroup/cpu.max' '150000 100000'
	docs 0 'docker run -i --rm --pids-limit 100 busybox cat /sys/fs/cgroup/pids.max' 100
}

# --- docker create, start, stop, kill, wait, restart, rename, rm ---

test_life() { # limit 120
	needs_static_shim # --init
	daemon_start
	docs 0 'docker run --rm --init busybox sh -c "exit 0"'
	docs 0 'docker create --name mycontainer busybox echo Hello World' "$ID"
	docs 0 'docker start --attach mycontainer' 'Hello World'
	docs 0 'docker start -a -i mycontainer' 'Hello World'
	docs 0 'docker start mycontainer' mycontainer
	docs 0 'docker wait mycontainer' 0
	docs 0 'docker run -d --init --name=my_container busybox sleep 1000' "$ID"
	docs 0 'docker restart my_container' my_container
	docs 0 'docker restart -t 5 my_container' my_container
	docs 0 'docker stop my_container' my_container
	docs 0 'docker stop my_container' my_container
	docs 0 'docker start my_container' my_container
	docs 0 'docker kill --signal=SIGHUP my_container' my_container
	docs 0 'docker wait my_container' 129
	docs 0 'docker start my_container && docker kill --signal=HUP my_container && docker wait my_container' $'my_container\nmy_container\n129'
	docs 0 'docker start my_container && docker kill --signal=1 my_container && docker wait my_container' $'my_container\nmy_container\n129'
	docs 0 'docker start my_container && docker kill my_container && docker wait my_container' $'my_container\nmy_container\n137'
	docs 0 'docker rename my_container my_new_container' ''
	docs 0 'docker start my_new_container' my_new_container
	docs 1 'docker rm my_new_container' '' '*is running*'
	docs 0 'docker rm --force my_new_container' my_new_container
	docs 0 'docker rm mycontainer' mycontainer
	docs 1 'docker rm mycontainer' '' '*no such container*'
}

test_rm_many() {
	daemon_start
	docs 0 'docker run --name one busybox true; docker run --name two busybox true; docker run -d --name three busybox sleep 1000' "$ID"
	docs 0 'docker rm $(docker ps --filter status=exited -q)' "$ID"$'\n'"$ID"
	docs 0 'docker ps --filter status=exited -q' ''
	docs 0 'docker run --name one busybox true; docker ps --filter status=exited -q | xargs ctl rm' "$ID"
	docs 0 'docker rm -f $(docker ps -aq)' "$ID"
	docs 0 'docker ps -aq' ''
}

# --- docker ps, inspect, logs, events, version ---

test_ps() { # limit 120
	daemon_start
	docs 0 'docker run -d --label color=blue --name nostalgic_stallman busybox top -b' "$ID"
	docs 0 'docker run --label color=green --name nostalgic_shockley busybox true'
	docs 137 'docker run --name killed busybox sh -c "exit 137"'
	docs 0 'docker ps' 'CONTAINER ID *IMAGE *COMMAND *CREATED *STATUS *PORTS *NAMES*nostalgic_stallman'
	docs 0 'docker ps -a | wc -l' 4
	docs 0 'docker ps --no-trunc -q' '????????????????????????????????'
	docs 0 'docker ps -a --filter "label=color" -q | wc -l' 2
	docs 0 'docker ps --filter "label=color=blue"' '*nostalgic_stallman'
	docs 0 'docker ps --filter "name=nostalgic_stallman" -q' "$ID"
	docs 0 'docker ps -a --filter "name=nostalgic" -q | wc -l' 2
	docs 0 "docker ps -a --filter 'exited=0' | tail -n +2" '*nostalgic_shockley'
	docs 0 "docker ps -a --filter 'exited=137' | tail -n +2" '*Exited (137)*killed'
	docs 0 'docker ps --filter status=running -q | wc -l' 1
	docs 0 'docker ps -a -f before=killed -q | wc -l' 2
	docs 0 'docker ps -a -f since=nostalgic_stallman -q | wc -l' 2
	docs 0 'docker ps -qa --no-trunc | wc -l' 3
	docs 0 "docker inspect nostalgic_stallman | jq -r '.[0].name'" nostalgic_stallman
	docs 0 'docker ls -a | wc -l' 4
}

test_logs() {
	daemon_start
	docs 0 'docker run --name test -d busybox sh -c "while true; do \$(echo date); sleep 1; done"' "$ID"
	eventually 10 sh -c 'ctl logs test | grep -q :'
	docs 0 'docker logs -f --until=0s test | head -n 1' '*:*:*'
	docs 0 'docker logs --tail 1 test' '*:*:*'
	docs 0 'docker logs -n 1 --timestamps test' '????-??-??T*Z *:*:*'
	docs 0 'docker logs -t --since 10m test | head -n 1' '*:*:*'
	docs 0 'docker rm -f test' test
}

test_events() {
	daemon_start
	docs 0 'docker run -d --name test busybox sleep 1000' "$ID"
	docs 0 'docker stop -t 0 test' test
	# docker's go on until they are interrupted, too; --until ends them
	docs 0 "docker events --filter 'container=test' --since '10m' --until 0s" '*create*start*stop*exit*'
	docs 0 "docker events --filter 'event=stop' --since 10m --until 0s" '*stop*test*'
	docs 0 'docker version' '*ctl: *daemon: *'
	docs 0 'docker info' '*version: *'
	docs 0 'docker rm test' test
}

# --- docker exec, pause, top, stats, update ---

test_exec() {
	daemon_start
	docs 0 'docker run --name mycontainer -d -i busybox /bin/sh' "$ID"
	docs 0 'docker exec -d mycontainer touch /tmp/execWorks' '*'
	eventually 20 ctl exec mycontainer test -e /tmp/execWorks
	docs 0 'docker exec -e VAR_A=1 -e VAR_B=2 mycontainer env' '*VAR_A=1*VAR_B=2*'
	docs 0 'docker exec mycontainer pwd' /
	docs 0 'docker exec -w /root mycontainer pwd' /root
	docs 0 'docker exec mycontainer sh -c "echo a && echo b"' $'a\nb'
	docs 0 'echo through | docker exec -i mycontainer cat' through
	docs 3 'docker exec mycontainer sh -c "exit 3"' ''
	docs 127 'docker exec mycontainer nosuchprogram' '' "*nosuchprogram*"
	docs 126 'docker exec mycontainer /etc' '' "*/etc*"
	docs 0 'docker exec -u nobody mycontainer id -un' nobody
	docs 0 'docker pause mycontainer' mycontainer
	docs 0 'docker ps' '*(Paused)*mycontainer'
	docs 0 'docker ps --filter status=paused -q' "$ID"
	# of an error of the engine's the exit code is 125 here, 1 there
	docs 125 'docker exec mycontainer sh' '' '*paused*'
	docs 0 'docker unpause mycontainer' mycontainer
	docs 0 'docker top mycontainer' '*PID*/bin/sh*'
	docs 0 'docker stats --no-stream' '*CONTAINER ID*NAME*CPU %*MEM USAGE / LIMIT*MEM %*PIDS*mycontainer*'
	docs 0 'docker stats --no-stream mycontainer' '*mycontainer*'
	docs 0 "docker stats --no-stream --format json mycontainer | jq -r '.[0].name'" mycontainer
	docs 0 'docker rm -f mycontainer' mycontainer
	docs 125 'docker exec mycontainer true' '' '*no such container*'
}

test_update() {
	has_controllers || skip 'this cgroup2 has no controllers for cpu, memory and pids'
	daemon_start
	docs 0 'docker run -d --name test busybox sleep 1000' "$ID"
	docs 0 'docker update --cpu-shares 512 test' '*'
	docs 0 'docker update --cpu-shares 512 -m 300M --memory-swap 400M test' '*'
	docs 0 'docker exec test cat /sys/fs/cgroup/memory.max' 314572800
	docs 0 'docker update --pids-limit 50 test && docker exec test cat /sys/fs/cgroup/pids.max' '*50'
	docs 0 'docker rm -f test' test
}

# --- on a terminal ---

# typed CODE LINE [WAIT KEYS]…: the line in a terminal; each time WAIT has come, KEYS are typed.
typed() {
	local code=$1 got=0
	shift
	/usr/bin/python3 - "$@" >"$T/.typed" 2>&1 <<'EOF' || got=$?
import os, pty, select, sys, time
line, steps = sys.argv[1], sys.argv[2:]
limit = 60 * int(os.environ.get("TEST_FACTOR") or 1)
pid, terminal = pty.fork()
if pid == 0:
    os.execvp("bash", ["bash", "-c", 'docker() { ctl "$@"; }; ' + line])
text, at, end = b"", 0, time.monotonic() + limit
while True:
    while steps and text.find(steps[0].encode(), at) >= 0:
        at = text.find(steps[0].encode(), at) + len(steps[0])
        os.write(terminal, steps[1].encode().decode("unicode_escape").encode())
        del steps[:2]
    if not select.select([terminal], [], [], max(0, end - time.monotonic()))[0]:
        os.kill(pid, 9)
        sys.exit(f"{line}: waits for {steps}, after {text!r}")
    try:
        data = os.read(terminal, 65536)
    except OSError:
        break
    if not data:
        break
    text += data
sys.stdout.write(text.decode(errors="replace"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
EOF
	OUT=$(<"$T/.typed")
	is "$got" "$code" "$1 (it showed '$OUT')"
}

test_terminal() { # limit 120
	daemon_start
	typed 3 'docker run -it --rm busybox' '/ # ' 'exit 3\r'
	typed 0 'docker run -t -i --rm busybox sh' '/ # ' 'mount -t tmpfs none /mnt\r' 'permission denied' 'exit 0\r'
	docs 0 'docker run --name test -d -it busybox' "$ID"
	typed 0 'docker attach test' '/ # ' '\x10\x11'
	docs 0 'docker ps --filter name=test' '*Up *test'
	typed 7 'docker exec -it test sh' '/ # ' 'exit 7\r'
	typed 0 'docker attach --detach-keys ctrl-a,d test' '/ # ' '\x01d'
	typed 13 'docker attach test' '/ # ' 'exit 13\r'
	docs 0 'docker ps -a --filter name=test' '*Exited (13)*test'
	docs 0 'docker start test && docker stop -t 0 test && docker rm test' '*test'
	docs 0 'docker run -d --name topdemo busybox top -b' "$ID"
	docs 141 'docker attach topdemo | head -n 1' 'Mem: *'
	docs 0 'docker rm -f topdemo' topdemo
}

# --- docker cp ---

test_cp() {
	daemon_start
	ctl run -d --name CONTAINER busybox sh -c 'mkdir -p /work /var/logs; echo ERROR >/var/logs/app.log; exec sleep 1000' >/dev/null
	echo x >some_file
	eventually 10 ctl exec CONTAINER test -s /var/logs/app.log
	docs 0 'docker cp ./some_file CONTAINER:/work' '' ''
	is "$(ctl exec CONTAINER cat /work/some_file)" x
	# The documentation has /tmp/app_logs.
	docs 0 'docker cp CONTAINER:/var/logs/ app_logs' '' ''
	is "$(cat app_logs/app.log)" ERROR
	docs 0 'docker cp CONTAINER:/var/logs/app.log - | tar x -O | grep "ERROR"' ERROR
}
