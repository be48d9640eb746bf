#!/bin/bash
# job-varlinkctl.sh COMMAND [ARGUMENT…]: runs a command in a container with systemd's varlinkctl (257 or newer), and jq to
# read the replies. What happens to the container is told on stderr, its output comes when it has ended.
set -euo pipefail
socket=${CTL_SOCKET:-/run/containerd-lite/containerd-lite.sock}

call() { # METHOD PARAMETERS
	varlinkctl --json=short call "$socket" "io.containerdlite.$1" "$2"
}

if [ $# = 0 ]; then
	sed -n '2,3s/^# //p' "$0" >&2
	exit 125
fi
config=$(jq -nc '{config: {image: "busybox", args: $ARGS.positional}}' --args -- "$@")
# From this number on no event is missed, whenever the watching begins.
seq=$(call container.List '{}' | jq .event)
id=$(call container.Create "$config" | jq -r .id)
# -E: many replies, and no limit to their time
coproc events {
	exec varlinkctl --json=short -E call "$socket" io.containerdlite.system.Events \
		"{\"follow\":true,\"since_seq\":$seq,\"filters\":[\"container=$id\"]}"
}
watcher=$!

call container.Start "{\"containers\":[\"$id\"]}" | jq -r '.outcomes[0].message // empty' >&2
code=255 gone=
while [ -z "$gone" ] && read -r reply <&"${events[0]}"; do
	reply=${reply#$'\x1e'} # of a JSON sequence: what separates its records
	for kind in $(jq -r '.events[].kind' <<<"$reply"); do
		echo "job: $kind" >&2
		case $kind in
		exit)
			code=$(call container.Wait "{\"containers\":[\"$id\"]}" | jq '.outcomes[0].exit.code // 255')
			call container.Logs "{\"container\":\"$id\"}" | jq -r '.records[].text'
			call container.Remove "{\"containers\":[\"$id\"]}" >/dev/null
			;;
		remove) gone=yes ;;
		esac
	done
done
kill "$watcher" 2>/dev/null || true
exit "$code"
