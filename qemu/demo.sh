#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck disable=SC3043,SC2046,SC2086,SC2317 # dash and busybox have local;
# sets of nodes are words; verdict() calls functions
#
# The demonstration of make run: the command shmbind(1) at work, each line as it
# is typed with its output under it. After `ok:` is what has been checked. The exit
# status is 1 if something is not as the contract says.

PATH=/usr/bin:/bin:/usr/libexec/shmbind-tests
. "$(dirname "$0")/demo-lib.sh"

#
# Every policy and strength.
#

# set_weights NODE... - Give the nodes the weights 1, 2, 3, ...
set_weights()
{
	local node weight=0
	for node; do
		weight=$((weight + 1))
		echo "# echo $weight >$weights/node$node"
		echo "$weight" >"$weights/node$node"
	done
}

# free_of NODE... - Their free memory in KiB, the most first.
free_of()
{
	local node
	for node; do
		meminfo "$node" MemFree
	done | sort -rn
}

# size_for KIB NODE... - So many KiB, but at most a quarter of each node, in MiB.
size_for()
{
	local want="$1" least
	shift
	least=$(free_of "$@" | tail -n 1)
	[ "$want" -le $((least / 4)) ] || want=$((least / 4))
	echo "$((want / 1024))M"
}

# size_to_level NODE... - KiB that level three nodes, with some to spare.
size_to_level()
{
	free_of "$@" | awk '
		NR <= 3 { sum += $1; least = $1; n++ }
		END { print int(sum - n * least) + 12 * 1024 }'
}

