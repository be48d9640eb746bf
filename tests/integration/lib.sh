# shellcheck shell=bash
# lib.sh - what the integration tests are written with. A test is a function test_* in tests/integration/<subject>.sh; it
# runs in bash with errexit in its own empty folder $T and fails at the first command that fails. Nothing needs to be
# cleaned up by hand: at its end all containers of its daemon are removed, the daemon is stopped, and then nothing may be
# left of them (harness.py and finish below). A process costs more than most of what is tested, so what is called often
# starts none that bash can do without.

PATH=$BUILD:$PATH
export PATH
unset PYTHONDONTWRITEBYTECODE
export PYTHONPATH=$TOP/tests/integration PYTHONPYCACHEPREFIX=$BUILD/tests/python
STATE=$T/state
RUN=$T/run
DAEMON=
OUT=
ERR=
CODE=0
DAEMON_FDS=
CGROUP_MOUNT=
FACTOR=${TEST_FACTOR:-1} # how much slower than usual this machine is
export NO_COLOR=1

# --- verdicts ---

fail() {
	echo "$(caller 1 2>/dev/null | awk '{print $3 ":" $1}' | sed 's|.*/||'): $*" >&2
	exit 1
}

skip() {
	echo "skip: $*"
	exit 77
}

# is ACTUAL EXPECTED [WHAT]
is() {
	[ "$1" = "$2" ] || fail "${3:+$3: }got '$1', expected '$2'"
}

# like ACTUAL PATTERN [WHAT]: a shell pattern
like() {
	# shellcheck disable=SC2053
	[[ $1 == $2 ]] || fail "${3:+$3: }got '$1', expected it to be like '$2'"
}

# try COMMAND…: never fails; its answer is in OUT, ERR and CODE.
try() {
	CODE=0
	"$@" >"$T/.out" 2>"$T/.err" || CODE=$?
	read_file OUT "$T/.out"
	read_file ERR "$T/.err"
}

# read_file VARIABLE FILE: as a command substitution would, without NULs and newlines at the end
read_file() {
	local -a parts
	mapfile -d '' parts <"$2"
	printf -v "$1" %s "${parts[@]}"
	while [[ ${!1} == *$'\n' ]]; do printf -v "$1" %s "${!1%$'\n'}"; done
}

# expect CODE COMMAND…: like try, and it must exit with this code.
expect() {
	local expected=$1
	shift
	try "$@"
	[ "$CODE" = "$expected" ] || fail "$*: exit code $CODE, expected $expected; stdout '$OUT', stderr '$ERR'"
}

# eventually SECONDS COMMAND…: until it succeeds
eventually() {
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000 * FACTOR))
	shift
	until "$@" >/dev/null 2>&1; do
		if [ "${EPOCHREALTIME/./}" -gt "$end" ]; then
			fail "never came true: $*"
		fi
		pause
	done
}

# A moment: nobody writes into that pipe. Longer where each look takes longer, so that looking leaves time to what is awaited.
printf -v MOMENT_S '0.%02d' $((2 * FACTOR))
pause() { read -rt "$MOMENT_S" _ <>"$T/.pause" || true; }

# Waits for everything that the test put into the background, but for the daemon.
wait_jobs() {
	local pid
	for pid in $(jobs -p); do
		[ "$pid" = "$DAEMON" ] || wait "$pid" || true
	done
}

# took_less MS SINCE WHAT: since then (of `milliseconds`) less has gone by, on a machine as fast as usual.
took_less() {
	local took=$(($(milliseconds) - $2))
	[ "$took" -lt $(($1 * FACTOR)) ] || fail "$3: it took $took ms"
}

gone() { ! kill -0 "$1" 2>/dev/null; }
# A sanitized shim is no static program: it cannot be executed inside of a container.
needs_static_shim() { [ "$BUILD" = "$TOP/build" ] || skip 'needs the static shim'; }
# In the virtual machine there is only what was installed.
needs_source() { [ -e "$TOP/Makefile" ] || skip 'what is tested is installed already'; }
milliseconds() { echo $((${EPOCHREALTIME/./} / 1000)); }

# --- the private daemon ---

daemon_answers() {
	[ -S "$CTL_SOCKET" ] && ctl ps -q
}

