# shellcheck shell=bash
# What a tab completes: ctl's own answers, and the same in bash, zsh and fish.
# No machine changes it.

offers() { # WORDS EXPECTED: the words that are offered in place of the last one, in a line
	local got
	eval "got=\$(ctl __complete -- $1)" || fail "$1: exit code $?"
	is "$(tail -n +2 <<<"$got" | cut -f 1 | paste -sd ' ')" "$2" "$1"
}
kind() { # WORDS KIND
	local got
	eval "got=\$(ctl __complete -- $1)"
	is "$(head -n 1 <<<"$got")" "$2" "$1"
}

three_containers() {
	daemon_start
	ctl run -d --name running busybox sleep 1000 >/dev/null
	ctl create --name made busybox true >/dev/null
	ctl run --name over busybox true
}

test_words() {
	offers 'ru' run
	offers 'sto' stop
	offers '--vers' --version
	offers 'run --nam' --name
	offers 'run -it --nam' --name
	offers 'run busybox --nam' ''
	offers 'run -- --nam' ''
	offers 'run --name' --name
	offers 'run --name x --rm b' busybox
	offers 'run --rootfs / b' ''
	offers 'run --publ' ''
	offers 'run --gpus all --nam' --name
	offers 'run --gpus=all --nam' --name
	offers 'run -p 80:80 b' busybox
	offers 'run --dns ""' ''
	offers 'ps --format ""' 'table json jsonl'
	offers 'ps --format=js' '--format=json --format=jsonl'
	offers 'ps -f stat' status=
	offers 'events --filter=k' --filter=kind=
	kind 'ps --filter ""' partial
	offers 'kill -s K' KILL
	offers 'kill --signal=SIGK' --signal=SIGKILL
	offers 'run --cap-add SYS_ADM' SYS_ADMIN
	offers 'run --cap-drop CAP_SYS_ADM' CAP_SYS_ADMIN
	offers 'help insp' inspect
	offers 'explain run --nam' --name
	offers 'explain run --rm b' busybox
	offers 'completion ""' 'bash zsh fish'
	offers 'nonsense ""' ''
	kind 'cp ./x' files
	offers 'ps ""' ''
	VARIABLE_X=1 offers 'run -e VARIABLE' VARIABLE_X
	kind 'run -e VARIABLE' partial
	kind 'run --env-file ""' files
	kind 'run --env-file=x' files
	kind 'run -v x' files
	kind 'run -v /x:' words
	kind 'run --device /dev/nu' files
	kind 'run --device /dev/null:' words
	kind 'run --rootfs x' folders
	[ "$(ctl __complete -- '' | tail -n +2 | wc -l)" -gt 10 ] || fail 'few verbs'
	! ctl __complete -- '' | grep -q '^_' || fail 'a hidden verb is offered'
	# Every option of every verb is one that its help knows.
	local verb
	for verb in $(ctl __complete -- '' | tail -n +2 | cut -f 1); do
		is "$(ctl __complete -- "$verb" -- | tail -n +2 | cut -f 1 | sort -u)" \
			"$(ctl "$verb" --help | sed '/^Not supported/,$d' | grep -oE '^ +(-., )?--[a-z-]+' | grep -oE -- '--.*' | sort -u)" "$verb"
	done
}

test_containers() {
	three_containers
	offers 'rm ""' 'over made running'
	offers 'cp ""' 'over: made: running:'
	offers 'cp -a ma' made:
	offers 'cp ./x ma' made:
	kind 'cp ma' partial
	kind 'cp some' files
	kind 'cp made:/e' words
	offers 'stop ""' running
	offers 'start ""' 'over made'
	offers 'rm -f made ""' 'over running'
	offers 'rm made -f over ""' running
	offers 'rename ""' 'over made running'
	offers 'rename made ""' ''
	offers 'logs o' over
	offers 'logs over ""' ''
	offers "--socket $CTL_SOCKET rm m" made
	offers "rm --socket=$CTL_SOCKET m" made
	offers 'run --network ""' 'none host container:'
	kind 'run --network con' partial
	offers 'run --pid=container:r' --pid=container:running
	offers 'run --ipc container:""' container:running
	offers 'run --uts h' host
	local id
	id=$(field_of made .id)
	offers "rm ${id:0:6}" "${id:0:12}"
	offers "rm ${id:0:20}" "$id"
	like "$(ctl __complete -- stop '' | tail -n 1)" $'running\tUp *, busybox'
}

