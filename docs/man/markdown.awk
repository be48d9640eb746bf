# markdown.awk - as much of Markdown as docs/protocol.md uses, to mdoc(7): headings, paragraphs, lists, tables, literal
# text; `code` becomes bold, a link its text.

# A line of text that nothing in it means anything to the formatter.
function plain(s) {
	gsub(/\\/, "\\e", s)
	return s ~ /^[.']/ ? "\\&" s : s
}

function inline(s, link) {
	gsub(/\\/, "\\e", s)
	gsub(/\*\*/, "", s)
	while (match(s, /`[^`]+`/))
		s = substr(s, 1, RSTART - 1) "\\fB" substr(s, RSTART + 1, RLENGTH - 2) "\\fP" substr(s, RSTART + RLENGTH)
	while (match(s, /\[[^]]+\]\([^)]+\)/)) {
		link = substr(s, RSTART + 1, RLENGTH - 2)
		sub(/\].*/, "", link)
		s = substr(s, 1, RSTART - 1) link substr(s, RSTART + RLENGTH)
	}
	return s
}

function put(s) {
	print (s ~ /^[.']/ ? "\\&" : "") s
}

# What has been gathered, a sentence a line.
function flush(s) {
	if (paragraph == "")
		return
	if (list == "bullet")
		print ".It"
	else if (!after_heading)
		print ".Pp"
	for (s = inline(paragraph); match(s, /[.!?][)"]* +/); s = substr(s, RSTART + RLENGTH))
		put(substr(s, 1, RSTART) substr(s, RSTART + 1, RLENGTH - 2))
	if (s != "")
		put(s)
	paragraph = ""
	after_heading = 0
}

function end_list() {
	flush()
	if (list != "")
		print ".El"
	list = ""
}

function begin_list(kind) {
	flush()
	if (list == kind)
		return
	end_list()
	list = kind
	print ".Bl -" kind (kind == "tag" ? " -width Ds" : "")
}

function heading(macro, text) {
	end_list()
	print macro " " text
	after_heading = 1
}

function begin_literal() {
	end_list()
	if (!literal)
		print ".Bd -literal -offset indent"
	literal = 1
}

function end_literal() {
	if (literal) {
		print ".Ed"
		after_heading = 0
	}
	literal = 0
}

BEGIN { after_heading = 1 }

/^```/ {
	fenced = !fenced
	if (fenced)
		begin_literal()
	else
		end_literal()
	next
}
fenced { print plain($0); next }
/^    / && paragraph == "" && list == "" { begin_literal(); print plain(substr($0, 5)); next }
{ end_literal() }

/^# / { next }
/^## / { heading(".Sh", toupper(substr($0, 4))); next }
/^### / { heading(".Ss", substr($0, 5)); next }

/^\|-/ { next }
/^\|/ && list != "tag" { begin_list("tag"); next } # the table's head
/^\|/ {
	n = split($0, cell, / *\| */)
	print ".It " inline(cell[2])
	for (i = 3; i < n; i++)
		put(inline(cell[i]) (i < n - 1 ? ":" : ""))
	next
}

/^- / { begin_list("bullet"); paragraph = substr($0, 3); next }
/^  / && list == "bullet" { sub(/^ +/, ""); paragraph = paragraph " " $0; next }
/^$/ {
	if (list == "tag")
		end_list()
	flush()
	next
}
{
	if (list != "")
		end_list()
	paragraph = paragraph (paragraph == "" ? "" : " ") $0
}

END {
	end_list()
	end_literal()
}
