# shellcheck shell=bash
# docs/tutorial.md: every command is typed, and its output compared.

begin() {
	command -v capsh >/dev/null || skip 'needs capsh (libcap2-bin)'
	[ -e "$TOP/docs/tutorial.md" ] || skip 'docs/tutorial.md is not there'
	daemon_start
}

has_controllers() {
	local mount name
	mount=$(findmnt -n --first-only -t cgroup2 -o TARGET)
	for name in cpu memory pids; do
		grep -qw "$name" "$mount/cgroup.controllers" || return 1
	done
}

test_steps() { # limit 180
	needs_static_shim # --init
	begin
	HAVE='' /usr/bin/python3 "$TOP/tests/integration/session.py" "$TOP/docs/tutorial.md"
}

# The steps that the one above passes over: they make a cgroup of a fixed name, and so stand in one test only.
test_limits() {
	has_controllers || skip 'this cgroup2 has no controllers for cpu, memory and pids'
	begin
	{
		printf '%s\n' '```console' "# cgroup=\$(findmnt -n --first-only -t cgroup2 -o TARGET)" '```'
		grep -A 20 '^<!-- needs controllers' "$TOP/docs/tutorial.md" | sed -n '/^<!-- needs/,/^```$/p'
	} >limits.md
	HAVE=controllers /usr/bin/python3 "$TOP/tests/integration/session.py" limits.md
}
