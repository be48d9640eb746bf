# shellcheck shell=bash
# Command lines that cannot be: the exact sentence, exit code 125, nothing on stdout, and no daemon needed for it.
# No machine changes it.

# Rows of `command line => sentence`, each followed by `| hint` where there is one. $T is this test's folder.
refused() {
	local row words sentence hint
	while IFS= read -r row; do
		[ -n "$row" ] || continue
		words=${row%% => *}
		sentence=${row#* => }
		sentence=${sentence//'$T'/$T}
		hint=${sentence#* | }
		[ "$hint" != "$sentence" ] || hint=
		sentence=${sentence%% | *}
		eval "try ctl --socket $T/none $words"
		is "$OUT" '' "ctl $words: stdout"
		is "$(head -n 1 <<<"$ERR")" "ctl: $sentence" "ctl $words"
		is "$CODE" 125 "ctl $words: exit code"
		is "$(sed -n 2p <<<"$ERR")" "${hint:+hint: $hint}" "ctl $words: hint"
		[ "$(wc -l <<<"$ERR")" -le 2 ] || fail "ctl $words: more than a sentence and a hint: $ERR"
	done
}

test_commands() {
	refused <<-'EOF'
		 => needs a command | ctl help lists the commands
		rnu => there is no command 'rnu' | did you mean run?
		frobnicate => there is no command 'frobnicate' | ctl help lists the commands
		$'\e[31m' => there is no command '\x1b[31m' | ctl help lists the commands
		--nonsense ps => unknown option '--nonsense' | ctl help lists the commands
		help nonsense => help: there is no command 'nonsense'
		commit c sh => there is no command 'commit' | there are no images: busybox is built in, --rootfs takes a folder, --bundle an OCI bundle
		pull alpine => there is no command 'pull' | there are no images from registries yet: unpack one into a folder for --rootfs, or take busybox
		container ls => there is no command 'container' | leave it out: ctl ps, ctl rm, …
		help inspct => help: there is no command 'inspct' | did you mean inspect?
	EOF
}

test_options() {
	refused <<-'EOF'
		run => run: needs IMAGE, --rootfs, --rootfs-rw or --bundle | busybox is built in: ctl run --rm busybox uname -a
		run --rm => run: needs IMAGE, --rootfs, --rootfs-rw or --bundle | busybox is built in: ctl run --rm busybox uname -a
		run --rootfs / --bundle /b => run: --rootfs and --bundle exclude each other
		run -d -a stdout busybox => run: --detach and --attach exclude each other
		run --naem x busybox => run: unknown option '--naem' | did you mean --name?
		run -Z busybox => run: unknown option '-Z' | ctl run --help lists its options
		run --name => run: --name: needs a value (NAME) | ctl run --help lists its options
		run --rm=perhaps busybox => run: --rm 'perhaps': not true or false | ctl run --help lists its options
		run --name $'\xff' busybox => run: --name '\xff': not UTF-8 | ctl run --help lists its options
		run busybox $'\xff' => run: an argument is not UTF-8 | ctl run --help lists its options
		stop => stop: needs CONTAINER… | ctl stop --help lists its options
		stop -x c => stop: unknown option '-x' | ctl stop --help lists its options
		rename c => rename: needs CONTAINER NAME | ctl rename --help lists its options
		rename a b c => rename: one argument too many: 'c' | ctl rename --help lists its options
		ps c => ps: one argument too many: 'c' | ctl ps --help lists its options
		logs => logs: needs CONTAINER | ctl logs --help lists its options
		start -a a b => start: only one container can be attached
	EOF
}

test_values() {
	echo 'A B=1' >"$T/env"
	refused <<-'EOF'
		run -e =x busybox => run: --env '=x': the variable has no name | ctl run --help lists its options
		run --env-file $T/nowhere busybox => run: --env-file '$T/nowhere': open it: No such file or directory | ctl run --help lists its options
		run --env-file $T busybox => run: --env-file '$T': read it: Is a directory | ctl run --help lists its options
		run --env-file /dev/zero busybox => run: --env-file '/dev/zero': larger than 1048576 bytes | ctl run --help lists its options
		run --env-file $T/env busybox => run: --env-file '$T/env': line 1: white space in a name | ctl run --help lists its options
		run -v relative busybox => run: --volume 'relative': not SOURCE:TARGET[:OPTIONS] | ctl run --help lists its options
		run -v /data busybox => run: --volume '/data': not SOURCE:TARGET[:OPTIONS] | --tmpfs TARGET mounts an empty one that goes with the container's end
		run -v data:/x busybox => run: --volume 'data:/x': there is no 'data' here | named volumes are not supported: the source is a folder or file of the host
		run -v /a:b busybox => run: --volume '/a:b': the target is not an absolute path | ctl run --help lists its options
		run -v /a:/b:ro:x busybox => run: --volume '/a:/b:ro:x': more than three parts | --mount type=bind,source=…,target=… takes paths with colons
		run --tmpfs t busybox => run: --tmpfs 't': the target is not an absolute path | ctl run --help lists its options
		run --mount target=/x busybox => run: --mount 'target=/x': no type= (bind or tmpfs) | ctl run --help lists its options
		run --mount type=volume,target=/x busybox => run: --mount 'type=volume,target=/x': type 'volume' is not bind or tmpfs | ctl run --help lists its options
		run --mount type=tmpfs,target=/x,colour=red busybox => run: --mount 'type=tmpfs,target=/x,colour=red': unknown key 'colour' | ctl run --help lists its options
		run --log-driver syslog busybox => run: --log-driver 'syslog': not one of file|none | ctl run --help lists its options
		run --log-opt max-size=x busybox => run: --log-opt 'max-size=x': not a size (such as 4096, 64k, 1.5G) | ctl run --help lists its options
		run --log-opt max-file=x busybox => run: --log-opt 'max-file=x': max-file is not a number from 1 to 1000 | ctl run --help lists its options
		events --since-seq x => events: --since-seq 'x': not a number from 0 on | ctl events --help lists its options
		events --since-seq 9223372036854775808 => events: --since-seq '9223372036854775808': not a number from 0 on | ctl events --help lists its options
		run --flow=maybe busybox => run: --flow 'maybe': not one of block|drop | ctl run --help lists its options
		run --stop-signal NOPE busybox => run: --stop-signal 'NOPE': not a signal | ctl run --help lists its options
		run --stop-timeout x busybox => run: --stop-timeout 'x': not a duration (such as 10, 1.5s, 2m) | ctl run --help lists its options
		run --cidfile /dev/null busybox => run: --cidfile '/dev/null': File exists
		stop -t x c => stop: --time 'x': not a duration (such as 10, 1.5s, 2m) | ctl stop --help lists its options
		kill -s 0 c => kill: --signal '0': not a signal | ctl kill --help lists its options
		kill -s 65 c => kill: --signal '65': not a signal | ctl kill --help lists its options
		wait --condition healthy c => wait: --condition 'healthy': not one of exited|running|removed | ctl wait --help lists its options
		ps --format '{{.ID}}' => ps: --format '{{.ID}}': not one of table|json|jsonl | there are no templates: --format json, and jq picks from it
		ps --format 'table {{.ID}}\t{{.Names}}' => ps: --format 'table {{.ID}}\t{{.Names}}': not one of table|json|jsonl | there are no templates: --format json, and jq picks from it
		inspect -f '{{.Id}}' c => inspect: --format '{{.Id}}': not one of json|jsonl | there are no templates: --format json, and jq picks from it
		ps --format x => ps: --format 'x': not one of table|json|jsonl | ctl ps --help lists its options
		logs --tail x c => logs: --tail 'x': not all, nor a number from 0 to 2147483647 | ctl logs --help lists its options
		logs --since x c => logs: --since 'x': not a time (such as 2026-11-22T04:13:00Z, 2026-11-22, 1763784780, 10m) | ctl logs --help lists its options
	EOF
}

test_not_supported_yet() {
	refused <<-'EOF'
		run -it --detach-keys=ctrl-1 busybox => run: --detach-keys 'ctrl-1': 'ctrl-1' is not a list of keys: characters, and ctrl- with a letter or one of @[\]^_ | such as ctrl-p,ctrl-q, or none
		run -a stdlog busybox => run: --attach 'stdlog': not one of stdin|stdout|stderr | ctl run --help lists its options
		attach => attach: needs CONTAINER | ctl attach --help lists its options
		run --restart=always busybox => run: --restart: not supported yet | restart policies come with a later version
		run --memory-swappiness 5 busybox => run: --memory-swappiness: not supported yet | cgroup v2 has no such thing
		run -p 80:80 busybox => run: --publish: not supported yet | there are no networks: --network host, or container:NAME, shares one that is there
		create --health-cmd true busybox => create: --health-cmd: not supported yet | health checks come with a later version
	EOF
}

# Whatever is refused by name says what there is instead.
test_refused_options_have_hints() {
	local option
	for option in $(ctl run --help | sed -n '/^Not supported yet:/,$p' | grep -oE -- '--[a-z-]+'); do
		expect 125 ctl --socket "$T/none" run "$option=x" busybox
		if [[ $ERR == *'not true or false'* ]]; then
			expect 125 ctl --socket "$T/none" run "$option" busybox
			[[ $ERR != *'cannot reach the daemon'* ]] || expect 125 ctl --socket "$T/none" run "$option=false" busybox
		fi
		is "$(head -n 1 <<<"$ERR")" "ctl: run: $option: not supported yet"
		[[ $(sed -n 2p <<<"$ERR") == 'hint: '* && $ERR != *'--help lists'* ]] || fail "$option has no hint"
	done
}

# What asks for nothing else than what happens anyway is no reason to refuse.
test_no_change_is_accepted() {
	local words
	for words in --tty=false --restart=no '--network none' --pid=private --net=none --userns=host --privileged=false '--pull never'; do
		# shellcheck disable=SC2086
		try ctl --socket "$T/none" run $words busybox true
		is "$(head -n 1 <<<"$ERR")" "ctl: cannot reach the daemon at '$T/none': No such file or directory" "$words"
	done
}

test_no_daemon() {
	local verb
	for verb in 'create busybox' 'run busybox' 'start c' 'start -a c' 'stop c' 'kill c' 'wait c' 'rm c' 'rename c d' ps \
		'inspect c' 'logs c' events info; do
		# shellcheck disable=SC2086
		expect 125 ctl --socket "$T/none" $verb
		is "$OUT" '' "$verb"
		is "$ERR" "ctl: cannot reach the daemon at '$T/none': No such file or directory
hint: is containerd-lite running? --socket or CTL_SOCKET names another socket" "$verb"
	done
	CTL_SOCKET=$T/other expect 125 ctl ps
	like "$ERR" "*'$T/other'*"
	CTL_SOCKET=$T/other expect 125 ctl ps --socket "$T/none"
	like "$ERR" "*'$T/none'*"
	expect 125 ctl --socket "$T/none" version
	is "$OUT" "ctl: $(ctl --version | cut -d ' ' -f 2)"
	/usr/bin/python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$T/dead"
	expect 125 ctl --socket "$T/dead" ps
	is "$(head -n 1 <<<"$ERR")" "ctl: cannot reach the daemon at '$T/dead': Connection refused"
}

test_help() {
	local verb
	expect 0 ctl help
	local overview=$OUT
	expect 0 ctl --help
	is "$OUT" "$overview"
	local verbs
	verbs=$(awk '/^  [a-z]/ {print $1}' <<<"$overview")
	for verb in $verbs; do
		expect 0 ctl "$verb" --help
		like "$OUT" "Usage: ctl $verb \[OPTION…\]*"
		is "$ERR" ''
		[ "$(wc -L <<<"$OUT")" -le 80 ] || fail "$verb --help is wider than 80 columns"
		local text=$OUT
		expect 0 ctl help "$verb"
		is "$OUT" "$text" "help $verb"
		case $verb in
		run | create) ;;
		*)
			expect 0 ctl "$verb" -h
			is "$OUT" "$text" "$verb -h"
			;;
		esac
	done
	expect 0 ctl ls --help
	like "$OUT" '*Also: ls, list.*'
	expect 1 sh -c 'ctl help >/dev/full'
	is "$ERR" 'ctl: write to standard output: No space left on device'
}

test_version() {
	expect 0 ctl --version
	[[ $OUT =~ ^ctl\ [0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "$OUT"
	expect 0 ctl -v
	like "$OUT" 'ctl *'
}
