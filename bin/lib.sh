# shellcheck shell=bash disable=SC2034
# Sourced by every script here: places, progress lines, errors, logs.

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build
tree=$build/linux			# the work tree: base and series
logs=$build/logs
results=$build/results			# one .ktap file for each set of tests
cache=${XDG_CACHE_HOME:-$HOME/.cache}/shmbind
jobs=${J:-$(nproc)}
export CCACHE_DIR=${CCACHE_DIR:-$cache/ccache}
export LC_ALL=C.UTF-8

# The variables of our make are no business of the kernel's.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL

if [[ -t 2 ]]; then
	bold=$'\e[1m' red=$'\e[31m' plain=$'\e[0m'
else
	bold='' red='' plain=''
fi

# say LABEL text... - A line of progress, in kbuild's form.
say()
{
	printf '  %-7s %s\n' "$1" "${*:2}"
}

# tell LABEL text... - The same, written over itself on a terminal. Elsewhere
# a line for each call would be noise: only what say() prints is seen.
tell()
{
	[[ ! -t 1 ]] || printf '\r\e[K  %-7s %s' "$1" "${*:2}"
}

# told - End of a line of tell().
told()
{
	[[ ! -t 1 ]] || printf '\r\e[K'
}

# die CAUSE REMEDY - One line for what is wrong and what to do about it.
die()
{
	printf '%serror:%s %s; %s\n' "$bold$red" "$plain" "$1" "$2" >&2
	exit 1
}

# run_logged WHAT LOG command... - Run with all output in build/logs/LOG.log.
# V=1 shows it too; a failure shows its end, says WHAT failed, and exits.
run_logged()
{
	local what=$1 log=$logs/$2.log rc=0
	shift 2

	mkdir -p "$logs"
	if [[ ${V:-} == 1 ]]; then
		"$@" 2>&1 | tee "$log" || rc=$?
	else
		"$@" >"$log" 2>&1 || rc=$?
		((rc == 0)) || tail -n 20 "$log" >&2
	fi
	((rc == 0)) || die "$what failed ($rc)" "the whole log is $log"
}
