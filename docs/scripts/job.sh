#!/bin/sh
# job.sh COMMAND [ARGUMENT…]: runs a command in a container, with socat and jq and nothing else. What happens to the
# container is told on stderr, what it writes comes on stdout when it has ended, and its exit code is the script's.
# shellcheck disable=SC2016 # $id in single quotes is jq's
set -eu
socket=${CTL_SOCKET:-/run/containerd-lite/containerd-lite.sock}

# call METHOD PARAMETERS [JQ-OPTION…]: PARAMETERS are jq's, so that any text can go into them. A reply is a line.
call() {
	method=$1 parameters=$2
	shift 2
	jq -nc "{method: \"io.containerdlite.$method\", more: true, parameters: $parameters}" "$@" |
		socat -t 3600 - "UNIX-CONNECT:$socket"
}

# What a reply says is wrong, if something is.
check() {
	message=$(echo "$1" | jq -r 'if .error then .parameters.message // .error else empty end')
	[ -z "$message" ] || {
		echo "$message" >&2
		exit 125
	}
}

if [ $# = 0 ]; then
	sed -n '2,3s/^# //p' "$0" >&2
	exit 125
fi
watcher=
dir=$(mktemp -d)
trap 'rm -r "$dir"; [ -z "$watcher" ] || kill "$watcher"' EXIT
trap 'exit 130' INT TERM
mkfifo "$dir/events"

# From this number on no event is missed, whenever the watching begins.
seq=$(call container.List '{}' | jq .parameters.event)
reply=$(call container.Create '{config: {image: "busybox", args: $ARGS.positional}}' --args -- "$@")
check "$reply"
id=$(echo "$reply" | jq -r .parameters.id)

jq -nc '{method: "io.containerdlite.system.Events", more: true,
	parameters: {follow: true, since_seq: $seq, filters: ["container=" + $id]}}' --argjson seq "$seq" --arg id "$id" |
	socat -t 86400 - "UNIX-CONNECT:$socket" >"$dir/events" &
watcher=$!

call container.Start '{containers: [$id]}' --arg id "$id" >"$dir/started"
jq -r '.parameters.outcomes[0].message // empty' "$dir/started" >&2

code=255
while read -r reply; do
	check "$reply"
	for kind in $(echo "$reply" | jq -r '.parameters.events[].kind'); do
		echo "job: $kind" >&2
		case $kind in
		exit)
			code=$(call container.Wait '{containers: [$id]}' --arg id "$id" | jq '.parameters.outcomes[0].exit.code // 255')
			call container.Logs '{container: $id, stdout: true}' --arg id "$id" |
				jq -j '.parameters.records[] | (.text // (.base64 | @base64d)) + if .partial then "" else "\n" end'
			call container.Remove '{containers: [$id]}' --arg id "$id" >/dev/null
			;;
		remove) break 2 ;;
		esac
	done
done <"$dir/events"
exit "$code"
