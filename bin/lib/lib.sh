# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# Sourced by every script: paths, options, progress lines, errors, logs.

set -euo pipefail

if [[ -t 2 ]]; then
	bold=$'\e[1m' red=$'\e[31m' plain=$'\e[0m'
else
	bold='' red='' plain=''
fi

# die CAUSE REMEDY - Print what is wrong and what to do about it, and exit.
die()
{
	printf '%serror:%s %s; %s\n' "$bold$red" "$plain" "$1" "$2" >&2
	exit 1
}

# Options come before a script's arguments: --NAME VALUE, or --NAME for a
# switch. The script names those that it takes in `options` before it sources
# this file. Their values are in the array `option`; what they mean is in the
# READMEs of the rooms.
declare -A option=()
switches=' every locked no-checks no-sparse rebasing whole '
paths=' tree objects guest image disk results '
while [[ ${1:-} == --* ]]; do
	word=${1#--}
	[[ $word != help ]] ||
		{ sed -n '/^# SPDX/d; 2,/^[^#]/s/^# \?//p' "$0"; exit; }
	[[ " ${options:-} " == *" $word "* ]] ||
		die "${0##*/} has no option '$1'" "its options: ${options:-none}"
	option[$word]=1
	if [[ $switches != *" $word "* ]]; then
		(($# > 1)) || die "the option $1 has no value" "write $1 VALUE"
		option[$word]=$2
		[[ $paths != *" $word "* ]] ||
			option[$word]=$(realpath -m "$2")
		shift
	fi
	shift
done

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$root/build
pinned=$root/series/base

# The releases in bases/, the latest first.
older_bases()
{
	(cd "$root/bases" && printf '%s\n' */ | tr -d / | sort -rV)
}

# BASE names an older base: bases/BASE, the delta, has what differs there, build/BASE
# what is built. Without BASE it is that of series/base, or the one that bin/overlay/fallback
# has chosen since series/base was last changed.
older=''
read -r _ release <"$pinned"
release=${release%.*}
if [[ ${BASE:-} ]]; then
	[[ $BASE == "$release" ]] || older=$BASE
elif [[ $build/fallback -nt $pinned ]]; then
	older=$(<"$build/fallback")
fi
delta=''
if [[ $older ]]; then
	delta=bases/$older
	[[ $older != */* && -f $root/$delta/base ]] ||
		die "there is no BASE=$older" \
		    "it is one of: $release $(older_bases | xargs)"
	pinned=$root/$delta/base
	build+=/$older
fi
export delta

tree=${option[tree]:-$build/linux}		# the work tree: base and series
logs=$build/logs
results=${option[results]:-$build/results} # one .ktap file for each set of tests
source=$build/source			# which archive the base comes from
cache=${XDG_CACHE_HOME:-$HOME/.cache}/shmbind
# make rebase tries another base while the current one stays in place.
if [[ ${option[rebasing]:-} ]]; then
	tree=$build/rebase/linux
	source=$build/rebase/source
	pinned=$build/rebase/base
fi
jobs=${J:-$(nproc)}
export CCACHE_DIR=${CCACHE_DIR:-$cache/ccache}
export LC_ALL=C.UTF-8
export PYTHONDONTWRITEBYTECODE=1

# The kernel's make must not inherit the variables of ours.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL

# base KEY - The value of KEY in series/base.
base()
{
	awk -v key="$1" '$1 == key { print $2 }' "$pinned"
}

# room DIR - How many bytes are free in DIR.
room()
{
	df --output=avail -B1 "$1" | tail -n 1
}

# say LABEL TEXT... - Print a line of progress in kbuild's form. It replaces the
# line that tell() has printed, in this script or in another.
say()
{
	told
	printf '  %-7s %s\n' "$1" "${*:2}"
}

# tell LABEL TEXT... - Show progress that does not deserve a line of its own. On
# a terminal each text overwrites the last; elsewhere there is one line in ten
# seconds. told() removes it.
told_at=0
tell()
{
	local text
	text=$(printf '  %-7s %s' "$1" "${*:2}")
	if [[ -t 1 ]]; then
		printf '\r\e[K%s' "${text:0:$((${COLUMNS:-80} - 1))}"
	elif ((SECONDS >= told_at + 10)); then
		told_at=$SECONDS
		printf '%s\n' "$text"
	fi
}

told()
{
	[[ ! -t 1 ]] || printf '\r\e[K'
}

# Check the make variables that all scripts read.
check_variables()
{
	local name
	[[ ${J:-1} =~ ^[1-9][0-9]{0,3}$ ]] ||
		die "J=$J" "J is the number of parallel jobs"
	for name in V DRY; do
		[[ ${!name:-} =~ ^[01]?$ ]] ||
			die "$name=${!name}" "$name is 0 or 1"
	done
	[[ -w $root && (! -e $build || -w $build) ]] ||
		die "$build cannot be written to" \
		    "change its owner, or work in a clone of your own"
}

# run_logged WHAT LOG COMMAND... - Run the command with its output in
# build/logs/LOG.log, and show the latest line; V=1 shows everything. If it
# fails, show the end of the log, print that WHAT failed, and exit.
run_logged()
{
	local what=$1 log=$logs/$2.log rc=0
	shift 2

	mkdir -p "$logs"
	"$@" 2>&1 | tee "$log" | follow || rc=$?
	((rc == 0)) && return
	[[ ${V:-} == 1 ]] || tail -n 20 "$log" >&2
	why "$log"
	die "$what failed" "the whole log is $log"
}

# why LOG - Print the cause and the remedy if the end of the log shows them. A
# full disk may be missing from the log, since the log could not be written
# either.
why()
{
	local end
	end=$(tail -n 50 "$1")
	if [[ $end == *'No space left'* ]] || (($(room "$logs") < 1 << 24)); then
		die "$what failed: no space left" "free some space for $build"
	fi
	case $end in
	*'Could not get lock'*)
		die "$what failed: another apt is running" "wait until it ends";;
	*'Could not resolve'*|*'Temporary failure'*|*'Could not connect'*|\
	*'Failed to fetch'*|*'Unable to locate package'*)
		die "$what failed: the system's mirror does not answer" \
		    "check the network; the whole log is $1";;
	esac
}

follow()
{
	local line

	[[ ${V:-} != 1 ]] || { cat; return; }
	while IFS= read -r line; do
		tell '...' "${line//$'\t'/ }"
	done
	told
}

check_variables
