# shellcheck shell=bash
# The manual: it is well formed, and it knows every verb, option and setting that the programs know.
# No machine changes it.

PAGES=(ctl.1 containerd-lite.8 containerd-lite.conf.5 containerd-lite-protocol.7)

has_pages() { [ -d "$BUILD/man" ] || skip 'the pages are made with the build'; }

test_form() {
	has_pages
	command -v mandoc >/dev/null || skip 'mandoc is not installed'
	local page
	for page in "${PAGES[@]}"; do
		is "$(mandoc -Tlint -W warning "$BUILD/man/$page" 2>&1)" '' "$page"
		! grep -n '/\.$' "$BUILD/man/$page" || fail "$page: a path was taken for the end of a sentence"
		! grep -n '@' "$BUILD/man/$page" | grep -E '@[A-Z]+@' || fail "$page: a list is missing"
	done
}

verbs() { ctl help | awk '/^  [a-z]/ {print $1}'; }

section() { # HEADING: its source in ctl(1)
	awk -v heading="$1" '/^\.S[hs] / {on = substr($0, 5) == heading} on' "$BUILD/man/ctl.1"
}
options_of() { section "$1" | sed -n 's/^\.It \(Fl . , \)\{0,1\}Fl -\([a-z-]*\).*/--\2/p'; }

test_verbs() {
	has_pages
	local verb
	for verb in $(verbs); do
		like "$(section "ctl $verb")" "*.Ic $verb*" "$verb"
		[ "$(section "ctl $verb" | awk '/^\.Pp$/ {p = 1; next} p && !/^\./ {n++} {p = 0} END {print n + 0}')" -ge 2 ] || fail "$verb: the manual says no more than its summary"
		is "$({
			options_of "ctl $verb"
			options_of Everywhere
			case $verb in run | create) options_of 'Making a container' ;; esac
		} | sort)" "$(ctl "$verb" --help | sed '/^Not supported/,$d' | grep -oE '^ +(-., )?--[a-z-]+' |
			grep -oE -- '--.*' | sort)" "$verb: options"
	done
}

test_settings() {
	has_pages
	is "$(sed -n 's/^\.It Fl -\([a-z-]*\) Ar.*/\1/p' "$BUILD/man/containerd-lite.8")" \
		"$(containerd-lite --help | sed -n 's/^  --\([a-z-]*\) [A-Z].*/\1/p')"
	is "$(sed -n 's/^\.It Ic \([a-z_]*\) =.*/\1/p' "$BUILD/man/containerd-lite.conf.5" | tr _ - | sort)" \
		"$(containerd-lite --help | sed -n 's/^  --\([a-z-]*\) [A-Z].*/\1/p' | grep -vx config | sort)" 'the sample has every key'
}

test_protocol() {
	has_pages
	local method
	while read -r method; do
		grep -q "^$method(" "$BUILD/man/containerd-lite-protocol.7" || fail "$method is missing"
	done < <(grep -h -oE '^method [A-Za-z]+' "$TOP"/interface/*.varlink)
}

test_install() { # limit 120
	has_pages
	[ "$BUILD" = "$TOP/build" ] || skip 'what is installed is the plain build'
	needs_source
	make -s -C "$TOP" install DESTDIR="$T/root" PREFIX=/usr BUILD="$BUILD" >/dev/null
	local page
	for page in "${PAGES[@]}"; do
		cmp "$BUILD/man/$page" "root/usr/share/man/man${page##*.}/$page"
	done
	cmp "$TOP/etc/completion/ctl.bash" root/usr/share/bash-completion/completions/ctl
	test -f root/usr/share/zsh/vendor-completions/_ctl
	test -f root/usr/share/fish/vendor_completions.d/ctl.fish
}
