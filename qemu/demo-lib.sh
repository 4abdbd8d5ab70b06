# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC3043,SC2046,SC2086,SC2034,SC2154,SC2317 # dash and
# busybox have local; sets of nodes are words; the demonstration has the rest
#
# Sourced by the demonstration: lines as they are typed, and the checks of what
# shmbind(2) promises. It sets $memory and $cpus, the nodes that have them.

node_dir=/sys/devices/system/node
weights=/sys/kernel/mm/mempolicy/weighted_interleave
out=$(mktemp)
wrong=0

# Show a command as it is typed, and run it. The output is in $out too.
typed()
{
	printf '# %s\n' "$*"
	"$@" >"$out" 2>&1
	status=$?
	cat "$out"
}

# verdict CLAIM COMMAND... - Whether the command succeeds.
verdict()
{
	local claim="$1"
	shift
	if "$@"; then
		echo "ok: $claim"
	else
		echo "WRONG, this is not the case: $claim"
		wrong=1
	fi
}

title()
{
	printf '\n%s\n' "$*"
}

#
# Nodes. A set of nodes is a list of words.
#

# expand LIST - "0-1,3" as words.
expand()
{
	echo "$1" | tr ',' '\n' | while IFS=- read -r first last; do
		[ ! "$first" ] || seq "$first" "${last:-$first}"
	done | xargs
}

# as_list NODE... - Words as "0-1,3".
as_list()
{
	printf '%s\n' "$@" | awk '
		function flush() {
			if (first == "") return
			list = list comma first
			if (last > first) list = list "-" last
			comma = ","
		}
		first != "" && $1 == last + 1 { last = $1; next }
		{ flush(); first = last = $1 }
		END { flush(); print list }'
}

count() { echo $#; }
last() { eval "echo \${$#}"; }

has()
{
	local node="$1"
	shift
	case " $* " in *" $node "*) true ;; *) false ;; esac
}

# meminfo NODE FIELD - In KiB.
meminfo()
{
	awk -v field="$2:" '$3 == field { print $4 }' \
		"$node_dir/node$1/meminfo"
}

# distance FROM TO
distance()
{
	local column
	column=$(expand "$(cat $node_dir/online)" | tr ' ' '\n' |
		 grep -nx "$2" | cut -d : -f 1)
	cut -d ' ' -f "$column" "$node_dir/node$1/distance"
}

# nearest FROM NODE... - The nearest of the nodes; among equals the first.
nearest()
{
	local from="$1" node
	shift
	for node; do
		echo "$(distance "$from" "$node") $node"
	done | sort -n -k 1,1 -k 2,2 | sed -n '1s/.* //p'
}

# first_choice FROM NODE... - Where FIRSTREF puts a page that a CPU of FROM touches.
# The nearest node with memory takes the place of one without.
first_choice()
{
	local from="$1"
	shift
	nearest "$(nearest "$from" $memory)" "$@"
}

#
# Segments.
#

# resident ID NODE - How many pages of the segment are on the node.
resident()
{
	awk -v id="$1" -v node="N$2=" '
		$2 == id { for (i = 4; i <= NF; i++)
				if (index($i, node) == 1)
					n = substr($i, length(node) + 1) }
		END { print n + 0 }' /proc/sysvipc/shmbind
}

# outside ID NODE... - Print how many of its pages are on other nodes.
outside()
{
	local id="$1" node sum=0
	shift
	for node in $memory; do
		has "$node" "$@" || sum=$((sum + $(resident "$id" "$node")))
	done
	echo "$sum"
}

nothing_outside() { [ "$(outside "$@")" = 0 ]; }
all_inside() { [ "$touched" = 0 ] && nothing_outside "$@"; }
something_outside() { [ "$(outside "$@")" -gt 0 ]; }

# create ARG... - As typed; the id is in $id.
create()
{
	typed shmbind create "$@"
	id=$(cat "$out")
	[ "$status" = 0 ] || { echo "WRONG: no segment"; exit 1; }
}

remove()
{
	typed ipcrm -m "$1"
}

# touch_from NODES ARG... - As typed; keep what it printed, and its status.
touch_from()
{
	typed touch-pages -f "$@"
	cp "$out" "$out.touched"
	touched=$status
}

list() { typed shmbind list --bars "$@"; }

free()
{
	echo '# numactl -H | grep free'
	numactl -H | grep free
}

#
# What shmbind(2) promises while there is room.
#

# near_their_cpus NODE... - Does touch-pages say that each page is on the mask's
# node that is nearest to the CPU that touched it?
near_their_cpus()
{
	local from where
	sed 's/.* from node \([0-9]*\): \(.*\)/\1 \2/' "$out.touched" |
	while read -r from where; do
		case $where in
		"N$(first_choice "$from" "$@")="*' '*) exit 1 ;;
		"N$(first_choice "$from" "$@")="*|'') ;;
		*) exit 1 ;;
		esac
	done
}

# in_proportion ID NODE:WEIGHT... - Has each node got its weight in pages in every
# round, where only the last round may be incomplete?
in_proportion()
{
	local id="$1" pair pages weight least='' most=0
	shift
	for pair; do
		weight=${pair#*:}
		pages=$(resident "$id" "${pair%:*}")
		[ "$least" ] && [ $((pages / weight)) -ge "$least" ] ||
			least=$((pages / weight))
		[ $(((pages + weight - 1) / weight)) -le "$most" ] ||
			most=$(((pages + weight - 1) / weight))
	done
	[ $((most - least)) -le 1 ]
}

# levelled ID NODE... - A node that has got a page still has as much free memory
# as any other. Each CPU takes pages off a node in batches of up to 8M, or 1/128
# of a smaller node.
levelled()
{
	local id="$1" taker node batch slack=0
	shift
	for node; do
		batch=$(($(meminfo "$node" MemTotal) / 128))
		[ "$batch" -le "$slack" ] || slack=$batch
	done
	[ "$slack" -le 8192 ] || slack=8192
	slack=$((slack * $(count $cpus)))
	for taker; do
		[ "$(resident "$id" "$taker")" -gt 0 ] || continue
		for node; do
			[ "$(meminfo "$node" MemFree)" -le \
			  $(($(meminfo "$taker" MemFree) + slack)) ] || return
		done
	done
}

# taken ID N NODE... - Are pages of the segment on at least N of the nodes?
taken()
{
	local id="$1" least="$2" node n=0
	shift 2
	for node; do
		[ "$(resident "$id" "$node")" = 0 ] || n=$((n + 1))
	done
	[ "$n" -ge "$least" ]
}

# check POLICY ID NODE... - Compare what touch-pages has done with the promise.
check()
{
	local policy="$1" id="$2"
	shift 2
	verdict "all pages are on nodes of the mask" all_inside "$id" "$@"
	case $policy in
	firstref)
		verdict "each page is on the mask's node nearest to its CPU" \
			near_their_cpus "$@"
		;;
	stripe)
		verdict "the mask's nodes have the same, give or take one page" \
			in_proportion "$id" $(printf '%s:1\n' "$@")
		;;
	weighted)
		verdict "the mask's nodes have pages by their weights" \
			in_proportion "$id" $(weights_of "$@")
		;;
	mostfree)
		verdict "the nodes that took pages have as much free as the others" \
			levelled "$id" "$@"
		;;
	esac
}

weights_of()
{
	local node
	for node; do
		echo "$node:$(cat "$weights/node$node")"
	done
}
