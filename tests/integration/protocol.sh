# shellcheck shell=bash
# docs/protocol.md: its transcripts are run as they stand.

# A fenced block ```varlink has lines that begin with → (sent, with a newline) and ← (expected). In what is expected, …
# inside of a string stands for any text, "…": "…" for any further fields, and … as an element for any further elements.
test_transcripts() { # limit 90
	[ -e "$TOP/docs/protocol.md" ] || skip 'docs/protocol.md is not there'
	daemon_start --log-level debug
	py "$TOP/docs/protocol.md" <"$TOP/tests/integration/transcripts.py"
	# With this log level the daemon holds each of its replies, errors too, against the interface.
	if grep "does not fit" "$T/daemon.log"; then fail "a reply is not what its interface says"; fi
}

test_every_method_is_documented() {
	[ -e "$TOP/docs/protocol.md" ] || skip 'docs/protocol.md is not there'
	local method
	while read -r method; do
		grep -q "\.$method\"" "$TOP/docs/protocol.md" || fail "no transcript of $method"
	done < <(sed -n 's/^method \([A-Za-z]*\).*/\1/p' "$TOP"/interface/*.varlink)
}

# ```sh blocks: what stands behind "$ " is run by one shell, and what it prints must be the other lines (… is any text).
test_shell_transcripts() {
	[ -e "$TOP/docs/protocol.md" ] || skip 'docs/protocol.md is not there'
	daemon_start
	sed -n '/^```sh$/,/^```$/p' "$TOP/docs/protocol.md" >block
	sed -n 's/^\$ //p' block >commands
	[ -s commands ] || fail 'no transcript for a shell'
	expect 0 bash commands
	local expected
	expected=$(grep -v '^\$ \|^```' block)
	OUT=$(tr -d '\r' <<<"$OUT")
	like "$OUT" "$(sed 's/[][\\*?]/\\&/g; s/…/*/g' <<<"$expected")"
}
