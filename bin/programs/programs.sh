# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# Sourced by the scripts of this room. build/programs has
#
#   disk          the guest's disk, which no run changes
#   root/, tool/  what it is made of
#   NAME.log      what the guest printed that ran the program NAME
#   report.md     the report, and the pictures that it names
DEBUG=0
. "$(dirname "${BASH_SOURCE[0]}")/../lib/debian.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../guest/command.sh"

[[ $ARCH == x86_64 ]] ||
	die "there are no programs for ARCH=$ARCH" \
	    "their packages are those of this machine"
room=$root/bin/programs
place=$build/programs
objects=$build/$ARCH-programs
disk=$place/disk
PATH=$PATH:/usr/sbin:/sbin	# mke2fs

# The nodes, unless a program says otherwise.
usual_nodes='768M,cpus=0 768M,cpus=1 768M,cpus=2 768M,cpus=3'
usual_limit=1200	# seconds

# Every guest has these packages, and those that the programs name.
usual_packages='iproute2 libnuma1 numactl procps strace util-linux'

# The programs: scripts of guest/, which say at their head what they need.
programs()
{
	(cd "$room/guest" && find . -type f -perm -u+x -printf '%P\n' | sort)
}

# needed KEY [PROGRAM...] - The values of `# KEY: VALUE` in these scripts.
needed()
(
	key=$1
	shift
	cd "$room/guest"
	sed -n "s/^# $key: *//p" "$@"
)

packages()
{
	local all
	mapfile -t all < <(programs)
	{ echo "$usual_packages"; needed Packages "${all[@]}"; } |
		tr -s ' ' '\n' | sort -u
}

# The archive of the root file system is kept with the kernel's source, so that
# another clone finds it.
archive=$cache/programs-$codename-$(packages | sha1sum | cut -c -12).tar.zst