# show POLICY SIZE NODE... - A segment of each strength, the first with a picture.
show()
{
	local policy="$1" size="$2" strength picture=1 mask
	shift 2
	mask=$(as_list "$@")
	for strength in hard mask soft; do
		[ "$policy" != mostfree ] || [ ! "$picture" ] || free
		create "$size" -p "$policy" -s "$strength" -n "$mask"
		touch_from "$(as_list $cpus)" "$id"
		if [ "$picture" ]; then
			list "$id"
			[ "$policy" != mostfree ] || free
		fi
		check "$policy" "$id" "$@"
		if [ "$policy" = mostfree ] && [ $# -ge 3 ]; then
			verdict "at least three nodes took pages" taken "$id" 3 "$@"
		fi
		remove "$id"
		picture=''
	done
}

# upper NODE... - The upper half of the nodes, or the only one.
upper()
{
	[ $# = 1 ] || shift $(($# / 2))
	echo "$@"
}

# all_but_first NODE... - Or the only one.
all_but_first()
{
	[ $# = 1 ] || shift
	echo "$@"
}

show_policies()
{
	title "FIRSTREF: on the node of the CPU that touches a page, or near it"
	show firstref $(size_for 4096 $memory) $(upper $memory)
	title "STRIPE: on each node in turn"
	show stripe $(size_for 4096 $memory) $(all_but_first $memory)
	title "WEIGHTED: on each node in turn, by its weight"
	set_weights $memory
	show weighted $(size_for 4096 $memory) $memory
	title "MOSTFREE: on the node with the most free memory"
	show mostfree "$(size_for "$(size_to_level $memory)" $memory)" $memory
}

#
# A full node.
#

oom_kills()
{
	awk '$1 == "oom_kill" { print $2 }' /proc/vmstat
}

# stopped - Did touch-pages end with the SIGBUS that it expects?
stopped()
{
	[ "$touched" = 1 ] && grep -q '^page [0-9]*: SIGBUS$' "$out.touched"
}

# farthest NODE - The node that is farthest from it.
farthest()
{
	local node
	for node in $memory; do
		[ "$node" = "$1" ] || echo "$(distance "$1" "$node") $node"
	done | sort -rn | sed -n '1s/.* //p'
}

# cpus_for NODE OTHER - A node for whose CPUs FIRSTREF chooses the first of them.
cpus_for()
{
	local from
	for from in $cpus; do
		[ "$(first_choice "$from" "$@")" != "$1" ] || { echo "$from"; return; }
	done
}

# A node that can be filled: the last, unless it is the only one or large.
full_node()
{
	local node
	node=$(last $memory)
	[ "$(count $memory)" = 1 ] ||
		[ "$(meminfo "$node" MemTotal)" -gt 1048576 ] || echo "$node"
}

claim_sigbus="the signal is a BUS_ADRERR at that page; a system call gets EFAULT"

# fill NODE - Fill it with a HARD segment, whose id is in $filler. Its pages come
# from that node or not at all, so that other nodes keep their memory.
fill()
{
	local node="$1" spare page kills
	create "$(($(meminfo "$node" MemFree) / 8 / 1024))M" \
		-p firstref -s hard -n "$node"
	spare=$id
	touch_from "$all" "$spare"
	create "$(($(meminfo "$node" MemTotal) / 1024))M" \
		-p firstref -s hard -n "$node"
	filler=$id
	kills=$(oom_kills)
	touch_from "$start" "$filler"
	verdict "$claim_sigbus" stopped
	list "$filler"
	page=$(sed -n 's/^page \([0-9]*\): .*/\1/p' "$out.touched")
	verdict "no page is outside the mask" nothing_outside "$filler" "$node"
	verdict "the OOM killer has killed nothing" [ "$(oom_kills)" = "$kills" ]
	remove "$spare"
	touch_from "$start" -p "$page" "$filler"
	verdict "the same page can now be touched" [ "$touched" = 0 ]
	touch_from "$start" "$filler"
	verdict "the node is full again" stopped
}

full_hard()
{
	create 2M -p firstref -s hard -n "$1"
	touch_from "$all" "$id"
	verdict "$claim_sigbus" stopped
	remove "$id"
}

# full_mask NODE OTHER - Touch the pages from CPUs for which the full node is still
# the choice.
full_mask()
{
	local from nodes
	from=$(cpus_for "$@")
	nodes=$(printf '%s\n' "$@" | sort -n)
	[ "$from" ] || return
	create 2M -p firstref -s mask -n "$(as_list $nodes)"
	touch_from "$from" "$id"
	list "$id"
	verdict "the mask's other node took them" all_inside "$id" $nodes
	remove "$id"
}

full_soft()
{
	create 2M -p firstref -s soft -n "$1"
	touch_from "$all" "$id"
	list "$id"
	verdict "every page could be touched" [ "$touched" = 0 ]
	verdict "nodes outside the mask took them" something_outside "$id" "$1"
	remove "$id"
}

show_full()
{
	local full all start
	all=$(as_list $cpus)
	start=${cpus%% *}
	full=$(full_node)
	if [ ! "$full" ]; then
		title "A full node is not shown: the last is the only one, or large."
		return
	fi
	title "A full node: fill it with a segment of its whole size"
	fill "$full"
	title "HARD on the full node: not elsewhere"
	full_hard "$full"
	title "MASK: on another node of the mask, near or far"
	full_mask "$full" "$(farthest "$full")"
	title "SOFT: on any other node"
	full_soft "$full"
	remove "$filler"
}

#
# A program that knows nothing of shmbind(2).
#

show_run()
{
	local mask
	mask=$(all_but_first $memory)
	title "An unmodified program: ipcmk(1) makes a segment"
	typed shmbind run -p stripe -s hard -n "$(as_list $mask)" --populate -- \
		ipcmk -M 4M
	id=$(sed -n 's/.*: //p' "$out")
	touched=$status
	list "$id"
	check stripe "$id" $mask
	verdict "it was filled before the program had its id" \
		taken "$id" "$(count $mask)" $mask
	remove "$id"
}

memory=$(expand "$(cat $node_dir/has_memory)")
cpus=$(expand "$(cat $node_dir/has_cpu)")
echo "Each line after a # is what is typed; its output follows. After ok: is what the
demonstration has checked."
show_policies
show_full
show_run
exit "$wrong"