test_no_daemon() {
	local answer
	answer=$(ctl __complete -- --socket "$T/none" rm '' 2>&1)
	is "$answer" words
	answer=$(CTL_SOCKET=$T/none ctl __complete -- stop x 2>&1)
	is "$answer" words
}

# One that accepts and never answers.
test_silent_daemon() { # limit 60
	/usr/bin/python3 -c '
import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); time.sleep(1000)' "$T/mute" &
	local server=$!
	eventually 10 test -S "$T/mute"
	is "$(CTL_SOCKET=$T/mute timeout $((20 * FACTOR)) ctl __complete -- rm '' 2>&1)" words
	kill "$server"
}

needs() { command -v "$1" >/dev/null || skip "$1 is not installed"; }

# Typed, and what the line has become; the containers are three_containers', `the file` and folder/ are here.
rows() {
	cat <<-'EOF'
		ctl insp|ctl inspect |
		ctl run --nam|ctl run --name |
		ctl ps --format=jsonl|ctl ps --format=jsonl |
		ctl ps --format t|ctl ps --format table |
		ctl stop |ctl stop running |
		ctl rm made running |ctl rm made running over |
		ctl run --env-file=file|ctl run --env-file=file1 |
		ctl run --env-file file|ctl run --env-file file1 |
		ctl run -v fold|ctl run -v folder/|
		ctl run --rootfs f|ctl run --rootfs folder/|
		ctl --socket $CTL_SOCKET sto|ctl --socket $CTL_SOCKET stop |
		ctl nonsense x|ctl nonsense x|
	EOF
}

in_terminal() { # SHELL
	three_containers
	touch file1
	mkdir folder
	rows | cut -d '|' -f 1 | /usr/bin/python3 "$TOP/tests/integration/shell.py" "$1" >got
	is "$(cat got)" "$(rows | cut -d '|' -f 2-)"
}

test_bash() { # limit 120
	in_terminal bash
}

test_zsh() { # limit 120
	needs zsh
	in_terminal zsh
}

test_zsh_autoloads() { # limit 120
	needs zsh
	mkdir functions
	ctl completion zsh >functions/_ctl
	is "$(FPATH=$T/functions:$(zsh -fc 'print $FPATH') zsh -fc 'autoload -Uz compinit; compinit -u -D; print $_comps[ctl]')" _ctl
}

test_fish() { # limit 120
	needs fish
	three_containers
	touch file1
	mkdir folder
	export HOME=$T XDG_CONFIG_HOME=$T XDG_DATA_HOME=$T
	cat >offered.fish <<-'EOF'
		source $argv[1]
		while read -l line
			complete -C $line | string replace -r '\t.*' '' | string join ' '
		end
	EOF
	is "$(ctl completion fish >completion.fish; fish --no-config offered.fish completion.fish <<-'EOF'
		ctl insp
		ctl run --nam
		ctl ps --format=js
		ctl ps --format t
		ctl rm m
		ctl run --env-file=file
		ctl run --env-file file
		ctl run --rootfs fold
	EOF
	)" 'inspect
--name
--format=json --format=jsonl
table
made
--env-file=file1
file1
folder/'
}

test_scripts() {
	local shell
	for shell in bash:ctl.bash zsh:_ctl fish:ctl.fish; do
		expect 0 ctl completion "${shell%:*}"
		[ ! -d "$TOP/etc/completion" ] || ctl completion "${shell%:*}" | cmp - "$TOP/etc/completion/${shell#*:}"
	done
	expect 125 ctl completion csh
	is "$ERR" "ctl: completion: there is no script for 'csh'
hint: there is one for bash, zsh and fish"
}
