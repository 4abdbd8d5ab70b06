# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# Sourced by scripts that build a kernel: fragments of a configuration, and
# progress.
. "$(dirname "${BASH_SOURCE[0]}")/../guest/guest.sh"

# About how many objects a build from scratch has, and how many exist already, or
# -1 if most need no compiling.
expected=1
from=-1

# check_config NAME - Check the file that the make variable NAME may give.
check_config()
{
	local file=${!1:-} bad
	[[ ! $file || -f $file ]] ||
		die "there is no file '$file'" "$1 names a file"
	bad=$(grep -nEv '^(CONFIG_[A-Za-z0-9_]+=.+|#.*|\s*)$' \
		"${file:-/dev/null}" | sed 1q) || true
	[[ ! $bad ]] || die "$file:$bad: not a line of a .config" \
		"write CONFIG_NAME=value"
}

# The paths whose changes require a build.
sources()
{
	contents . tools/ |
		grep -Ev '\s(tools/(mm|testing)|samples|Documentation|MAINTAINERS)$'
}

# merge FILE... - Print one line for each symbol, the last one in the fragments.
merge()
{
	awk '
		/^# CONFIG_[^ ]* is not set$/ { name = $2 }
		/^CONFIG_/ { name = $0; sub(/=.*/, "", name) }
		name { line[name] = $0 }
		/^CONFIG_.*=n$/ { line[name] = "# " name " is not set" }
		{ name = "" }
		END { for (name in line) print line[name] }
	' "$@" | sort
}

# check_effect WANTED CONFIG - Kconfig silently drops a symbol whose dependencies
# are not met: name it.
check_effect()
{
	local line
	line=$(awk '
		NR == FNR { have[$0]; sub(/=.*/, ""); set[$0]; next }
		/^#/ ? $2 in set : !($0 in have) { print; exit }
	' "$2" "$1")
	[[ ! $line ]] || die "$line takes no effect" \
		"build/linux has no such symbol, or it needs others"
}

# Show kbuild's lines, with the percentage if the total is known.
follow()
{
	local line done=$from share=''
	[[ ${V:-} != 1 ]] || { cat; return; }
	while read -r line; do
		[[ $line =~ ^([A-Z]+)(\ \[M\])?\ +(.*) ]] || continue
		case ${BASH_REMATCH[1]} in
		CC|AS)
			((from < 0)) || share="$((
				++done < expected ? done * 100 / expected : 99))% "
			;;
		esac
		tell "${BASH_REMATCH[1]}" "$share${BASH_REMATCH[3]}"
	done
	told
}

# begin_build STAMP - Count what exists, unless the last build was finished.
begin_build()
{
	[[ -f $1 ]] || from=$(find "$objects" -name '*.o' -printf x | wc -c)
	rm -f "$1"
}
