# bash completion for ctl. Everything that can come is asked of ctl itself.

_ctl() {
	local rest=${COMP_LINE:0:COMP_POINT} piece words=() answer kind word before i

	# Bash has split words at '=' and ':', too: what has no blank between belongs together.
	for ((i = 0; i <= COMP_CWORD; i++)); do
		piece=${COMP_WORDS[i]}
		if ((i == COMP_CWORD)); then
			piece=${rest#"${rest%%[![:space:]]*}"}
		fi
		if ((i == 0)) || [[ $rest == [[:space:]]* || -z $rest ]]; then
			words+=("$piece")
		else
			words[${#words[@]} - 1]+=$piece
		fi
		rest=${rest#"${rest%%[![:space:]]*}"}
		rest=${rest#"$piece"}
	done
	word=${words[${#words[@]} - 1]}
	piece=${COMP_WORDS[COMP_CWORD]}
	[[ $piece != [=:] ]] || piece=
	before=${word%"$piece"}

	mapfile -t answer < <(command "${words[0]}" __complete -- "${words[@]:1}" 2>/dev/null)
	kind=${answer[0]-}
	case $kind in
	files)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$piece")
		;;
	folders)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -d -- "$piece")
		;;
	*)
		[ "$kind" != partial ] || compopt -o nospace
		# Only what stands behind the last '=' or ':' is replaced.
		COMPREPLY=()
		for piece in "${answer[@]:1}"; do
			piece=${piece%%$'\t'*}
			COMPREPLY+=("${piece#"$before"}")
		done
		;;
	esac
} && complete -F _ctl ctl