# daemon_start [OPTION…]: also once more after daemon_kill, over the same folders.
daemon_start() {
	if is_installed; then
		daemon_installed
		return
	fi
	CTL_SOCKET=$RUN/containerd-lite.sock
	export CTL_SOCKET
	"$BUILD/containerd-lite" --state-dir "$STATE" --run-dir "$RUN" "$@" >>"$T/daemon.log" 2>&1 </dev/null &
	DAEMON=$!
	local end=$((SECONDS + 10 * FACTOR))
	until daemon_answers >/dev/null 2>&1; do
		if gone "$DAEMON" || [ "$SECONDS" -gt "$end" ]; then
			tail -n 20 "$T/daemon.log"
			fail "the daemon did not start"
		fi
		pause
	done
	daemon_note_cgroup
	[ -n "$DAEMON_FDS" ] || daemon_fds DAEMON_FDS
}

# In the virtual machine some tests run again with the installed service, which each of them has for itself.
is_installed() { [ "${TEST_KIND:-}" = installed ]; }
daemon_installed() {
	STATE=/var/lib/containerd-lite
	RUN=/run/containerd-lite
	CTL_SOCKET=$RUN/containerd-lite.sock
	export CTL_SOCKET
	systemctl start containerd-lite.service
	DAEMON=$(systemctl show -P MainPID containerd-lite.service)
	daemon_fds DAEMON_FDS
}

find_cgroup_mount() {
	local -a words
	while read -ra words && [ "${words[-3]}" != cgroup2 ]; do :; done </proc/self/mountinfo
	CGROUP_MOUNT=${words[4]:-}
}

# The spawner sits in <instance>/shims: the instance's folder is noted for harness.py.
daemon_note_cgroup() {
	local -a children
	local child line
	[ -n "$CGROUP_MOUNT" ] || find_cgroup_mount
	read -ra children <"/proc/$DAEMON/task/$DAEMON/children" || true
	for child in "${children[@]}"; do
		while read -r line; do
			case $line in
			0::*/containerd-lite-*/shims) line=${line#0::} && echo "$CGROUP_MOUNT${line%/shims}" >>"$T/.cgroups" ;;
			esac
		done <"/proc/$child/cgroup"
	done
}

