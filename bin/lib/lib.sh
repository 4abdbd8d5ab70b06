# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# Sourced by every script here: places, progress lines, errors, logs.

set -euo pipefail

if [[ -t 2 ]]; then
	bold=$'\e[1m' red=$'\e[31m' plain=$'\e[0m'
else
	bold='' red='' plain=''
fi

# die CAUSE REMEDY - One line for what is wrong and what to do about it.
die()
{
	printf '%serror:%s %s; %s\n' "$bold$red" "$plain" "$1" "$2" >&2
	exit 1
}

# Options come before a script's arguments: --NAME VALUE, or --NAME for a switch. The
# script names those that it takes in `options` before it sources this file. Their
# values are in the array `option`; what they mean is in the READMEs of the rooms.
declare -A option=()
switches=' every locked no-checks no-sparse rebasing '
paths=' tree objects guest image results '
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
tree=${option[tree]:-$build/linux}		# the work tree: base and series
logs=$build/logs
results=${option[results]:-$build/results} # one .ktap file for each set of tests
source=$build/source			# which archive the base comes from
pinned=$root/series/base
cache=${XDG_CACHE_HOME:-$HOME/.cache}/shmbind
# make rebase tries another base beside the one that is in use.
if [[ ${option[rebasing]:-} ]]; then
	tree=$build/rebase/linux
	source=$build/rebase/source
	pinned=$build/rebase/base
fi
jobs=${J:-$(nproc)}
export CCACHE_DIR=${CCACHE_DIR:-$cache/ccache}
export LC_ALL=C.UTF-8
export PYTHONDONTWRITEBYTECODE=1

# The variables of our make are no business of the kernel's.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL

# base KEY - What series/base says of it.
base()
{
	awk -v key="$1" '$1 == key { print $2 }' "$pinned"
}

# room DIR - Bytes free there.
room()
{
	df --output=avail -B1 "$1" | tail -n 1
}

# say LABEL text... - A line of progress, in kbuild's form. It takes the place of
# what tell() told, which may be of another script.
say()
{
	told
	printf '  %-7s %s\n' "$1" "${*:2}"
}

# tell LABEL text... - Progress that is worth no line of its own: written over
# itself on a terminal, a line every ten seconds elsewhere. told() ends it.
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

# What every script is told by its environment, before it begins.
check_variables()
{
	local name
	[[ ${J:-1} =~ ^[1-9][0-9]{0,3}$ ]] ||
		die "J=$J" "J is a number of jobs"
	for name in V DRY DEBUG; do
		[[ ${!name:-} =~ ^[01]?$ ]] ||
			die "$name=${!name}" "$name is 0 or 1"
	done
	[[ -w $root && (! -e $build || -w $build) ]] ||
		die "$build cannot be written" \
		    "make it yours, or work on a clone that is"
}

# run_logged WHAT LOG command... - Run with all output in build/logs/LOG.log,
# its last line told meanwhile; V=1 shows everything. A failure shows the end of
# the log, says that WHAT failed, and exits.
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

# why LOG - Causes that its end tells, and what to do then. A full disk may have
# kept the log itself from saying so.
why()
{
	local end
	end=$(tail -n 50 "$1")
	if [[ $end == *'No space left'* ]] || (($(room "$logs") < 1 << 24)); then
		die "$what failed: no space left" "make room below $build"
	fi
	case $end in
	*'Could not get lock'*)
		die "$what failed: another apt is at work" "wait for its end";;
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