daemon_fds() { # VARIABLE: how many it has
	local links=("/proc/$DAEMON/fd"/*)
	printf -v "$1" %d "${#links[@]}"
}

daemon_kill() {
	kill -KILL "$DAEMON"
	wait "$DAEMON" 2>/dev/null || true
}

daemon_stop() {
	local code=0
	kill -TERM "$DAEMON"
	wait "$DAEMON" || code=$?
	[ "$code" = 0 ] || fail "the daemon ended with code $code after SIGTERM"
}

# daemon_alive: it still answers, and never complained about itself.
daemon_alive() {
	expect 0 ctl ps -aq
}

shim_of() { # pid of the shim: the parent of the container's first process
	local pid
	pid=$(field_of "$1" .pid)
	awk '{print $4}' "/proc/$pid/stat"
}
# field_of CONTAINER JQ-FILTER: of what inspect says
field_of() {
	local path='^(\.[a-zA-Z0-9_]+|\.?\[(-?[0-9]+|"[^"]+")?\])+$'
	if [[ $2 =~ $path && $2 == .* ]]; then
		"$BUILD/tests/field" "$@"
	else
		method Inspect "{\"container\":\"$1\"}" | jq -r ".parameters.container | $2"
	fi
}
# pick .PATH [FILE]: as jq -r -c, much sooner, but names, indices and [] are all it knows (field.c)
pick() {
	if [ $# = 2 ]; then
		"$BUILD/tests/field" "$1" <"$2"
	else
		"$BUILD/tests/field" "$1"
	fi
}
state_of() { field_of "$1" .state; }
has_state() { [ "$(state_of "$1")" = "$2" ]; }

# --- the raw socket ---

# call JSON…: each a line to the daemon in newline mode, what it answers on stdout.
call() {
	printf '%s\n' "$@" | socat -t 30 - "UNIX-CONNECT:$CTL_SOCKET"
}
# method NAME [PARAMETERS]: of io.containerdlite.container
method() {
	call "{\"method\":\"io.containerdlite.container.$1\",\"parameters\":${2:-{\}}}"
}

# py: a python3 script on stdin, with client.py's names. Several may run at a time.
py() {
	local script=$T/.script.$BASHPID.py
	{
		echo 'from client import *'
		cat
	} >"$script"
	python3 "$script" "$@"
}
# Without what the machine's owner has put beside the standard library, which takes longer to look for than our scripts run.
python3() { /usr/bin/python3 -S "$@"; }

# --- a person at a terminal ---

tm() { tmux -S "$T/tmux" -f /dev/null "$@"; }
# terminal_open [COLUMNS ROWS]: a shell on a terminal of its own, which tmux drives. Its prompt is `host> `.
terminal_open() {
	command -v tmux >/dev/null || skip 'tmux is not installed'
	echo 'PS1="host> "; set -m; unset HISTFILE' >"$T/.bashrc"
	tm new-session -d -s t -x "${1:-100}" -y "${2:-30}" "exec bash --rcfile '$T/.bashrc' -i"
	sees 'host>'
}
terminal_close() { tm kill-server; }
screen() { tm capture-pane -p -t t; }
on_screen() { screen | grep -qF -- "$1"; }
# sees TEXT: waits until it is on the screen.
sees() {
	(eventually 20 on_screen "$1") 2>/dev/null && return
	screen >&2
	fail "'$1' is not on the screen"
}
# keys KEY…: as tmux calls them; -l TEXT as it is.
keys() { tm send-keys -t t "$@"; }
# enter LINE
enter() {
	keys -l "$1"
	keys Enter
}
# The program in front of that shell.
terminal_child() { pgrep -P "$(tm display-message -p -t t '#{pane_pid}')"; }
# afresh LINE: on an empty screen, so that what is seen is no older than it.
afresh() {
	tm send-keys -R -t t
	enter "$1"
}
# leave LINE: of a shell in a container; afterwards the one outside is there again.
leave() {
	afresh "$1"
	sees 'host>'
}
# says WORD: whatever shell is at the keyboard reads it and answers.
says() {
	enter "echo \$((6 * 7)):$1"
	sees "42:$1"
}

# --- the end ---

left_in() { # what lies in a folder, one a line
	local path
	for path in "$1"/* "$1"/.[!.]*; do
		[ ! -e "$path" ] && [ ! -L "$path" ] || echo "$path"
	done
}

nothing_in() { [ -z "$(left_in "$1")" ]; }

daemon_left() {
	local now
	left_in "$STATE/containers"
	left_in "$STATE/transient"
	left_in "$STATE/trash"
	left_in "$RUN/shims"
	daemon_fds now
	if [ "$now" -gt "$DAEMON_FDS" ]; then
		echo "$((now - DAEMON_FDS)) descriptors of the daemon"
	fi
}
daemon_left_nothing() {
	daemon_left >"$T/.left"
	[ ! -s "$T/.left" ]
}

# Everything of its containers is gone; else says what is not.
finish_containers() {
	local code=0
	ctl ps -aq >"$T/.rest"
	if [ -s "$T/.rest" ]; then
		# shellcheck disable=SC2046
		ctl rm -f $(cat "$T/.rest") >/dev/null || code=1
	fi
	daemon_left_nothing || (eventually 3 daemon_left_nothing) >/dev/null
	if [ -s "$T/.left" ]; then
		echo "left behind:"
		cat "$T/.left"
		find "/proc/$DAEMON/fd" -type l -printf '  %f %l\n'
		code=1
	fi
	return "$code"
}

finish_daemon() {
	local ended=0
	kill -TERM "$DAEMON"
	wait "$DAEMON" || ended=$?
	[ "$ended" = 0 ] || echo "the daemon ended with code $ended after SIGTERM"
	return "$ended"
}

finish() {
	local code=$?
	trap - EXIT ERR
	set +eE
	if [ -n "$DAEMON" ] && ! gone "$DAEMON"; then
		if [ "$code" = 0 ] || [ "$code" = 77 ] || is_installed; then
			finish_containers || code=1
		fi
		is_installed || finish_daemon || [ "$code" != 0 ] || code=1
	fi
	if [ "$code" != 0 ] && [ "$code" != 77 ] && [ -s "$T/daemon.log" ]; then
		echo "the daemon's log:"
		tail -n 12 "$T/daemon.log"
	fi
	if [ "$code" = 0 ] && [ -s "$T/daemon.log" ] && [[ $(<"$T/daemon.log") =~ (Sanitizer|runtime error:).* ]]; then
		printf '%s\n' "${BASH_REMATCH[0]}"
		code=1
	fi
	exit "$code"
}

failed_at() {
	echo "${BASH_SOURCE[1]##*/}:$1: failed: $2" >&2
}

test_main() {
	# shellcheck source=/dev/null
	source "$1"
	trap finish EXIT
	trap 'failed_at "$LINENO" "$BASH_COMMAND"' ERR
	set -eEu -o pipefail
	"$2"
}
